//! One received packet, reduced to what decisions need.

use crate::{
    id::{ExtensionId, Mid, PayloadType, Rid, RtpTime, SeqNo, Ssrc},
    media::Extension,
};

/// A parsed RTP packet (RFC 3550 section 5.1), without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source.
    pub ssrc: Ssrc,
    /// Payload type, as the publisher numbers it.
    pub payload_type: PayloadType,
    /// Sequence number.
    pub seq: SeqNo,
    /// Media time.
    pub timestamp: RtpTime,
    /// Marker bit.
    pub marker: bool,
    /// Bytes before the payload: fixed header, CSRCs, extensions.
    pub header_len: u16,
    /// Bytes of payload, padding left out.
    pub payload_len: u16,
    /// Tag of the m-line, where the packet carries it.
    pub mid: Option<Mid>,
    /// Simulcast layer, where the packet carries it.
    pub rid: Option<Rid>,
    /// Loudness, where the packet carries it.
    pub audio_level: Option<AudioLevel>,
    /// Where the dependency descriptor lies, and what it says.
    pub dependency: Option<DependencyDescriptor>,
    /// What a video payload says about itself; `None` for audio and opaque payloads.
    pub video: Option<VideoDescriptor>,
}

/// Client-to-mixer audio level (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Loudness in -dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
    /// Whether the sender believes that this is a voice.
    pub voice: bool,
}

/// The mandatory part of an AV1 dependency descriptor (AV1 RTP specification, appendix A), enough to
/// find frames and keyframes of opaque payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// Offset of the extension's data from the start of the packet, in bytes.
    pub offset: u16,
    /// Length of the extension's data in bytes.
    pub len: u8,
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Number of the frame, modulo 2^16.
    pub frame_number: u16,
    /// Whether a template structure is attached: the frame is a keyframe.
    pub keyframe: bool,
}

/// What a video payload says about itself. One variant a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoDescriptor {
    /// VP8 payload descriptor (RFC 7741 section 4.2).
    Vp8 {
        /// First packet of a frame: S set and partition 0.
        start_of_frame: bool,
        /// Whether the frame can be decoded alone; known at its first packet only, and only where
        /// the payload is not opaque.
        keyframe: bool,
        /// Picture id, and whether it has 15 bits rather than 7.
        picture_id: Option<(u16, bool)>,
        /// Index of the frame in temporal layer 0.
        tl0_picture_index: Option<u8>,
        /// Temporal layer.
        temporal_layer: Option<u8>,
    },
}

/// Which id stands for which extension on one connection. BUNDLE demands that an id means the same
/// on every m-line (RFC 8843 section 9.1), so there is one map per peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionMap {
    entries: Vec<(ExtensionId, Extension)>,
}

impl ExtensionMap {
    /// What `id` means here.
    pub fn get(&self, id: ExtensionId) -> Option<Extension> {
        self.entries.iter().find(|(known, _)| *known == id).map(|(_, extension)| *extension)
    }

    /// The id of `extension` here.
    pub fn id_of(&self, extension: Extension) -> Option<ExtensionId> {
        self.entries.iter().find(|(_, known)| *known == extension).map(|(id, _)| *id)
    }

    /// Adds a meaning; the first one given for an id stays.
    pub fn insert(&mut self, id: ExtensionId, extension: Extension) {
        if self.get(id).is_none() {
            self.entries.push((id, extension));
        }
    }
}
