//! The websocket messages, version 1. Mirrored in `web-client/src/sdk/signal.ts`; both are held
//! against the JSON schema in `docs/signalling.schema.json` by tests.
//!
//! JSON text frames of at most [`MAX_MESSAGE_BYTES`], one message each, told apart by `type`.
//! Unknown fields are ignored, so that either side may grow; an unknown `type` is refused by name.
//! The client opens with [`ClientMessage::Join`]; the node answers [`ServerMessage::Welcome`] or
//! [`ServerMessage::Error`] followed by a close.

mod ice;
mod json;
mod models;
mod quality;
mod resumption;

pub use ice::IceServer;
use ice::no_servers;
pub use json::MessageError;
pub use models::{
    AccessKey, Decoding, DiskCopy, FetchModel, ForgetModel, Form, FormSwitched, GateState,
    GenericModel, LearnedModel, LearnerState, LearningPlace, LearningState, ModelAccess, ModelCopy,
    ModelDemand, ModelEpoch, ModelFailure, ModelLines, ModelSupport, ModelTransport, PluginSupport,
    Policy, RawReason, ReceivedForm, SourceDemand,
};
pub use quality::{
    AudioDemand, LayerDemand, PublishedLayer, QualityLimit, ReceivedLayer, SlotQuality,
    SlotViewport,
};
pub use resumption::{JoinResumption, Resumption};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{Mid, ParticipantId, RtpTime, ShortId, TrackId},
    media::Kind,
};

/// The version that this node speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// Longest message that either side accepts, in bytes of UTF-8.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClientMessage {
    /// Enter a room. Must be the first message, and only that.
    Join {
        /// Protocol version of the client: [`PROTOCOL_VERSION`].
        version: u32,
        /// Access token (JWT). Never in a URL.
        token: String,
        /// Name to show, if the token has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// How it may come back; absent: a connection that breaks is lost at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumption: Option<JoinResumption>,
    },
    /// Go on with a session whose websocket broke, over this one. Must be the first message, in place
    /// of a `join`. Answered by [`ServerMessage::Resumed`], or by a fatal `notFound`: then join anew.
    Resume {
        /// Protocol version of the client: [`PROTOCOL_VERSION`].
        version: u32,
        /// [`Resumption::token`] of the welcome.
        token: AccessKey,
        /// How many messages of the node the client has had in this session, `welcome` included,
        /// `resumed` not.
        received: u64,
    },
    /// An SDP offer. The client is the only offerer; again when it wants more slots.
    Offer {
        /// Chosen by the client, comes back in the answer.
        id: u32,
        /// The session description.
        sdp: String,
        /// Which of its m-lines carry models' frames.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        models: Option<ModelLines>,
    },
    /// What now flows on one of the client's sending m-lines.
    Publish {
        /// The m-line.
        mid: Mid,
        /// What it is.
        source: Source,
        /// Whether it starts muted.
        #[serde(default)]
        muted: bool,
        /// Whether the payload is encrypted end to end: the node then reads header extensions
        /// alone.
        #[serde(default)]
        encrypted: bool,
        /// What the encoder makes, smallest first. Empty: one layer of unknown size.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<PublishedLayer>,
    },
    /// The encoder of that m-line makes other layers now: another camera, or another size.
    Layers {
        /// The m-line.
        mid: Mid,
        /// The layers, smallest first.
        layers: Vec<PublishedLayer>,
    },
    /// Nothing flows on that m-line any more.
    Unpublish {
        /// The m-line.
        mid: Mid,
    },
    /// The publication on that m-line is silent or dark, or no longer so.
    Mute {
        /// The m-line.
        mid: Mid,
        /// The new state.
        muted: bool,
    },
    /// What the page shows: replaces the last view.
    View(View),
    /// How large the page shows its video slots: replaces what was said before. Slots that are not
    /// named are shown in an unknown size.
    Viewport {
        /// The slots.
        slots: Vec<SlotViewport>,
    },
    /// What the client can show in model form: replaces what was said before.
    ModelSupport(ModelSupport),
    /// How eagerly the client is to be served models.
    Policy {
        /// The policy: replaces that of the room.
        policy: Policy,
    },
    /// Whether a model of the client's own source may be used. An upload says yes; no makes the node
    /// and everybody else forget it.
    Consent {
        /// Microphone or camera.
        source: Source,
        /// Whether it may be used.
        granted: bool,
        /// Of a microphone: until there is a model of it, it can be sent in the generic one of this
        /// plug-in, to those whose lines are thin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generic: Option<GenericModel>,
    },
    /// What the client's line carries from it to the node, as its browser finds, whenever that has
    /// changed notably below 100 kbit/s.
    Uplink {
        /// In bits per second.
        bitrate: u64,
    },
    /// What the client's learner does while a source has no model, or that the node is to learn it.
    Learning {
        /// Microphone or camera.
        source: Source,
        /// What it does.
        state: LearningState,
    },
    /// What the gate of the client's encoder says, whenever that changes.
    Gate {
        /// Microphone or camera.
        source: Source,
        /// What it says.
        state: GateState,
    },
    /// The client has fetched a model, and its decoder is ready.
    ModelHeld(ModelEpoch),
    /// A model that was to be fetched is of no use.
    ModelFailed {
        /// Which.
        #[serde(flatten)]
        model: ModelEpoch,
        /// Why.
        reason: ModelFailure,
    },
    /// The client plays the other form of a track now.
    Switched(FormSwitched),
    /// Goodbye. The node closes the socket.
    Leave,
    /// Asks for a [`ServerMessage::Pong`].
    Ping {
        /// Comes back.
        id: u32,
    },
}

