//! The voice plug-in's hearing and speaking: what is measured in a voice, and a voice made of it.
//!
//! ```text
//!  10 ms of sound ─► features::Analysis ─► 20 features ─► fargan::Vocoder ─► 10 ms of sound
//!                          │ pitch network                    │ vocoder network
//!                          └────────────── weights ───────────┘
//!                                  nnet: layers, over kernels for this processor
//! ```
//!
//! Both are ports of the algorithms for which the weights of libopus 1.6.1 were trained; what they
//! must compute is given by libopus, and golden vectors hold them against it.

pub mod coder;
pub mod fargan;
pub mod features;
mod linear;
pub mod model;
pub mod nnet;
mod packet;
pub mod prior;
pub mod statistics;
pub mod weights;

#[cfg(test)]
mod tests;
