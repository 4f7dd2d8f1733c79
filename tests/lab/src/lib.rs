//! Experiments: congestion control over known links, in virtual time; and what codecs make of
//! voices. The same seed gives the same figures on every machine, speeds excepted.

pub mod bandwidth;
pub mod face;
pub mod gate_fit;
pub mod recorder;
mod rng;
pub mod sound;
pub mod voice;
pub mod voice_coder;
pub mod voice_extension;

pub use rng::Rng;
