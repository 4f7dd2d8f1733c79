//! Learning a speaker's voice: what is counted of their packets, and the model that it makes more
//! likely than the prior.

mod sums;

#[cfg(test)]
mod tests;

use sums::Sums;
pub(in crate::voice) use sums::tree;

use super::{
    features::Features,
    model::{Adaptation, Shape, SpeakerModel},
    packet::{BLOCK_FRAMES, PAIR, blocks},
    prior::Prior,
};

/// What was heard of a speaker: of one size, however long they speak.
#[derive(Clone, Debug)]
pub struct Statistics {
    sums: Sums,
}

impl Statistics {
    /// Nothing was heard.
    pub fn new() -> Self {
        Self { sums: Sums::new() }
    }

    /// Takes active speech: 8 frames or more of 10 ms, without a gap. What is behind the last whole
    /// block of 4 is left out, as is less than 8.
    pub fn push(&mut self, frames: &[Features]) {
        let prior = Prior::embedded();
        for frames in frames.chunks_exact(BLOCK_FRAMES).collect::<Vec<_>>().windows(2) {
            self.sums.add(prior, &pair(&frames.concat(), prior.pitch));
        }
    }

    /// The voice that the prior and what was heard make most likely: of nobody in particular where
    /// nothing was heard, and the nearer to what was heard the more there was.
    pub fn model(&self) -> SpeakerModel {
        let prior = Prior::embedded();
        let adapted = self.sums.deviation(prior).and_then(|deviation| {
            let shapes = deviation.shapes(prior)?;
            let levels: Vec<_> = shapes.iter().map(Shape::levels).collect();
            let levels = levels.try_into().ok()?;
            SpeakerModel::adapted(Adaptation { odds: self.sums.odds(prior), levels, deviation })
        });
        adapted.unwrap_or_else(|| SpeakerModel::generic().clone())
    }
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new()
    }
}

/// Two blocks, one after the other.
pub(in crate::voice) fn pair(frames: &[Features], pitch: f32) -> [f32; PAIR] {
    let mut pair = [0.0; PAIR];
    let blocks = blocks(frames, pitch);
    for (out, number) in pair.iter_mut().zip(blocks.as_flattened()) {
        *out = *number;
    }
    pair
}
