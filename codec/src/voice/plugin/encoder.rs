//! From sound to payloads.

use std::sync::Arc;

use sotto_frame::Activity;

use super::{FRAMES, Settings, loudness};
use crate::{
    EncodeError, FRAME_SAMPLES, MediaError, Sound, SoundEncoder,
    voice::{
        activity::SpeechActivity,
        coder,
        features::{Analysis, BandTables, Features, HOP},
        model::SpeakerModel,
        weights::Weights,
    },
};

/// In a pause, one payload of so many describes its noise: one each 400 ms.
const NOISE_PERIOD: u32 = 5;

/// Makes payloads of somebody's speech.
#[derive(Debug)]
pub(super) struct VoiceEncoder {
    settings: Settings,
    speaker: Arc<SpeakerModel>,
    analysis: Analysis,
    bands: BandTables,
    activity: SpeechActivity,
    pending: Vec<f32>,
    /// The speech of the payload before.
    before: Option<[Features; FRAMES]>,
    /// Payloads since the last speech.
    silent: u32,
}

impl VoiceEncoder {
    pub(super) fn new(
        weights: &Arc<Weights>,
        settings: Settings,
        speaker: Arc<SpeakerModel>,
    ) -> Self {
        Self {
            settings,
            speaker,
            analysis: Analysis::new(weights),
            bands: BandTables::new(),
            activity: SpeechActivity::default(),
            pending: Vec::with_capacity(FRAME_SAMPLES),
            before: None,
            silent: 0,
        }
    }
}

impl SoundEncoder for VoiceEncoder {
    fn push(&mut self, sound: &Sound<'_>) -> Result<(), MediaError> {
        let samples = sound.at_model_rate()?;
        if self.pending.len() + samples.len() > FRAME_SAMPLES {
            return Err(MediaError::Amount);
        }
        self.pending.extend_from_slice(samples);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<Activity, EncodeError> {
        let sound: &[f32; FRAME_SAMPLES] =
            self.pending.as_slice().try_into().map_err(|_| EncodeError::TooLittle)?;
        let (hops, _) = sound.as_chunks::<HOP>();
        let frames: [Features; FRAMES] =
            std::array::from_fn(|frame| self.analysis.frame(&hops[frame]));
        let talking = self.activity.talking(loudness(&self.bands, &frames));
        if talking {
            let before = self.before.as_ref().filter(|_| self.settings.redundancy);
            let before = before.map(<[Features; FRAMES]>::as_slice);
            coder::encode(&self.speaker, &frames, self.settings.step, before, out);
            self.before = Some(frames);
            self.silent = 0;
        } else {
            if self.silent.is_multiple_of(NOISE_PERIOD) {
                coder::encode_silence(&frames, out);
            }
            self.before = None;
            self.silent = self.silent.wrapping_add(1);
        }
        let level = Sound::new(sound).level();
        self.pending.clear();
        Ok(Activity { level, talking })
    }
}
