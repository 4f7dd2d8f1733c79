//! Packets of sound and bundles as they were sealed, to be sent once more byte by byte.
//!
//! Opus has no retransmission format of its own in browsers. To seal a packet anew under the number
//! that it had would use a nonce twice, so its ciphertext is kept (design section 4).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use sotto_core::id::{SeqNo, Ssrc};

/// Bytes of one slot's packets: a second of Opus at 64 kbit/s with everything around it, or of bundles
/// at 120 kbit/s. Taken with the slot's first packet.
const RING_BYTES: usize = 16 * 1_024;

/// Packets of one slot.
const MAX_PACKETS: usize = 64;

/// A packet that is older came too late for every jitter buffer.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The last packets of the slots of one peer whose client may ask for them.
#[derive(Debug, Default)]
pub(super) struct SealedPackets {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    ssrc: Ssrc,
    bytes: Box<[u8]>,
    /// Oldest first; each lies behind the one before, or at the start of the ring.
    packets: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    seq: SeqNo,
    /// Its number for transport-wide feedback, if the connection has that.
    transport: Option<SeqNo>,
    start: u16,
    len: u16,
    sent: Instant,
}

/// A packet that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sealed<'a> {
    pub(super) bytes: &'a [u8],
    /// Its number for transport-wide feedback, if the connection has that.
    pub(super) transport: Option<SeqNo>,
}

impl SealedPackets {
    /// Keeps packets of these sources, and of no others from now on.
    pub(super) fn set_sources(&mut self, sources: impl Iterator<Item = Ssrc>) {
        let mut before = std::mem::take(&mut self.slots);
        for ssrc in sources {
            let known = before.iter().position(|slot| slot.ssrc == ssrc);
            let fresh = || Slot { ssrc, bytes: Box::default(), packets: VecDeque::new() };
            self.slots.push(known.map_or_else(fresh, |at| before.swap_remove(at)));
        }
    }

    /// Forgets every packet: there are new keys, under which nobody can open them.
    pub(super) fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.packets.clear();
        }
    }

    /// Keeps a packet, if its source is one of those. The oldest make room.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        seq: SeqNo,
        transport: Option<SeqNo>,
        packet: &[u8],
    ) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.ssrc == ssrc) {
            slot.keep(now, seq, transport, packet);
        }
    }

    /// The packet that was sent under this number within the last second.
    pub(super) fn get(&self, now: Instant, ssrc: Ssrc, seq: SeqNo) -> Option<Sealed<'_>> {
        let slot = self.slots.iter().find(|slot| slot.ssrc == ssrc)?;
        let entry = slot.packets.iter().rev().find(|entry| entry.seq == seq)?;
        if now.saturating_duration_since(entry.sent) > MAX_AGE {
            return None;
        }
        let start = usize::from(entry.start);
        let bytes = slot.bytes.get(start..start + usize::from(entry.len))?;
        Some(Sealed { bytes, transport: entry.transport })
    }

    /// The packet that was sent under this transport-wide number within the last second.
    pub(super) fn numbered(&self, now: Instant, number: SeqNo) -> Option<(Ssrc, SeqNo)> {
        self.slots.iter().find_map(|slot| {
            let entry = slot.numbered(number)?;
            let young = now.saturating_duration_since(entry.sent) <= MAX_AGE;
            young.then_some((slot.ssrc, entry.seq))
        })
    }
}

impl Slot {
    /// Numbers ascend in the order of sending.
    fn numbered(&self, number: SeqNo) -> Option<&Entry> {
        let is_before =
            |entry: &Entry| entry.transport.is_none_or(|other| other.distance(number) < 0);
        let found = self.packets.get(self.packets.partition_point(is_before))?;
        (found.transport == Some(number)).then_some(found)
    }

    fn keep(&mut self, now: Instant, seq: SeqNo, transport: Option<SeqNo>, packet: &[u8]) {
        if packet.len() > RING_BYTES {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; RING_BYTES].into_boxed_slice();
            self.packets.reserve_exact(MAX_PACKETS);
        }
        let behind = self.packets.back().map_or(0, Entry::end);
        let start = if behind + packet.len() <= RING_BYTES { behind } else { 0 };
        let end = start + packet.len();
        // What lies in the way is the oldest: the ring is written in one direction.
        while let Some(oldest) = self.packets.front()
            && (self.packets.len() == MAX_PACKETS
                || (usize::from(oldest.start) < end && start < oldest.end())
                || (start < behind && usize::from(oldest.start) >= behind))
        {
            self.packets.pop_front();
        }
        self.bytes[start..end].copy_from_slice(packet);
        let (start, len) = (start as u16, packet.len() as u16);
        self.packets.push_back(Entry { seq, transport, start, len, sent: now });
    }
}

