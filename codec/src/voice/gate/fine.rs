//! The fine structure of spectra: harmonics and what lies between them, without the envelope.

use super::measures::{correlation, deviation};
use crate::voice::features::{Complex, Fft};

/// Samples at 8 kHz of a window: 64 ms, so that bins are 15.6 Hz apart.
const SPAN: usize = 512;
/// Taps of the filter before every other sample is left out: half-band, a windowed sinc.
const TAPS: [f32; 11] =
    [0.005, 0.0, -0.0418, 0.0, 0.2885, 0.4966, 0.2885, 0.0, -0.0418, 0.0, 0.005];
/// Bins that are looked at: 94 Hz to 1.7 kHz, where the harmonics of voices are.
const FIRST: usize = 6;
const LAST: usize = 110;
/// Bins on either side of one whose mean is the envelope there: 140 Hz.
const REACH: usize = 9;
/// Power under which bins are all alike.
const FLOOR: f32 = 1e-12;
/// Bins of a fine structure.
const BINS: usize = LAST - FIRST;
/// Of them, those that lie lowest: what is between harmonics.
const VALLEYS: usize = BINS * 3 / 10;

/// Logarithms of power, in powers of ten, less the envelope.
pub(super) type Fine = [f32; BINS];

/// The last 64 ms of a running signal.
#[derive(Debug)]
pub(super) struct FineStructure {
    fft: Fft<SPAN>,
    /// At 16 kHz, as much as the filter reaches back.
    before: [f32; TAPS.len() - 1],
    /// At 8 kHz.
    span: [f32; SPAN],
    window: [f32; SPAN],
}

/// Two fine structures beside each other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Comparison {
    /// Their correlation, -1 to 1.
    pub(super) likeness: f32,
    /// How much the source lies higher between the harmonics of the decoded one, powers of ten.
    pub(super) filling: f32,
    /// How deep that of the source is: its deviation, powers of ten.
    pub(super) depth: f32,
    /// How much deeper that of the source is.
    pub(super) deeper: f32,
}

impl FineStructure {
    pub(super) fn new() -> Self {
        Self {
            fft: Fft::new(),
            before: [0.0; TAPS.len() - 1],
            span: [0.0; SPAN],
            window: std::array::from_fn(|at| {
                let turn = std::f32::consts::TAU * (at as f32 + 0.5) / SPAN as f32;
                0.5 - 0.5 * turn.cos()
            }),
        }
    }

    /// Takes an even number of samples, at 16 kHz, at most twice the window.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let half = samples.len() / 2;
        self.span.copy_within(half.., 0);
        let reach = self.before.len();
        let at = |index: usize| {
            let sample =
                index.checked_sub(reach).map_or_else(|| self.before[index], |at| samples[at]);
            if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
        };
        for (place, out) in self.span[SPAN - half..].iter_mut().enumerate() {
            *out = TAPS.iter().enumerate().map(|(tap, gain)| gain * at(2 * place + tap)).sum();
        }
        self.before = std::array::from_fn(|index| at(samples.len() + index));
    }

    /// The fine structure of the last 64 ms.
    pub(super) fn fine(&self) -> Fine {
        let windowed = std::array::from_fn(|at| self.span[at] * self.window[at]);
        let spectrum: [Complex; LAST + REACH] = self.fft.spectrum(&windowed);
        let powers = spectrum.map(|bin| (bin.power() + FLOOR).log10());
        std::array::from_fn(|at| {
            let bin = at + FIRST;
            let around = &powers[bin.saturating_sub(REACH)..=bin + REACH];
            powers[bin] - around.iter().sum::<f32>() / around.len() as f32
        })
    }
}

impl Comparison {
    pub(super) fn new(source: &Fine, decoded: &Fine) -> Self {
        let mut by_depth: [usize; BINS] = std::array::from_fn(|bin| bin);
        by_depth.sort_unstable_by(|&a, &b| decoded[a].total_cmp(&decoded[b]));
        let valleys = &by_depth[..VALLEYS];
        let filling = valleys.iter().map(|&bin| source[bin] - decoded[bin]).sum::<f32>();
        let depth = deviation(source);
        Self {
            likeness: correlation(source.iter().copied().zip(decoded.iter().copied())),
            filling: filling / VALLEYS as f32,
            depth,
            deeper: depth - deviation(decoded),
        }
    }
}
