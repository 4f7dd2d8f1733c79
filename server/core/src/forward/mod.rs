//! What happens to one packet on its way from a publisher's layer to a subscriber's slot.
//!
//! ```text
//!  per layer                                              per slot
//!  Packet ─► SourceStream ─► Received ─┬────────────────► SlotStream ─► Selection ─► Forward::write
//!  (RTX, RED   number, deduplicate     │                  select, renumber            (in the shell)
//!   unwrapped)                         ├─► Redundancy ─────────────────────────────► as RED
//!                                      ├─► History ─► SlotStream::replay ─► Rewrite
//!                                      │   last second  last keyframe and what follows
//!                                      │       └────► SlotStream::rewrite_again ◄── subscriber's NACK
//!                                      ├─► Missing ─► NACK
//!  SlotStream waits ───────────────────┴─► KeyframeRequests ─► PLI
//!  publisher's SR ─► PublisherClock, MediaClock ─► SlotStream::report ─► SenderReport
//! ```
//!
//! Order within one packet's handling: number it ([`SourceStream::receive`]); note what is missing
//! before it ([`Missing::received`]); a keyframe ends the asking ([`KeyframeRequests::keyframe`]);
//! hand it to each slot that is pointed at the layer ([`SlotStream::forward`]); then keep it
//! ([`History::push`]). When a slot is pointed, the history is replayed to it first; if that gives
//! nothing, a keyframe is wanted.

mod choice;
mod filter;
mod history;
mod inside;
mod keyframe;
mod live;
mod missing;
mod rate;
mod red;
mod renumber;
mod replay;
mod report;
mod retransmission;
mod rewrite;
mod slot;
mod source;
#[cfg(test)]
mod tests;
mod timeline;
mod window;

pub use choice::LayerChoice;
pub use history::History;
pub use inside::{Inside, InsideMeter};
pub use keyframe::KeyframeRequests;
pub use missing::Missing;
pub(crate) use missing::UNKNOWN_ROUND_TRIP;
pub use rate::RateMeter;
pub use red::{
    MAX_RED_LEVEL, MAX_RESEND_ROUND_TRIP, RedError, RedLevel, Redundancy, RedundantBlock, Unpacked,
    unpack as unpack_red,
};
pub use replay::Replay;
pub use report::{MediaClock, PublisherClock};
pub use retransmission::{Answered, ORIGINAL_SEQ_LEN, RepairBudget, unwrap_retransmission};
pub use rewrite::{
    ActiveTargets, DependencyRewrite, MAX_HEADER_LEN, PayloadRewrite, Rewrite, RewriteError,
    TransportNumber,
};
pub use slot::{Selection, SentBefore, Skip, SlotStart, SlotStream, Target};
pub use source::{Received, Refused, SourceStatistics, SourceStream};

use crate::{
    bandwidth::PacketClass,
    id::{PacketId, PeerId},
    ledger::RAW_OVERHEAD,
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
    /// The packets before it that it carries. Sound only.
    pub redundancy: Option<Redundancy>,
}

impl Forward {
    /// Every packet of the slab that [`Self::write`] reads: whoever puts a forward into a queue holds
    /// them all.
    pub fn packets(&self) -> impl Iterator<Item = PacketId> {
        let blocks = self.redundancy.map(|redundancy| redundancy.blocks).unwrap_or_default();
        let older = blocks.into_iter().flatten().map(|block| block.packet);
        std::iter::once(self.packet).chain(older)
    }

    /// Bytes that it takes on the wire.
    pub fn wire_bytes(&self) -> u64 {
        let blocks = self.redundancy.map(|redundancy| redundancy.blocks).unwrap_or_default();
        let older = blocks.into_iter().flatten().map(|block| u64::from(block.len));
        u64::from(self.rewrite.payload_len) + older.sum::<u64>() + RAW_OVERHEAD
    }

    /// Writes the packet that the subscriber gets to the front of `out` and gives its length.
    /// `bytes` gives the packets of the slab; for `transport` see [`Rewrite::write`].
    ///
    /// # Errors
    /// [`RewriteError`]; then the contents of `out` are unspecified.
    #[inline]
    pub fn write<'a>(
        &self,
        bytes: impl Fn(PacketId) -> Option<&'a [u8]>,
        out: &mut [u8],
        transport: Option<TransportNumber>,
    ) -> Result<usize, RewriteError> {
        let source = bytes(self.packet).ok_or(RewriteError::Source)?;
        match &self.redundancy {
            None => self.rewrite.write(source, out, transport),
            Some(redundancy) => redundancy.write(&self.rewrite, source, bytes, out, transport),
        }
    }
}
