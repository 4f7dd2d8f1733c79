//! By how much low bins turn from frame to frame, which tells frequencies finer than bins do.

use super::TURNS;
use crate::voice::features::{Complex, Spectrum};

/// Bins that are looked at, 50 Hz each; of the first only the level.
const BINS: usize = 30;
/// Keeps silence out of logarithms and divisions.
const FLOOR: f32 = 1e-15;

/// The bins of the frame before.
#[derive(Debug)]
pub(super) struct Turning([Complex; BINS]);

impl Turning {
    pub(super) fn new() -> Self {
        Self([Complex::default(); BINS])
    }

    /// Level of the first bin, then of each other one: cosine and sine of the turn, level.
    pub(super) fn step(&mut self, spectrum: &Spectrum) -> [f32; TURNS] {
        let mut out = [0.0; TURNS];
        out[0] = level(spectrum[0].re * spectrum[0].re);
        let (triples, _) = out[1..].as_chunks_mut::<3>();
        for ((triple, &now), &before) in triples.iter_mut().zip(&spectrum[1..]).zip(&self.0[1..]) {
            let turn = now * before.conjugate();
            let length = (FLOOR + turn.power()).sqrt();
            *triple = [turn.re / length, turn.im / length, level(now.power())];
        }
        self.0.copy_from_slice(&spectrum[..BINS]);
        out
    }
}

/// 1/64 per decibel above 6 dB, -1 to 1.
fn level(power: f32) -> f32 {
    ((10.0 * (FLOOR + power).log10() - 6.0) / 64.0).clamp(-1.0, 1.0)
}
