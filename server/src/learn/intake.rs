//! RTP packets of one stream, taken apart and put in order.
//!
//! ```text
//!  packet ─► header ─┬─ RTX (RFC 4588): the packet that it repeats ─┐
//!                    ├─ RED (RFC 2198): a packet and those before ──┼─► Reorder ─► payloads, losses
//!                    └─ the codec itself ───────────────────────────┘
//! ```

use sotto_core::{
    forward::{unpack_red, unwrap_retransmission},
    id::{RtpTime, Ssrc},
    media::{Kind, PayloadFormat},
    rtp::{ExtensionMap, Packet},
};

use super::reorder::{Ordered, Reorder};

/// Packets for which a missing one is waited. Of sound, 200 ms; a lost one is no harm.
const SOUND_WINDOW: usize = 10;
/// Of video, half a second at 500 kbit/s: a retransmission takes a round trip or two.
const VIDEO_WINDOW: usize = 64;

/// Takes packets of one stream.
#[derive(Debug)]
pub struct Intake {
    format: PayloadFormat,
    ssrc: Option<Ssrc>,
    reorder: Reorder<Payload>,
}

/// What one packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Media time.
    pub timestamp: RtpTime,
    /// Marker bit: the last packet of a frame.
    pub marker: bool,
    /// Descriptor and media of the codec, never empty.
    pub bytes: Vec<u8>,
}

impl Intake {
    /// Nothing yet.
    pub const fn new(format: PayloadFormat) -> Self {
        let window = match format.codec.kind() {
            Kind::Audio => SOUND_WINDOW,
            Kind::Video => VIDEO_WINDOW,
        };
        Self { format, ssrc: None, reorder: Reorder::new(window) }
    }

    /// Takes a whole packet. What is not RTP, or of another payload type, is passed over, as are empty
    /// payloads: probes for the rate of a line.
    pub fn push(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes, &ExtensionMap::default()) else { return };
        let payload_type = Some(packet.payload_type);
        if payload_type == self.format.rtx {
            let repeated = self.ssrc.and_then(|ssrc| {
                let payload = packet.payload(bytes);
                unwrap_retransmission(&packet, payload, ssrc, self.format.payload_type)
            });
            if let Some(repeated) = repeated {
                self.hold(&repeated, bytes);
            }
            return;
        }
        let is_redundant = payload_type == self.format.red;
        if !is_redundant && packet.payload_type != self.format.payload_type {
            return;
        }
        if self.ssrc.replace(packet.ssrc).is_some_and(|ssrc| ssrc != packet.ssrc) {
            self.reorder.restart();
        }
        if !is_redundant {
            return self.hold(&packet, bytes);
        }
        let Ok(unpacked) = unpack_red(&packet, packet.payload(bytes)) else { return };
        for packet in unpacked.older.iter().rev().flatten().chain([&unpacked.primary]) {
            if packet.payload_type == self.format.payload_type {
                self.hold(packet, bytes);
            }
        }
    }

    /// The next payload in order, or that some are lost.
    pub fn pop(&mut self) -> Option<Ordered<Payload>> {
        // Empty ones keep their numbers.
        std::iter::from_fn(|| self.reorder.pop())
            .find(|next| !matches!(next, Ordered::Packet(payload) if payload.bytes.is_empty()))
    }

    fn hold(&mut self, packet: &Packet, bytes: &[u8]) {
        let payload = Payload {
            timestamp: packet.timestamp,
            marker: packet.marker,
            bytes: packet.payload(bytes).to_vec(),
        };
        self.reorder.push(packet.seq, payload);
    }
}

#[cfg(test)]
mod tests {
    use sotto_core::{id::PayloadType, media::Codec};

    use super::*;

    fn intake() -> Intake {
        Intake::new(PayloadFormat {
            payload_type: PayloadType(111),
            codec: Codec::Opus,
            rtx: Some(PayloadType(112)),
            red: Some(PayloadType(63)),
            nack: false,
            transport_cc: false,
        })
    }

    fn rtp(payload_type: u8, seq: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type];
        packet.extend(seq.to_be_bytes());
        packet.extend((u32::from(seq) * 960).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend_from_slice(payload);
        packet
    }

    /// What comes out of these packets: payloads, and "" where some are lost.
    fn check(packets: &[Vec<u8>], expected: &[&str]) {
        let mut intake = intake();
        let mut out = Vec::new();
        for packet in packets {
            intake.push(packet);
            out.extend(std::iter::from_fn(|| intake.pop()).map(|next| match next {
                Ordered::Packet(payload) => String::from_utf8(payload.bytes).unwrap(),
                Ordered::Lost => String::new(),
            }));
        }
        assert_eq!(out, expected);
    }

    #[test]
    fn redundant_and_repeated_packets_fill_gaps() {
        let red = |seq, older: &str, primary: &str| {
            let field = 960_u32 << 10 | older.len() as u32;
            let [_, a, b, c] = field.to_be_bytes();
            let head = [0x80 | 111, a, b, c, 111];
            rtp(63, seq, 1, &[&head[..], older.as_bytes(), primary.as_bytes()].concat())
        };
        check(&[rtp(111, 1, 1, b"one"), red(3, "two", "three")], &["one", "two", "three"]);
        let repeated = rtp(112, 900, 2, &[&[0, 2][..], b"two"].concat());
        check(
            &[rtp(111, 1, 1, b"one"), rtp(111, 3, 1, b"three"), repeated],
            &["one", "two", "three"],
        );
    }

    #[test]
    fn another_source_is_another_stream_and_other_payload_types_are_none() {
        check(
            &[rtp(111, 1, 1, b"one"), rtp(96, 2, 1, b"video"), rtp(111, 7, 9, b"other")],
            &["one", "", "other"],
        );
    }

    #[test]
    fn empty_payloads_are_no_loss_and_no_media() {
        check(
            &[rtp(111, 1, 1, b"one"), rtp(111, 2, 1, b""), rtp(111, 3, 1, b"three")],
            &["one", "three"],
        );
    }

    #[test]
    fn garbage_is_passed_over() {
        let broken_red = rtp(63, 2, 1, &[0x80 | 111, 0xff]);
        let short = rtp(111, 2, 1, b"two")[..11].to_vec();
        let empty_repeat = rtp(112, 2, 1, b"");
        check(&[rtp(111, 1, 1, b"one"), broken_red, short, empty_repeat, Vec::new()], &["one"]);
    }
}
