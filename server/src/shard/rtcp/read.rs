//! From the bytes of a compound packet to messages.

use sotto_core::{
    id::{RtpTime, SeqNo, Ssrc},
    time::NtpTime,
};

use super::{
    BYE, FULL_INTRA, GENERIC_NACK, PAYLOAD_FEEDBACK, PICTURE_LOSS, RECEIVER_REPORT, ReportBlock,
    SENDER_REPORT, TRANSPORT_FEEDBACK, TRANSPORT_WIDE,
};

/// What a peer says by RTCP, as far as a forwarding node acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A publisher's clocks (RFC 3550 section 6.4.1).
    SenderReport {
        /// Its source.
        ssrc: Ssrc,
        /// Its wall clock.
        ntp: NtpTime,
        /// Its media clock at the same instant.
        rtp: RtpTime,
    },
    /// How a source of ours arrives.
    Report(ReportBlock),
    /// Picture loss indication, or an entry of a full intra request.
    KeyframeRequest {
        /// The source of ours that it is about.
        ssrc: Ssrc,
    },
    /// Packets that did not arrive: one entry of a generic NACK (RFC 4585 section 6.2.1).
    Nack {
        /// The source of ours.
        ssrc: Ssrc,
        /// The first one that is missing.
        first: SeqNo,
        /// Which of the sixteen after it are missing too, the next one in the lowest bit.
        following: u16,
    },
    /// Transport-wide feedback: the whole RTCP packet, its contents not read yet.
    TransportWide(&'a [u8]),
    /// A source ended (RFC 3550 section 6.6).
    Bye {
        /// The source.
        ssrc: Ssrc,
    },
}

/// The rest of a compound packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed RTCP")]
pub struct Malformed;

