//! The face plug-in: a person on camera in 80 ms payloads of some 40 bytes.
//!
//! A model holds pictures of the speaker, the references, and how this face moves. A frame says
//! which reference is warped, and how.
//!
//! ```text
//!  pictures ─► learner ─► model: references, basis of motion
//!  picture ─► encoder: search within the basis ─► reference, coefficients, nudges ─► payload, every
//!  third of which stands for itself
//!  payload ─► decoder: field of motion ─► draw: warped reference, at any size
//!  picture, what is drawn ─► gate
//! ```

mod crop;
mod decoder;
mod details;
mod draw;
mod encoder;
mod fields;
mod free;
mod gate;
mod grid;
mod image;
mod learner;
mod linear;
mod model;
mod normal;
mod number;
mod overlay;
mod packet;
mod payload;
mod planes;
mod plugin;
mod regions;
mod resample;
mod sampler;
mod scaled;
mod step;
mod subspace;
mod texture;

#[cfg(test)]
mod tests;

pub use gate::FROZEN_IN;
pub use plugin::{Face, Settings};
