//! Experiments in virtual time. The same seed gives the same figures on every machine.

pub mod bandwidth;
mod rng;

pub use rng::Rng;
