//! Redundant audio (RFC 2198): a packet carries the ones before it, so that a single loss costs
//! nothing and no time.
//!
//! ```text
//!  publisher's RED ─► unpack ─► primary, and what its predecessors brought of lost packets
//!  loss, round trip ─► RedLevel ─► redundancy (from the History) ─► Redundancy::write
//! ```
//!
//! Only the packets of the present content of a slot are repeated, and a subscriber that did not
//! negotiate RED, or loses nothing, gets plain Opus.

use std::time::Duration;

use super::{History, Received, Rewrite, RewriteError, TransportNumber};
use crate::{
    id::{PacketId, PayloadType, SeqNo},
    rtp::Packet,
};

/// Predecessors that one packet carries at most.
pub const MAX_RED_LEVEL: usize = 2;

/// Block headers that a packet may have. Chrome makes one or two, and nine at most.
const MAX_BLOCKS: usize = 16;

/// What fits the 14 bits of a timestamp offset: 341 ms at 48 kHz.
const MAX_OFFSET: u64 = (1 << 14) - 1;

/// What fits the 10 bits of a block length.
const MAX_BLOCK_LEN: u16 = (1 << 10) - 1;

/// How long ago a predecessor may have come: while a line stands still, nobody needs what was before.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Bytes that a payload may have with its redundancy: it must fit a packet on every path.
const MAX_PAYLOAD: u16 = 1_100;

const BLOCK_HEADER_LEN: usize = 4;

/// Bytes that are not RED. Drop the packet and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("malformed redundant audio")]
pub struct RedError;

/// A packet of redundant audio, taken apart. All of it lies in the bytes of that one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// What the packet was sent for.
    pub primary: Packet,
    /// The packets before it, nearest first.
    pub older: [Option<Packet>; MAX_RED_LEVEL],
}

/// Takes a packet of redundant audio apart: `payload` is its payload. Blocks that are farther away
/// than [`MAX_RED_LEVEL`] packets, and empty ones, are passed over.
///
/// RFC 2198 gives a block a time and no sequence number; it is taken to be of the packet as many
/// numbers before as it stands before the primary block, which is how every browser makes them.
///
/// # Errors
/// [`RedError`].
pub fn unpack(packet: &Packet, payload: &[u8]) -> Result<Unpacked, RedError> {
    // (payload type, timestamp offset, length) of the redundant blocks.
    let mut blocks = [(0u8, 0u16, 0usize); MAX_BLOCKS];
    let mut count = 0;
    let mut at = 0;
    let primary_type = loop {
        let first = *payload.get(at).ok_or(RedError)?;
        if first & 0x80 == 0 {
            at += 1;
            break first;
        }
        let [_, a, b, c] = *payload[at..].first_chunk().ok_or(RedError)?;
        let field = u32::from_be_bytes([0, a, b, c]);
        let block = blocks.get_mut(count).ok_or(RedError)?;
        *block = (first & 0x7f, (field >> 10) as u16, (field & 0x3ff) as usize);
        count += 1;
        at += BLOCK_HEADER_LEN;
    };
    let blocks = &blocks[..count];
    let mut older = [None; MAX_RED_LEVEL];
    for (index, &(payload_type, offset, len)) in blocks.iter().enumerate() {
        let back = count - index;
        if payload.len() < at + len {
            return Err(RedError);
        }
        if let Some(place) = older.get_mut(back - 1)
            && len > 0
            && offset > 0
        {
            *place = Some(Packet {
                payload_type: PayloadType(payload_type),
                seq: SeqNo(packet.seq.0.wrapping_sub(back as u16)),
                timestamp: packet.timestamp.offset(u32::from(offset).wrapping_neg()),
                marker: false,
                header_len: packet.header_len + at as u16,
                payload_len: len as u16,
                audio_level: None,
                transport_seq: None,
                ..*packet
            });
        }
        at += len;
    }
    let primary = Packet {
        payload_type: PayloadType(primary_type),
        header_len: packet.header_len + at as u16,
        payload_len: (payload.len() - at) as u16,
        ..*packet
    };
    Ok(Unpacked { primary, older })
}

/// The predecessors that a packet carries to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redundancy {
    /// The payload type of RED on the subscriber's connection. That of the blocks is the one of the
    /// rewrite.
    pub payload_type: PayloadType,
    /// Nearest first.
    pub blocks: [Option<RedundantBlock>; MAX_RED_LEVEL],
}

/// The payload of an earlier packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundantBlock {
    /// The packet in the shell's slab.
    pub packet: PacketId,
    /// Where its payload begins.
    pub start: u16,
    /// How long it is, at most 1023 bytes.
    pub len: u16,
    /// How far its media time is behind, at most 16383.
    pub timestamp_offset: u16,
}

