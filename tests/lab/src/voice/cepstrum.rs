//! How far apart two spectra sound: the mel-cepstral distance (Kubichek, "Mel-cepstral distance
//! measure for objective speech quality assessment", 1993).

use std::{f64::consts::PI, ops::Range};

use realfft::RealFftPlanner;
use sotto_codec::SOUND_RATE;

use super::activity::Activity;

/// Samples of a window.
const WINDOW: usize = 512;
/// From one window to the next.
const HOP: usize = 160;
const BANDS: usize = 40;
const LOWEST_HZ: f64 = 20.0;
/// Cepstra compared: neither loudness nor the fine structure of the pitch.
const COMPARED: Range<usize> = 1..14;
/// Of a band, below which all is silence: 16 bits say no more.
const FLOOR: f64 = 1e-5;

/// Mean distance in dB where somebody speaks: the difference of the two spectra without their
/// loudness, smoothed. `None` where nobody does.
pub(super) fn mel_cepstral_distance(a: &[f32], b: &[f32], activity: &Activity) -> Option<f64> {
    let (a, b) = (cepstra(a), cepstra(b));
    let distances: Vec<_> = a
        .iter()
        .zip(&b)
        .enumerate()
        .filter(|(at, _)| activity.speaks(at * HOP..at * HOP + WINDOW))
        .map(|(_, (a, b))| {
            let squares: f64 = COMPARED.map(|at| (a[at] - b[at]).powi(2)).sum();
            10.0 / std::f64::consts::LN_10 * (squares / BANDS as f64).sqrt()
        })
        .collect();
    let sum: f64 = distances.iter().sum();
    (!distances.is_empty()).then(|| sum / distances.len() as f64)
}

/// Of the logarithm of the power in mel bands, by an orthonormal cosine transform.
fn cepstra(samples: &[f32]) -> Vec<[f64; COMPARED.end]> {
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(WINDOW);
    let (mut input, mut spectrum) = (fft.make_input_vec(), fft.make_output_vec());
    let bands = mel_bands();
    let windows = samples.windows(WINDOW).step_by(HOP);
    windows
        .map(|window| {
            for (at, (input, sample)) in input.iter_mut().zip(window).enumerate() {
                let hann = 0.5 - 0.5 * (2.0 * PI * at as f64 / WINDOW as f64).cos();
                *input = hann * f64::from(*sample);
            }
            fft.process(&mut input, &mut spectrum).expect("the lengths are those it was made for");
            let logs = bands.each_ref().map(|band| {
                let power: f64 =
                    band.iter().zip(&spectrum).map(|(weight, bin)| weight * bin.norm_sqr()).sum();
                (power + FLOOR).ln()
            });
            cosine_transform(&logs)
        })
        .collect()
}

fn cosine_transform(logs: &[f64; BANDS]) -> [f64; COMPARED.end] {
    let length = BANDS as f64;
    std::array::from_fn(|order| {
        let scale = if order == 0 { 1.0 } else { 2.0 };
        let turn = PI * order as f64 / length;
        let sum: f64 =
            logs.iter().enumerate().map(|(at, log)| log * (turn * (at as f64 + 0.5)).cos()).sum();
        (scale / length).sqrt() * sum
    })
}

/// Triangles, each a weight for every bin of the spectrum.
fn mel_bands() -> [Vec<f64>; BANDS] {
    let nyquist = f64::from(SOUND_RATE) / 2.0;
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10_f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(LOWEST_HZ), mel(nyquist));
    let edge = |at: usize| hertz(low + (high - low) * at as f64 / (BANDS + 1) as f64);
    std::array::from_fn(|band| {
        let (from, middle, to) = (edge(band), edge(band + 1), edge(band + 2));
        (0..=WINDOW / 2)
            .map(|bin| {
                let at = nyquist * bin as f64 / (WINDOW / 2) as f64;
                ((at - from) / (middle - from)).min((to - at) / (to - middle)).max(0.0)
            })
            .collect()
    })
}
