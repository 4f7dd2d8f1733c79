//! What native participants send and how they look at what they receive.
//!
//! ```text
//!  ffmpeg ─► make ─► ivf/ogg ─► Clip ─┐                 ┌─► vp8::Assembler ─► Picture (ffmpeg)
//!                         synthetic ──┴─► packets ~~~ ──┴─► Ear (Opus, energy, pitch)
//!  sotto-lab record ─► Recording: a model stream, with the same clip raw
//! ```

mod clip;
mod ear;
pub mod ivf;
pub mod make;
pub mod ogg;
mod picture;
pub mod recording;
pub mod synthetic;
pub mod vp8;

pub use clip::{Clip, ClipError, Frame};
pub use ear::{Ear, Heard};
pub use picture::{Picture, PictureDecoder};
pub use recording::{Recorded, Recording, RecordingError};
