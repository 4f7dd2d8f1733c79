//! What a shard has counted since its start.

use rustc_hash::FxHashMap;
use sotto_core::{PacketError, id::PeerId, ledger::Account};

use super::{
    socket::{RunLengths, Sent},
    transport::TransportError,
};

/// Why a datagram or packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DropReason {
    /// None of STUN, DTLS, SRTP, SRTCP.
    #[error("no protocol of ours")]
    Unclassified,
    /// Longer than a receive buffer or a packet of the slab.
    #[error("too long")]
    TooLong,
    /// DTLS, SRTP or SRTCP over a path that no STUN check validated.
    #[error("path not validated")]
    UnknownPath,
    /// STUN over an unknown path that names none of our peers.
    #[error("unknown user name")]
    UnknownUser,
    /// More STUN over unknown paths than a network address may send.
    #[error("too many checks from unknown paths")]
    TooManyChecks,
    /// The transport did not accept it.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The core did not accept it.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Every buffer of the slab is in use.
    #[error("no free packet buffer")]
    SlabFull,
    /// RTCP that could not be read to its end.
    #[error("malformed RTCP")]
    Rtcp,
    /// Requests for more missing packets in one compound packet than are looked for.
    #[error("too many missing packets")]
    TooManyMissing,
    /// More for one subscriber in one turn than its queue holds.
    #[error("queue of a subscriber is full")]
    QueueFull,
    /// To a peer that is not connected (any more).
    #[error("no way to the peer")]
    NoPath,
    /// On the data channel for models, and not a model packet: text, or too long.
    #[error("no model packet")]
    ModelPacket,
    /// More model packets on a data channel than a peer may send.
    #[error("too many model packets")]
    TooManyModelPackets,
    /// It waited longer for the way to a subscriber than it was of use, or there was no room to wait.
    #[error("waited too long")]
    Stale,
    /// Asked for once more, and no longer there.
    #[error("no longer kept")]
    Expired,
    /// Too long after rewriting, or its bytes were gone.
    #[error("packet could not be written")]
    Unwritable,
}

/// What a datagram to a peer carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Media as a publisher's encoder made it, repairs included.
    Raw,
    /// Models' frames, repairs included.
    Bundle,
    /// Neither: ICE, DTLS, other data channels, RTCP, padding that probes the way.
    Control,
}

/// Datagrams on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// How many.
    pub packets: u64,
    /// Their bytes, with all headers from IP (20 or 40 bytes) up and the authentication tag.
    pub bytes: u64,
}

/// What one peer sent and got. Bytes are those of UDP payload, without IP and UDP headers (28 or 48
/// bytes a packet), except where they are said to be on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams from the peer.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams to the peer.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Of those, [`Form::Raw`], on the wire.
    pub raw: Wire,
    /// [`Form::Bundle`], on the wire. Where bundles travel on a data channel, what SCTP adds counts.
    pub bundle: Wire,
    /// [`Form::Control`], on the wire.
    pub control: Wire,
}

impl Traffic {
    /// Counts a datagram to the peer: its UDP payload, and the IP and UDP headers around it.
    #[inline]
    pub(super) const fn sent(&mut self, form: Form, bytes: usize, overhead: usize) {
        self.packets_out += 1;
        self.bytes_out += bytes as u64;
        let wire = match form {
            Form::Raw => &mut self.raw,
            Form::Bundle => &mut self.bundle,
            Form::Control => &mut self.control,
        };
        wire.packets += 1;
        wire.bytes += (bytes + overhead) as u64;
    }
}

/// Counters, all since the shard's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that arrived.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Messages that they arrived in: a message may hold a run.
    pub received_messages: u64,
    /// RTP packets handed to the core.
    pub rtp_in: u64,
    /// RTP packets sealed for subscribers.
    pub forwarded: u64,
    /// Of those, repairs on a source of their own (RFC 4588).
    pub retransmitted: u64,
    /// Packets sent once more as they were sealed. Not among the forwarded.
    pub resent: u64,
    /// Bundles sent, as packets or on data channels. Not among the forwarded.
    pub bundles: u64,
    /// Their bytes, without any header around them.
    pub bundle_bytes: u64,
    /// Packets of sound and bundles that transport-wide feedback came to miss.
    pub lost: u64,
    /// Packets of nothing but padding, to find out what a way carries. Not among the forwarded.
    pub padding: u64,
    /// Packets that had to wait until the way to a subscriber carried them.
    pub paced: u64,
    /// Entries of requests for missing packets that subscribers sent.
    pub nacks_in: u64,
    /// Packets that publishers were asked to send once more.
    pub nacks_out: u64,
    /// Messages of transport-wide feedback from subscribers.
    pub feedback_in: u64,
    /// Messages of transport-wide feedback to publishers.
    pub feedback_out: u64,
    /// What became of datagrams to send.
    pub sent: Sent,
    /// Turns of the loop that found something to do.
    pub turns: u64,
    /// Failures of the system to hand over what arrived.
    pub receive_failures: u64,
    /// Peers dropped because nobody read their events.
    pub slow_readers: u64,
    drops: FxHashMap<DropReason, u64>,
}

impl Counters {
    /// Counts a drop. Allocates the first time that it sees a reason, and there are not many.
    pub fn drop(&mut self, reason: DropReason) {
        *self.drops.entry(reason).or_default() += 1;
    }

    /// Counts some drops of one kind.
    pub fn drop_many(&mut self, reason: DropReason, count: usize) {
        if count > 0 {
            *self.drops.entry(reason).or_default() += count as u64;
        }
    }

    /// How often that happened.
    pub fn drops_of(&self, reason: DropReason) -> u64 {
        self.drops.get(&reason).copied().unwrap_or(0)
    }

    /// Every reason that occurred, in no particular order.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        self.drops.iter().map(|(reason, count)| (*reason, *count))
    }
}

/// The state of a shard at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Counted since the start.
    pub counters: Counters,
    /// How many packets left in one message.
    pub run_lengths: RunLengths,
    /// Packet buffers in use.
    pub slab_in_use: u32,
    /// Packet buffers in all.
    pub slab_capacity: u32,
    /// What each peer sent and got.
    pub peers: Vec<(PeerId, Traffic)>,
    /// What was sent of each track that is published, by form, to all its subscribers together.
    pub accounts: Vec<Account>,
}
