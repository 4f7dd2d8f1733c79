//! RTP and RTCP as a client reads and writes them (RFC 3550, RFC 4585, RFC 8285).

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sotto_core::time::{NtpTime, Time};

use super::nack::read_nack;

/// Header extension ids that the client chooses. One-byte form.
pub const EXT_AUDIO_LEVEL: u8 = 1;
/// As [`EXT_AUDIO_LEVEL`].
pub const EXT_MID: u8 = 4;
/// As [`EXT_AUDIO_LEVEL`].
pub const EXT_TRANSPORT_CC: u8 = 5;

/// A received packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub seq: u16,
    /// Media time.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// The first contributing source.
    pub csrc: Option<u32>,
    /// Transport-wide sequence number.
    pub transport: Option<u16>,
    /// Where the payload begins and ends.
    pub payload: (usize, usize),
}

impl Header {
    /// Reads a packet. `None`: it is not RTP.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed = packet.get(..12)?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrcs = usize::from(fixed[0] & 0x0f);
        let mut at = 12 + 4 * csrcs;
        let csrc = (csrcs > 0).then(|| word(packet, 12)).flatten();
        if csrcs > 0 && csrc.is_none() {
            return None;
        }
        let mut transport = None;
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(at..at + 4)?;
            let end = at + 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            let element = extension(packet.get(at..end)?, EXT_TRANSPORT_CC);
            transport = element.and_then(|data| Some(u16::from_be_bytes(*data.first_chunk()?)));
            at = end;
        }
        let mut end = packet.len();
        if fixed[0] & 0x20 != 0 {
            end = end.checked_sub(usize::from(*packet.last()?))?;
        }
        (at <= end).then_some(())?;
        Some(Self {
            payload_type: fixed[1] & 0x7f,
            marker: fixed[1] & 0x80 != 0,
            seq: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: word(packet, 4)?,
            ssrc: word(packet, 8)?,
            csrc,
            transport,
            payload: (at, end),
        })
    }
}

/// The data of one element of a header extension block, in either form (RFC 8285).
fn extension(block: &[u8], wanted: u8) -> Option<&[u8]> {
    let one_byte = block.starts_with(&[0xbe, 0xde]);
    let mut rest = block.get(4..)?;
    while let Some((&first, after)) = rest.split_first() {
        if first == 0 {
            rest = after;
            continue;
        }
        let (id, len, after) = if one_byte {
            (first >> 4, usize::from(first & 0x0f) + 1, after)
        } else {
            let (&len, after) = after.split_first()?;
            (first, usize::from(len), after)
        };
        let (data, after) = after.split_at_checked(len)?;
        if id == wanted {
            return Some(data);
        }
        rest = after;
    }
    None
}

/// What goes into the header of a packet that we send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub seq: u16,
    /// Media time.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// Tag of the m-line.
    pub mid: &'a str,
    /// Audio level in -dBov.
    pub level: Option<u8>,
}

impl Outgoing<'_> {
    /// Writes the header into an empty buffer.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(0x90);
        out.push(self.payload_type | if self.marker { 0x80 } else { 0 });
        out.extend(self.seq.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        out.extend([0xbe, 0xde, 0, 0]);
        let start = out.len();
        out.push(EXT_MID << 4 | (self.mid.len() as u8 - 1));
        out.extend(self.mid.as_bytes());
        if let Some(level) = self.level {
            // The voice flag is the level's high bit (RFC 6464 section 3).
            let voice = if level < 127 { 0x80 } else { 0 };
            out.extend([EXT_AUDIO_LEVEL << 4, voice | level]);
        }
        out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        out[start - 1] = ((out.len() - start) / 4) as u8;
    }
}

/// One message of a compound that the client acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// Sender report of a slot.
    SenderReport {
        /// The slot.
        ssrc: u32,
        /// Wall clock.
        ntp: NtpTime,
        /// Media clock at that instant.
        rtp: u32,
    },
    /// The node wants a keyframe of this source.
    KeyframeRequest {
        /// The source.
        ssrc: u32,
    },
    /// These packets of a source did not come.
    Nack {
        /// The source.
        ssrc: u32,
        /// Their numbers.
        missing: Vec<u16>,
    },
    /// The node received this source.
    Reception {
        /// The source.
        ssrc: u32,
        /// Share of packets lost, in 1/256.
        fraction_lost: u8,
    },
}

/// Reads a compound packet; stops at the first message that is not well formed.
pub fn feedback(mut compound: &[u8]) -> Vec<Feedback> {
    let mut out = Vec::new();
    while let Some(head) = compound.get(..4) {
        let len = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some((message, rest)) = compound.split_at_checked(len) else { break };
        let count = head[0] & 0x1f;
        match head[1] {
            200 => {
                sender_report(message, &mut out);
                reception(message, 28, count, &mut out);
            }
            201 => reception(message, 8, count, &mut out),
            205 if count == 1 => {
                let read = read_nack(message);
                out.extend(read.map(|(ssrc, missing)| Feedback::Nack { ssrc, missing }));
            }
            206 if count == 1 => {
                out.extend(word(message, 8).map(|ssrc| Feedback::KeyframeRequest { ssrc }));
            }
            206 if count == 4 => {
                out.extend(word(message, 12).map(|ssrc| Feedback::KeyframeRequest { ssrc }));
            }
            _ => {}
        }
        compound = rest;
    }
    out
}