/// What the node says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// You are in.
    Welcome {
        /// Protocol version of the node.
        version: u32,
        /// Name of the room.
        room: String,
        /// You.
        participant: Participant,
        /// What your token lets you do.
        permissions: Box<Permissions>,
        /// Everyone else who is visible, with their tracks.
        participants: Vec<Participant>,
        /// How many slots the node will fill for one connection.
        limits: SlotLimits,
        /// How models are had; absent where they are not used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        models: Option<Box<ModelAccess>>,
        /// STUN and TURN servers for this connection, as `RTCConfiguration` takes them.
        #[serde(default, skip_serializing_if = "no_servers")]
        ice_servers: Box<[IceServer]>,
        /// How to come back; absent if the client did not say that it can, or the node does not wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumption: Option<Box<Resumption>>,
    },
    /// The session goes on. What the client has missed follows; what the node has not had is to be
    /// sent again.
    Resumed {
        /// How many messages of the client the node has had in this session, `join` included,
        /// `resume` not.
        received: u64,
    },
    /// The answer to an offer.
    Answer {
        /// The `id` of the offer.
        id: u32,
        /// The session description.
        sdp: String,
    },
    /// Somebody came.
    ParticipantJoined {
        /// Who.
        participant: Participant,
    },
    /// Somebody whose connection was lost is back with another one, under another number. What it
    /// published before is over.
    ParticipantReturned {
        /// Who: known by its `id`.
        participant: Participant,
    },
    /// Somebody went.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// A publication began.
    TrackPublished {
        /// Whose.
        participant: ParticipantId,
        /// What.
        track: Track,
    },
    /// A publication ended.
    TrackUnpublished {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        track: TrackId,
    },
    /// A publication was muted or unmuted.
    TrackMuted {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        track: TrackId,
        /// The new state.
        muted: bool,
    },
    /// Slots were pointed at other tracks. Only the slots that changed are listed.
    Slots {
        /// The changes.
        slots: Vec<SlotAssignment>,
    },
    /// In which quality video slots are served. Only the slots that changed are listed.
    Quality {
        /// The changes.
        slots: Vec<SlotQuality>,
    },
    /// What the room needs of one of your publications. Layers that nobody needs are to be stopped
    /// until they are needed again.
    Demand {
        /// The m-line.
        mid: Mid,
        /// Each layer of a video; empty for audio.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<LayerDemand>,
        /// How to code a voice; `None` for video.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audio: Option<AudioDemand>,
    },
    /// In which form tracks reach you. Only those that changed are listed.
    Forms {
        /// The changes.
        forms: Vec<ReceivedForm>,
    },
    /// Fetch this model now.
    FetchModel(Box<FetchModel>),
    /// Forget this model: its speaker left or withdrew it, or a later epoch took its place.
    ForgetModel(ForgetModel),
    /// Whether a model may be kept on disk: said before it is to be fetched, and when that changes.
    ModelCopy(ModelCopy),
    /// A model that you uploaded is in use from now on.
    ModelAccepted {
        /// Microphone or camera.
        source: Source,
        /// Its epoch.
        epoch: u32,
    },
    /// What the node's learner of one of your sources does. Said when that changes; how far it is, at
    /// most once a second.
    Learner {
        /// Microphone or camera.
        source: Source,
        /// What it does.
        state: LearnerState,
        /// How much it has of what it would like to have, 0 to 1000.
        per_mille: u16,
    },
    /// The node has learned a model of you: fetch it, then upload it without a body.
    ModelLearned(LearnedModel),
    /// What anybody needs of your model stream.
    ModelDemand(ModelDemand),
    /// What the way to you carries. Sent when it changed by a tenth, at most once a second.
    Bandwidth {
        /// Bits per second on the wire, as estimated.
        estimate: u64,
        /// Bits per second that the node sends you, as allocated.
        allocated: u64,
        /// Bits per second that everything you want to see would take in its best layer.
        wanted: u64,
    },
    /// Who speaks, loudest first. Sent when it changes, at most 5 times a second.
    Speakers {
        /// The participants that speak now; the first one is the dominant speaker.
        speakers: Vec<Speaker>,
    },
    /// Something that you sent was refused, or the node cannot go on with you.
    Error {
        /// What a program acts on.
        code: ErrorCode,
        /// What a person reads. English.
        message: String,
        /// `type` of the message that was refused, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// Whether the node closes the connection after this.
        fatal: bool,
    },
    /// Answer to a ping.
    Pong {
        /// The `id` of the ping.
        id: u32,
    },
}

