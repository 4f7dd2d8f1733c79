//! The plug-in: a speaker's voice at 80 ms a payload.
//!
//! ```text
//!  sound ─► features ─► activity ─┬► speech: coder, with the model ─► payload
//!                                 └► pause: a comfort noise now and then, else nothing
//!  payload ─► coder ─► features ─► vocoder ─► sound, late by DELAY
//! ```

mod decoder;
mod encoder;
mod learner;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sotto_frame::PluginId;

use super::{
    activity::Loudness,
    bandwidth_extension::BandwidthExtension,
    coder::Step,
    features::{BANDS, BandTables, CORRELATION, Features, HOP},
    gate::VoiceGate,
    model::SpeakerModel,
    weights::{ExtensionWeights, Weights},
};
use crate::{
    Decoder, Encoder, FRAME_SAMPLES, Gate, Learner, Model, ModelError, Plugin, SoundExtension,
};

/// Frames of features of a payload.
const FRAMES: usize = FRAME_SAMPLES / HOP;

/// The voice plug-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    settings: Settings,
}

/// What an encoder does that its decoders need not know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How coarse features are coded.
    pub step: Step,
    /// Whether a payload repeats the one before, coarsely: half as many bytes more, and single
    /// losses are hardly heard.
    pub redundancy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { step: Step::Medium, redundancy: false }
    }
}

impl Voice {
    /// With encoders that work so.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Plugin for Voice {
    fn id(&self) -> PluginId {
        PluginId::VOICE
    }

    fn version(&self) -> u8 {
        1
    }

    fn name(&self) -> &'static str {
        "voice"
    }

    fn learner(&self) -> Box<dyn Learner> {
        Box::new(learner::VoiceLearner::new(&Weights::shared()))
    }

    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError> {
        let speaker = Arc::new(SpeakerModel::parse(body)?);
        Ok(Box::new(Speaker { settings: self.settings, speaker }))
    }

    fn generic(&self) -> Option<Box<dyn Model>> {
        let speaker = Arc::new(SpeakerModel::generic().clone());
        Some(Box::new(Speaker { settings: self.settings, speaker }))
    }

    fn extension(&self) -> Box<dyn SoundExtension> {
        Box::new(BandwidthExtension::new(&ExtensionWeights::shared()))
    }
}

/// A speaker's model, and what it is used with.
struct Speaker {
    settings: Settings,
    speaker: Arc<SpeakerModel>,
}

impl Model for Speaker {
    fn encoder(&self) -> Encoder {
        let (weights, speaker) = (Weights::shared(), Arc::clone(&self.speaker));
        Encoder::Sound(Box::new(encoder::VoiceEncoder::new(&weights, self.settings, speaker)))
    }

    fn decoder(&self) -> Decoder {
        let (weights, speaker) = (Weights::shared(), Arc::clone(&self.speaker));
        Decoder::Sound(Box::new(decoder::VoiceDecoder::new(weights, speaker)))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(VoiceGate::new(&Weights::shared()))
    }
}

/// How loud frames are.
fn loudness<'a>(
    bands: &'a BandTables,
    frames: &'a [Features; FRAMES],
) -> impl Iterator<Item = Loudness> + 'a {
    frames.iter().map(|features| {
        let cepstrum = features.first_chunk::<BANDS>().expect("the cepstrum is the first part");
        Loudness { level: bands.level(cepstrum), correlation: features[CORRELATION] }
    })
}