fn sender_report(message: &[u8], out: &mut Vec<Feedback>) {
    let fields = (word(message, 4), word(message, 8), word(message, 12), word(message, 16));
    if let (Some(ssrc), Some(high), Some(low), Some(rtp)) = fields {
        let ntp = NtpTime(u64::from(high) << 32 | u64::from(low));
        out.push(Feedback::SenderReport { ssrc, ntp, rtp });
    }
}

fn reception(message: &[u8], start: usize, count: u8, out: &mut Vec<Feedback>) {
    for at in (start..).step_by(24).take(usize::from(count)) {
        if let (Some(ssrc), Some(loss)) = (word(message, at), message.get(at + 4)) {
            out.push(Feedback::Reception { ssrc, fraction_lost: *loss });
        }
    }
}

/// A sender report with the description that must follow it (RFC 3550 section 6.1).
pub fn write_sender_report(
    ssrc: u32,
    now: NtpTime,
    rtp: u32,
    packets: u32,
    octets: u32,
) -> Vec<u8> {
    let mut out = vec![0x80, 200, 0, 6];
    out.extend(ssrc.to_be_bytes());
    out.extend(now.0.to_be_bytes());
    for field in [rtp, packets, octets] {
        out.extend(field.to_be_bytes());
    }
    describe(ssrc, &mut out);
    out
}

/// What a receiver says about one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Packets lost so far.
    pub lost: u32,
    /// Highest sequence number with its cycles.
    pub highest: u32,
    /// Middle of the last sender report's NTP time, and how long ago it came.
    pub last_report: Option<(u32, Duration)>,
}

/// A receiver report of up to 31 blocks.
pub fn write_receiver_report(ssrc: u32, blocks: &[Block]) -> Vec<u8> {
    let blocks = &blocks[..blocks.len().min(31)];
    let mut out = vec![0x80 | blocks.len() as u8, 201, 0, (1 + 6 * blocks.len()) as u8];
    out.extend(ssrc.to_be_bytes());
    for block in blocks {
        out.extend(block.ssrc.to_be_bytes());
        out.extend(block.lost.min(0x7f_ffff).to_be_bytes());
        out.extend(block.highest.to_be_bytes());
        out.extend([0; 4]);
        let (middle, ago) = block.last_report.unwrap_or_default();
        out.extend(middle.to_be_bytes());
        out.extend(((ago.as_secs_f64() * 65_536.0) as u32).to_be_bytes());
    }
    describe(ssrc, &mut out);
    out
}

/// A picture loss indication, behind the empty report that must lead (RFC 4585 section 3.1).
pub fn write_picture_loss(ssrc: u32, media: u32) -> Vec<u8> {
    let mut out = vec![0x80, 201, 0, 1];
    out.extend(ssrc.to_be_bytes());
    out.extend([0x81, 206, 0, 2]);
    out.extend(ssrc.to_be_bytes());
    out.extend(media.to_be_bytes());
    out
}

/// Source description with a canonical name.
fn describe(ssrc: u32, out: &mut Vec<u8>) {
    out.extend([0x81, 202, 0, 4]);
    out.extend(ssrc.to_be_bytes());
    // CNAME, 8 bytes, then the end mark and padding: 12 bytes in all.
    out.extend(*b"\x01\x08native!!\0\0");
}

/// The wall clock of this process, anchored once so that audio and video share it exactly.
pub fn ntp(now: Instant) -> NtpTime {
    static ANCHOR: OnceLock<(Instant, Time)> = OnceLock::new();
    let (instant, time) = ANCHOR.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        (Instant::now(), Time::from_micros(micros))
    });
    let later = *time + now.saturating_duration_since(*instant);
    (later - instant.saturating_duration_since(now)).to_ntp()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_was_written_is_read_back() {
        let outgoing = Outgoing {
            payload_type: 111,
            marker: true,
            seq: 65_535,
            timestamp: 0xdead_beef,
            ssrc: 7,
            mid: "0",
            level: Some(30),
        };
        let mut packet = Vec::new();
        outgoing.write(&mut packet);
        packet.extend([1, 2, 3]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.payload_type, header.marker, header.seq), (111, true, 65_535));
        assert_eq!((header.timestamp, header.ssrc, header.csrc), (0xdead_beef, 7, None));
        assert_eq!(packet[header.payload.0..header.payload.1], [1, 2, 3]);
    }

    #[test]
    fn short_packets_are_no_packets() {
        let mut packet = vec![0x9f; 12];
        for _ in 0..80 {
            if let Some(header) = Header::parse(&packet) {
                assert!(header.payload.1 <= packet.len());
            }
            packet.push(0xff);
        }
        assert_eq!(Header::parse(&[0x80; 11]), None);
    }

    #[test]
    fn a_compound_gives_its_messages() {
        let mut compound = write_sender_report(5, NtpTime(0x0102_0304_0506_0708), 9, 1, 2);
        compound.extend(write_picture_loss(5, 6));
        let blocks = [Block { ssrc: 8, ..Block::default() }];
        compound.extend(write_receiver_report(5, &blocks));
        let expected = [
            Feedback::SenderReport { ssrc: 5, ntp: NtpTime(0x0102_0304_0506_0708), rtp: 9 },
            Feedback::KeyframeRequest { ssrc: 6 },
            Feedback::Reception { ssrc: 8, fraction_lost: 0 },
        ];
        assert_eq!(feedback(&compound), expected);
        assert_eq!(feedback(&compound[..20]), []);
    }
}