/// What kind of thing a publication shows or lets hear.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A voice.
    Microphone,
    /// A face.
    Camera,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenAudio,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// Audio or video.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Microphone | Self::ScreenAudio => Kind::Audio,
            Self::Camera | Self::Screen => Kind::Video,
        }
    }
}

/// A participant, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Its id, for as long as it is in the room.
    pub id: ParticipantId,
    /// Its number in the room, and the CSRC of its packets.
    pub short_id: ShortId,
    /// Who the token says it is.
    pub identity: String,
    /// What to call it.
    pub name: String,
    /// What it publishes.
    pub tracks: Vec<Track>,
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// Its id.
    pub id: TrackId,
    /// What it is.
    pub source: Source,
    /// Whether it is muted.
    pub muted: bool,
    /// Whether its payload is encrypted end to end.
    pub encrypted: bool,
}

/// The grants of the token, as the node enforces them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// May publish.
    pub publish: bool,
    /// What may be published; `None`: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Source>>,
    /// Of which of these the person agrees that models are learned and used, as whoever made the
    /// token knows; `None`: the client asks. What is not listed may not be learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_consent: Option<Vec<Source>>,
    /// May receive media.
    pub subscribe: bool,
    /// May send on data channels.
    pub data: bool,
    /// May moderate.
    pub admin: bool,
    /// Is not shown to others.
    pub hidden: bool,
}

impl Permissions {
    /// Whether a source may be published. Those who are not shown publish nothing.
    pub fn may_publish(&self, source: Source) -> bool {
        let listed = self.sources.as_ref().is_none_or(|sources| sources.contains(&source));
        self.publish && !self.hidden && listed
    }

