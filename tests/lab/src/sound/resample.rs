//! From one sampling rate to another, by a windowed sinc (Smith, "Digital Audio Resampling").

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side, at the lower of the two rates.
const CROSSINGS: f64 = 32.0;
/// Pass band as a share of half the lower rate. What is above fades over the rest, into an alias
/// that begins at the same distance beyond.
const PASS: f64 = 0.96;
/// Shape of Kaiser's window: side lobes 90 dB down.
const BETA: f64 = 9.0;

/// The same sound at rate `to`, rounded up to whole samples; silence is before and after it.
///
/// # Panics
/// Where a rate is 0.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples.to_vec();
    }
    let divisor = greatest_common_divisor(from, to);
    let (from, to) = ((from / divisor) as usize, (to / divisor) as usize);
    let scale = PASS * (to as f64 / from as f64).min(1.0);
    let reach = (CROSSINGS / scale).ceil() as isize;
    // The fraction of a sample at which outputs lie repeats every `to` of them.
    let phases: Vec<Vec<f32>> = (0..to)
        .map(|phase| {
            let fraction = (phase * from % to) as f64 / to as f64;
            let at = |tap: isize| kernel(tap as f64 - fraction, scale, reach as f64);
            (-reach + 1..=reach).map(|tap| at(tap) as f32).collect()
        })
        .collect();
    let len = (samples.len() * to).div_ceil(from);
    (0..len)
        .map(|out| {
            let first = (out * from / to) as isize - reach + 1;
            let skipped = first.min(0).unsigned_abs();
            let taps = phases[out % to].get(skipped..).unwrap_or_default();
            let known = samples.get(first.max(0) as usize..).unwrap_or_default();
            taps.iter().zip(known).map(|(tap, sample)| tap * sample).sum()
        })
        .collect()
}

/// Sinc of cutoff `scale` under Kaiser's window, `distance` samples from its middle.
fn kernel(distance: f64, scale: f64, reach: f64) -> f64 {
    let x = PI * distance * scale;
    let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
    let edge = (1.0 - (distance / reach).powi(2)).max(0.0);
    scale * sinc * bessel(BETA * edge.sqrt()) / bessel(BETA)
}

/// Modified Bessel function of the first kind, order 0, by its series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..=40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
