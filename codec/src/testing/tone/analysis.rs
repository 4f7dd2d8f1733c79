//! Which tone there is in some sound, and how much else.

use std::{f64::consts::TAU, ops::RangeInclusive};

use crate::SOUND_RATE;

/// Frequencies that are looked for, in Hz.
pub(super) const AUDIBLE: RangeInclusive<f64> = 60.0..=1_200.0;
/// Step of the first look, in Hz: less than half the width of a line in 80 ms.
const COARSE_STEP: f64 = 5.0;
/// Rounds of refinement; each gains some three digits in clean sound.
const ROUNDS: usize = 3;
/// Mean square below which there is nothing but silence: -60 dB.
const SILENCE: f64 = 1e-6;

/// The strongest tone of some sound: `amplitude * cos(TAU * (phase + frequency * t))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// In Hz.
    pub(super) frequency: f64,
    /// 0 to 1 for sound without overload.
    pub(super) amplitude: f64,
    /// Of the first sample, in turns, 0 to 1.
    pub(super) phase: f64,
    /// Part of the energy that is this tone, 0 to 1.
    pub(super) purity: f64,
}

impl Line {
    /// In some 20 ms or more; `None` in silence.
    pub(super) fn of(samples: &[f32]) -> Option<Self> {
        let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        if samples.is_empty() || !energy.is_finite() || energy / (samples.len() as f64) < SILENCE {
            return None;
        }
        let mut frequency = loudest(samples);
        for _ in 0..ROUNDS {
            frequency = nearer(samples, frequency);
        }
        let (cosine, sine) = fit(samples, frequency);
        let left: f64 = samples
            .iter()
            .enumerate()
            .map(|(at, &sample)| {
                let angle = angle(frequency, at);
                (f64::from(sample) - cosine * angle.cos() - sine * angle.sin()).powi(2)
            })
            .sum();
        Some(Self {
            frequency,
            amplitude: cosine.hypot(sine),
            phase: ((-sine).atan2(cosine) / TAU).rem_euclid(1.0),
            purity: (1.0 - left / energy).clamp(0.0, 1.0),
        })
    }

    /// Phase of the sample behind the last of `len`, in turns, 0 to 1.
    pub(super) fn phase_after(&self, len: usize) -> f64 {
        (self.phase + angle(self.frequency, len) / TAU).rem_euclid(1.0)
    }
}

/// Angle that a tone has turned by in `samples`, in radians.
fn angle(frequency: f64, samples: usize) -> f64 {
    TAU * frequency * samples as f64 / f64::from(SOUND_RATE)
}

/// The loudest of the frequencies of a coarse grid.
fn loudest(samples: &[f32]) -> f64 {
    let steps = ((AUDIBLE.end() - AUDIBLE.start()) / COARSE_STEP) as u32;
    let mut best = (*AUDIBLE.start(), 0.0);
    for frequency in (0..=steps).map(|step| AUDIBLE.start() + COARSE_STEP * f64::from(step)) {
        let power = goertzel(samples, frequency);
        if power > best.1 {
            best = (frequency, power);
        }
    }
    best.0
}

/// Power at one frequency (Goertzel 1958).
fn goertzel(samples: &[f32], frequency: f64) -> f64 {
    let factor = 2.0 * angle(frequency, 1).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in samples {
        (last, before) = (f64::from(sample) + factor * last - before, last);
    }
    last * last + before * before - factor * last * before
}

/// A better estimate: by how much the phase at `frequency` turns from one half to the other.
fn nearer(samples: &[f32], frequency: f64) -> f64 {
    let half = samples.len() / 2;
    let (a_re, a_im) = correlate(samples, frequency, 0, half);
    let (b_re, b_im) = correlate(samples, frequency, half, half);
    let turned = (a_re * b_im - a_im * b_re).atan2(a_re * b_re + a_im * b_im) / TAU;
    let refined = frequency + turned * f64::from(SOUND_RATE) / half.max(1) as f64;
    refined.clamp(*AUDIBLE.start(), *AUDIBLE.end())
}

/// Correlation of a part with a turning phasor, under a Hann window.
fn correlate(samples: &[f32], frequency: f64, start: usize, len: usize) -> (f64, f64) {
    samples[start..start + len].iter().enumerate().fold((0.0, 0.0), |(re, im), (at, &sample)| {
        let window = 1.0 - (TAU * (at as f64 + 0.5) / len as f64).cos();
        let angle = angle(frequency, start + at);
        let weighted = f64::from(sample) * window;
        (re + weighted * angle.cos(), im - weighted * angle.sin())
    })
}

/// Cosine and sine parts of a frequency that leave the least of the rest (least squares).
fn fit(samples: &[f32], frequency: f64) -> (f64, f64) {
    let (mut cc, mut cs, mut ss, mut xc, mut xs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = angle(frequency, at).sin_cos();
        let sample = f64::from(sample);
        cc += cosine * cosine;
        cs += cosine * sine;
        ss += sine * sine;
        xc += sample * cosine;
        xs += sample * sine;
    }
    let determinant = cc * ss - cs * cs;
    if determinant.abs() < f64::EPSILON {
        return (0.0, 0.0);
    }
    ((xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant)
}
