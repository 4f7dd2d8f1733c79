//! What the network is told of each 10 ms: how loud each band is, and how fast each low bin turns.

use std::f64::consts::PI;

use crate::voice::{
    features::{Complex, Fft, HOP},
    nnet::kernels::Kernels,
};

/// Numbers that a frame is described by.
pub(super) const FEATURES: usize = BANDS + 2 * TURNING;

/// Samples of a window, and bins from 0 Hz to half the sampling rate.
const SIZE: usize = 2 * HOP;
const BINS: usize = SIZE / 2 + 1;
/// Bands, each falling off on either side until the next one: 250 Hz, the last one 500 Hz apart.
const BANDS: usize = 32;
const BINS_PER_BAND: usize = 5;
/// Bins whose turning is looked at: up to 2 kHz.
const TURNING: usize = 41;
/// Keeps zero out of logarithms and divisions; what the network was trained with.
const FLOOR: f32 = 1e-9;

/// The features of a running signal.
#[derive(Debug)]
pub(super) struct SpectralFeatures {
    fft: Fft<SIZE>,
    window: [f32; SIZE],
    /// One over the sum of each band's shares in bins.
    per_width: [f32; BANDS],
    /// The frame before.
    before: [f32; HOP],
    /// The low bins of the window before.
    last: [Complex; TURNING],
}

impl SpectralFeatures {
    /// Of a signal that was silent before.
    pub(super) fn new() -> Self {
        let mut widths = [0.0; BANDS];
        for (_, band, share) in shares() {
            widths[band] += share;
        }
        let sine = |at: usize| (PI * (at as f64 + 0.5) / SIZE as f64).sin() as f32;
        Self {
            fft: Fft::new(),
            window: std::array::from_fn(sine),
            per_width: widths.map(|width| 1.0 / width),
            before: [0.0; HOP],
            last: [SILENT; TURNING],
        }
    }

    /// Forgets what came before.
    pub(super) fn reset(&mut self) {
        self.before = [0.0; HOP];
        self.last = [SILENT; TURNING];
    }

    /// Features of the window that ends with the next 10 ms: logarithms of the magnitudes of bands,
    /// then cosines and sines of the angles by which bins turned since the window before.
    pub(super) fn frame(&mut self, kernels: Kernels, sound: &[f32; HOP]) -> [f32; FEATURES] {
        let spectrum = self.spectrum(sound);
        let mut features = [0.0; FEATURES];
        let (bands, turning) = features.split_at_mut(BANDS);
        for (bin, band, share) in shares() {
            bands[band] += share * spectrum[bin].power().sqrt();
        }
        for (band, per_width) in bands.iter_mut().zip(&self.per_width) {
            *band = *band * per_width + FLOOR;
        }
        kernels.ln(bands);
        let (cosines, sines) = turning.split_at_mut(TURNING);
        for (bin, last) in self.last.iter_mut().enumerate() {
            let now = Complex { re: spectrum[bin].re + FLOOR, ..spectrum[bin] };
            let turned = now * last.conjugate();
            let length = turned.power().sqrt() + FLOOR;
            cosines[bin] = turned.re / length;
            sines[bin] = turned.im / length;
            *last = now;
        }
        features
    }

    fn spectrum(&mut self, sound: &[f32; HOP]) -> [Complex; BINS] {
        let mut windowed = [0.0; SIZE];
        let samples = self.before.iter().chain(sound);
        for ((out, sample), factor) in windowed.iter_mut().zip(samples).zip(&self.window) {
            *out = sample * factor;
        }
        self.before = *sound;
        self.fft.spectrum(&windowed).map(|bin| bin * SIZE as f32)
    }
}

/// A bin of silence.
const SILENT: Complex = Complex { re: FLOOR, im: 0.0 };

/// Each bin, a band that it is a part of, and its share in that.
fn shares() -> impl Iterator<Item = (usize, usize, f32)> {
    let centre = |band: usize| if band == BANDS - 1 { BINS - 1 } else { BINS_PER_BAND * band };
    let between = (0..BANDS - 1).flat_map(move |band| {
        let (first, last) = (centre(band), centre(band + 1));
        (first..last).flat_map(move |bin| {
            let lower = (last - bin) as f32 / (last - first) as f32;
            [(bin, band, lower), (bin, band + 1, 1.0 - lower)]
        })
    });
    between.chain([(BINS - 1, BANDS - 1, 1.0)])
}
