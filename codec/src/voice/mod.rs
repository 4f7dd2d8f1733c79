//! The voice plug-in: a speaker's voice in 80 ms payloads of some 25 bytes.
//!
//! ```text
//!  10 ms of sound ─► features::Analysis ─► 20 features ─► coder ─► payload
//!                          │ pitch network                  │ model of the speaker, over a prior
//!  10 ms of sound ◄─ fargan::Vocoder ◄─── 20 features ◄─── coder ◄─ payload
//!                          │ vocoder network
//!                       weights, nnet: layers, over kernels for this processor
//!
//!  sound at 16 kHz ─► bandwidth_extension ─► sound at 48 kHz
//! ```
//!
//! Analysis and vocoder are ports of the algorithms for which the weights of libopus 1.6.1 were
//! trained; what they must compute is given by libopus, and golden vectors hold them against it.
//! [`Voice`] puts all of it behind the seam of plug-ins, and [`gate`] tells when it must not be
//! used.

mod activity;
pub mod bandwidth_extension;
pub mod coder;
pub mod fargan;
pub mod features;
pub mod gate;
mod linear;
pub mod model;
pub mod nnet;
mod packet;
mod plugin;
pub mod prior;
pub mod statistics;
pub mod weights;

pub use plugin::{Settings, Voice};

/// Samples by which sound that was analysed and made again is late, where it is most like its
/// original: 15 ms.
pub const DELAY: usize = 240;

#[cfg(test)]
mod tests;
