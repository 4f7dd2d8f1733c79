//! One publication.

use std::time::Duration;

use crate::{
    arena::key,
    id::{LayerIndex, Rid, TrackId},
    ledger::Ledger,
    media::{Codec, Kind},
    peer::LayerDescription,
    room::{Layer, MemberKey, ModelSeat, demand::Supply},
    signal::{self, Source},
    slot::{LayerSet, SlotKey},
    speaker::Loudness,
    time::Time,
};

key! {
    /// A track of one room.
    TrackKey
}

/// A slot that is pointed at a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Whose slot.
    pub(crate) member: MemberKey,
    /// Which.
    pub(crate) slot: SlotKey,
}

/// Between two looks at which layers of a publication are alive.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// One publication.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) owner: MemberKey,
    pub(crate) source: Source,
    pub(crate) muted: bool,
    pub(crate) encrypted: bool,
    pub(crate) codec: Codec,
    /// The slots that are pointed at it.
    pub(crate) seats: Vec<Seat>,
    /// Those who get frames of its model.
    pub(crate) model_seats: Vec<ModelSeat>,
    /// At least one, and not more than [`MAX_LAYERS`](crate::peer::MAX_LAYERS).
    pub(crate) layers: Vec<Layer>,
    /// Which layers were alive at the last look, and when the next one is due.
    alive: LayerSet,
    look_at: Time,
    /// What it can be had in, and what its publisher was asked for.
    pub(crate) supply: Supply,
    /// How loud it is; silent for video.
    pub(crate) loudness: Loudness,
    /// What was sent of it.
    pub(crate) ledger: Ledger,
}

impl Track {
    /// A track of which nothing came yet.
    pub(crate) fn new(
        now: Time,
        id: TrackId,
        owner: MemberKey,
        codec: Codec,
        rids: &[Rid],
        publication: Publication,
    ) -> Self {
        let Publication { source, muted, encrypted } = publication;
        Self {
            id,
            owner,
            source,
            muted,
            encrypted,
            codec,
            seats: Vec::new(),
            model_seats: Vec::new(),
            layers: if rids.is_empty() {
                vec![Layer::new(None, codec)]
            } else {
                rids.iter().map(|&rid| Layer::new(Some(rid), codec)).collect()
            },
            alive: LayerSet::default(),
            look_at: now,
            supply: Supply::new(now),
            loudness: Loudness::new(now),
            ledger: Ledger::default(),
        }
    }

    /// One of its layers.
    pub(crate) fn layer(&self, index: LayerIndex) -> &Layer {
        &self.layers[usize::from(index.0)]
    }

    /// One of its layers.
    pub(crate) fn layer_mut(&mut self, index: LayerIndex) -> &mut Layer {
        &mut self.layers[usize::from(index.0)]
    }

    /// Each layer with its place.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (LayerIndex, &Layer)> {
        (0..).map(LayerIndex).zip(&self.layers)
    }

    /// A packet of a layer came: says whether other layers are alive now than at the last look. When
    /// all fall silent together (nothing moves on a shared screen), nothing has changed.
    pub(crate) fn look(&mut self, now: Time, index: LayerIndex) -> bool {
        if self.alive.contains(index) && now < self.look_at {
            return false;
        }
        self.look_at = now + LOOK_INTERVAL;
        let mut alive = LayerSet::default();
        for (index, _) in self.layers().filter(|(_, layer)| layer.is_alive(now)) {
            alive.add(index);
        }
        std::mem::replace(&mut self.alive, alive) != alive
    }

    /// The layers that were alive at the last look.
    pub(crate) const fn alive(&self) -> LayerSet {
        self.alive
    }

    /// Whether it is a camera or a screen.
    pub(crate) fn is_video(&self) -> bool {
        self.source.kind() == Kind::Video
    }

    /// Takes what its publisher says about its layers: replaces what was said before.
    pub(crate) fn describe_layers(&mut self, described: &[LayerDescription]) {
        for layer in &mut self.layers {
            layer.described = described.iter().find(|other| other.rid == layer.rid).copied();
        }
    }

    /// How many packets the caches hold.
    pub(crate) fn kept(&self) -> usize {
        self.layers.iter().map(|layer| layer.history.len()).sum()
    }

    /// As others are told.
    pub(crate) const fn describe(&self) -> signal::Track {
        signal::Track {
            id: self.id,
            source: self.source,
            muted: self.muted,
            encrypted: self.encrypted,
        }
    }
}

/// What a publisher says about a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) source: Source,
    pub(crate) muted: bool,
    pub(crate) encrypted: bool,
}
