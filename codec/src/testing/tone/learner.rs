//! Pitch and loudness of a speaker.

use super::{MAX_RECORDS, RECORD_LEN, analysis::Line};
use crate::{FRAME_SAMPLES, LearnError, Learner, MediaError, Progress, Raw, testing::progress};

/// Records without which there is no model: 0.5 s of a clean tone.
const NEEDED: usize = 6;
/// Records that it would like to have: 2 s.
const WANTED: usize = 25;
/// How much of the energy must be one tone for it to be learned from.
const CLEAN: f64 = 0.9;

#[derive(Debug, Default)]
pub(super) struct ToneLearner {
    /// Samples that are not yet a frame.
    pending: Vec<f32>,
    body: Vec<u8>,
    /// Records of the model given last.
    given: usize,
}

impl ToneLearner {
    fn records(&self) -> usize {
        self.body.len() / RECORD_LEN
    }

    fn learn(&mut self, samples: &[f32]) {
        let Some(line) = Line::of(samples).filter(|line| line.purity >= CLEAN) else { return };
        if self.records() < MAX_RECORDS {
            let millihertz = (line.frequency * 1000.0).round() as u32;
            let amplitude = (line.amplitude * f64::from(u16::MAX)).round() as u16;
            self.body.extend_from_slice(&millihertz.to_be_bytes());
            self.body.extend_from_slice(&amplitude.to_be_bytes());
        }
    }
}

impl Learner for ToneLearner {
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError> {
        self.pending.extend_from_slice(raw.sound()?.at_model_rate()?);
        let pending = std::mem::take(&mut self.pending);
        let (frames, rest) = pending.as_chunks::<FRAME_SAMPLES>();
        for frame in frames {
            self.learn(frame);
        }
        self.pending.extend_from_slice(rest);
        Ok(progress(self.records(), NEEDED, WANTED, self.given))
    }

    fn finish(&mut self) -> Result<Vec<u8>, LearnError> {
        if self.records() < NEEDED {
            return Err(LearnError::TooLittle);
        }
        self.given = self.records();
        Ok(self.body.clone())
    }
}
