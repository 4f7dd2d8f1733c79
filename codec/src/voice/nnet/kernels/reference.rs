//! The kernels as plain loops: what they compute, and what the fast ones are compared with. Written
//! so that a compiler may turn them into vector code without changing one bit, which is all that
//! most of the fast ones do.

use crate::voice::nnet::dense::{COLUMNS, Quantised, ROWS};

/// Inputs are rounded to 1 / this.
const STEPS: f32 = 127.0;
/// Added to a small whole number it leaves that in the low bits: 1.5 * 2^23.
const TO_WHOLE: f32 = 12_582_912.0;
/// Beyond it the approximation of `tanh` is 1.
const SATURATED: f32 = 10.0;
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
