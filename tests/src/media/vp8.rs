//! VP8 over RTP (RFC 7741): cutting frames into payloads and putting them together again.

use bytes::Bytes;

/// Whether an encoded frame is a keyframe: the inverse of the frame tag's lowest bit (RFC 6386
/// section 9.1).
pub fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|tag| tag & 1 == 0)
}

/// Width and height that a keyframe says (RFC 6386 section 9.1).
pub fn size(keyframe: &[u8]) -> Option<(u16, u16)> {
    let header = keyframe.get(..10)?;
    if !is_keyframe(header) || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]) & 0x3fff;
    Some((word(6), word(8)))
}

/// The counters of a stream of frames, as the payload descriptor carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Picture id, 15 bits.
    pub picture_id: u16,
    /// Index of the frame in temporal layer 0; `None` leaves it and the layer out.
    pub tl0_picture_index: Option<u8>,
}

impl Counters {
    /// On to the next frame.
    pub fn advance(&mut self) {
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0_picture_index = self.tl0_picture_index.map(|index| index.wrapping_add(1));
    }

    /// Writes the descriptor of a packet (RFC 7741 section 4.2).
    pub fn write(&self, first: bool, out: &mut Vec<u8>) {
        let start = if first { 0x10 } else { 0 };
        let temporal = self.tl0_picture_index.is_some();
        out.push(0x80 | start);
        out.push(0x80 | if temporal { 0x60 } else { 0 });
        out.extend((self.picture_id | 0x8000).to_be_bytes());
        if let Some(index) = self.tl0_picture_index {
            out.extend([index, 0]);
        }
    }
}

/// The parts of one frame, none larger than `limit` and all of about the same size.
pub fn split(frame: &[u8], limit: usize) -> impl ExactSizeIterator<Item = &[u8]> {
    let count = frame.len().div_ceil(limit).max(1);
    frame.chunks(frame.len().div_ceil(count).max(1))
}

/// A payload without its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// First packet of a frame.
    pub first: bool,
    /// Picture id, with its width.
    pub picture_id: Option<(u16, bool)>,
    /// Index of the frame in temporal layer 0.
    pub tl0_picture_index: Option<u8>,
    /// The piece of the frame.
    pub data: &'a [u8],
}

/// Reads a payload. `None`: it is not VP8.
pub fn part(payload: &[u8]) -> Option<Part<'_>> {
    let (&head, mut rest) = payload.split_first()?;
    let mut take = || {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        Some(byte)
    };
    let extended = if head & 0x80 != 0 { take()? } else { 0 };
    let mut picture_id = None;
    if extended & 0x80 != 0 {
        let high = take()?;
        picture_id = Some(if high & 0x80 == 0 {
            (u16::from(high), false)
        } else {
            (u16::from_be_bytes([high & 0x7f, take()?]), true)
        });
    }
    let tl0_picture_index = if extended & 0x40 != 0 { Some(take()?) } else { None };
    if extended & 0x30 != 0 {
        take()?;
    }
    let first = head & 0x10 != 0 && head & 0x07 == 0;
    Some(Part { first, picture_id, tl0_picture_index, data: rest })
}

/// A whole frame, as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Picture id, with its width.
    pub picture_id: Option<(u16, bool)>,
    /// Whether it is a keyframe.
    pub keyframe: bool,
    /// The bytes.
    pub data: Bytes,
}

/// Puts frames together from packets that come in order.
#[derive(Debug, Default)]
pub struct Assembler {
    open: Option<(u32, Option<(u16, bool)>)>,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { open: None, bytes: Vec::new() }
    }

    /// Takes the next packet; gives the frame that it completes.
    pub fn push(&mut self, timestamp: u32, marker: bool, part: &Part<'_>) -> Option<Assembled> {
        if part.first {
            self.bytes.clear();
            self.open = Some((timestamp, part.picture_id));
        }
        if self.open.is_none_or(|(open, _)| open != timestamp) {
            self.abandon();
            return None;
        }
        self.bytes.extend_from_slice(part.data);
        if !marker {
            return None;
        }
        let (timestamp, picture_id) = self.open.take()?;
        let data = Bytes::from(std::mem::take(&mut self.bytes));
        Some(Assembled { timestamp, picture_id, keyframe: is_keyframe(&data), data })
    }

    /// A packet is missing: the frame that it belonged to can never be whole.
    pub fn abandon(&mut self) {
        self.open = None;
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(frame: &[u8], counters: Counters, limit: usize) -> Vec<Vec<u8>> {
        let mut first = true;
        split(frame, limit)
            .map(|part| {
                let mut payload = Vec::new();
                counters.write(std::mem::take(&mut first), &mut payload);
                payload.extend_from_slice(part);
                payload
            })
            .collect()
    }

    #[test]
    fn a_frame_cut_into_packets_is_put_together_again() {
        let frame: Vec<u8> = (0..5_000_u32).map(|i| (i * 7) as u8).collect();
        let counters = Counters { picture_id: 0x7fff, tl0_picture_index: Some(9) };
        let payloads = packets(&frame, counters, 1_100);
        assert_eq!(payloads.len(), 5);
        let mut assembler = Assembler::default();
        let mut whole = None;
        for (i, payload) in payloads.iter().enumerate() {
            let part = part(payload).unwrap();
            assert_eq!(part.tl0_picture_index, Some(9));
            whole = assembler.push(77, i == 4, &part);
            assert_eq!(whole.is_some(), i == 4);
        }
        let whole = whole.unwrap();
        assert_eq!(whole.data, frame);
        assert_eq!(whole.picture_id, Some((0x7fff, true)));
    }

    #[test]
    fn a_frame_with_a_missing_packet_never_comes_out() {
        let payloads = packets(&[2; 3_000], Counters::default(), 1_100);
        let mut assembler = Assembler::default();
        assembler.push(1, false, &part(&payloads[0]).unwrap());
        assembler.abandon();
        assert_eq!(assembler.push(1, true, &part(&payloads[2]).unwrap()), None);
    }

    #[test]
    fn the_picture_id_wraps_at_fifteen_bits_and_the_layer_index_at_eight() {
        let mut counters = Counters { picture_id: 0x7fff, tl0_picture_index: Some(255) };
        counters.advance();
        assert_eq!(counters, Counters { picture_id: 0, tl0_picture_index: Some(0) });
    }

    #[test]
    fn a_payload_that_ends_inside_its_descriptor_is_not_vp8() {
        for short in [&[][..], &[0x80], &[0x80, 0x80], &[0x80, 0x80, 0x80], &[0x80, 0x40]] {
            assert_eq!(part(short), None, "{short:?}");
        }
    }
}
