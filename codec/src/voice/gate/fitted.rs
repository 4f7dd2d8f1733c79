//! What `sotto-lab fit-voice-gate` found: a network from measures to a score, and the scores from
//! which on it is amber and red. `PROVENANCE.md` says on what.

use super::measures::{MEASURES, Measures};

/// The commit that froze these numbers, before anything that the gate is scored on was heard with
/// them.
pub const FROZEN_IN: &str = "42e7faf1781cd755aac729b6b2b3e709a0038e34";

/// Hidden units.
const UNITS: usize = 32;
/// Deviations from its mean beyond which a measure says nothing more.
const REACH: f32 = 6.0;

/// Numbers of the file, f32 little-endian each, in the order in which they are used.
const LEN: usize = MEASURES * 2 + UNITS * MEASURES + UNITS * 2 + 1 + 3;
static FITTED: [f32; LEN] = numbers(include_bytes!("fitted.bin"));

/// How surely a second is something else than the voice: a log-odds ratio.
pub(super) fn score(measures: &Measures) -> f32 {
    let (centre, rest) = FITTED.split_at(MEASURES);
    let (spread, rest) = rest.split_at(MEASURES);
    let (weights, rest) = rest.split_at(UNITS * MEASURES);
    let (biases, rest) = rest.split_at(UNITS);
    let (output, rest) = rest.split_at(UNITS);
    let inputs: Measures =
        std::array::from_fn(|at| ((measures[at] - centre[at]) / spread[at]).clamp(-REACH, REACH));
    let units = weights.chunks_exact(MEASURES).zip(biases).map(|(weights, bias)| {
        let sum: f32 = weights.iter().zip(&inputs).map(|(weight, input)| weight * input).sum();
        (sum + bias).tanh()
    });
    units.zip(output).map(|(unit, weight)| unit * weight).sum::<f32>() + rest[0]
}

/// The mean score from which on it is amber.
pub(super) const fn amber() -> f32 {
    FITTED[LEN - 3]
}

/// The mean score from which on it is red.
pub(super) const fn red() -> f32 {
    FITTED[LEN - 2]
}

/// The score of one second from which on it is red whatever was before.
pub(super) const fn sudden() -> f32 {
    FITTED[LEN - 1]
}

const fn numbers(bytes: &[u8; LEN * 4]) -> [f32; LEN] {
    let mut numbers = [0.0; LEN];
    let (words, _) = bytes.as_chunks::<4>();
    let mut at = 0;
    while at < LEN {
        numbers[at] = f32::from_le_bytes(words[at]);
        at += 1;
    }
    numbers
}
