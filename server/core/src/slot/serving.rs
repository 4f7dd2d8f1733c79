//! How one slot is served.

use crate::{
    bandwidth::Current,
    forward::LayerChoice,
    id::LayerIndex,
    signal::{QualityLimit, ReceivedLayer, SlotViewport},
};

/// A set of layers of one publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerSet(u8);

impl LayerSet {
    /// Those of which the bits of a number are set, the first layer in the lowest.
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// A bit for each, the first layer in the lowest.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// Adds one.
    pub(crate) fn add(&mut self, layer: LayerIndex) {
        self.0 |= 1_u8.checked_shl(layer.0.into()).unwrap_or_default();
    }

    /// Adds those of another.
    pub(crate) fn add_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether one is in it.
    pub(crate) fn contains(self, layer: LayerIndex) -> bool {
        self.0 & 1_u8.checked_shl(layer.0.into()).unwrap_or_default() != 0
    }

    /// Whether none is in it.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How one slot is served, and why not better.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    /// How high the page shows it, in device pixels; zero: not at all; `None`: it did not say.
    pub(crate) shown: Option<u16>,
    /// What it was given.
    pub(crate) current: Current,
    /// What its stream is to send of its content; `None`: nothing.
    pub(crate) choice: Option<LayerChoice>,
    /// The layers that are to be sent to the node for its sake.
    pub(crate) needs: LayerSet,
    /// Why it was not given more.
    pub(crate) limit: Option<QualityLimit>,
    /// What its client was told.
    pub(crate) told: Option<Quality>,
}

/// What a client is told about a slot: what it gets, and why not more.
pub(crate) type Quality = (Option<ReceivedLayer>, Option<QualityLimit>);

impl Default for Serving {
    fn default() -> Self {
        Self {
            shown: None,
            current: Current::Fresh,
            choice: None,
            needs: LayerSet::default(),
            limit: None,
            told: None,
        }
    }
}

impl Serving {
    /// The slot was pointed at something else.
    pub(crate) fn begin(&mut self) {
        *self = Self { shown: self.shown, ..Self::default() };
    }

    /// Whether nothing is sent for want of bandwidth.
    pub(crate) fn is_paused(&self) -> bool {
        self.current == Current::Paused
    }

    /// The page says how large it shows the slot.
    pub(crate) fn show(&mut self, viewport: Option<&SlotViewport>) {
        self.shown = viewport.map(|v| if v.width == 0 { 0 } else { v.height });
    }
}