impl Redundancy {
    /// Up to `level` predecessors of `received`; `None` if there is none to carry. `carried` says
    /// whether the slot sent a packet within its present content. A gap, a pause longer than 341 ms,
    /// or a payload that would outgrow its packet ends the row.
    pub fn choose(
        level: usize,
        payload_type: PayloadType,
        received: &Received,
        history: &History,
        carried: impl Fn(&Received) -> bool,
    ) -> Option<Self> {
        let mut blocks = [None; MAX_RED_LEVEL];
        let mut payload_len = received.packet.payload_len + 1;
        for (place, back) in blocks.iter_mut().take(level).zip(1..) {
            let Some((id, older)) =
                received.seq.checked_sub(back).and_then(|seq| history.get(received.epoch, seq))
            else {
                break;
            };
            let offset = received.timestamp.saturating_sub(older.timestamp);
            let len = older.packet.payload_len;
            payload_len = payload_len.saturating_add(len + BLOCK_HEADER_LEN as u16);
            let waited = received.at.saturating_since(older.at);
            let fits = waited < MAX_WAIT
                && (1..=MAX_OFFSET).contains(&offset)
                && (1..=MAX_BLOCK_LEN).contains(&len)
                && payload_len <= MAX_PAYLOAD;
            if !fits || !carried(older) {
                break;
            }
            *place = Some(RedundantBlock {
                packet: *id,
                start: older.packet.header_len,
                len,
                timestamp_offset: offset as u16,
            });
        }
        blocks[0].map(|_| Self { payload_type, blocks })
    }

    /// Writes the packet of `rewrite` with its predecessors in front of it, to the front of `out`,
    /// and gives its length. `bytes` gives the packets of the slab; for `transport` see
    /// [`Rewrite::write`].
    ///
    /// # Errors
    /// [`RewriteError`]; then the contents of `out` are unspecified.
    pub fn write<'a>(
        &self,
        rewrite: &Rewrite,
        source: &[u8],
        bytes: impl Fn(PacketId) -> Option<&'a [u8]>,
        out: &mut [u8],
        transport: Option<TransportNumber>,
    ) -> Result<usize, RewriteError> {
        let header = Rewrite { payload_type: self.payload_type, payload_len: 0, ..*rewrite };
        let mut at = header.write(source, out, transport)?;
        let mut put = |data: &[u8]| {
            let room = out.get_mut(at..at + data.len()).ok_or(RewriteError::Buffer)?;
            room.copy_from_slice(data);
            at += data.len();
            Ok::<_, RewriteError>(())
        };
        let inner = rewrite.payload_type.0 & 0x7f;
        for block in self.blocks.iter().rev().flatten() {
            let field = u32::from(block.timestamp_offset) << 10 | u32::from(block.len);
            let [_, a, b, c] = field.to_be_bytes();
            put(&[0x80 | inner, a, b, c])?;
        }
        put(&[inner])?;
        for block in self.blocks.iter().rev().flatten() {
            let start = usize::from(block.start);
            let older = bytes(block.packet).ok_or(RewriteError::Source)?;
            put(older.get(start..start + usize::from(block.len)).ok_or(RewriteError::Source)?)?;
        }
        let start = usize::from(rewrite.header_len);
        let end = start + usize::from(rewrite.payload_len);
        put(source.get(start..end).ok_or(RewriteError::Source)?)?;
        Ok(at)
    }
}

/// Above this round trip a packet that is asked for again comes too late for a jitter buffer, so
/// redundancy has to do the work alone.
pub const MAX_RESEND_ROUND_TRIP: Duration = Duration::from_millis(150);

/// How many predecessors the packets to (or of) one client carry, by what its line loses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedLevel(u8);

/// Losses in per mille at which a level begins and ends: (begin, end) of level 1, then of level 2.
/// Each level costs an Opus packet more, some 24 kbit/s, so a loss of a packet in fifty is left to
/// retransmission and concealment.
const NEAR: [(u16, u16); MAX_RED_LEVEL] = [(30, 15), (120, 80)];

/// The same where nothing can be asked for again.
const FAR: [(u16, u16); MAX_RED_LEVEL] = [(10, 5), (80, 50)];

impl RedLevel {
    /// Takes a measured loss and the round trip, and gives the level from now on: 0 is none.
    pub fn observe(&mut self, loss_per_mille: u16, round_trip: Option<Duration>) -> usize {
        let far = round_trip.is_some_and(|time| time > MAX_RESEND_ROUND_TRIP);
        let limits = if far { FAR } else { NEAR };
        let level = limits.iter().zip(1..).filter(|&(&(begin, end), level)| {
            let limit = if self.0 >= level { end } else { begin };
            loss_per_mille >= limit
        });
        self.0 = level.map(|(_, level)| level).max().unwrap_or(0);
        self.level()
    }

    /// The level now.
    pub const fn level(self) -> usize {
        self.0 as usize
    }
}
