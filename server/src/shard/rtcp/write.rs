//! From reports and requests to the bytes of a compound packet.

use sotto_core::{
    id::{SeqNo, Ssrc},
    output::SenderReport,
};

use super::{
    GENERIC_NACK, OUR_SSRC, PAYLOAD_FEEDBACK, PICTURE_LOSS, RECEIVER_REPORT, ReportBlock,
    SENDER_REPORT, SOURCE_DESCRIPTION, TRANSPORT_FEEDBACK,
};

/// Most blocks of one report: the count has five bits.
const MAX_BLOCKS: usize = 31;

/// SDES item type of the canonical name.
const CNAME_ITEM: u8 = 1;

/// A compound packet in the making. What no longer fits is left out and said so by the `bool` that
/// each method gives.
pub struct Compound<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Compound<'a> {
    /// Empty.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A sender report without blocks: those about what we receive go to the publisher that sent it.
    pub fn sender_report(&mut self, report: &SenderReport) -> bool {
        let words = [
            report.ssrc.0,
            (report.ntp.0 >> 32) as u32,
            report.ntp.0 as u32,
            report.rtp.0,
            report.packets,
            report.octets,
        ];
        self.packet(0, SENDER_REPORT, words)
    }

    /// A receiver report of at most 31 blocks; the first packet of every compound that has no sender
    /// report (RFC 3550 section 6.1), also without blocks.
    pub fn receiver_report(&mut self, blocks: &[ReportBlock]) -> bool {
        let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
        let words = blocks.iter().flat_map(|block| {
            [
                block.ssrc.0,
                u32::from(block.fraction_lost) << 24 | block.lost.cast_unsigned() & 0xff_ffff,
                block.highest_seq,
                block.jitter,
                block.last_report,
                block.delay,
            ]
        });
        self.packet(blocks.len() as u8, RECEIVER_REPORT, std::iter::once(OUR_SSRC.0).chain(words))
    }

    /// The canonical name of a source, cut to 255 bytes.
    pub fn description(&mut self, ssrc: Ssrc, cname: &str) -> bool {
        let name = &cname.as_bytes()[..cname.len().min(255)];
        // Source, item header and name, then at least one zero to end the list.
        let chunk = (4 + 2 + name.len() + 1).next_multiple_of(4);
        let end = self.len + 4 + chunk;
        let Some(room) = self.out.get_mut(self.len..end) else { return false };
        room.fill(0);
        room[0] = 2 << 6 | 1;
        room[1] = SOURCE_DESCRIPTION;
        room[2..4].copy_from_slice(&((chunk / 4) as u16).to_be_bytes());
        room[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
        room[8] = CNAME_ITEM;
        room[9] = name.len() as u8;
        room[10..10 + name.len()].copy_from_slice(name);
        self.len = end;
        true
    }

    /// A picture loss indication about `source`.
    pub fn picture_loss(&mut self, source: Ssrc) -> bool {
        self.packet(PICTURE_LOSS, PAYLOAD_FEEDBACK, [OUR_SSRC.0, source.0])
    }

    /// A request for packets of `source` that are missing, in ascending order (RFC 4585 section
    /// 6.2.1).
    pub fn nack(&mut self, source: Ssrc, missing: &[SeqNo]) -> bool {
        let words = [OUR_SSRC.0, source.0].into_iter().chain(entries(missing));
        self.packet(GENERIC_NACK, TRANSPORT_FEEDBACK, words)
    }

    /// RTCP packets that are written already.
    pub fn ready(&mut self, packets: &[u8]) -> bool {
        let Some(room) = self.out.get_mut(self.len..self.len + packets.len()) else {
            return false;
        };
        room.copy_from_slice(packets);
        self.len += packets.len();
        true
    }

    fn packet(&mut self, count: u8, kind: u8, words: impl IntoIterator<Item = u32>) -> bool {
        let mut at = self.len + 4;
        for word in words {
            let Some(room) = self.out.get_mut(at..at + 4) else { return false };
            room.copy_from_slice(&word.to_be_bytes());
            at += 4;
        }
        let Some(header) = self.out.get_mut(self.len..self.len + 4) else { return false };
        let len = ((at - self.len) / 4 - 1) as u16;
        header[0] = 2 << 6 | count;
        header[1] = kind;
        header[2..4].copy_from_slice(&len.to_be_bytes());
        self.len = at;
        true
    }
}

