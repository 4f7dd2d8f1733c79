//! The header that a subscriber sees. [`Rewrite::write`] runs once per packet and subscriber: it is
//! the innermost loop of the node.

use crate::{
    id::{ExtensionId, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    rtp::{
        DEPENDENCY_MANDATORY_LEN, EXTENSION_BIT, FIXED_HEADER_LEN, ONE_BYTE_MAX_ID,
        ONE_BYTE_MAX_LEN, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, VERSION_BITS, patch_vp8,
    },
};

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
    /// What changes in the payload descriptor.
    pub payload: PayloadRewrite,
    /// The dependency descriptor.
    pub dependency: Option<DependencyRewrite>,
}

/// New counters for a payload descriptor. One variant a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRewrite {
    /// The payload goes on byte by byte.
    Unchanged,
    /// VP8: each counter is written in the width that the source used and only where the source
    /// has it (RFC 7741 section 4.2).
    Vp8 {
        /// Picture id on the slot, 0 to 32767; a 7-bit field takes its low bits.
        picture_id: u16,
        /// Index of the frame in temporal layer 0, on the slot.
        tl0_picture_index: u8,
    },
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

/// Why a packet cannot be written. The bytes of a packet and its rewrite belong together, so this
/// tells of a mistake in the shell: count it and drop the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RewriteError {
    /// The source bytes are shorter than the rewrite says.
    #[error("source packet shorter than its rewrite")]
    Source,
    /// The output buffer has no room for the packet.
    #[error("output buffer too short")]
    Buffer,
}

/// Fixed part and one CSRC.
const BASE_LEN: usize = FIXED_HEADER_LEN + 4;

/// Longest header that [`Rewrite::write`] makes, in bytes: fixed part, CSRC, and a dependency
/// descriptor of 255 bytes in the two-byte form. `header + payload_len` is what a buffer needs.
pub const MAX_HEADER_LEN: usize = BASE_LEN + 4 + (2 + 255usize).next_multiple_of(4);

impl Rewrite {
    /// Writes the packet that the subscriber gets to the front of `out` and gives its length.
    /// `source` is the whole packet as it was received and decrypted.
    ///
    /// # Errors
    /// [`RewriteError`]; then the contents of `out` are unspecified.
    #[inline]
    pub fn write(&self, source: &[u8], out: &mut [u8]) -> Result<usize, RewriteError> {
        let start = usize::from(self.header_len);
        let payload =
            source.get(start..start + usize::from(self.payload_len)).ok_or(RewriteError::Source)?;
        let header_len = match self.dependency {
            None => {
                self.write_base(0, out)?;
                BASE_LEN
            }
            Some(dependency) => {
                self.write_base(EXTENSION_BIT, out)?;
                BASE_LEN + dependency.write(source, &mut out[BASE_LEN..])?
            }
        };
        let end = header_len + payload.len();
        let to = out.get_mut(header_len..end).ok_or(RewriteError::Buffer)?;
        to.copy_from_slice(payload);
        if let PayloadRewrite::Vp8 { picture_id, tl0_picture_index } = self.payload {
            patch_vp8(to, picture_id, tl0_picture_index).ok_or(RewriteError::Source)?;
        }
        Ok(end)
    }

    #[inline]
    fn write_base(&self, extension: u8, out: &mut [u8]) -> Result<(), RewriteError> {
        let base = out.first_chunk_mut::<BASE_LEN>().ok_or(RewriteError::Buffer)?;
        base[0] = VERSION_BITS | extension | 1;
        base[1] = u8::from(self.marker) << 7 | self.payload_type.0 & 0x7f;
        base[2..4].copy_from_slice(&self.seq.0.to_be_bytes());
        base[4..8].copy_from_slice(&self.timestamp.0.to_be_bytes());
        base[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        base[12..16].copy_from_slice(&self.csrc.0.to_be_bytes());
        Ok(())
    }
}

impl DependencyRewrite {
    /// Writes an extension block with this one element and gives its length. The two-byte form is
    /// taken only where the id or the length needs it (RFC 8285 section 4.1.2).
    fn write(&self, source: &[u8], out: &mut [u8]) -> Result<usize, RewriteError> {
        let len = usize::from(self.len);
        let start = usize::from(self.offset);
        let data = source.get(start..start + len).ok_or(RewriteError::Source)?;
        if len < DEPENDENCY_MANDATORY_LEN {
            return Err(RewriteError::Source);
        }
        let one_byte = self.id.0 <= ONE_BYTE_MAX_ID && len <= ONE_BYTE_MAX_LEN;
        let (profile, data_at) =
            if one_byte { (ONE_BYTE_PROFILE, 5) } else { (TWO_BYTE_PROFILE, 6) };
        let words = (data_at - 4 + len).div_ceil(4);
        let block = out.get_mut(..4 + words * 4).ok_or(RewriteError::Buffer)?;
        block[..2].copy_from_slice(&profile.to_be_bytes());
        block[2..4].copy_from_slice(&(words as u16).to_be_bytes());
        if one_byte {
            block[4] = self.id.0 << 4 | (self.len - 1);
        } else {
            block[4] = self.id.0;
            block[5] = self.len;
        }
        block[data_at..data_at + len].copy_from_slice(data);
        block[data_at + 1..data_at + 3].copy_from_slice(&self.frame_number.to_be_bytes());
        block[data_at + len..].fill(0);
        Ok(block.len())
    }
}
