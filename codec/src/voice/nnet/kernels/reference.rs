//! The kernels as plain loops: what they compute, and what the fast ones are compared with. Written
//! so that a compiler may turn them into vector code without changing one bit, which is all that
//! most of the fast ones do.

use std::f32::consts::{FRAC_1_PI, LN_2, LOG2_E, PI, SQRT_2};

use crate::voice::nnet::dense::{COLUMNS, Quantised, ROWS};

/// Inputs are rounded to 1 / this.
const STEPS: f32 = 127.0;
/// Added to a small whole number it leaves that in the low bits: 1.5 * 2^23.
const TO_WHOLE: f32 = 12_582_912.0;
/// Beyond it the approximation of `tanh` is 1.
const SATURATED: f32 = 10.0;
/// Beyond it `exp` stays what it is there: gains of 170 dB.
const MAX_EXPONENT: f32 = 20.0;
/// Added to a magnitude whose logarithm is taken, as in the training of the networks.
const SMALLEST: f32 = 1e-6;
/// What a logarithm is multiplied by before its sine is taken. Training had 1; libopus 1.6.1 has
/// this (its `celt_sin` multiplies by what should divide), and it is kept: over 18 recordings, bands
/// above 8 kHz are nearer to the true ones with it, by 0.3 to 0.6 dB, than without.
const TURNING: f32 = PI * PI / 4.0;
/// Bits of a number behind those of its exponent, and the exponent of 1.
const MANTISSA_BITS: u32 = 23;
const EXPONENT_OF_ONE: i32 = 127;
/// Places of a correlation that are computed at once.
const LAGS: usize = 32;

#[inline(always)]
pub(super) fn round(input: &[f32], rounded: &mut [i8]) {
    for (rounded, &value) in rounded.iter_mut().zip(input) {
        let whole = (within(value * STEPS, STEPS) + 0.5).floor();
        *rounded = (whole + TO_WHOLE).to_bits() as i8;
    }
}

pub(super) fn sum_products(layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
    for (sums, blocks) in sums.chunks_mut(ROWS).zip(layer.blocks().chunks(input.len())) {
        sums.fill(0);
        for (block, input) in blocks.iter().zip(input) {
            for (sum, weights) in sums.iter_mut().zip(block.0.chunks(COLUMNS)) {
                for (&weight, &input) in weights.iter().zip(input) {
                    *sum += i32::from(weight) * i32::from(input);
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn sum_float_products(weights: &[f32], input: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for (weights, &input) in weights.chunks_exact(out.len()).zip(input) {
        for (out, &weight) in out.iter_mut().zip(weights) {
            *out += weight * input;
        }
    }
}

#[inline(always)]
pub(super) fn add_filtered(weights: &[f32; 3], input: &[f32], out: &mut [f32]) {
    let len = out.len();
    let (first, second, third) = (&input[..len], &input[1..=len], &input[2..len + 2]);
    for (((out, &first), &second), &third) in out.iter_mut().zip(first).zip(second).zip(third) {
        *out += weights[0] * first + weights[1] * second + weights[2] * third;
    }
}

#[inline(always)]
pub(super) fn correlate(window: &[f32], input: &[f32], out: &mut [f32]) {
    for (block, out) in out.chunks_mut(LAGS).enumerate() {
        let mut sums = [0.0; LAGS];
        for (place, &value) in window.iter().enumerate() {
            let from = block * LAGS + place;
            for (sum, &input) in sums.iter_mut().zip(&input[from..from + out.len()]) {
                *sum += value * input;
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

/// A rational function as it is used in the training of the networks (libopus, `dnn/vec.h`).
#[inline(always)]
pub(super) fn tanh(values: &mut [f32]) {
    for value in values {
        *value = tanh_of(*value);
    }
}

#[inline(always)]
pub(super) fn sigmoid(values: &mut [f32]) {
    for value in values {
        *value = 0.5 + 0.5 * tanh_of(0.5 * *value);
    }
}

#[inline(always)]
pub(super) fn exp(values: &mut [f32]) {
    for value in values {
        *value = exp_of(*value);
    }
}

#[inline(always)]
pub(super) fn ln(values: &mut [f32]) {
    for value in values {
        *value = ln_of(*value);
    }
}

#[inline(always)]
pub(super) fn log_sine(values: &mut [f32]) {
    for value in values {
        *value *= sine_of(TURNING * ln_of(value.abs() + SMALLEST));
    }
}

/// A power of two times what the series of the exponential function gives within half a power.
#[inline(always)]
fn exp_of(value: f32) -> f32 {
    let binary = within(value, MAX_EXPONENT) * LOG2_E;
    let whole = binary + TO_WHOLE;
    let rest = (binary - (whole - TO_WHOLE)) * LN_2;
    let third = 1.0 + rest * (1.0 / 3.0) * (1.0 + rest * (1.0 / 4.0) * (1.0 + rest * (1.0 / 5.0)));
    let series = 1.0 + rest * (1.0 + rest * (1.0 / 2.0) * third);
    // The exponent of the sum is the low bits of `whole`.
    f32::from_bits(series.to_bits().wrapping_add(whole.to_bits() << MANTISSA_BITS))
}

/// The exponent, and the area function's series of what is left, between the roots of 1/2 and 2.
#[inline(always)]
fn ln_of(value: f32) -> f32 {
    const LOWEST: u32 = (SQRT_2 / 2.0).to_bits();
    const BELOW_ONE: u32 = ((EXPONENT_OF_ONE as u32) << MANTISSA_BITS) - LOWEST;
    let bits = value.to_bits().wrapping_add(BELOW_ONE);
    let exponent = (bits >> MANTISSA_BITS) as i32 - EXPONENT_OF_ONE;
    let rest = f32::from_bits((bits & ((1 << MANTISSA_BITS) - 1)) + LOWEST);
    let ratio = (rest - 1.0) / (rest + 1.0);
    let square = ratio * ratio;
    let series = 1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0)));
    exponent as f32 * LN_2 + 2.0 * ratio * series
}

/// Of what is within some half turns: the series within a quarter turn, with the sign of the half
/// turn.
#[inline(always)]
fn sine_of(value: f32) -> f32 {
    const FACTORS: [f32; 5] =
        [-1.0 / 6.0, 1.0 / 120.0, -1.0 / 5_040.0, 1.0 / 362_880.0, -1.0 / 39_916_800.0];
    let whole = value * FRAC_1_PI + TO_WHOLE;
    let rest = value - (whole - TO_WHOLE) * PI;
    let square = rest * rest;
    let [a, b, c, d, e] = FACTORS;
    let series = 1.0 + square * (a + square * (b + square * (c + square * (d + square * e))));
    let sign = whole.to_bits() << 31; // odd half turns
    f32::from_bits((rest * series).to_bits() ^ sign)
}

#[inline(always)]
fn tanh_of(value: f32) -> f32 {
    let value = within(value, SATURATED);
    let square = value * value;
    let above = (0.608_630_4 * square + 96.392_36) * square + 952.528;
    let below = (11.886_009 * square + 413.368) * square + 952.724;
    within(above * value / below, 1.0)
}

/// `value`, or the bound that it is beyond; of what is no number, the lower one.
#[inline(always)]
fn within(value: f32, bound: f32) -> f32 {
    let value = if value > -bound { value } else { -bound };
    if value < bound { value } else { bound }
}
