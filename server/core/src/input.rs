//! What the shell tells the core. Everything is typed and already parsed.

use sotto_frame::{Epoch, ModelHash, PluginId};

use crate::{
    bandwidth::Estimate,
    id::{
        LayerIndex, PacketId, ParticipantId, PeerId, Rid, RtpTime, SeqNo, ShortId, Ssrc, TrackId,
    },
    media::{Codec, Offer},
    rtp::Packet,
    signal::{
        AccessKey, ClientMessage, DiskCopy, LeaveReason, Permissions, PublishedLayer, Resumption,
        Source, Track,
    },
    time::NtpTime,
};

/// One mutation of the core, except media packets, which have a door of their own
/// ([`crate::Sfu::packet`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A client whose token was checked enters a room. Makes the peer known.
    Join(Join),
    /// A message from a joined client. `Join` and `Offer` never come this way.
    Message {
        /// Who.
        peer: PeerId,
        /// What.
        message: ClientMessage,
    },
    /// An SDP offer, read by the shell. Answered by [`crate::Output::Answer`] with the same `id`.
    Offer {
        /// Who.
        peer: PeerId,
        /// Comes back in the answer.
        id: u32,
        /// The media of the offer.
        offer: Offer,
    },
    /// The transport can carry media.
    Connected {
        /// Whose.
        peer: PeerId,
    },
    /// RTCP that a peer sent, one message of a compound.
    Feedback {
        /// Who.
        peer: PeerId,
        /// What.
        feedback: Feedback,
    },
    /// A message on a peer's data channel.
    Data {
        /// Who.
        peer: PeerId,
        /// What.
        message: DataMessage,
    },
    /// A client uploaded a model of its own: the shell has checked the container and holds it.
    Model {
        /// Whose.
        peer: PeerId,
        /// What its container says.
        model: ModelHeader,
    },
    /// A speaker lets a model of its own be kept for another meeting, or none of that source any longer.
    ModelKept {
        /// Whose.
        peer: PeerId,
        /// Microphone or camera.
        source: Source,
        /// Which, and how others may keep copies of it.
        kept: Option<(ModelHash, DiskCopy)>,
    },
    /// A client was sent a model over HTTP.
    ModelServed {
        /// Who.
        peer: PeerId,
        /// Which.
        hash: ModelHash,
        /// Bytes of the body.
        bytes: u64,
    },
    /// A learner of the node says something about its job.
    Learner {
        /// Whose source it learns.
        peer: PeerId,
        /// Microphone or camera.
        source: Source,
        /// Which job ([`LearnJob::number`](crate::output::LearnJob::number)).
        number: u32,
        /// What it says.
        report: LearnerReport,
    },
    /// A model packet that came over a data channel. Those that come as RTP go through
    /// [`crate::Sfu::packet`].
    ModelPacket {
        /// Whose.
        peer: PeerId,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// How much the way to a peer carries, as its [`bandwidth::Sender`](crate::bandwidth::Sender)
    /// found.
    Bandwidth {
        /// Whose.
        peer: PeerId,
        /// What it found.
        estimate: Estimate,
    },
    /// The client is gone: it closed, or its transport and socket were lost for good.
    Disconnected {
        /// Who.
        peer: PeerId,
        /// Why, as others are told.
        reason: LeaveReason,
    },
    /// News of a room that this shard shares with another shard (later: another node).
    Remote {
        /// Which room.
        room: String,
        /// What happened there.
        event: RemoteEvent,
    },
}

/// A client that enters a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Its connection.
    pub peer: PeerId,
    /// Its id: a fresh one, the core has no random source; or that of a participant of the same
    /// identity whose connection was lost, which comes back with this one.
    pub participant: ParticipantId,
    /// The room, made if it does not exist.
    pub room: String,
    /// Who the token says it is. A second join of the same identity replaces the first.
    pub identity: String,
    /// What to call it.
    pub name: String,
    /// The grants of its token.
    pub permissions: Permissions,
    /// What it asks for models with, over HTTP; `None`: this node uses none.
    pub model_key: Option<AccessKey>,
    /// How it may come back, as it is told.
    pub resumption: Option<Resumption>,
}

/// What a model container says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelHeader {
    /// For which plug-in it is.
    pub plugin: PluginId,
    /// In which version.
    pub version: u8,
    /// How often it was refined, from 1.
    pub epoch: Epoch,
    /// Its name.
    pub hash: ModelHash,
    /// Bytes of the whole container.
    pub bytes: u32,
}

