//! Whether what a decoder makes of somebody's microphone is still what is in front of it.
//!
//! A vocoder makes a voice of whatever it is given, so no single number tells noise, music or two
//! people at once from a voice. What tells them is measured over a second of source and decoded
//! sound beside each other, and a score fitted to labelled sound puts it together.
//!
//! ```text
//!  source ─► late by the delay of the vocoder ─► features, fine spectrum ─┐
//!  decoded ────────────────────────────────────► features, fine spectrum ─┴► pairs of 10 ms
//!     pairs of the last second ─► measures ─► score ─► judge: off soon, on after two seconds
//! ```

mod background;
mod fine;
mod fitted;
mod floor;
mod judge;
mod measures;
mod pairing;
mod rehearsal;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use background::Background;
pub use fitted::FROZEN_IN;
use floor::Floor;
use judge::Judge;
pub use measures::{MEASURES, Measures, NAMES};
use pairing::{Pair, Pairing};
pub(super) use rehearsal::Rehearsal;

use super::{
    activity::{Loudness, SpeechActivity},
    features::HOP,
    weights::Weights,
};
use crate::{FRAME_SAMPLES, Fidelity, Gate, MediaError, Raw};

/// Payloads of a window, 0.96 s, and pairs of 10 ms.
const PAYLOADS: usize = 12;
const WINDOW: usize = PAYLOADS * FRAME_SAMPLES / HOP;
/// Payloads of a window in which somebody must speak for it to be measured, unless it is loud.
const TALKING: usize = 4;
/// Level in powers of ten from which on sound is loud whatever it is: about -40 dB of full scale.
/// What is quieter, and no speech, is the noise of a room; a voice that pauses is not blamed for it.
const LOUD: f32 = 4.0;

/// The gate of every voice model.
#[derive(Debug)]
pub struct VoiceGate {
    window: Window,
    judge: Judge,
}

impl VoiceGate {
    /// A gate that has heard nothing, and is green.
    pub fn new(weights: &Arc<Weights>) -> Self {
        Self { window: Window::new(weights), judge: Judge::default() }
    }
}

impl Gate for VoiceGate {
    /// Scores: one, how surely it is the speaker, 0.5 where the gate turns red. As long as there is
    /// less than a second of sound, or no voice in it, the verdict stays.
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError> {
        let source = source.sound()?.at_model_rate()?;
        let decoded = decoded.sound()?.at_model_rate()?;
        let score = self.window.push(source, decoded)?.map(|measures| fitted::score(&measures));
        let verdict = self.judge.take(score);
        Ok(Fidelity { verdict, scores: vec![self.judge.sureness()], passing: false })
    }
}

/// The last second of source and decoded sound beside each other.
#[derive(Debug)]
pub struct Window {
    pairing: Pairing,
    pairs: VecDeque<Pair>,
    activity: SpeechActivity,
    background: Background,
    floor: Floor,
    /// Whether somebody speaks in each payload.
    talking: VecDeque<bool>,
}

impl Window {
    /// A window before which nothing was.
    pub fn new(weights: &Arc<Weights>) -> Self {
        Self::after(weights, Floor::default())
    }

    /// A window before which there was sound.
    fn after(weights: &Arc<Weights>, floor: Floor) -> Self {
        Self {
            pairing: Pairing::new(weights),
            pairs: VecDeque::with_capacity(WINDOW),
            activity: SpeechActivity::default(),
            background: Background::default(),
            floor,
            talking: VecDeque::with_capacity(PAYLOADS),
        }
    }

    /// Takes 80 ms of source and what was decoded of its payload, and measures the second that ends
    /// there; `None` as long as there is no second, or too little in it to be measured.
    ///
    /// # Errors
    /// [`MediaError::Amount`] for another duration.
    pub fn push(
        &mut self,
        source: &[f32],
        decoded: &[f32],
    ) -> Result<Option<Measures>, MediaError> {
        if source.len() != FRAME_SAMPLES || decoded.len() != FRAME_SAMPLES {
            return Err(MediaError::Amount);
        }
        let (source, _) = source.as_chunks::<HOP>();
        let (decoded, _) = decoded.as_chunks::<HOP>();
        if self.talking.len() == PAYLOADS {
            self.talking.pop_front();
            self.pairs.drain(..FRAME_SAMPLES / HOP);
        }
        for (source, decoded) in source.iter().zip(decoded) {
            let pair = self.pairing.pair(source, decoded);
            self.floor.hear(source, pair.source.level);
            self.pairs.push_back(pair);
        }
        let pairs = self.pairs.make_contiguous();
        let now = &pairs[pairs.len() - source.len()..];
        self.background.hear(now);
        self.talking.push_back(self.activity.talking(now.iter().map(|pair| Loudness {
            level: pair.source.level,
            correlation: pair.source.correlation,
        })));
        let speech = self.talking.iter().filter(|&&talking| talking).count() >= TALKING
            || pairs.iter().any(|pair| pair.source.level > LOUD);
        Ok(if self.talking.len() == PAYLOADS && speech {
            measures::of(pairs, &self.background, &self.floor)
        } else {
            None
        })
    }
}
