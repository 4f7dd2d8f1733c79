//! What the core wants done. Effects are values, so that tests compare them.

use crate::{
    bandwidth::Demand,
    forward::Forward,
    id::{PacketId, PayloadType, PeerId, RtpTime, SeqNo, ShortId, Ssrc},
    input::{DataMessage, RemoteEvent},
    media::{Answer, PayloadFormat},
    signal::{LeaveReason, ServerMessage, Source},
    time::NtpTime,
};

use sotto_frame::{Epoch, ModelHash};

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Say this on the websocket.
    Message {
        /// To whom.
        peer: PeerId,
        /// What.
        message: ServerMessage,
    },
    /// Render this answer as SDP and say it on the websocket.
    Answer {
        /// To whom.
        peer: PeerId,
        /// The `id` of the offer.
        id: u32,
        /// The media of the answer.
        answer: Answer,
    },
    /// Send a packet that was kept: part of a first picture, or asked for again.
    Forward(Forward),
    /// The core no longer holds this packet.
    Release {
        /// The packet.
        packet: PacketId,
    },
    /// Ask a publisher for a keyframe (PLI, RFC 4585 section 6.3.1).
    RequestKeyframe {
        /// Which publisher.
        peer: PeerId,
        /// Its source.
        ssrc: Ssrc,
    },
    /// Ask a publisher for packets that did not arrive (generic NACK, RFC 4585 section 6.2.1).
    Nack {
        /// Which publisher.
        peer: PeerId,
        /// Its source.
        ssrc: Ssrc,
        /// The missing ones, ascending.
        missing: Vec<SeqNo>,
    },
    /// Send a packet of a slot once more, byte by byte as it was sealed: for sources without RTX.
    /// Without effect if the shell has it no longer.
    Resend {
        /// To whom.
        peer: PeerId,
        /// The slot's source.
        ssrc: Ssrc,
        /// The number on the slot.
        seq: SeqNo,
    },
    /// A bundle is due: take it with [`Sfu::bundle`](crate::Sfu::bundle), until that gives none.
    Bundle {
        /// To whom.
        peer: PeerId,
    },
    /// What a peer's [`bandwidth::Sender`](crate::bandwidth::Sender) should find out.
    Demand {
        /// Whose.
        peer: PeerId,
        /// What.
        demand: Demand,
    },
    /// What is set aside on a peer's line for a model that it was told to fetch is another from now on.
    ModelRate {
        /// Whose line.
        peer: PeerId,
        /// Which model.
        hash: ModelHash,
        /// Bits per second.
        bitrate: u64,
    },
    /// Send a sender report for a slot (RFC 3550 section 6.4.1).
    SenderReport {
        /// To whom.
        peer: PeerId,
        /// What it says.
        report: SenderReport,
    },
    /// Send this on the peer's data channel, if it has one of that label. On the wire: a binary
    /// message of `from` (4 bytes, big-endian), one byte that is 1 for text and 0 for binary, then
    /// the payload.
    Data {
        /// To whom.
        peer: PeerId,
        /// Whose message it is.
        from: ShortId,
        /// What.
        message: DataMessage,
    },
    /// A learner of the node is to have, or to have no longer, what a publisher sends of a source.
    /// Comes only where [`SfuConfig::learn`](crate::SfuConfig::learn) says so.
    Learn {
        /// Which publisher.
        peer: PeerId,
        /// Microphone or camera.
        source: Source,
        /// What is to be done.
        order: LearnOrder,
    },
    /// Tell the other shards that share this room. A packet in it lies in this shard's slab.
    Relay {
        /// Which room.
        room: String,
        /// What happened here.
        event: RemoteEvent,
    },
    /// Drop this peer: flush its socket, then close transport and websocket.
    Close {
        /// Whom.
        peer: PeerId,
        /// Why.
        reason: LeaveReason,
    },
}

/// What is to be done about the learner of one source. There is at most one job of it at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnOrder {
    /// Begin a job. Packets of its source go to it from now on.
    Begin(LearnJob),
    /// Packets of another source go to the job: of another layer, or of an encoder that began anew;
    /// `None`: none for now, it is muted or does not come.
    Follow(Option<LearnStream>),
    /// The job is worth more or less than it was.
    Value(Worth),
    /// End the job. Everything that was made of it goes, and what it may still say is not heard.
    End,
}

/// What a learner is to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnJob {
    /// Which job of this source of this connection it is, from 1: comes back in its reports
    /// ([`Input::Learner`](crate::Input::Learner)).
    pub number: u32,
    /// How often the speaker had taken back the consent for this source: what is learned under an
    /// earlier one is not to be held.
    pub consent: u32,
    /// What its packets are coded in, as it was negotiated with their publisher.
    pub format: PayloadFormat,
    /// Its packets.
    pub stream: LearnStream,
    /// Epoch of its first model; each later one has the next.
    pub first_epoch: Epoch,
    /// What its model will save.
    pub worth: Worth,
}

/// Which packets of a publisher a learner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnStream {
    /// Their source.
    pub ssrc: Ssrc,
    /// The source of their retransmissions (RFC 4588), once that is known.
    pub repair: Option<Ssrc>,
}

/// What a model saves when it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Subscribers that could use it.
    pub subscribers: u32,
    /// Bytes per second that one of them is sent without it.
    pub bytes_per_second: u32,
}

impl Worth {
    /// Bytes per second that all of them together are sent less.
    pub const fn savings(self) -> u64 {
        self.subscribers as u64 * self.bytes_per_second as u64
    }
}

/// The header of a packet without content. Its payload is nothing but padding (RFC 3550 section
/// 5.1), as much as is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Source of a video slot's retransmissions.
    pub ssrc: Ssrc,
    /// Payload type of retransmissions.
    pub payload_type: PayloadType,
    /// The next number of that source: it is used up.
    pub seq: SeqNo,
    /// Media time that the slot has reached.
    pub timestamp: RtpTime,
}

/// How a bundle travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleRoute {
    /// As the payload of an RTP packet, which is kept sealed: it may be sent again.
    Rtp {
        /// The source of the bundle stream.
        ssrc: Ssrc,
        /// Payload type of Opus on its m-line.
        payload_type: PayloadType,
        /// Its number.
        seq: SeqNo,
        /// The node's time in units of 1/48,000 s.
        timestamp: RtpTime,
    },
    /// As a binary message of the data channel [`MODELS_LABEL`].
    Data,
}

/// Label of the data channel that carries model packets and bundles where RTP cannot: bare, without
/// a sender in front.
pub const MODELS_LABEL: &str = "models";

/// The contents of a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// The slot's source.
    pub ssrc: Ssrc,
    /// Wall clock.
    pub ntp: NtpTime,
    /// Media clock at the same instant, as this slot's packets carry it.
    pub rtp: RtpTime,
    /// Packets sent on this slot so far, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent on this slot so far, modulo 2^32.
    pub octets: u32,
}
