//! What is known of a speaker's voice: eight normal distributions of 80 ms of features each, and
//! how to write numbers drawn from them.
//!
//! ```text
//!  prior (built in) ──┬─► Shape × 8: means, directions, predictor
//!  body (learned) ────┘   levels, odds of shapes
//! ```
//!
//! A body says in what a speaker differs from the prior, in 16,736 bytes; all else is in the prior.
//! Bodies come from strangers: any of the right length either is refused or makes finite features
//! of any payload.

mod adaptation;
mod shape;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub(in crate::voice) use adaptation::{Adaptation, Deviation, SHAPES};
pub(in crate::voice) use shape::{Level, Part, Shape, product};

use super::{coder::Magnitudes, packet::BLOCK, prior::Prior};
use crate::{ModelError, entropy::Context};

/// A speaker's voice.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeakerModel {
    adaptation: Adaptation,
    shapes: Vec<Shape>,
    odds: [Context; SHAPES],
    magnitudes: Magnitudes,
    pitch: f32,
}

impl SpeakerModel {
    /// Bytes of a body.
    pub const BODY_LEN: usize = Adaptation::LEN;

    /// Anybody's voice.
    pub fn generic() -> &'static Self {
        static GENERIC: OnceLock<SpeakerModel> = OnceLock::new();
        GENERIC.get_or_init(|| {
            Self::adapted(Adaptation::none(Prior::embedded()))
                .expect("the prior is that of the test of its hash")
        })
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`ModelError::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, ModelError> {
        let adaptation = body.try_into().ok().and_then(Adaptation::parse);
        adaptation.and_then(Self::adapted).ok_or(ModelError::Malformed)
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.adaptation.to_bytes()
    }

    /// The model of a speaker who differs from the built-in prior in this.
    pub(in crate::voice) fn adapted(adaptation: Adaptation) -> Option<Self> {
        Self::over(Prior::embedded(), adaptation)
    }

    /// The model of a speaker who differs from a prior in this.
    pub(in crate::voice) fn over(prior: &Prior, adaptation: Adaptation) -> Option<Self> {
        let shapes = adaptation.deviation.shapes(prior)?.into_iter().zip(&adaptation.levels);
        let shapes = shapes.map(|(mut shape, levels)| {
            let (first, next) = levels.split_at(BLOCK);
            shape.first.levels.copy_from_slice(first);
            shape.next.levels.copy_from_slice(next);
            shape
        });
        Some(Self {
            shapes: shapes.collect(),
            odds: adaptation.odds.map(Context::new),
            magnitudes: Magnitudes::new(&prior.magnitudes),
            pitch: prior.pitch,
            adaptation,
        })
    }

    /// The distributions.
    pub(in crate::voice) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The tree of decisions by which a shape is chosen.
    pub(in crate::voice) const fn odds(&self) -> &[Context; SHAPES] {
        &self.odds
    }

    /// How numbers are written.
    pub(in crate::voice) const fn magnitudes(&self) -> &Magnitudes {
        &self.magnitudes
    }

    /// The pitch of what has none, in the scale of features.
    pub(in crate::voice) const fn pitch(&self) -> f32 {
        self.pitch
    }
}
