//! What was sent, until feedback tells what became of it.

use std::time::Duration;

use crate::{id::SeqNo, time::Time};

/// One packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentPacket {
    pub(super) sent: Time,
    /// Bytes on the wire, IP and UDP headers included.
    pub(super) bytes: u32,
    pub(super) fate: Fate,
    /// Number of the probe that it was part of; zero: none.
    pub(super) probe: u16,
}

/// What is known of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing yet.
    InFlight,
    /// Feedback passed it by, or stayed away: it was neither seen nor missed.
    Unknown,
    /// It was sent again, so its arrival says nothing of when it was sent.
    Resent,
    /// Feedback misses it; it may still come late.
    Missing,
    /// It arrived.
    Arrived,
}

/// Packets for which there is room at first: an idle connection costs little.
const FIRST_CAPACITY: usize = 256;
/// Packets for which there is room at most: 2.5 s at 20 Mbit/s and 800 bytes a packet.
const MAX_CAPACITY: usize = 8_192;
/// For how long feedback may still speak of a packet; the ring grows to hold this much.
const KEEP: Duration = Duration::from_secs(3);

/// A ring of sent packets by their transport-wide number. Full: the oldest packet is forgotten, as
/// if its feedback had been lost.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// A power of two of places; a packet's place is its number modulo their count.
    ring: Vec<SentPacket>,
    /// Number of the oldest packet that is remembered.
    first: u64,
    /// Number of the next packet; the low 16 bits travel.
    next: u64,
    /// Everything before it is known, or forgotten.
    reached: u64,
    in_flight_bytes: u64,
}

impl History {
    /// Remembers a packet that is sent now; its number.
    pub(super) fn push(&mut self, packet: SentPacket) -> SeqNo {
        if self.next - self.first == self.ring.len() as u64 {
            self.make_room(packet);
        }
        let number = self.next;
        let seq = self.next_seq();
        self.next += 1;
        self.in_flight_bytes += u64::from(packet.bytes);
        let place = self.place(number);
        self.ring[place] = packet;
        seq
    }

    /// The whole number of a packet that feedback speaks of, if it is remembered.
    pub(super) fn number(&self, seq: SeqNo) -> Option<u64> {
        let behind = (self.next as u16).wrapping_sub(seq.0);
        let number = self.next.checked_sub(u64::from(behind))?;
        (number >= self.first && number < self.next).then_some(number)
    }

    /// Notes what became of a packet; the packet as it was before.
    pub(super) fn resolve(&mut self, number: u64, fate: Fate) -> SentPacket {
        let place = self.place(number);
        let before = self.ring[place];
        self.ring[place].fate = fate;
        if before.fate == Fate::InFlight && fate != Fate::InFlight {
            self.in_flight_bytes -= u64::from(before.bytes);
        }
        before
    }

    /// Feedback misses a packet; the packet, if nothing was known of it before.
    pub(super) fn miss(&mut self, number: u64) -> Option<SentPacket> {
        let before = self.ring[self.place(number)];
        (before.fate == Fate::InFlight).then(|| self.resolve(number, Fate::Missing))
    }

    /// The number that the next packet gets.
    pub(super) const fn next_seq(&self) -> SeqNo {
        SeqNo(self.next as u16)
    }

    /// Feedback came to speak of `number`: neither it nor anything before it is under way any more.
    pub(super) fn reach(&mut self, number: u64) {
        for passed in self.reached.max(self.first)..number {
            if self.ring[self.place(passed)].fate == Fate::InFlight {
                self.resolve(passed, Fate::Unknown);
            }
        }
        self.reached = self.reached.max(number + 1);
    }

    /// Gives up waiting for feedback about what was sent; how many packets that were.
    pub(super) fn give_up(&mut self) -> u64 {
        let waited_for = self.next - self.reached.max(self.first);
        if waited_for > 0 {
            self.reach(self.next - 1);
            self.resolve(self.next - 1, Fate::Unknown);
        }
        waited_for
    }

    /// Bytes of which no feedback has told yet.
    pub(super) const fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes
    }

    /// When the oldest packet was sent that is beyond all feedback so far.
    pub(super) fn oldest_unreached(&self) -> Option<Time> {
        let oldest = self.reached.max(self.first);
        (oldest < self.next).then(|| self.ring[self.place(oldest)].sent)
    }

    fn make_room(&mut self, newest: SentPacket) {
        let len = self.ring.len();
        let young =
            len == 0 || newest.sent.saturating_since(self.ring[self.place(self.first)].sent) < KEEP;
        if young && len < MAX_CAPACITY {
            let old = std::mem::take(&mut self.ring);
            self.ring = vec![newest; (len * 2).max(FIRST_CAPACITY)];
            for number in self.first..self.next {
                let place = self.place(number);
                self.ring[place] = old[number as usize & (len - 1)];
            }
        } else {
            self.resolve(self.first, Fate::Unknown);
            self.first += 1;
        }
    }

    fn place(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ms: u32) -> SentPacket {
        SentPacket {
            sent: Time::from_micros(0) + Duration::from_millis(1) * ms,
            bytes: 100,
            fate: Fate::InFlight,
            probe: 0,
        }
    }

    #[test]
    fn the_ring_grows_to_hold_three_seconds_and_no_further() {
        let mut slow = History::default();
        for n in 0..1_000 {
            slow.push(packet(n * 20));
        }
        assert_eq!((slow.ring.len(), slow.number(SeqNo(999))), (256, Some(999)));
        assert_eq!((slow.number(SeqNo(743)), slow.number(SeqNo(1_000))), (None, None));
        let mut fast = History::default();
        for n in 0..100_000 {
            fast.push(packet(n / 10));
        }
        assert_eq!(fast.ring.len(), MAX_CAPACITY);
        assert_eq!(fast.number(SeqNo(99_999_u32 as u16)), Some(99_999));
        assert_eq!(fast.in_flight_bytes(), 100 * MAX_CAPACITY as u64);
    }

    #[test]
    fn what_feedback_passed_by_is_no_longer_in_flight() {
        let mut history = History::default();
        for n in 0..10 {
            history.push(packet(n));
        }
        history.resolve(5, Fate::Arrived);
        history.reach(5);
        assert_eq!(history.in_flight_bytes(), 400);
        assert_eq!(history.resolve(2, Fate::Arrived).fate, Fate::Unknown);
        assert_eq!(history.oldest_unreached(), Some(packet(6).sent));
        assert_eq!((history.give_up(), history.oldest_unreached()), (4, None));
        assert_eq!(history.in_flight_bytes(), 0);
    }
}
