//! What was negotiated: the SDP offer and answer as the core sees them.
//!
//! The shell turns SDP text into an [`Offer`] and an [`Answer`] back into SDP text; ICE, DTLS and
//! SCTP parameters never come here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ExtensionId, Mid, PayloadType, Rid, Ssrc},
    signal::ModelLines,
};

/// Audio or video.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A codec that the node forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Opus, RFC 7587.
    Opus,
    /// VP8, RFC 7741.
    Vp8,
    /// VP9 profile 0, RFC 9628.
    Vp9,
    /// H.264 constrained baseline, packetisation mode 1, RFC 6184.
    H264,
    /// AV1 main profile (RTP Payload Format For AV1, v1.0).
    Av1,
}

impl Codec {
    /// The kind of media that it codes.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Opus => Kind::Audio,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => Kind::Video,
        }
    }

    /// RTP clock rate in Hz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }
}

/// A header extension that the node reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extension {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`, RFC 8843.
    Mid,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`, RFC 8852.
    Rid,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`, RFC 8852: the layer that an RTX
    /// packet repairs.
    RepairedRid,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`, RFC 6464.
    AudioLevel,
    /// The AV1 dependency descriptor, used for every video codec whose payload is opaque.
    DependencyDescriptor,
}

/// What one side of an m-line does with media, from the point of view of the **client**.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client sends: a publication.
    Send,
    /// The client receives: a slot.
    Receive,
    /// Neither.
    Inactive,
}

/// One payload format of an m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// Its number on this connection.
    pub payload_type: PayloadType,
    /// What it is.
    pub codec: Codec,
    /// The number of its RTX companion (RFC 4588), if offered.
    pub rtx: Option<PayloadType>,
    /// The number of its RED companion (RFC 2198), if offered. Opus only.
    pub red: Option<PayloadType>,
    /// Whether `nack` is among its feedback messages (RFC 4585).
    pub nack: bool,
    /// Whether `transport-cc` is among its feedback messages.
    pub transport_cc: bool,
}

/// One audio or video m-line of an offer. Formats and extensions that the node does not know were
/// left out by the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedMedia {
    /// Its tag.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// What the client would do.
    pub direction: Direction,
    /// In the client's order of preference.
    pub formats: Vec<PayloadFormat>,
    /// Header extensions that the node knows, with the ids the client chose.
    pub extensions: Vec<(Extension, ExtensionId)>,
    /// Simulcast layers that the client would send (RFC 8853), in its order. Empty: no simulcast.
    pub rids: Vec<Rid>,
    /// Source that the client announced for a track without simulcast (RFC 5576).
    pub ssrc: Option<Ssrc>,
    /// Source of its retransmissions, where announced (`ssrc-group:FID`, RFC 5576 section 4.2).
    pub rtx_ssrc: Option<Ssrc>,
}

/// The audio and video m-lines of an SDP offer, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The m-lines.
    pub media: Vec<OfferedMedia>,
    /// Which of them carry models' frames.
    pub models: ModelLines,
}

/// What the node says to one m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredMedia {
    /// Tag of the m-line that it answers.
    pub mid: Mid,
    /// What the **client** may do; [`Direction::Inactive`] keeps the m-line without media.
    pub direction: Direction,
    /// The accepted formats: a subset of the offered ones. Empty: the m-line is rejected (port 0).
    pub formats: Vec<PayloadFormat>,
    /// The accepted extensions: a subset of the offered ones, same ids.
    pub extensions: Vec<(Extension, ExtensionId)>,
    /// The accepted layers: a subset of the offered ones.
    pub rids: Vec<Rid>,
    /// For a slot: the source that its packets will carry for as long as the connection lives.
    pub ssrc: Option<Ssrc>,
    /// For a video slot whose formats have RTX: the source of its retransmissions and of probe
    /// padding, for as long as the connection lives.
    pub rtx_ssrc: Option<Ssrc>,
}

/// The answer to an [`Offer`]: one entry per m-line, in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The m-lines.
    pub media: Vec<AnsweredMedia>,
}
