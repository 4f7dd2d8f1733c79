//! The header that a subscriber sees.

use crate::id::{ExtensionId, PayloadType, RtpTime, SeqNo, ShortId, Ssrc};

/// A whole new RTP header for a packet, and the patches inside its payload descriptor. The header is
/// written anew for every subscriber: fixed part, one CSRC (the publisher's [`ShortId`]), and the
/// dependency descriptor where it was negotiated. Nothing else of the publisher's header goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Bytes of the source packet before its payload.
    pub header_len: u16,
    /// Bytes of payload.
    pub payload_len: u16,
    /// The slot's source.
    pub ssrc: Ssrc,
    /// Payload type on the subscriber's connection.
    pub payload_type: PayloadType,
    /// Sequence number on the slot.
    pub seq: SeqNo,
    /// Media time on the slot.
    pub timestamp: RtpTime,
    /// Marker bit.
    pub marker: bool,
    /// Whose packet it is.
    pub csrc: ShortId,
    /// Counters of the VP8 payload descriptor.
    pub vp8: Option<Vp8Rewrite>,
    /// The dependency descriptor.
    pub dependency: Option<DependencyRewrite>,
}

/// New counters for a VP8 payload descriptor, each written in the width that the source used and
/// only where the source has it (RFC 7741 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Rewrite {
    /// Picture id on the slot.
    pub picture_id: u16,
    /// Index of the frame in temporal layer 0, on the slot.
    pub tl0_picture_index: u8,
}

/// A dependency descriptor to carry over, with a new frame number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyRewrite {
    /// Where its data lies in the source packet.
    pub offset: u16,
    /// How long it is.
    pub len: u8,
    /// Its id on the subscriber's connection.
    pub id: ExtensionId,
    /// Number of the frame on the slot.
    pub frame_number: u16,
}
