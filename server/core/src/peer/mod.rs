//! One connection: what was negotiated, what it sends, what it wants to see.
//!
//! ```text
//! Offer ─► negotiate (check, then apply) ─┬─► Answer
//!                                         ├─► Lines: what it sends (source ─► m-line ─► track)
//!                                         └─► Slots: what it receives
//! ```

mod allowance;
mod downlink;
mod layers;
mod lines;
mod models;
mod negotiate;
mod replays;
mod scalability;

pub use layers::LayersError;
pub use negotiate::OfferError;

pub(crate) use allowance::Allowance;
pub(crate) use downlink::Downlink;
pub(crate) use layers::{LayerDescription, describe};
pub(crate) use lines::{Line, LineSource, Lines, MAX_LAYERS, Part};
pub(crate) use models::{BundleLine, Fetched, Fetching, MAX_PLUGINS, PeerModels, TrackForm};
pub(crate) use negotiate::negotiate;
pub(crate) use scalability::ScalabilityMode;

use crate::{
    config::SfuConfig,
    data::TokenBucket,
    id::PeerId,
    room::Uplink,
    signal::{ModelDemand, Permissions, View},
    slot::Slots,
    time::Time,
};

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its id.
    pub(crate) id: PeerId,
    /// What its token lets it do.
    pub(crate) permissions: Permissions,
    /// Whether its transport can carry media. Slots stay empty until then: the first keyframe would
    /// be lost.
    pub(crate) connected: bool,
    /// What it sends.
    pub(crate) lines: Lines,
    /// What it receives.
    pub(crate) slots: Slots,
    /// What it shows.
    pub(crate) view: View,
    /// Whether it has just asked for other cameras than it was shown, and not for more or fewer.
    pub(crate) turned_page: bool,
    /// What is known of the way to it.
    pub(crate) downlink: Downlink,
    /// What it may be sent, and what was decided about it.
    pub(crate) allowance: Allowance,
    /// Pays for data messages.
    pub(crate) data: TokenBucket,
    /// What it receives in model form.
    pub(crate) models: PeerModels,
    /// Its own model stream.
    pub(crate) uplink: Uplink,
    /// What it was asked for of that.
    pub(crate) model_demand: Option<ModelDemand>,
}

impl Peer {
    /// A connection on which nothing was negotiated yet.
    pub(crate) fn new(now: Time, id: PeerId, permissions: Permissions, config: &SfuConfig) -> Self {
        Self {
            id,
            permissions,
            connected: false,
            lines: Lines::default(),
            slots: Slots::default(),
            view: View::default(),
            turned_page: false,
            downlink: Downlink::new(now),
            allowance: Allowance::default(),
            data: TokenBucket::new(now),
            models: PeerModels::new(config.bundle_interval),
            uplink: Uplink::new(),
            model_demand: None,
        }
    }

    /// Whether it reports on the packets that it gets, so that what the way carries will be known.
    pub(crate) fn has_feedback(&self) -> bool {
        let formats = self.slots.iter().flat_map(|(_, slot)| &slot.settings().formats);
        formats.into_iter().any(|format| format.transport_cc)
    }
}
