//! Packets that somebody originates rather than forwards.

use super::{
    EXTENSION_BIT, FIXED_HEADER_LEN, ONE_BYTE_MAX_ID, ONE_BYTE_MAX_LEN, ONE_BYTE_PROFILE,
    TWO_BYTE_PROFILE, VERSION_BITS,
};
use crate::id::{ExtensionId, PayloadType, RtpTime, SeqNo, Ssrc};

/// An RTP packet to be written (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketBuilder<'a> {
    /// Source.
    pub ssrc: Ssrc,
    /// Payload type, 0 to 127.
    pub payload_type: PayloadType,
    /// Sequence number.
    pub seq: SeqNo,
    /// Media time.
    pub timestamp: RtpTime,
    /// Marker bit.
    pub marker: bool,
    /// Contributing sources, at most 15.
    pub csrcs: &'a [u32],
    /// Header extensions in the order in which they are written. The one-byte form is used when
    /// all of them fit it, else the two-byte form (RFC 8285 section 4.1.2).
    pub extensions: &'a [(ExtensionId, &'a [u8])],
    /// Payload.
    pub payload: &'a [u8],
    /// Bytes of padding behind the payload; 0 is none.
    pub padding: u8,
}

/// Why a packet cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BuildError {
    /// The buffer is too short.
    #[error("buffer too short")]
    Buffer,
    /// A value does not fit its field: more than 15 CSRCs, an extension id of 0 or data longer than
    /// 255 bytes, a payload type above 127, a picture id wider than it says.
    #[error("value out of range")]
    Value,
}

impl PacketBuilder<'_> {
    /// Writes the packet to the front of `out` and gives its length.
    ///
    /// # Errors
    /// [`BuildError`]; then the contents of `out` are unspecified.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BuildError> {
        if self.csrcs.len() > 15 || self.payload_type.0 > 127 {
            return Err(BuildError::Value);
        }
        let mut to = Cursor { out, len: 0 };
        let extension = if self.extensions.is_empty() { 0 } else { EXTENSION_BIT };
        let padding = if self.padding == 0 { 0 } else { 0x20 };
        to.put(&[
            VERSION_BITS | padding | extension | self.csrcs.len() as u8,
            u8::from(self.marker) << 7 | self.payload_type.0,
        ])?;
        to.put(&self.seq.0.to_be_bytes())?;
        to.put(&self.timestamp.0.to_be_bytes())?;
        to.put(&self.ssrc.0.to_be_bytes())?;
        debug_assert_eq!(to.len, FIXED_HEADER_LEN);
        for csrc in self.csrcs {
            to.put(&csrc.to_be_bytes())?;
        }
        if extension != 0 {
            self.write_extensions(&mut to)?;
        }
        to.put(self.payload)?;
        if let Some(zeros) = self.padding.checked_sub(1) {
            to.put(&[0; 254][..usize::from(zeros)])?;
            to.put(&[self.padding])?;
        }
        Ok(to.len)
    }

    fn write_extensions(&self, to: &mut Cursor<'_>) -> Result<(), BuildError> {
        let one_byte = self.extensions.iter().all(|(id, data)| {
            id.0 <= ONE_BYTE_MAX_ID && (1..=ONE_BYTE_MAX_LEN).contains(&data.len())
        });
        let profile = if one_byte { ONE_BYTE_PROFILE } else { TWO_BYTE_PROFILE };
        to.put(&profile.to_be_bytes())?;
        let length_at = to.len;
        to.put(&[0, 0])?;
        let start = to.len;
        for (id, data) in self.extensions {
            let len = u8::try_from(data.len()).map_err(|_| BuildError::Value)?;
            match (id.0, one_byte) {
                (0, _) => return Err(BuildError::Value),
                (id, true) => to.put(&[id << 4 | (len - 1)])?,
                (id, false) => to.put(&[id, len])?,
            }
            to.put(data)?;
        }
        to.put(&[0; 3][..(to.len - start).next_multiple_of(4) - (to.len - start)])?;
        let words = u16::try_from((to.len - start) / 4).map_err(|_| BuildError::Value)?;
        to.out[length_at..start].copy_from_slice(&words.to_be_bytes());
        Ok(())
    }
}

struct Cursor<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Cursor<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        let end = self.len + bytes.len();
        self.out.get_mut(self.len..end).ok_or(BuildError::Buffer)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}
