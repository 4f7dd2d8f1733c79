//! The header that a subscriber sees. [`Rewrite::write`] runs once per packet and subscriber: it is
//! the innermost loop of the node.

use crate::{
    id::{ExtensionId, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    rtp::{
        BitReader, BitWriter, DEPENDENCY_MANDATORY_LEN, EXTENSION_BIT, FIXED_HEADER_LEN,
        ONE_BYTE_MAX_ID, ONE_BYTE_MAX_LEN, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, VERSION_BITS,
        patch_vp8, patch_vp9,
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
    /// For a retransmission on a source of its own: the sequence number of the packet that it
    /// repeats, written in front of the payload (RFC 4588 section 4).
    pub original: Option<SeqNo>,
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
    /// VP9: as VP8 (RFC 9628 section 4.2).
    Vp9 {
        /// Picture id on the slot, 0 to 32767; a 7-bit field takes its low bits.
        picture_id: u16,
        /// Index of the picture in temporal layer 0, on the slot.
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
    /// The active decode targets, where others are told than by the source.
    pub active: Option<ActiveTargets>,
}

/// Active decode targets to write into a dependency descriptor (AV1 RTP specification, section
/// A.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveTargets {
    /// The active ones, the first target in the lowest bit.
    pub mask: u16,
    /// How many targets the stream has, at most 16.
    pub count: u8,
    /// Where they lie in the data of the source, or would lie, in bits.
    pub at: u16,
    /// Whether they are there.
    pub replaces: bool,
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

/// The original sequence number in front of a retransmitted payload (RFC 4588 section 4).
const ORIGINAL_LEN: usize = 2;

/// A transport-wide sequence number.
const TRANSPORT_LEN: usize = 2;

/// Longest header that [`Rewrite::write`] makes, in bytes: fixed part, CSRC, a transport-wide
/// sequence number and a dependency descriptor of 255 bytes in the two-byte form, and an original
/// sequence number. `header + payload_len` is what a buffer needs.
pub const MAX_HEADER_LEN: usize =
    BASE_LEN + 4 + (2 + TRANSPORT_LEN + 2 + 255usize).next_multiple_of(4) + ORIGINAL_LEN;

/// Where the transport-wide sequence number of a packet goes: its id on the subscriber's connection,
/// and the number.
pub type TransportNumber = (ExtensionId, SeqNo);

impl Rewrite {
    /// Writes the packet that the subscriber gets to the front of `out` and gives its length.
    /// `source` is the whole packet as it was received and decrypted; `transport` is the number that
    /// the connection gives it, where transport-wide feedback was negotiated.
    ///
    /// # Errors
    /// [`RewriteError`]; then the contents of `out` are unspecified.
    #[inline]
    pub fn write(
        &self,
        source: &[u8],
        out: &mut [u8],
        transport: Option<TransportNumber>,
    ) -> Result<usize, RewriteError> {
        let start = usize::from(self.header_len);
        let payload =
            source.get(start..start + usize::from(self.payload_len)).ok_or(RewriteError::Source)?;
        let mut at = BASE_LEN;
        match (self.dependency, transport) {
            (None, None) => self.write_base(0, out)?,
            (dependency, transport) => {
                self.write_base(EXTENSION_BIT, out)?;
                at += write_extensions(dependency, transport, source, &mut out[BASE_LEN..])?;
            }
        }
        if let Some(original) = self.original {
            let to = out.get_mut(at..at + ORIGINAL_LEN).ok_or(RewriteError::Buffer)?;
            to.copy_from_slice(&original.0.to_be_bytes());
            at += ORIGINAL_LEN;
        }
        let end = at + payload.len();
        let to = out.get_mut(at..end).ok_or(RewriteError::Buffer)?;
        to.copy_from_slice(payload);
        match self.payload {
            PayloadRewrite::Unchanged => Some(()),
            PayloadRewrite::Vp8 { picture_id, tl0_picture_index } => {
                patch_vp8(to, picture_id, tl0_picture_index)
            }
            PayloadRewrite::Vp9 { picture_id, tl0_picture_index } => {
                patch_vp9(to, picture_id, tl0_picture_index)
            }
        }
        .ok_or(RewriteError::Source)?;
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

/// Writes an extension block with what there is and gives its length. The two-byte form is taken
/// only where an id or a length needs it (RFC 8285 section 4.1.2).
#[inline]
fn write_extensions(
    dependency: Option<DependencyRewrite>,
    transport: Option<TransportNumber>,
    source: &[u8],
    out: &mut [u8],
) -> Result<usize, RewriteError> {
    let one_byte = transport.is_none_or(|(id, _)| id.0 <= ONE_BYTE_MAX_ID)
        && dependency.is_none_or(|dependency| dependency.fits_one_byte());
    let element = if one_byte { 1 } else { 2 };
    let len = transport.map_or(0, |_| element + TRANSPORT_LEN)
        + dependency.map_or(0, |dependency| element + dependency.written_len());
    let words = len.div_ceil(4);
    let block = out.get_mut(..4 + words * 4).ok_or(RewriteError::Buffer)?;
    let profile = if one_byte { ONE_BYTE_PROFILE } else { TWO_BYTE_PROFILE };
    block[..2].copy_from_slice(&profile.to_be_bytes());
    block[2..4].copy_from_slice(&(words as u16).to_be_bytes());
    let mut at = 4;
    if let Some((id, number)) = transport {
        at += write_element_head(one_byte, id, TRANSPORT_LEN, &mut block[at..]);
        block[at..at + TRANSPORT_LEN].copy_from_slice(&number.0.to_be_bytes());
        at += TRANSPORT_LEN;
    }
    if let Some(dependency) = dependency {
        let len = dependency.written_len();
        at += write_element_head(one_byte, dependency.id, len, &mut block[at..]);
        dependency.write(source, &mut block[at..at + len])?;
        at += len;
    }
    block[at..].fill(0);
    Ok(block.len())
}

#[inline]
fn write_element_head(one_byte: bool, id: ExtensionId, len: usize, out: &mut [u8]) -> usize {
    if one_byte {
        out[0] = id.0 << 4 | (len - 1) as u8;
        1
    } else {
        out[0] = id.0;
        out[1] = len as u8;
        2
    }
}

impl DependencyRewrite {
    /// Bytes of data that are written.
    fn written_len(&self) -> usize {
        let len = usize::from(self.len);
        match &self.active {
            None => len,
            Some(active) if active.replaces => len,
            Some(active) if len <= DEPENDENCY_MANDATORY_LEN => {
                (8 * DEPENDENCY_MANDATORY_LEN + EXTENDED_FLAGS + usize::from(active.count))
                    .div_ceil(8)
            }
            Some(active) => (8 * len + usize::from(active.count)).div_ceil(8),
        }
    }

    fn fits_one_byte(&self) -> bool {
        self.id.0 <= ONE_BYTE_MAX_ID && self.written_len() <= ONE_BYTE_MAX_LEN
    }

    /// Writes the descriptor, of which `out` has the length.
    #[inline]
    fn write(&self, source: &[u8], out: &mut [u8]) -> Result<(), RewriteError> {
        let start = usize::from(self.offset);
        let data = source.get(start..start + usize::from(self.len)).ok_or(RewriteError::Source)?;
        if data.len() < DEPENDENCY_MANDATORY_LEN {
            return Err(RewriteError::Source);
        }
        match &self.active {
            None => out.copy_from_slice(data),
            Some(active) => active.write(data, out).ok_or(RewriteError::Source)?,
        }
        out[1..3].copy_from_slice(&self.frame_number.to_be_bytes());
        Ok(())
    }
}

/// Flags that open the extended fields of a descriptor: structure, active targets, own indications,
/// own references, own chains.
const EXTENDED_FLAGS: usize = 5;

impl ActiveTargets {
    /// Writes the descriptor `data` with these targets to `out`; `None` if it is not the descriptor
    /// that they were made for.
    #[cold]
    fn write(&self, data: &[u8], out: &mut [u8]) -> Option<()> {
        const MANDATORY: usize = 8 * DEPENDENCY_MANDATORY_LEN;
        let (mut from, mut to) = (BitReader::new(data), BitWriter::new(out));
        let copy = |from: &mut BitReader<'_>, to: &mut BitWriter<'_>, bits: usize| {
            (0..bits).try_for_each(|_| to.flag(from.flag()?).ok())
        };
        copy(&mut from, &mut to, MANDATORY)?;
        if data.len() > DEPENDENCY_MANDATORY_LEN {
            copy(&mut from, &mut to, 1)?;
            from.flag()?;
            to.flag(true).ok()?;
            let rest = usize::from(self.at).checked_sub(MANDATORY + 2)?;
            copy(&mut from, &mut to, rest)?;
        } else {
            to.bits(0b01000, EXTENDED_FLAGS as u32).ok()?;
        }
        to.bits(u32::from(self.mask), u32::from(self.count)).ok()?;
        if self.replaces {
            from.bits(u32::from(self.count))?;
        }
        let rest = (8 * data.len()).checked_sub(from.position())?;
        copy(&mut from, &mut to, rest)?;
        to.finish().ok().map(drop)
    }
}
