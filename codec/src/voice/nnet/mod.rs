//! Small neural networks, one time step at a time: layers over kernels.
//!
//! A layer is weights without state, and computes into slices that its caller has; what it
//! remembers from step to step is the caller's too ([`History`], the state of a [`Gru`]), so that
//! one set of weights serves any number of voices. Every kernel gives the same bits on every
//! processor, the exponential function of the host aside.

mod conv;
mod dense;
mod gru;
pub mod kernels;

pub use conv::{Conv3x3, History, Plane};
pub use dense::{Block, Float, Quantised};
pub use gru::Gru;
