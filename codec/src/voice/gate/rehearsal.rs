//! Whether a speaker can be put in a model's words at all, found while learning: what a decoder
//! makes of some of the training sound goes through the gate.

use std::sync::Arc;

use super::{Floor, Window, fitted};
use crate::{
    FRAME_SAMPLES,
    voice::{
        fargan::Vocoder,
        features::{BandTables, Features, HOP},
        weights::Weights,
    },
};

/// Of this many payloads, the first [`TRIED`] are tried, which are 1.2 s: a second, and time for a
/// vocoder to find its voice.
const PERIOD: u32 = 60;
const TRIED: u32 = 15;
/// Seconds that must have been measured before anything is said.
const LEAST: u32 = 3;

/// Tries training sound now and then.
#[derive(Debug)]
pub(in crate::voice) struct Rehearsal {
    weights: Arc<Weights>,
    bands: BandTables,
    /// Of all training sound: voices stand out from what was long before, too.
    floor: Floor,
    stage: Option<(Window, Vocoder)>,
    at: u32,
    measured: u32,
    /// Of the scores of what was measured.
    sum: f32,
}

impl Rehearsal {
    pub(in crate::voice) fn new(weights: &Arc<Weights>) -> Self {
        Self {
            weights: Arc::clone(weights),
            bands: BandTables::new(),
            floor: Floor::default(),
            stage: None,
            at: 0,
            measured: 0,
            sum: 0.0,
        }
    }

    /// Takes 80 ms and their features, which are what is said without any loss: what the vocoder
    /// cannot say with them, it cannot say with fewer bits.
    pub(in crate::voice) fn take(
        &mut self,
        samples: &[f32; FRAME_SAMPLES],
        features: &[Features; FRAME_SAMPLES / HOP],
    ) {
        if self.at.is_multiple_of(PERIOD) {
            let window = Window::after(&self.weights, self.floor.clone());
            self.stage = Some((window, Vocoder::new(&self.weights)));
        }
        for (samples, features) in samples.as_chunks().0.iter().zip(features) {
            let cepstrum = features.first_chunk().expect("the cepstrum is the first part");
            self.floor.hear(samples, self.bands.level(cepstrum));
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
                    self.measured += 1;
                    self.sum += fitted::score(&measures);
                }
                self.stage = None;
            }
        }
        self.at = (self.at + 1) % PERIOD;
    }

    /// Whether the mean score is not red; as long as little was tried, yes.
    pub(in crate::voice) fn fits(&self) -> bool {
        self.measured < LEAST || self.sum / (self.measured as f32) < fitted::red()
    }
}