/// What a learner of the node says about its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnerReport {
    /// Others come first: what it is sent is dropped.
    Waiting,
    /// It learns.
    Running,
    /// How much it has of what it would like to have, 0 to 1000.
    Progress {
        /// That.
        per_mille: u16,
    },
    /// It cannot go on without a keyframe.
    KeyframeWanted,
    /// It made a model, which the shell has checked and lets its speaker fetch.
    Model(ModelHeader),
    /// There is no room for it even to wait: it has ended.
    Full,
    /// It cannot learn this, and has ended. To try again is of no use.
    Refused,
    /// It has ended, for a reason that may pass.
    Failed,
}

/// RTCP that the core acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// Picture loss indication or full intra request for a slot that we send (RFC 4585 section
    /// 6.3.1, RFC 5104 section 4.3.1).
    KeyframeRequest {
        /// The slot's source.
        ssrc: Ssrc,
    },
    /// Sender report of a publisher (RFC 3550 section 6.4.1).
    SenderReport {
        /// The publisher's source.
        ssrc: Ssrc,
        /// Its wall clock.
        ntp: NtpTime,
        /// Its media clock at the same instant.
        rtp: RtpTime,
    },
    /// One report block about a slot that we send (RFC 3550 section 6.4.1).
    ReceptionReport {
        /// The slot's source.
        ssrc: Ssrc,
        /// Share of packets lost since the last report, in 1/256.
        fraction_lost: u8,
        /// Round trip, where the block allowed to compute it, in microseconds.
        round_trip_us: Option<u32>,
    },
    /// Packets of a slot that did not arrive, one entry of a generic NACK (RFC 4585 section 6.2.1).
    Nack {
        /// The slot's source.
        ssrc: Ssrc,
        /// The first one that is missing.
        first: SeqNo,
        /// Which of the sixteen after it are missing too, the next one in the lowest bit.
        following: u16,
    },
    /// A packet of sound or of the bundle stream did not arrive, as transport-wide feedback says.
    Lost {
        /// Its source.
        ssrc: Ssrc,
        /// Its number.
        seq: SeqNo,
    },
    /// The publisher ended a source (RFC 3550 section 6.6).
    Bye {
        /// The source.
        ssrc: Ssrc,
    },
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMessage {
    /// Label of the channel. Messages are handed to everyone's channel of the same label.
    pub label: String,
    /// Whether it is text (PPID 51) or binary (PPID 53), RFC 8831.
    pub text: bool,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What one shard tells another about a shared room. A remote publisher is a participant that
/// publishes but has no peer here.
#[derive(Clone, Debug, PartialEq)]
pub enum RemoteEvent {
    /// A participant of the other shard is in the room; or one that is known has come back, with a
    /// connection there and another number.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// Its number, given out by the shard that owns the room.
        short_id: ShortId,
        /// Who the token says it is.
        identity: String,
        /// What to call it.
        name: String,
    },
    /// It left.
    Left {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// It publishes.
    Published {
        /// Who.
        participant: ParticipantId,
        /// The track: its id is the same on every shard.
        track: Track,
        /// Tags of its simulcast layers, in the order of their indices. Empty: one layer.
        rids: Vec<Rid>,
    },
    /// It says what the layers of a track are.
    Layers {
        /// The track.
        track: TrackId,
        /// What it says: replaces what was said before.
        layers: Vec<PublishedLayer>,
    },
    /// It no longer does.
    Unpublished {
        /// The track.
        track: TrackId,
    },
    /// It muted or unmuted a track.
    Muted {
        /// The track.
        track: TrackId,
        /// The new state.
        muted: bool,
    },
    /// A packet of such a track, decrypted once on the other shard. The core gives it back with
    /// [`Output::Release`](crate::Output::Release) when it holds it no longer, which may be at once,
    /// behind its forwards.
    Packet {
        /// The track.
        track: TrackId,
        /// Which of its layers.
        layer: LayerIndex,
        /// What it is coded in.
        codec: Codec,
        /// The packet in **this** shard's slab.
        id: PacketId,
        /// Its header.
        packet: Packet,
    },
    /// A sender report of such a track.
    SenderReport {
        /// The track.
        track: TrackId,
        /// Which of its layers.
        layer: LayerIndex,
        /// The publisher's wall clock.
        ntp: NtpTime,
        /// Its media clock at the same instant.
        rtp: RtpTime,
    },
    /// Somebody on the other shard needs a keyframe of a track that is published here.
    KeyframeWanted {
        /// The track.
        track: TrackId,
        /// Which of its layers.
        layer: LayerIndex,
    },
    /// Which layers of a track that is published here somebody on the other shard needs. Counts for
    /// four seconds, and is repeated each second while there is any.
    LayersNeeded {
        /// The track.
        track: TrackId,
        /// A bit for each layer, the first in the lowest.
        layers: u8,
    },
    /// A message on a data channel of a participant of the other shard.
    Data {
        /// Whose.
        participant: ParticipantId,
        /// What.
        message: DataMessage,
    },
}
