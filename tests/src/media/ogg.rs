//! Ogg (RFC 3533), as far as one Opus stream (RFC 7845) needs it.

use super::{Clip, ClipError, Frame};

const PAGE_HEADER: usize = 27;
const CLOCK_RATE: u32 = 48_000;

/// Reads a whole file with one Opus stream.
///
/// # Errors
/// [`ClipError::Ogg`], and what is wrong.
pub fn read(bytes: &[u8]) -> Result<Clip, ClipError> {
    let mut packets = Packets::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = packets.page(rest)?;
    }
    let mut packets = packets.whole.into_iter();
    let head = packets.next().ok_or(ClipError::Ogg("empty"))?;
    if !head.starts_with(b"OpusHead") {
        return Err(ClipError::Ogg("does not begin with an Opus header"));
    }
    if !packets.next().is_some_and(|tags| tags.starts_with(b"OpusTags")) {
        return Err(ClipError::Ogg("no comment header"));
    }
    let mut at = 0;
    let mut frames = Vec::new();
    for packet in packets {
        let length = duration(&packet).ok_or(ClipError::Ogg("packet without a length"))?;
        frames.push(Frame { at, keyframe: true, data: packet.into() });
        at += length;
    }
    if frames.is_empty() {
        return Err(ClipError::Ogg("no packets"));
    }
    Ok(Clip { clock_rate: CLOCK_RATE, frames: frames.into(), duration: at })
}

/// Length of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716 section 3.1).
pub fn duration(packet: &[u8]) -> Option<u64> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame: u64 = match config {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
        12..=15 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3f),
    };
    (count > 0).then_some(frame * count)
}

/// Packets put together from the segments of pages.
#[derive(Default)]
struct Packets {
    whole: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Packets {
    /// Takes one page off the front and gives what follows it.
    fn page<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ClipError> {
        const SHORT: ClipError = ClipError::Ogg("ends inside a page");
        let (header, rest) = bytes.split_at_checked(PAGE_HEADER).ok_or(SHORT)?;
        if !header.starts_with(b"OggS") {
            return Err(ClipError::Ogg("no page where one should begin"));
        }
        let (table, mut body) = rest.split_at_checked(usize::from(header[26])).ok_or(SHORT)?;
        for &lace in table {
            let (segment, rest) = body.split_at_checked(usize::from(lace)).ok_or(SHORT)?;
            self.open.extend_from_slice(segment);
            if lace < 255 {
                self.whole.push(std::mem::take(&mut self.open));
            }
            body = rest;
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of one page.
    fn page(packets: &[&[u8]]) -> Vec<u8> {
        let mut table = Vec::new();
        let mut body = Vec::new();
        for packet in packets {
            let mut left = packet.len();
            while left >= 255 {
                table.push(255);
                left -= 255;
            }
            table.push(left as u8);
            body.extend_from_slice(packet);
        }
        let mut page = b"OggS".to_vec();
        page.resize(PAGE_HEADER - 1, 0);
        page.push(table.len() as u8);
        page.extend(table);
        page.extend(body);
        page
    }

    #[test]
    fn packets_longer_than_a_segment_come_back_whole() {
        let long = [&[0xf8][..], &[7; 600]].concat();
        let file = [page(&[b"OpusHead"]), page(&[b"OpusTags"]), page(&[&[0xf8, 1], &long])];
        let clip = read(&file.concat()).unwrap();
        let seen: Vec<_> = clip.frames.iter().map(|frame| (frame.at, frame.data.len())).collect();
        assert_eq!(seen, [(0, 2), (960, 601)]);
        assert_eq!(clip.duration, 1_920);
    }

    #[test]
    fn packet_lengths_follow_the_table_of_the_standard() {
        assert_eq!(duration(&[0xf8]), Some(960), "CELT full band, 20 ms");
        assert_eq!(duration(&[0x08]), Some(960), "SILK narrow band, 20 ms");
        assert_eq!(duration(&[0x18]), Some(2_880), "SILK narrow band, 60 ms");
        assert_eq!(duration(&[0xfb, 3]), Some(2_880), "three frames of 20 ms");
        assert_eq!(duration(&[]), None);
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [&b"RIFF"[..], &[0; 40], b"OggS"] {
            assert!(read(garbage).is_err());
        }
    }
}
