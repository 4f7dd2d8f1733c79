//! Experiments in virtual time. The same seed gives the same figures on every machine.

pub mod bandwidth;
mod rng;
pub mod sound;
pub mod voice;

pub use rng::Rng;
