//! What a video payload says about itself, one variant a codec.

use super::{BuildError, vp8};
use crate::media::Codec;

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

impl VideoDescriptor {
    /// Reads the front of a payload; `None` if it is no video, or not well-formed.
    ///
    /// The descriptor is written by the publisher's packetiser and is always in the clear; what
    /// follows it is the frame, which is `opaque` when the publisher encrypts frames itself. Then
    /// it is not looked at, and keyframes are known from the dependency descriptor alone.
    pub fn parse(codec: Codec, payload: &[u8], opaque: bool) -> Option<Self> {
        match codec {
            Codec::Opus | Codec::Vp9 | Codec::H264 | Codec::Av1 => None,
            Codec::Vp8 => vp8::parse(payload, opaque),
        }
    }

    /// Writes the descriptor to the front of `out` and gives its length. The frame follows it.
    ///
    /// # Errors
    /// [`BuildError`] if `out` is too short or a value does not fit its field.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        match *self {
            Self::Vp8 { start_of_frame, picture_id, tl0_picture_index, temporal_layer, .. } => {
                vp8::write(start_of_frame, picture_id, tl0_picture_index, temporal_layer, out)
            }
        }
    }

    /// Whether the payload says that it is the front of a frame that can be decoded alone.
    pub const fn starts_keyframe(&self) -> bool {
        match *self {
            Self::Vp8 { start_of_frame, keyframe, .. } => start_of_frame && keyframe,
        }
    }
}
