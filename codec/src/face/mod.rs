//! The face plug-in: a person on camera in 80 ms payloads of some 40 bytes.
//!
//! A model holds pictures of the speaker, the references, and how this face moves. A frame says
//! which reference is warped, and how; and, where what is drawn so is not what the camera sees, what is
//! to be added: a residual of some 50 bytes.
//!
//! ```text
//!  pictures ─► learner ─► model: references, basis of motion
//!  picture ─► encoder: search within the basis ─► reference, coefficients, nudges, overlays
//!          ─► drawn, measured as the gate does ─► a residual, if it takes one ─► payload, every third
//!  of which stands for itself
//!  payload ─► decoder: field of motion ─► draw: warped reference, overlays, residual, at any size
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
mod residual;
mod sampler;
mod scaled;
mod step;
mod subspace;
mod texture;

#[cfg(test)]
mod tests;

pub use gate::FROZEN_IN;
pub use plugin::{Face, Settings};
