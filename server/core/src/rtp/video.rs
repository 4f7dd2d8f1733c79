//! What a video payload says about itself, one variant a codec.

use super::{BuildError, Vp9Descriptor, av1, h264, vp8, vp9};
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
        /// Temporal layer, and whether the frame depends on temporal layer 0 alone (Y).
        temporal_layer: Option<(u8, bool)>,
    },
    /// VP9 payload descriptor (RFC 9628 section 4.2).
    Vp9(Vp9Descriptor),
    /// NAL unit headers of an H.264 payload (RFC 6184). It has no descriptor: false where the payload
    /// is opaque.
    H264 {
        /// First packet of a frame, as far as one can see.
        start_of_frame: bool,
        /// It has a sequence parameter set.
        parameters: bool,
        /// It has the start of an instantaneous decoding refresh picture.
        idr: bool,
    },
    /// AV1 aggregation header (RTP Payload Format For AV1, section 4.4).
    Av1 {
        /// It goes on with an OBU of the packet before.
        continues: bool,
        /// First packet of a coded video sequence, which can be decoded alone.
        new_sequence: bool,
    },
}

impl VideoDescriptor {
    /// Reads the front of a payload; `None` if it is no video, or not well-formed.
    ///
    /// The descriptor is written by the publisher's packetiser and is always in the clear; what
    /// follows it is the frame, which is `opaque` when the publisher encrypts frames itself. Then
    /// it is not looked at, and keyframes are known from the dependency descriptor alone, or from
    /// the payload descriptor where that tells.
    pub fn parse(codec: Codec, payload: &[u8], opaque: bool) -> Option<Self> {
        match codec {
            Codec::Opus => None,
            Codec::Vp8 => vp8::parse(payload, opaque),
            Codec::Vp9 => vp9::parse(payload).map(Self::Vp9),
            Codec::H264 => h264::parse(payload, opaque),
            Codec::Av1 => av1::parse(payload, opaque),
        }
    }

    /// Writes the descriptor to the front of `out` and gives its length. The frame follows it. H.264
    /// has no descriptor: nothing is written.
    ///
    /// # Errors
    /// [`BuildError`] if `out` is too short or a value does not fit its field.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        match *self {
            Self::Vp8 { start_of_frame, picture_id, tl0_picture_index, temporal_layer, .. } => {
                vp8::write(start_of_frame, picture_id, tl0_picture_index, temporal_layer, out)
            }
            Self::Vp9(ref descriptor) => vp9::write(descriptor, out),
            Self::H264 { .. } => Ok(0),
            Self::Av1 { continues, new_sequence } => av1::write(continues, new_sequence, out),
        }
    }

    /// Whether the payload says that it is the front of a frame that can be decoded alone. H.264
    /// parameter sets stand in front of such a frame.
    pub fn starts_keyframe(&self) -> bool {
        match self {
            Self::Vp8 { start_of_frame, keyframe, .. } => *start_of_frame && *keyframe,
            Self::Vp9(descriptor) => descriptor.starts_keyframe(),
            Self::H264 { parameters, idr, .. } => *parameters || *idr,
            Self::Av1 { new_sequence, .. } => *new_sequence,
        }
    }
}
