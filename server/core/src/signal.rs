//! The websocket messages, version 1. Mirrored in `web-client/src/sdk/signal.ts`; both are held
//! against the JSON schema in `docs/signalling.schema.json` by tests.
//!
//! JSON text frames of at most [`MAX_MESSAGE_BYTES`], one message each, told apart by `type`.
//! Unknown fields are ignored, so that either side may grow; an unknown `type` is refused by name.
//! The client opens with [`ClientMessage::Join`]; the node answers [`ServerMessage::Welcome`] or
//! [`ServerMessage::Error`] followed by a close.

mod quality;

pub use quality::{
    AudioDemand, LayerDemand, PublishedLayer, QualityLimit, ReceivedLayer, SlotQuality,
    SlotViewport,
};

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
    },
    /// An SDP offer. The client is the only offerer; again when it wants more slots.
    Offer {
        /// Chosen by the client, comes back in the answer.
        id: u32,
        /// The session description.
        sdp: String,
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
        permissions: Permissions,
        /// Everyone else who is visible, with their tracks.
        participants: Vec<Participant>,
        /// How many slots the node will fill for one connection.
        limits: SlotLimits,
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

/// Whom a slot is pointed at, and in which form it comes.
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
    /// The representation.
    pub form: Form,
}

/// The form in which a track is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// As the publisher's encoder made it.
    Raw,
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

impl ClientMessage {
    /// Reads one text frame.
    ///
    /// # Errors
    /// [`MessageError`], which says what to answer.
    pub fn from_json(text: &str) -> Result<Self, MessageError> {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong(text.len()));
        }
        /// Only what is needed to name a type that we do not know.
        #[derive(Deserialize)]
        struct Tag {
            #[serde(rename = "type")]
            kind: String,
        }
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<Tag>(text) {
            Ok(Tag { kind }) if !Self::TYPES.contains(&kind.as_str()) => {
                MessageError::UnknownType(kind.chars().take(64).collect())
            }
            Ok(Tag { kind }) => {
                MessageError::Invalid { kind: Some(kind), reason: error.to_string() }
            }
            Err(_) => MessageError::Invalid { kind: None, reason: error.to_string() },
        })
    }

    /// Every `type` of a client's message.
    pub const TYPES: [&'static str; 10] = [
        "join",
        "offer",
        "publish",
        "layers",
        "unpublish",
        "mute",
        "view",
        "viewport",
        "leave",
        "ping",
    ];

    /// The `type` of this message.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Join { .. } => "join",
            Self::Offer { .. } => "offer",
            Self::Publish { .. } => "publish",
            Self::Layers { .. } => "layers",
            Self::Unpublish { .. } => "unpublish",
            Self::Mute { .. } => "mute",
            Self::View(_) => "view",
            Self::Viewport { .. } => "viewport",
            Self::Leave => "leave",
            Self::Ping { .. } => "ping",
        }
    }
}

impl ServerMessage {
    /// This message as one text frame.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("messages hold only strings, numbers and lists of them")
    }
}

/// A frame that is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("message of {0} bytes, the limit is {MAX_MESSAGE_BYTES}")]
    TooLong(usize),
    /// The `type` is not one of ours.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    /// Not JSON, or a known type with wrong fields.
    #[error("invalid message: {reason}")]
    Invalid {
        /// The `type`, where it could be read.
        kind: Option<String>,
        /// What is wrong, and where.
        reason: String,
    },
}

impl MessageError {
    /// What to say to the client.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong(_) => ErrorCode::TooMuch,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::Invalid { .. } => ErrorCode::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_ignored_and_unknown_types_are_named() {
        assert_eq!(
            ClientMessage::from_json(r#"{"type":"ping","id":7,"colour":"red"}"#),
            Ok(ClientMessage::Ping { id: 7 })
        );
        assert_eq!(
            ClientMessage::from_json(r#"{"type":"teleport","id":7}"#),
            Err(MessageError::UnknownType("teleport".into()))
        );
    }

    #[test]
    fn a_known_type_with_a_wrong_field_is_malformed_not_unknown() {
        let error = ClientMessage::from_json(r#"{"type":"ping","id":"seven"}"#).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Malformed);
    }

    #[test]
    fn every_type_name_is_one_that_is_read_back() {
        let view = ClientMessage::from_json(r#"{"type":"view","mode":"speaker","tiles":4}"#);
        let expected = View { mode: ViewMode::Speaker, tiles: Some(4), ..View::default() };
        assert_eq!(view, Ok(ClientMessage::View(expected)));
        for name in ClientMessage::TYPES {
            let result = ClientMessage::from_json(&format!(r#"{{"type":"{name}"}}"#));
            assert!(!matches!(result, Err(MessageError::UnknownType(_))), "{name}");
        }
    }
}
