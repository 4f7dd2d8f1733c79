//! What a participant does with models.

use sotto_core::signal::ModelTransport;

/// What a participant does with models. The default: nothing, as a client that knows none.
#[derive(Clone, Debug, Default)]
pub struct ModelOptions {
    /// Which models of itself it makes.
    pub publish: Option<ModelPublish>,
    /// Whether it shows those of others.
    pub receive: bool,
    /// How its model packets and its bundles travel.
    pub transport: ModelTransport,
    /// Whether lost bundles are asked for.
    pub nack: bool,
}

/// Which models of itself a participant makes. Each is uploaded as soon as the node says how, and its
/// frames are sent as soon as the node asks for them.
#[derive(Clone, Debug)]
pub struct ModelPublish {
    /// Of its voice.
    pub voice: Option<ModelContent>,
    /// Of its face.
    pub face: Option<ModelContent>,
    /// Whether its voice says something.
    pub talking: bool,
}

/// What the model of one source and its payloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelContent {
    /// Payloads that say whose they are ([`super::Stamp`]).
    Stamps {
        /// Bytes of a payload: 80 ms of it.
        payload: usize,
        /// Bytes of the model's container.
        model: usize,
    },
    /// Models and payloads of the codec's test plug-ins: a tone and a bar.
    Played,
}

impl ModelPublish {
    /// A voice and a face as large as those that the plug-ins make: 26 and 24 bytes each 80 ms.
    pub const TALKING: Self = Self {
        voice: Some(ModelContent::Stamps { payload: 26, model: 8_192 }),
        face: Some(ModelContent::Stamps { payload: 24, model: 16_384 }),
        talking: true,
    };

    /// The same without a voice.
    pub const SILENT: Self = Self { voice: None, talking: false, ..Self::TALKING };

    /// A voice and a face that a browser with the test plug-ins can play.
    pub const PLAYED: Self =
        Self { voice: Some(ModelContent::Played), face: Some(ModelContent::Played), talking: true };
}
