//! The compression layer: samples and pixels to model frames and back, by plug-ins. Pure: no clock,
//! no I/O; native and wasm32.
//!
//! ```text
//!  raw ─► Learner ─► model body ─► (container, fetched by subscribers) ─► Model
//!  raw ─► Encoder(Model) ─► payload ───────────────► Decoder(Model) ─► samples or pixels
//!   └──► Gate(Model) ◄── what the encoder's own decoder makes of the payload
//!  samples at 16 kHz ─► SoundExtension ─► samples at 48 kHz, for ears
//! ```
//!
//! A plug-in implements [`Plugin`] and is added to a [`Registry`]; nothing else knows of it.

pub mod entropy;
pub mod face;
mod media;
mod plugin;
mod registry;
mod scene;
#[cfg(any(test, feature = "test-plugins"))]
pub mod testing;
mod upsampling;
pub mod voice;

pub use media::{
    EXTENDED_RATE, EXTENDED_SAMPLES, EXTENSION_FACTOR, FRAME_MS, FRAME_SAMPLES, I420, MAX_SIDE,
    MediaError, Picture, PictureMut, Pixels, Raw, SOUND_RATE, Sound,
};
pub use plugin::{
    Decoder, EncodeError, Encoder, Fidelity, FrameError, Gate, LearnError, Learner, Model,
    ModelError, PictureDecoder, PictureEncoder, Plugin, Progress, SoundDecoder, SoundEncoder,
    SoundExtension, Verdict,
};
pub use registry::{Duplicate, Registry, RegistryError};
pub use scene::{Scene, ScenePatch, SceneResidual, SceneSource};
pub use upsampling::Upsampling;