impl Entry {
    fn end(&self) -> usize {
        usize::from(self.start) + usize::from(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Ssrc = Ssrc(5);

    fn packets() -> SealedPackets {
        let mut packets = SealedPackets::default();
        packets.set_sources([SLOT].into_iter());
        packets
    }

    #[test]
    fn what_is_kept_is_what_was_sent_whatever_the_lengths() {
        let mut packets = packets();
        let now = Instant::now();
        let mut state = 7_u32;
        let mut sent: VecDeque<(SeqNo, Vec<u8>)> = VecDeque::new();
        for number in 0..5_000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = 1 + state as usize % if number % 100 < 10 { 1_400 } else { 300 };
            let packet: Vec<u8> = (0..len).map(|at| (number as usize + at) as u8).collect();
            let seq = SeqNo(number as u16);
            packets.keep(now, SLOT, seq, Some(SeqNo(1)), &packet);
            sent.push_back((seq, packet));
            let kept = sent.iter().filter(|(seq, packet)| {
                let found = packets.get(now, SLOT, *seq);
                assert!(found.is_none_or(|found| found.bytes == packet), "{seq:?}");
                found.is_some()
            });
            let kept: usize = kept.map(|(_, packet)| packet.len()).sum();
            assert!(kept <= RING_BYTES);
            assert!(packets.get(now, SLOT, seq).is_some(), "the newest is always there");
            if sent.len() > 2 * MAX_PACKETS {
                sent.pop_front();
            }
        }
        let kept = sent.iter().filter(|(seq, _)| packets.get(now, SLOT, *seq).is_some()).count();
        assert!(kept > 20, "{kept} packets of 150 bytes are kept");
    }

    #[test]
    fn a_packet_is_found_by_its_transport_wide_number_across_its_wrap() {
        let mut packets = packets();
        let now = Instant::now();
        packets.set_sources([SLOT, Ssrc(6)].into_iter());
        packets.keep(now, SLOT, SeqNo(0), None, b"before there were numbers");
        for at in 1..30_u16 {
            let (ssrc, number) =
                ([SLOT, Ssrc(6)][usize::from(at % 2)], 65_520_u16.wrapping_add(at));
            packets.keep(now, ssrc, SeqNo(at), Some(SeqNo(number)), b"packet");
        }
        assert_eq!(packets.numbered(now, SeqNo(65_522)), Some((SLOT, SeqNo(2))));
        assert_eq!(packets.numbered(now, SeqNo(5)), Some((Ssrc(6), SeqNo(21))));
        for unknown in [65_520, 14, 700] {
            assert_eq!(packets.numbered(now, SeqNo(unknown)), None, "{unknown}");
        }
        let late = now + MAX_AGE + Duration::from_millis(1);
        assert_eq!(packets.numbered(late, SeqNo(5)), None);
    }

    #[test]
    fn a_packet_is_given_for_a_second_and_of_its_own_source_only() {
        let mut packets = packets();
        let now = Instant::now();
        packets.keep(now, SLOT, SeqNo(1), None, b"one");
        packets.keep(now, Ssrc(6), SeqNo(2), None, b"two");
        let one = Some(Sealed { bytes: b"one", transport: None });
        assert_eq!(packets.get(now + MAX_AGE, SLOT, SeqNo(1)), one);
        let late = now + MAX_AGE + Duration::from_millis(1);
        assert_eq!(packets.get(late, SLOT, SeqNo(1)), None);
        assert_eq!(packets.get(now, Ssrc(6), SeqNo(2)), None, "nobody may ask for it");
        packets.set_sources([Ssrc(6), SLOT].into_iter());
        assert_eq!(packets.get(now, SLOT, SeqNo(1)), one, "a new offer forgets nothing");
        packets.clear();
        assert_eq!(packets.get(now, SLOT, SeqNo(1)), None);
        packets.keep(now, SLOT, SeqNo(1), None, b"one");
        packets.set_sources(std::iter::empty());
        assert_eq!(packets.get(now, SLOT, SeqNo(1)), None);
    }
}
