//! One received packet, reduced to what decisions need.

use super::{
    AudioLevel, DependencyDescriptor, DependencyReader, EXTENSION_BIT, ExtensionMap,
    FIXED_HEADER_LEN, FrameDependency, VideoDescriptor, extension,
};
use crate::{
    id::{Mid, PayloadType, Rid, RtpTime, SeqNo, Ssrc},
    media::{Codec, Extension, Kind},
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
    /// Simulcast layer that a retransmission repairs, where the packet carries it.
    pub repaired_rid: Option<Rid>,
    /// Transport-wide sequence number, where the packet carries it.
    pub transport_seq: Option<SeqNo>,
    /// Loudness, where the packet carries it.
    pub audio_level: Option<AudioLevel>,
    /// Where the dependency descriptor lies, and what it says.
    pub dependency: Option<DependencyDescriptor>,
    /// What a video payload says about itself. [`Self::parse`] leaves it empty: what the payload is
    /// depends on the track, so whoever knows the track fills it in with [`Self::describe`].
    pub video: Option<VideoDescriptor>,
    /// What the frame is to the others of its stream, by the dependency descriptor. [`Self::parse`]
    /// leaves it empty, as [`Self::video`].
    pub frame: Option<FrameDependency>,
}

/// Bytes that are not an RTP packet. Drop them and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ParseError {
    /// Shorter than the header that it announces, or longer than UDP can carry.
    #[error("length does not fit the header")]
    Length,
    /// Not version 2.
    #[error("not RTP version 2")]
    Version,
    /// An extension reaches over the end of its block.
    #[error("malformed header extension")]
    Extension,
    /// The padding is empty or longer than what follows the header.
    #[error("malformed padding")]
    Padding,
}

impl Packet {
    /// Reads the header of a decrypted packet. `extensions` says what the ids mean on the
    /// connection that it came over; ids that it does not know are passed over, and so is known
    /// data that makes no sense.
    ///
    /// # Errors
    /// [`ParseError`]: where the lengths in the header contradict the packet.
    pub fn parse(bytes: &[u8], extensions: &ExtensionMap) -> Result<Self, ParseError> {
        let fixed = bytes.first_chunk::<FIXED_HEADER_LEN>().ok_or(ParseError::Length)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(ParseError::Version);
        }
        if bytes.len() > usize::from(u16::MAX) {
            return Err(ParseError::Length);
        }
        let mut packet = Self {
            ssrc: Ssrc(u32::from_be_bytes([c0, c1, c2, c3])),
            payload_type: PayloadType(kind & 0x7f),
            seq: SeqNo(u16::from_be_bytes([s0, s1])),
            timestamp: RtpTime(u32::from_be_bytes([t0, t1, t2, t3])),
            marker: kind & 0x80 != 0,
            header_len: 0,
            payload_len: 0,
            mid: None,
            rid: None,
            repaired_rid: None,
            transport_seq: None,
            audio_level: None,
            dependency: None,
            video: None,
            frame: None,
        };
        let mut header_len = FIXED_HEADER_LEN + usize::from(flags & 0x0f) * 4;
        if flags & EXTENSION_BIT != 0 {
            let [p0, p1, l0, l1] =
                *bytes.get(header_len..).and_then(<[u8]>::first_chunk).ok_or(ParseError::Length)?;
            let start = header_len + 4;
            header_len = start + usize::from(u16::from_be_bytes([l0, l1])) * 4;
            let block = bytes.get(start..header_len).ok_or(ParseError::Length)?;
            extension::walk(u16::from_be_bytes([p0, p1]), block, |id, at, data| {
                packet.read_extension(extensions.get(id), start + at, data);
            })?;
        }
        let body = bytes.get(header_len..).ok_or(ParseError::Length)?;
        let padding = if flags & 0x20 == 0 { 0 } else { padding_len(body)? };
        packet.header_len = header_len as u16;
        packet.payload_len = (body.len() - padding) as u16;
        Ok(packet)
    }

    /// Reads what a video packet says about its frame, from its own `bytes`. `opaque`: see
    /// [`VideoDescriptor::parse`]. `dependencies` belongs to the layer that the packet is of.
    pub fn describe(
        &mut self,
        bytes: &[u8],
        codec: Codec,
        opaque: bool,
        dependencies: &mut DependencyReader,
    ) {
        if codec.kind() == Kind::Audio {
            return;
        }
        self.video = VideoDescriptor::parse(codec, self.payload(bytes), opaque);
        let data = self.dependency.and_then(|descriptor| {
            let start = usize::from(descriptor.offset);
            bytes.get(start..start + usize::from(descriptor.len))
        });
        self.frame = data.and_then(|data| dependencies.read(data));
    }

    /// The payload of this packet in its own `bytes`; empty if these are other bytes.
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = usize::from(self.header_len);
        bytes.get(start..start + usize::from(self.payload_len)).unwrap_or_default()
    }

    /// Whether this is the first packet of a frame that can be decoded alone. Read from the
    /// payload, or from the dependency descriptor where the payload is opaque.
    pub fn starts_keyframe(&self) -> bool {
        self.video.is_some_and(|video| video.starts_keyframe())
            || self.dependency.is_some_and(|frame| frame.start_of_frame && frame.keyframe)
    }

    fn read_extension(&mut self, meaning: Option<Extension>, offset: usize, data: &[u8]) {
        match meaning {
            Some(Extension::Mid) => self.mid = Mid::from_bytes(data).ok(),
            Some(Extension::Rid) => self.rid = Rid::from_bytes(data).ok(),
            Some(Extension::RepairedRid) => self.repaired_rid = Rid::from_bytes(data).ok(),
            Some(Extension::TransportCc) => {
                self.transport_seq = data.try_into().ok().map(|n| SeqNo(u16::from_be_bytes(n)));
            }
            Some(Extension::AudioLevel) => self.audio_level = AudioLevel::parse(data),
            Some(Extension::DependencyDescriptor) => {
                self.dependency = DependencyDescriptor::parse(offset, data);
            }
            None => {}
        }
    }
}

/// The last byte of a padded packet counts the padding, itself included (RFC 3550 section 5.1).
fn padding_len(body: &[u8]) -> Result<usize, ParseError> {
    match body.last() {
        Some(&len) if len != 0 && usize::from(len) <= body.len() => Ok(usize::from(len)),
        _ => Err(ParseError::Padding),
    }
}
