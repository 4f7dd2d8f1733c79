//! Linear prediction that whitens a spectrum known by its bands.

use std::f64::consts::TAU;

use super::{
    SIZE,
    bands::{self, BANDS, Bands},
};

/// Samples that a prediction looks back.
pub(super) const ORDER: usize = 16;
/// Noise floor under the signal, relative: -40 dB.
const NOISE: f32 = 1e-4;
/// Noise floor under silence, absolute.
const SILENCE: f32 = 26.0 / 38.0;
/// Widening of peaks, as a fall of the correlation with the square of the lag.
const LAG_WINDOW: f32 = 6e-5;
/// Prediction gain beyond which nothing more is gained: 30 dB.
const ENOUGH: f32 = 1e-3;

/// Coefficients, of the sample just before first.
pub(super) type Predictor = [f32; ORDER];

/// From band densities to correlations, which is linear.
#[derive(Debug)]
pub(super) struct Correlations([Bands; ORDER + 1]);

impl Correlations {
    pub(super) fn new() -> Self {
        let mut table = [[0.0_f64; BANDS]; ORDER + 1];
        for (lag, row) in table.iter_mut().enumerate() {
            for (bin, band, upper) in bands::parts() {
                let sides = if bin == 0 { 1.0 } else { 2.0 };
                let cosine = sides * (TAU * (bin * lag) as f64 / SIZE as f64).cos();
                row[band] += f64::from(1.0 - upper) * cosine;
                row[band + 1] += f64::from(upper) * cosine;
            }
        }
        Self(table.map(|row| row.map(|value| value as f32)))
    }

    /// The prediction for a signal of that density.
    pub(super) fn predictor(&self, density: &Bands) -> Predictor {
        let mut correlations = [0.0; ORDER + 1];
        for (lag, (correlation, row)) in correlations.iter_mut().zip(&self.0).enumerate() {
            let sum: f32 = row.iter().zip(density).map(|(factor, value)| factor * value).sum();
            *correlation = sum * (1.0 - LAG_WINDOW * (lag * lag) as f32);
        }
        correlations[0] += correlations[0] * NOISE + SILENCE;
        levinson(&correlations)
    }
}

/// What a prediction leaves of the last of `ORDER + 1` samples; its coefficients are negative.
pub(super) fn residual(predictor: &Predictor, samples: &[f32]) -> f32 {
    let (last, before) = samples.split_last().expect("a window of samples");
    last + before.iter().rev().zip(predictor).map(|(sample, factor)| sample * factor).sum::<f32>()
}

/// Levinson and Durbin's recursion.
fn levinson(correlations: &[f32; ORDER + 1]) -> Predictor {
    let mut predictor = [0.0; ORDER];
    let mut error = correlations[0];
    if error <= 0.0 {
        return predictor;
    }
    for order in 0..ORDER {
        let known: f32 = (0..order).map(|at| predictor[at] * correlations[order - at]).sum();
        let reflection = -(known + correlations[order + 1]) / error;
        predictor[order] = reflection;
        for at in 0..order.div_ceil(2) {
            let (low, high) = (predictor[at], predictor[order - 1 - at]);
            predictor[at] = low + reflection * high;
            predictor[order - 1 - at] = high + reflection * low;
        }
        error -= reflection * reflection * error;
        if error < ENOUGH * correlations[0] {
            break;
        }
    }
    predictor
}
