//! Media that no encoder made: every packet says who sent it, in which frame, and when.
//!
//! A receiver can thus tell a packet of the wrong person whatever its header says, and measure the
//! delay from sender to receiver. Video looks like VP8 as far as a forwarding node can see. Audio
//! is decodable Opus: silence, with the note in the packet's padding (RFC 6716 section 3.2.5).

use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: [u8; 4] = *b"SyN7";
const NOTE: usize = 20;

/// What a synthetic packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The sender's short id in the room.
    pub sender: u32,
    /// Number of the frame in its stream.
    pub frame: u32,
    /// When it was sent: microseconds since the Unix epoch.
    pub sent_us: u64,
}

impl Note {
    /// A note with the time of now.
    pub fn now(sender: u32, frame: u32) -> Self {
        Self { sender, frame, sent_us: wall_micros() }
    }

    /// The note in these bytes, wherever it begins.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let at = bytes.windows(MAGIC.len()).position(|window| window == MAGIC)?;
        let note = bytes.get(at..at + NOTE)?;
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| note[at + i]));
        let sent_us = u64::from(word(12)) << 32 | u64::from(word(16));
        Some(Self { sender: word(4), frame: word(8), sent_us })
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        out.extend(self.sender.to_be_bytes());
        out.extend(self.frame.to_be_bytes());
        out.extend(self.sent_us.to_be_bytes());
    }
}

/// Writes the piece `index` of a frame that looks like VP8, `len` bytes long or what header and
/// note need.
pub fn video_part(note: Note, keyframe: bool, index: usize, len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    if index == 0 {
        // Frame tag: show_frame, first partition of unknown size (RFC 6386 section 9.1).
        out.extend([0x10 | u8::from(!keyframe), 0, 0]);
        if keyframe {
            out.extend([0x9d, 0x01, 0x2a, 160, 0, 90, 0]);
        }
    }
    note.write(out);
    // Filler that cannot hold the magic by chance: all bytes have the high bit.
    let mut state = note.frame ^ (index as u32) << 16 ^ 0x9e37_79b9;
    while out.len() < end {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.push((state >> 24) as u8 | 0x80);
    }
}

/// Writes an Opus packet of 20 ms of silence with the note in its padding.
pub fn audio_packet(note: Note, out: &mut Vec<u8>) {
    // CELT, full band, 20 ms, mono, code 3; one frame, constant rate, padding follows.
    out.extend([0xfb, 0x41, NOTE as u8]);
    out.extend([0xff, 0xfe]);
    note.write(out);
}

/// The wall clock in microseconds: comparable between processes of one machine.
pub fn wall_micros() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{ogg, vp8};

    const SAID: Note = Note { sender: 7, frame: 0xffff_fffe, sent_us: 1_795_244_400_123_456 };

    #[test]
    fn a_note_is_found_in_every_part_of_a_frame() {
        for (index, keyframe) in [(0, true), (0, false), (1, true), (200, false)] {
            let mut part = Vec::new();
            video_part(SAID, keyframe, index, 900, &mut part);
            assert_eq!((Note::find(&part), part.len()), (Some(SAID), 900));
            assert!(index > 0 || vp8::is_keyframe(&part) == keyframe);
        }
        assert_eq!(Note::find(&[0x80; 900]), None);
    }

    #[test]
    fn a_synthetic_keyframe_has_a_size() {
        let mut part = Vec::new();
        video_part(SAID, true, 0, 100, &mut part);
        assert_eq!(vp8::size(&part), Some((160, 90)));
    }

    #[test]
    fn synthetic_audio_is_opus_that_decodes_to_twenty_milliseconds_of_silence() {
        let mut packet = Vec::new();
        audio_packet(SAID, &mut packet);
        assert_eq!((Note::find(&packet), ogg::duration(&packet)), (Some(SAID), Some(960)));
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
        let mut samples = [0.0; 5_760];
        let count = decoder.decode_float(&packet, &mut samples, false).unwrap();
        assert_eq!(count, 960);
        assert!(samples[..count].iter().all(|sample| sample.abs() < 1e-3));
    }
}
