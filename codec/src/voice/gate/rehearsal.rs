//! Whether a speaker can be put in a model's words at all, found while learning: what a decoder
//! makes of some of the training sound goes through the gate.

use std::sync::Arc;

use super::{Window, fitted};
use crate::{
    FRAME_SAMPLES,
    voice::{
        fargan::Vocoder,
        features::{Features, HOP},
        weights::Weights,
    },
};

/// Of this many payloads, the first [`TRIED`] are tried, which are 1.2 s: a second, and time for a
/// vocoder to find its voice.
const PERIOD: u32 = 60;
const TRIED: u32 = 15;
/// Seconds that must have been judged before anything is said.
const LEAST: u32 = 3;
/// Share of them that may be red, in percent.
const MAX_RED: u32 = 30;

/// Tries training sound now and then.
#[derive(Debug)]
pub(in crate::voice) struct Rehearsal {
    weights: Arc<Weights>,
    stage: Option<(Window, Vocoder)>,
    at: u32,
    judged: u32,
    red: u32,
}

impl Rehearsal {
    pub(in crate::voice) fn new(weights: &Arc<Weights>) -> Self {
        Self { weights: Arc::clone(weights), stage: None, at: 0, judged: 0, red: 0 }
    }

    /// Takes 80 ms and their features, which are what is said without any loss: what the vocoder
    /// cannot say with them, it cannot say with fewer bits.
    pub(in crate::voice) fn take(
        &mut self,
        samples: &[f32; FRAME_SAMPLES],
        features: &[Features; FRAME_SAMPLES / HOP],
    ) {
        if self.at.is_multiple_of(PERIOD) {
            self.stage = Some((Window::new(&self.weights), Vocoder::new(&self.weights)));
        }
        if let Some((window, vocoder)) = &mut self.stage {
            let mut decoded = [0.0; FRAME_SAMPLES];
            let (frames, _) = decoded.as_chunks_mut::<HOP>();
            for (features, out) in features.iter().zip(frames) {
                vocoder.frame(features, out);
            }
            let measures = window.push(samples, &decoded).expect("both are one payload long");
            if self.at % PERIOD == TRIED - 1 {
                if let Some(measures) = measures {
                    self.judged += 1;
                    self.red += u32::from(fitted::score(&measures) >= fitted::red());
                }
                self.stage = None;
            }
        }
        self.at = (self.at + 1) % PERIOD;
    }

    /// Whether the speaker fits; as long as little was tried, yes.
    pub(in crate::voice) fn fits(&self) -> bool {
        self.judged < LEAST || self.red * 100 <= self.judged * MAX_RED
    }
}