/// The messages of a compound packet, in its order. What we do not act on (source descriptions,
/// bandwidth estimates of receivers, extended reports, …) is passed over. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    /// What is left of the packet that we are in.
    inside: Inside<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Inside<'a> {
    Nothing,
    Blocks { count: u8, rest: &'a [u8] },
    FullIntra { rest: &'a [u8] },
    Nack { ssrc: Ssrc, rest: &'a [u8] },
    Bye { count: u8, rest: &'a [u8] },
}

/// Version, count, type and length of one packet.
const HEADER: usize = 4;
/// NTP time, RTP time, packets and bytes.
const SENDER_INFO: usize = 20;
const BLOCK: usize = 24;

impl<'a> Messages<'a> {
    /// Reads `compound`, which was decrypted.
    pub fn of(compound: &'a [u8]) -> Self {
        Self { rest: compound, inside: Inside::Nothing }
    }

    /// The next message of the packet that we are in.
    fn inner(&mut self) -> Option<Message<'a>> {
        match &mut self.inside {
            Inside::Nothing => None,
            Inside::Blocks { count, rest } => {
                *count = count.checked_sub(1)?;
                let (block, behind) = rest.split_first_chunk::<BLOCK>()?;
                *rest = behind;
                Some(Message::Report(read_block(block)))
            }
            Inside::FullIntra { rest } => {
                let (entry, behind) = rest.split_first_chunk::<8>()?;
                *rest = behind;
                Some(Message::KeyframeRequest { ssrc: Ssrc(word(entry, 0)) })
            }
            Inside::Nack { ssrc, rest } => {
                let (entry, behind) = rest.split_first_chunk::<4>()?;
                *rest = behind;
                let [p0, p1, b0, b1] = *entry;
                Some(Message::Nack {
                    ssrc: *ssrc,
                    first: SeqNo(u16::from_be_bytes([p0, p1])),
                    following: u16::from_be_bytes([b0, b1]),
                })
            }
            Inside::Bye { count, rest } => {
                *count = count.checked_sub(1)?;
                let (ssrc, behind) = rest.split_first_chunk::<4>()?;
                *rest = behind;
                Some(Message::Bye { ssrc: Ssrc(u32::from_be_bytes(*ssrc)) })
            }
        }
    }

    /// Enters the next packet; it may be a message by itself.
    fn enter(&mut self) -> Result<Option<Message<'a>>, Malformed> {
        let [first, kind, len @ ..] = *self.rest.first_chunk::<HEADER>().ok_or(Malformed)?;
        let len = (usize::from(u16::from_be_bytes(len)) + 1) * 4;
        if first >> 6 != 2 || len > self.rest.len() {
            return Err(Malformed);
        }
        let (packet, rest) = self.rest.split_at(len);
        self.rest = rest;
        let mut body = &packet[HEADER..];
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last().ok_or(Malformed)?);
            if padding == 0 || padding > body.len() {
                return Err(Malformed);
            }
            body = &body[..body.len() - padding];
        }
        // Report count, source count or feedback format.
        let count = first & 0x1f;
        self.inside = Inside::Nothing;
        match (kind, count) {
            (SENDER_REPORT, count) => {
                let blocks = body.get(4 + SENDER_INFO..).ok_or(Malformed)?;
                if blocks.len() < usize::from(count) * BLOCK {
                    return Err(Malformed);
                }
                self.inside = Inside::Blocks { count, rest: blocks };
                let ntp = u64::from(word(body, 4)) << 32 | u64::from(word(body, 8));
                Ok(Some(Message::SenderReport {
                    ssrc: Ssrc(word(body, 0)),
                    ntp: NtpTime(ntp),
                    rtp: RtpTime(word(body, 12)),
                }))
            }
            (RECEIVER_REPORT, count) => {
                let blocks = body.get(4..).ok_or(Malformed)?;
                if blocks.len() < usize::from(count) * BLOCK {
                    return Err(Malformed);
                }
                self.inside = Inside::Blocks { count, rest: blocks };
                Ok(None)
            }
            (BYE, count) => {
                if body.len() < usize::from(count) * 4 {
                    return Err(Malformed);
                }
                self.inside = Inside::Bye { count, rest: body };
                Ok(None)
            }
            (TRANSPORT_FEEDBACK, GENERIC_NACK) => {
                let rest = body.get(8..).ok_or(Malformed)?;
                self.inside = Inside::Nack { ssrc: Ssrc(word(body, 4)), rest };
                Ok(None)
            }
            (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => Ok(Some(Message::TransportWide(packet))),
            (PAYLOAD_FEEDBACK, PICTURE_LOSS) => {
                if body.len() < 8 {
                    return Err(Malformed);
                }
                Ok(Some(Message::KeyframeRequest { ssrc: Ssrc(word(body, 4)) }))
            }
            (PAYLOAD_FEEDBACK, FULL_INTRA) => {
                self.inside = Inside::FullIntra { rest: body.get(8..).ok_or(Malformed)? };
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.inner() {
                return Some(Ok(message));
            }
            if self.rest.is_empty() {
                return None;
            }
            match self.enter() {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(malformed) => {
                    (self.rest, self.inside) = (&[], Inside::Nothing);
                    return Some(Err(malformed));
                }
            }
        }
    }
}

fn read_block(block: &[u8; BLOCK]) -> ReportBlock {
    let lost = word(block, 4);
    ReportBlock {
        ssrc: Ssrc(word(block, 0)),
        fraction_lost: (lost >> 24) as u8,
        // 24 bits with a sign.
        lost: (lost << 8).cast_signed() >> 8,
        highest_seq: word(block, 8),
        jitter: word(block, 12),
        last_report: word(block, 16),
        delay: word(block, 20),
    }
}

/// Four bytes that were checked to be there.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Result<Message<'_>, Malformed>> {
        Messages::of(bytes).collect()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_sender_report_with_a_block_and_a_description_is_two_messages() {
        let bytes = words(&[
            0x81c8_000c,
            7,
            0x1111_1111,
            0x2222_2222,
            0x3333_3333,
            10,
            1000, // sender
            9,
            0x40ff_fffe,
            0x0001_0002,
            55,
            0xabcd_ef01,
            65_536, // block
            0x81ca_0002,
            7,
            0x0101_6100, // description
        ]);
        assert_eq!(
            read(&bytes),
            [
                Ok(Message::SenderReport {
                    ssrc: Ssrc(7),
                    ntp: NtpTime(0x1111_1111_2222_2222),
                    rtp: RtpTime(0x3333_3333),
                }),
                Ok(Message::Report(ReportBlock {
                    ssrc: Ssrc(9),
                    fraction_lost: 0x40,
                    lost: -2,
                    highest_seq: 0x0001_0002,
                    jitter: 55,
                    last_report: 0xabcd_ef01,
                    delay: 65_536,
                })),
            ]
        );
    }

    #[test]
    fn both_kinds_of_keyframe_request_name_the_source_that_they_are_about() {
        let bytes = words(&[
            0x80c9_0001,
            1, // empty receiver report
            0x81ce_0002,
            1,
            77, // PLI
            0x84ce_0006,
            1,
            0,
            88,
            0x0100_0000,
            99,
            0x0200_0000, // FIR with two entries
            0x8fce_0004,
            1,
            0,
            0x5245_4d42,
            0, // REMB, passed over
        ]);
        let request = |ssrc| Ok(Message::KeyframeRequest { ssrc: Ssrc(ssrc) });
        assert_eq!(read(&bytes), [request(77), request(88), request(99)]);
    }

    #[test]
    fn each_entry_of_a_nack_is_a_message_and_transport_wide_feedback_goes_on_whole() {
        let bytes = words(&[
            0x81cd_0004,
            1,
            77,
            0xffff_8001,
            0x0010_0000, // NACK with two entries
            0x8fcd_0005,
            1,
            77,
            0x0005_0001,
            0x0000_0100,
            0x2001_0400, // transport-wide feedback about one packet
        ]);
        let nack =
            |first, following| Ok(Message::Nack { ssrc: Ssrc(77), first: SeqNo(first), following });
        assert_eq!(
            read(&bytes),
            [nack(65_535, 0x8001), nack(16, 0), Ok(Message::TransportWide(&bytes[20..]))]
        );
    }

    #[test]
    fn goodbye_names_every_source() {
        let bytes = words(&[0x82cb_0002, 5, 6]);
        let bye = |ssrc| Ok(Message::Bye { ssrc: Ssrc(ssrc) });
        assert_eq!(read(&bytes), [bye(5), bye(6)]);
    }

    #[test]
    fn what_came_before_the_damage_counts() {
        let mut bytes = words(&[0x81ce_0002, 1, 77]);
        bytes.extend([0x81, 0xc9, 0xff, 0xff]);
        assert_eq!(read(&bytes), [Ok(Message::KeyframeRequest { ssrc: Ssrc(77) }), Err(Malformed)]);
    }

    #[test]
    fn lengths_that_do_not_fit_are_malformed() {
        for bytes in [
            vec![0x80],
            words(&[0x40c9_0001, 1]),
            words(&[0x80c8_0001, 1]),
            words(&[0x81c9_0001, 1]),
            words(&[0x83cb_0001, 1]),
            words(&[0x81cd_0001, 1]),
            words(&[0x81ce_0001, 1]),
            words(&[0x84ce_0001, 1]),
            words(&[0xa0c9_0001, 0xff]),
            words(&[0xa0c9_0001, 0]),
            words(&[0xa0c9_0000]),
        ] {
            assert_eq!(read(&bytes), [Err(Malformed)], "{bytes:?}");
        }
        assert_eq!(read(&[]), []);
    }

    #[test]
    fn no_bytes_make_it_panic_or_run_on() {
        let mut state = 1_u32;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        for _ in 0..200_000 {
            let len = random() as usize % 80;
            let mut bytes: Vec<u8> = (0..len).map(|_| random() as u8).collect();
            // Most of them get past the first look.
            if let [first, kind, high, ..] = bytes.as_mut_slice() {
                *first = 0x80 | *first & 0x3f;
                *kind = 200 + *kind % 8;
                *high = 0;
            }
            assert!(Messages::of(&bytes).count() <= len / 4 + 1);
        }
    }
}
