//! Repair by asking again: generic NACK (RFC 4585 section 6.2.1), answered by retransmission
//! (RFC 4588) where a source for it was announced, else by the same packet.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// How long a packet may be overtaken before it is asked for.
const REORDER: Duration = Duration::from_millis(10);
/// Between two requests for a packet.
const INTERVAL: Duration = Duration::from_millis(60);
/// Requests for a packet.
const TRIES: u8 = 10;
/// Packets of one source that are asked for at a time.
const WANTED: usize = 256;
/// Packets that a publication keeps for those who ask.
const KEPT: usize = 512;

/// Packets that a slot waits for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    packets: BTreeMap<u64, (u8, Instant)>,
}

impl Wanted {
    /// These never came, and a later one did. Beyond 256 the oldest are no longer asked for.
    pub fn miss(&mut self, now: Instant, missing: std::ops::Range<u64>) {
        for seq in missing {
            self.packets.insert(seq, (0, now + REORDER));
        }
        while self.packets.len() > WANTED {
            self.packets.pop_first();
        }
    }

    /// This one came. Whether it had been asked for.
    pub fn came(&mut self, seq: u64) -> bool {
        self.packets.remove(&seq).is_some_and(|(tries, _)| tries > 0)
    }

    /// What is before this is no longer waited for.
    pub fn forget_before(&mut self, seq: u64) {
        self.packets = self.packets.split_off(&seq);
    }

    /// What to ask for now.
    pub fn poll(&mut self, now: Instant) -> Vec<u16> {
        let due = self.packets.iter_mut().filter(|(_, (tries, at))| *at <= now && *tries < TRIES);
        due.map(|(seq, (tries, at))| {
            *tries += 1;
            *at = now + INTERVAL;
            *seq as u16
        })
        .collect()
    }
}

/// Asks for packets of a source.
pub fn write_nack(ssrc: u32, media: u32, missing: &[u16]) -> Vec<u8> {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for seq in missing {
        match entries.last_mut() {
            Some((first, mask)) if (1..=16).contains(&seq.wrapping_sub(*first)) => {
                *mask |= 1 << (seq.wrapping_sub(*first) - 1);
            }
            _ => entries.push((*seq, 0)),
        }
    }
    let mut out = vec![0x80, 201, 0, 1];
    out.extend(ssrc.to_be_bytes());
    out.extend([0x81, 205, 0, (2 + entries.len()) as u8]);
    out.extend(ssrc.to_be_bytes());
    out.extend(media.to_be_bytes());
    for (first, mask) in entries {
        out.extend(first.to_be_bytes());
        out.extend(mask.to_be_bytes());
    }
    out
}

/// The source and the packets that a generic NACK names.
pub fn read_nack(message: &[u8]) -> Option<(u32, Vec<u16>)> {
    let media = u32::from_be_bytes(message.get(8..12)?.try_into().ok()?);
    let mut missing = Vec::new();
    for entry in message.get(12..)?.chunks_exact(4) {
        let first = u16::from_be_bytes([entry[0], entry[1]]);
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        missing.push(first);
        let following = (0..16).filter(|bit| mask & (1 << bit) != 0);
        missing.extend(following.map(|bit| first.wrapping_add(bit + 1)));
    }
    Some((media, missing))
}

/// The latest packets of a publication.
#[derive(Clone, Debug)]
pub struct Kept {
    packets: VecDeque<(u16, Vec<u8>)>,
    /// Source, payload type and next number of retransmissions; `None`: packets are sent again as
    /// they were.
    rtx: Option<(u32, u8, u16)>,
}

impl Kept {
    /// Nothing kept. `rtx` is the source and the payload type of retransmissions.
    pub fn new(rtx: Option<(u32, u8)>) -> Self {
        Self { packets: VecDeque::new(), rtx: rtx.map(|(ssrc, kind)| (ssrc, kind, 1)) }
    }

    /// Keeps a packet; the oldest one goes when there are 512.
    pub fn push(&mut self, seq: u16, packet: &[u8]) {
        if self.packets.len() == KEPT {
            self.packets.pop_front();
        }
        self.packets.push_back((seq, packet.to_vec()));
    }

    /// The packet that answers a request.
    pub fn answer(&mut self, seq: u16) -> Option<Vec<u8>> {
        let packet = self.packets.iter().rev().find(|(kept, _)| *kept == seq)?.1.clone();
        let Some((ssrc, payload_type, number)) = &mut self.rtx else { return Some(packet) };
        let at = super::rtp::Header::parse(&packet)?.payload.0;
        let mut again = packet[..at].to_vec();
        again[1] = again[1] & 0x80 | *payload_type;
        again[2..4].copy_from_slice(&number.to_be_bytes());
        again[8..12].copy_from_slice(&ssrc.to_be_bytes());
        again.extend(seq.to_be_bytes());
        again.extend(&packet[at..]);
        *number = number.wrapping_add(1);
        Some(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_across_the_wrap() {
        let missing = [65_530, 65_535, 3, 20, 21];
        let written = write_nack(1, 9, &missing);
        assert_eq!(read_nack(&written[8..]), Some((9, missing.to_vec())));
        assert_eq!(written[8 + 3], 4, "two entries");
    }

    #[test]
    fn a_packet_is_asked_for_after_a_while_and_again_until_it_comes() {
        let start = Instant::now();
        let mut wanted = Wanted::default();
        wanted.miss(start, 5..8);
        assert!(wanted.poll(start).is_empty());
        assert!(!wanted.came(6), "it was only late");
        let later = start + REORDER;
        assert_eq!(wanted.poll(later), [5, 7]);
        assert!(wanted.poll(later).is_empty());
        assert!(wanted.came(7));
        assert_eq!(wanted.poll(later + INTERVAL), [5]);
        wanted.forget_before(6);
        assert!(wanted.poll(later + INTERVAL * 2).is_empty());
    }

    #[test]
    fn a_kept_packet_is_sent_again_on_the_source_for_that() {
        let outgoing = super::super::rtp::Outgoing {
            payload_type: 96,
            marker: true,
            seq: 7,
            timestamp: 1,
            ssrc: 2,
            mid: "1",
            level: None,
        };
        let mut packet = Vec::new();
        outgoing.write(&mut packet);
        let header = packet.len();
        packet.extend([1, 2, 3]);
        let mut kept = Kept::new(Some((77, 97)));
        kept.push(7, &packet);
        assert_eq!(kept.answer(6), None);
        let again = kept.answer(7).unwrap();
        let read = super::super::rtp::Header::parse(&again).unwrap();
        assert_eq!((read.ssrc, read.payload_type, read.seq, read.marker), (77, 97, 1, true));
        assert_eq!(again[header..], [0, 7, 1, 2, 3]);
        let mut same = Kept::new(None);
        same.push(7, &packet);
        assert_eq!(same.answer(7), Some(packet));
    }
}
