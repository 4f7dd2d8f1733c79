//! What happens to one packet on its way from a publisher's layer to a subscriber's slot.
//!
//! ```text
//!  per layer                                              per slot
//!  Packet ─► SourceStream ─► Received ─┬────────────────► SlotStream ─► Selection ─► Rewrite::write
//!            number, deduplicate       │                  select, renumber            (in the shell)
//!                                      ├─► KeyframeCache ─► SlotStream::replay ─► Rewrite
//!                                      │   last keyframe and what follows
//!  SlotStream waits ───────────────────┴─► KeyframeRequests ─► PLI
//!  publisher's SR ─► PublisherClock, MediaClock ─► SlotStream::report ─► SenderReport
//! ```
//!
//! Order within one packet's handling: number it ([`SourceStream::receive`]); a keyframe ends the
//! asking ([`KeyframeRequests::keyframe`]); keep it ([`KeyframeCache::push`]); then hand it to each
//! slot that is pointed at the layer ([`SlotStream::forward`]). When a slot is pointed, the cache is
//! replayed to it first; if that gives nothing, a keyframe is wanted.

mod cache;
mod choice;
mod keyframe;
mod replay;
mod report;
mod rewrite;
mod slot;
mod source;
#[cfg(test)]
mod tests;
mod timeline;
mod window;

pub use cache::KeyframeCache;
pub use choice::LayerChoice;
pub use keyframe::KeyframeRequests;
pub use replay::Replay;
pub use report::{MediaClock, PublisherClock};
pub use rewrite::{DependencyRewrite, MAX_HEADER_LEN, PayloadRewrite, Rewrite, RewriteError};
pub use slot::{Selection, Skip, SlotStart, SlotStream, Target};
pub use source::{Received, Refused, SourceStatistics, SourceStream};

use crate::{
    bandwidth::PacketClass,
    id::{PacketId, PeerId},
};

/// Send `packet` to `peer`, with `rewrite` applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The packet in the shell's slab.
    pub packet: PacketId,
    /// The subscriber.
    pub peer: PeerId,
    /// What it is to the pacer.
    pub class: PacketClass,
    /// What changes.
    pub rewrite: Rewrite,
}
