//! From somebody's speech to a model of it.

use std::sync::Arc;

use super::{FRAMES, loudness};
use crate::{
    FRAME_SAMPLES, LearnError, Learner, MediaError, Progress, Raw,
    voice::{
        activity::SpeechActivity,
        features::{Analysis, BandTables, Features, HOP},
        gate::Rehearsal,
        statistics::Statistics,
        weights::Weights,
    },
};

/// Payloads of speech without which there is no model: 20 s, what half a minute of somebody who
/// talks holds.
const NEEDED: u32 = 250;
/// Payloads of speech with which a speaker is known well: 40 s. Every time that there are twice as
/// many, a new model is worth its bytes.
const WANTED: u32 = 2 * NEEDED;

/// Learns a speaker.
#[derive(Debug)]
pub(super) struct VoiceLearner {
    analysis: Analysis,
    bands: BandTables,
    activity: SpeechActivity,
    statistics: Statistics,
    rehearsal: Rehearsal,
    /// Samples that are not yet a payload.
    pending: Vec<f32>,
    /// Payloads of speech.
    heard: u32,
    /// How many there must be for the next model to be worth it.
    next: u32,
}

impl VoiceLearner {
    pub(super) fn new(weights: &Arc<Weights>) -> Self {
        Self {
            analysis: Analysis::new(weights),
            bands: BandTables::new(),
            activity: SpeechActivity::default(),
            statistics: Statistics::new(),
            rehearsal: Rehearsal::new(weights),
            pending: Vec::with_capacity(FRAME_SAMPLES),
            heard: 0,
            next: NEEDED,
        }
    }

    fn hear(&mut self, sound: &[f32; FRAME_SAMPLES]) {
        let (hops, _) = sound.as_chunks::<HOP>();
        let frames: [Features; FRAMES] =
            std::array::from_fn(|frame| self.analysis.frame(&hops[frame]));
        self.rehearsal.take(sound, &frames);
        if self.activity.talking(loudness(&self.bands, &frames)) {
            self.statistics.push(&frames);
            self.heard = self.heard.saturating_add(1);
        }
    }
}

impl Learner for VoiceLearner {
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError> {
        let mut samples = raw.sound()?.at_model_rate()?;
        while !samples.is_empty() {
            let missing = FRAME_SAMPLES - self.pending.len();
            let (now, later) = samples.split_at(missing.min(samples.len()));
            self.pending.extend_from_slice(now);
            if let Ok(sound) = <&[f32; FRAME_SAMPLES]>::try_from(self.pending.as_slice()) {
                self.hear(&sound.clone());
                self.pending.clear();
            }
            samples = later;
        }
        Ok(Progress {
            per_mille: (self.heard.min(WANTED) * 1000 / WANTED) as u16,
            usable: self.heard >= NEEDED && self.rehearsal.fits(),
            refined: self.heard >= self.next && self.rehearsal.fits(),
        })
    }

    fn finish(&mut self) -> Result<Vec<u8>, LearnError> {
        if self.heard < NEEDED {
            return Err(LearnError::TooLittle);
        }
        if !self.rehearsal.fits() {
            return Err(LearnError::Unfit);
        }
        self.next = self.heard.saturating_mul(2);
        Ok(self.statistics.model().to_bytes())
    }
}
