//! Energies of 18 bands a Bark or so wide, and their cepstrum.

use std::f64::consts::PI;

use super::{BINS, Spectrum};

/// Bands, and coefficients of a cepstrum.
pub(in crate::voice) const BANDS: usize = 18;

/// Centres of the bands, in units of 200 Hz: a band falls off on either side until the next one.
const CENTRES: [usize; BANDS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40];
const BINS_PER_UNIT: usize = 4;
/// About one over the width of each band, in the units above: what libopus makes densities with.
const PER_WIDTH: [f32; BANDS] = [
    0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.666_667, 0.5, 0.5, 0.5, 0.333_333, 0.25, 0.25, 0.2,
    0.166_667, 0.173_913,
];
/// Added to energies before their logarithm is taken.
const FLOOR: f32 = 1e-2;
/// Most that a band lies below the loudest before it, in powers of ten.
const DEPTH: f32 = 8.0;
/// Most that a band lies below the one before it, in powers of ten.
const FALL: f32 = 2.5;
/// What is taken off the first coefficient so that it lies around 0.
const CENTRE: f32 = 4.0;

/// One number per band.
pub(in crate::voice) type Bands = [f32; BANDS];

/// The tables of bands and of their cosine transform.
#[derive(Debug)]
pub(in crate::voice) struct BandTables {
    /// Orthonormal cosine transform: `[coefficient][band]`.
    cosines: [Bands; BANDS],
}

/// The two bands that a bin is a part of, the lower one first, and its part in the upper one.
pub(super) fn parts() -> impl Iterator<Item = (usize, usize, f32)> {
    CENTRES.windows(2).enumerate().flat_map(|(band, centres)| {
        let [first, last] = [centres[0] * BINS_PER_UNIT, centres[1] * BINS_PER_UNIT];
        (first..last).map(move |bin| (bin, band, (bin - first) as f32 / (last - first) as f32))
    })
}

/// Energy of each band.
pub(super) fn energies(spectrum: &Spectrum) -> Bands {
    let mut energies = [0.0; BANDS];
    for (bin, band, upper) in parts() {
        let power = spectrum[bin].power();
        energies[band] += (1.0 - upper) * power;
        energies[band + 1] += upper * power;
    }
    energies[0] *= 2.0; // the ends are halves
    energies[BANDS - 1] *= 2.0;
    energies
}

impl BandTables {
    pub(in crate::voice) fn new() -> Self {
        let cosines = std::array::from_fn(|coefficient| {
            let gain = if coefficient == 0 { 1.0 } else { 2.0_f64 } / BANDS as f64;
            std::array::from_fn(|band| {
                let angle = PI * coefficient as f64 * (band as f64 + 0.5) / BANDS as f64;
                (gain.sqrt() * angle.cos()) as f32
            })
        });
        Self { cosines }
    }

    /// The cepstrum of band energies, with deep valleys filled up.
    pub(super) fn cepstrum(&self, energies: &Bands) -> Bands {
        let (mut loudest, mut follower) = (-2.0_f32, -2.0_f32);
        let logarithms = energies.map(|energy| {
            let level = (FLOOR + energy).log10().max(follower - FALL).max(loudest - DEPTH);
            loudest = loudest.max(level);
            follower = level.max(follower - FALL);
            level
        });
        let mut cepstrum = self.cosines.map(|cosines| {
            cosines.iter().zip(&logarithms).map(|(cosine, level)| cosine * level).sum()
        });
        cepstrum[0] -= CENTRE;
        cepstrum
    }

    /// Power density in each band that a cepstrum stands for.
    pub(super) fn density(&self, cepstrum: &Bands) -> Bands {
        let logarithms = self.logarithms(cepstrum);
        std::array::from_fn(|band| 10.0_f32.powf(logarithms[band]) * PER_WIDTH[band])
    }

    /// The whole energy in powers of ten that a cepstrum stands for.
    pub(in crate::voice) fn level(&self, cepstrum: &Bands) -> f32 {
        let bands = self.logarithms(cepstrum);
        bands.iter().map(|band| 10.0_f32.powf(*band)).sum::<f32>().log10()
    }

    /// Energies in powers of ten that a cepstrum stands for.
    pub(in crate::voice) fn logarithms(&self, cepstrum: &Bands) -> Bands {
        let mut logarithms = [0.0; BANDS];
        for (at, (coefficient, cosines)) in cepstrum.iter().zip(&self.cosines).enumerate() {
            let coefficient = if at == 0 { coefficient + CENTRE } else { *coefficient };
            for (logarithm, cosine) in logarithms.iter_mut().zip(cosines) {
                *logarithm += coefficient * cosine;
            }
        }
        logarithms
    }
}

const _: () = assert!(CENTRES[BANDS - 1] * BINS_PER_UNIT + 1 == BINS);
