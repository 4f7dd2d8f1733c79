//! The plug-in.

use std::sync::Arc;

use sotto_frame::PluginId;

use super::{
    decoder::FaceDecoder, encoder::FaceEncoder, gate::FaceGate, learner::FaceLearner,
    model::FaceModel,
};
use crate::{Decoder, Encoder, Gate, Learner, Model, ModelError, Plugin};

/// The face plug-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Face {
    settings: Settings,
}

/// What an encoder does that its decoders need not know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bits a second of payloads without residuals, on average: from 1,500 to 12,000.
    pub target_bps: u32,
    /// Whether residuals are sent where the model alone does not fit.
    pub residuals: bool,
}

impl Settings {
    const LEAST_BPS: u32 = 1_500;
    const MOST_BPS: u32 = 12_000;
}

impl Default for Settings {
    fn default() -> Self {
        Self { target_bps: 3_800, residuals: true }
    }
}

impl Face {
    /// With encoders that work so; a target beyond the bounds is the nearest within.
    pub fn new(settings: Settings) -> Self {
        let target_bps = settings.target_bps.clamp(Settings::LEAST_BPS, Settings::MOST_BPS);
        Self { settings: Settings { target_bps, ..settings } }
    }
}

impl Plugin for Face {
    fn id(&self) -> PluginId {
        PluginId::FACE
    }

    fn version(&self) -> u8 {
        3
    }

    fn name(&self) -> &'static str {
        "face"
    }

    fn learner(&self) -> Box<dyn Learner> {
        Box::new(FaceLearner::default())
    }

    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError> {
        let speaker = Arc::new(FaceModel::parse(body)?);
        Ok(Box::new(Speaker { settings: self.settings, speaker }))
    }
}

/// A speaker's model, and what it is used with.
struct Speaker {
    settings: Settings,
    speaker: Arc<FaceModel>,
}

impl Model for Speaker {
    fn encoder(&self) -> Encoder {
        let mut encoder = FaceEncoder::new(Arc::clone(&self.speaker), self.settings.target_bps);
        if self.settings.residuals {
            encoder = encoder.with_residuals();
        }
        Encoder::Picture(Box::new(encoder))
    }

    fn decoder(&self) -> Decoder {
        Decoder::Picture(Box::new(FaceDecoder::new(Arc::clone(&self.speaker))))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(FaceGate::new(Arc::clone(&self.speaker)))
    }
}
