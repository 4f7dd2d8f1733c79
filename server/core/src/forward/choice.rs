//! Which part of a publication a slot sends.

use crate::id::LayerIndex;

/// Which part of a publication a slot sends: one simulcast layer, and of what is inside of it all up
/// to a spatial and a temporal layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerChoice {
    /// The simulcast layer.
    pub layer: LayerIndex,
    /// Highest spatial layer inside of it, from 0. Without spatial layers any number means all.
    pub spatial: u8,
    /// Highest temporal layer, from 0. Without temporal layers any number means all.
    pub temporal: u8,
}

impl LayerChoice {
    /// Everything of a simulcast layer.
    pub const fn whole(layer: LayerIndex) -> Self {
        Self { layer, spatial: u8::MAX, temporal: u8::MAX }
    }
}
