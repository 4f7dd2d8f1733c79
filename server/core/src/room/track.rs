//! One publication.

use std::time::Duration;

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

/// Restarts of a track within one [`RESTART_SPAN`]. Each is told to everybody who watches it, so that
/// a publisher that started anew with every packet would flood them. Encoders start anew when a
/// device changes or a track is replaced: a few times in a meeting.
const MAX_RESTARTS: u32 = 8;

/// See [`MAX_RESTARTS`].
const RESTART_SPAN: Duration = Duration::from_secs(4);

/// The latest restarts of a track.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Restarts {
    count: u32,
    since: Time,
}

impl Restarts {
    /// Counts one more, if there may be one.
    pub(crate) fn admit(&mut self, now: Time) -> bool {
        if now.saturating_since(self.since) >= RESTART_SPAN {
            *self = Self { count: 0, since: now };
        }
        let admitted = self.count < MAX_RESTARTS;
        self.count += u32::from(admitted);
        admitted
    }
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
    pub(crate) restarts: Restarts,
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
            restarts: Restarts::default(),
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
