//! What subscribers were sent of each track, in which form.

use crate::{
    id::{ParticipantId, TrackId},
    signal::Source,
};

/// What goes around the payload of a packet of raw media on the way to a subscriber: IPv4 and UDP
/// (28 bytes), RTP with one contributing source and the transport-wide number (24), tag of AES-GCM
/// (16, RFC 7714).
pub const RAW_OVERHEAD: u64 = 68;

/// The same of a bundle, which has no contributing source.
pub const BUNDLE_OVERHEAD: u64 = 64;

/// Packets, frames or files, and their bytes on the wire, to all subscribers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many.
    pub count: u64,
    /// Bytes, everything around them included.
    pub bytes: u64,
}

impl Sent {
    /// Counts some more.
    pub const fn add(&mut self, count: u64, bytes: u64) {
        self.count += count;
        self.bytes += bytes;
    }
}

/// What was sent of one track, by form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Packets of raw media, those that were repeated included.
    pub raw: Sent,
    /// Frames of its model. Of what is around a bundle each person in it bears an equal part.
    pub model: Sent,
    /// Models themselves, as subscribers fetched them, with what IP and TCP add.
    pub fetched: Sent,
}

/// The ledger of a track, with what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The room.
    pub room: String,
    /// Whose track.
    pub participant: ParticipantId,
    /// The track.
    pub track: TrackId,
    /// What it is.
    pub source: Source,
    /// What was sent of it.
    pub ledger: Ledger,
}
