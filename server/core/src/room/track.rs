//! One publication.

use crate::{
    arena::key,
    forward::{KeyframeCache, KeyframeRequests, MediaClock, SourceStream},
    id::TrackId,
    media::Codec,
    room::MemberKey,
    signal::{self, Source},
    slot::SlotKey,
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

/// One publication, and the state of its only layer.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) owner: MemberKey,
    pub(crate) source: Source,
    pub(crate) muted: bool,
    pub(crate) encrypted: bool,
    pub(crate) codec: Codec,
    /// Where its packets go.
    pub(crate) seats: Vec<Seat>,
    pub(crate) stream: SourceStream,
    pub(crate) clock: MediaClock,
    /// How loud it is; silent for video.
    pub(crate) loudness: Loudness,
    /// Video only.
    pub(crate) cache: KeyframeCache,
    /// Video only.
    pub(crate) requests: KeyframeRequests,
}

impl Track {
    /// A track of which nothing came yet.
    pub(crate) fn new(
        now: Time,
        id: TrackId,
        owner: MemberKey,
        codec: Codec,
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
            stream: SourceStream::new(),
            clock: MediaClock::new(codec.clock_rate()),
            loudness: Loudness::new(now),
            cache: KeyframeCache::new(),
            requests: KeyframeRequests::new(),
        }
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
