//! The few header fields that protection needs.

use crate::shard::transport::TransportError;

/// Fixed part of an RTP header (RFC 3550 section 5.1).
const RTP_FIXED: usize = 12;

/// The part of an RTCP packet that stays in the clear: the first header and the sender's source
/// (RFC 3711 section 3.4).
pub(super) const RTCP_CLEAR: usize = 8;

/// Source, sequence number and length of the header of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpHeader {
    pub(super) ssrc: u32,
    pub(super) seq: u16,
    /// Fixed part, CSRCs and extensions, in bytes: what is authenticated but not encrypted.
    pub(super) len: usize,
}

impl RtpHeader {
    pub(super) fn parse(packet: &[u8]) -> Result<Self, TransportError> {
        let fixed: &[u8; RTP_FIXED] = packet.first_chunk().ok_or(TransportError::Malformed)?;
        if fixed[0] >> 6 != 2 {
            return Err(TransportError::Malformed);
        }
        let mut len = RTP_FIXED + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let words: &[u8; 2] = packet
                .get(len + 2..)
                .and_then(<[u8]>::first_chunk)
                .ok_or(TransportError::Malformed)?;
            len += 4 + 4 * usize::from(u16::from_be_bytes(*words));
        }
        if len > packet.len() {
            return Err(TransportError::Malformed);
        }
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        Ok(Self { ssrc, seq: u16::from_be_bytes([fixed[2], fixed[3]]), len })
    }
}

/// The sender's source in an RTCP packet.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, TransportError> {
    match packet.first_chunk::<RTCP_CLEAR>() {
        Some([first, _, _, _, ssrc @ ..]) if first >> 6 == 2 => Ok(u32::from_be_bytes(*ssrc)),
        _ => Err(TransportError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_behind_sources_and_extensions() {
        let mut packet = vec![0x92, 96, 0x12, 0x34, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        let header = RtpHeader { ssrc: 0xdead_beef, seq: 0x1234, len: 32 };
        assert_eq!(RtpHeader::parse(&packet), Ok(header));
        for short in 0..packet.len() {
            assert_eq!(RtpHeader::parse(&packet[..short]), Err(TransportError::Malformed));
        }
    }

    #[test]
    fn only_version_two_is_rtp() {
        let mut packet = [0_u8; 12];
        for version in [0, 1, 3] {
            packet[0] = version << 6;
            assert_eq!(RtpHeader::parse(&packet), Err(TransportError::Malformed));
            assert_eq!(rtcp_ssrc(&packet), Err(TransportError::Malformed));
        }
    }
}