/// The entries of a generic NACK: a number, and a bit for each of the sixteen behind it.
fn entries(missing: &[SeqNo]) -> impl Iterator<Item = u32> {
    let mut rest = missing;
    std::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        rest = behind;
        let mut following = 0_u16;
        while let Some((next, behind)) = rest.split_first()
            && let after @ 1..=16 = next.distance(first)
        {
            following |= 1 << (after - 1);
            rest = behind;
        }
        Some(u32::from(first.0) << 16 | u32::from(following))
    })
}

#[cfg(test)]
mod tests {
    use sotto_core::{id::RtpTime, time::NtpTime};

    use super::*;
    use crate::shard::rtcp::{Malformed, Message, Messages};

    const REPORT: SenderReport = SenderReport {
        ssrc: Ssrc(3),
        ntp: NtpTime(0x0102_0304_0506_0708),
        rtp: RtpTime(9),
        packets: 10,
        octets: 11,
    };

    fn read(bytes: &[u8]) -> Vec<Message<'_>> {
        Messages::of(bytes).collect::<Result<_, Malformed>>().unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let block = ReportBlock {
            ssrc: Ssrc(5),
            fraction_lost: 1,
            lost: -1,
            highest_seq: 2,
            jitter: 3,
            last_report: 4,
            delay: 5,
        };
        let mut buffer = [0xee; 200];
        let mut compound = Compound::new(&mut buffer);
        assert!(compound.sender_report(&REPORT));
        assert!(compound.description(Ssrc(3), "name"));
        assert!(compound.receiver_report(&[block]));
        assert!(compound.picture_loss(Ssrc(6)));
        let len = compound.len();
        assert_eq!(
            read(&buffer[..len]),
            [
                Message::SenderReport { ssrc: Ssrc(3), ntp: REPORT.ntp, rtp: RtpTime(9) },
                Message::Report(block),
                Message::KeyframeRequest { ssrc: Ssrc(6) },
            ]
        );
    }

    #[test]
    fn missing_packets_are_told_in_as_few_entries_as_there_can_be() {
        let missing = [65_530, 65_531, 65_535, 0, 10, 11, 28].map(SeqNo);
        let mut buffer = [0xee; 60];
        let mut compound = Compound::new(&mut buffer);
        assert!(compound.nack(Ssrc(6), &missing));
        let len = compound.len();
        let nack =
            |first, following| Message::Nack { ssrc: Ssrc(6), first: SeqNo(first), following };
        let first = 1 | 1 << 4 | 1 << 5 | 1 << 15;
        assert_eq!(read(&buffer[..len]), [nack(65_530, first), nack(11, 0), nack(28, 0)]);
    }

    #[test]
    fn a_description_is_padded_and_ended_by_a_zero() {
        for (name, len) in [("", 12), ("a", 12), ("ab", 16), ("abcdef", 20)] {
            let mut buffer = [0xee; 40];
            let mut compound = Compound::new(&mut buffer);
            assert!(compound.description(Ssrc(1), name));
            assert_eq!(compound.len(), len, "{name}");
            assert_eq!(buffer[len - 1], 0);
            assert_eq!(usize::from(buffer[3]), len / 4 - 1);
        }
    }

    #[test]
    fn what_does_not_fit_leaves_no_half_packet() {
        let mut buffer = [0; 30];
        let mut compound = Compound::new(&mut buffer);
        assert!(compound.sender_report(&REPORT));
        assert!(!compound.description(Ssrc(3), "name"));
        assert!(!compound.picture_loss(Ssrc(3)));
        assert_eq!(compound.len(), 28);
    }
}