    /// Whether there may be a model of a source.
    pub fn may_be_modelled(&self, source: Source) -> bool {
        let listed = self.model_consent.as_ref().is_none_or(|sources| sources.contains(&source));
        self.may_publish(source) && listed
    }

    /// Whether any source of a kind may be published.
    pub fn may_publish_kind(&self, kind: Kind) -> bool {
        Source::ALL.iter().any(|&source| source.kind() == kind && self.may_publish(source))
    }
}

/// How many receive slots one connection may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotLimits {
    /// Audio slots.
    pub audio: u16,
    /// Video slots.
    pub video: u16,
}

/// What the page shows. The node fills video slots in this order: pins, shared screens, then
/// cameras by `mode`; hidden ones never.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct View {
    /// How cameras are ordered.
    pub mode: ViewMode,
    /// Video slots that the page can show now; the rest stay empty. `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<u16>,
    /// Participants shown before all others, in this order.
    pub pins: Vec<ParticipantId>,
    /// Participants whose video is not wanted.
    pub hidden: Vec<ParticipantId>,
    /// Grid only: how many cameras to pass over, for paging.
    pub offset: u16,
}

/// How cameras are ordered in a [`View`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ViewMode {
    /// By time of joining; a tile stays where it is. On the first page, when not everybody fits, the
    /// dominant speaker takes the tile of whoever has been silent for longest.
    #[default]
    Grid,
    /// The dominant speaker first, then by who spoke last.
    Speaker,
}

/// What a slot carries from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotAssignment {
    /// The receiving m-line.
    pub mid: Mid,
    /// What it carries; `None`: nothing.
    pub content: Option<SlotContent>,
}

/// Whom a slot is pointed at. In which form that comes, [`ServerMessage::Forms`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotContent {
    /// Whose track.
    pub participant: ParticipantId,
    /// The CSRC of its packets.
    pub short_id: ShortId,
    /// The track.
    pub track: TrackId,
    /// The first RTP timestamp that belongs to this content; `None` until the first packet went
    /// out, then sent again with it.
    pub rtp_timestamp: Option<RtpTime>,
    /// When the media of that timestamp was captured, on the node's wall clock, in microseconds
    /// since the Unix epoch: what a client needs to play one person's voice and picture together,
    /// since they come in slots that no browser pairs by itself. `None` until the publisher's
    /// clock is known, then sent again with it, and whenever it moved by more than 5 ms.
    #[serde(default)]
    pub capture_time: Option<u64>,
}

/// A participant that speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Speaker {
    /// Who.
    pub participant: ParticipantId,
    /// Smoothed loudness in -dBov (RFC 6464): 0 is the loudest, 127 is silence.
    pub level: u8,
}

/// Why somebody left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LeaveReason {
    /// It said so.
    Left,
    /// Its connection was lost.
    ConnectionLost,
    /// The same identity joined again.
    Replaced,
    /// The node or a moderator ended it.
    Removed,
}

/// What a client does next depends on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// Not JSON, or not a message of this protocol. Fix the client.
    Malformed,
    /// A `type` that this node does not know. Fix the client, or use an older feature.
    UnknownType,
    /// The protocol version is not spoken here.
    UnsupportedVersion,
    /// The token is missing, expired or not ours. Get a new one.
    Unauthorized,
    /// The token does not allow this.
    Forbidden,
    /// The offer could not be read or accepted.
    BadOffer,
    /// The message refers to something that does not exist: an unknown m-line, a publication that
    /// is not there.
    NotFound,
    /// The message does not fit the state: a second join, an m-line that is taken.
    Conflict,
    /// Too many or too large messages. Slow down.
    TooMuch,
    /// The room or the node is full. Try again later.
    Full,
    /// The same identity joined elsewhere and took this place.
    Replaced,
    /// A fault of the node. Try again.
    Internal,
}
