//! Which bundles are sent once more.

use std::time::Duration;

use crate::{forward::Answered, id::SeqNo, time::Time};

/// Bundles of which it is known when they left: more than a second of them at 20 ms.
const KEPT: usize = 64;

/// A frame that arrives later than this after its bundle left first has been concealed: it is longer
/// than any playout delay of a model.
const USEFUL: Duration = Duration::from_millis(300);

/// The numbers of one bundle stream, and which of its packets are worth sending again.
#[derive(Clone, Debug)]
pub struct Resends {
    next: SeqNo,
    /// When each left, and its bytes on the wire.
    sent: [(Time, u32); KEPT],
    answered: Answered,
}

impl Default for Resends {
    fn default() -> Self {
        Self { next: SeqNo(0), sent: [(Time::default(), 0); KEPT], answered: Answered::new() }
    }
}

impl Resends {
    /// A bundle of so many bytes on the wire leaves now: its number.
    pub fn number(&mut self, now: Time, bytes: u32) -> SeqNo {
        let seq = self.next;
        self.next = seq.next();
        self.sent[usize::from(seq.0) % KEPT] = (now, bytes);
        seq
    }

    /// Whether a bundle that did not arrive is to be sent again: it still comes in time, is not on
    /// its way already, and its bytes are paid for by `pay`.
    #[must_use]
    pub fn admit(
        &mut self,
        now: Time,
        seq: SeqNo,
        round_trip: Duration,
        pay: impl FnOnce(usize) -> bool,
    ) -> bool {
        let age = self.next.distance(seq);
        if !(1..=KEPT as i16).contains(&age) {
            return false;
        }
        let (sent, bytes) = self.sent[usize::from(seq.0) % KEPT];
        let arrives = now + round_trip / 2;
        arrives.saturating_since(sent) <= USEFUL
            && self.answered.admit(now, seq, round_trip, || pay(bytes as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(40);

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    #[test]
    fn a_lost_bundle_is_sent_again_once_a_round_trip_while_it_is_of_use() {
        let mut resends = Resends::default();
        let seqs = [0, 20, 40].map(|ms| resends.number(at(ms), 100));
        let mut admit = |ms, seq| resends.admit(at(ms), seq, ROUND_TRIP, |bytes| bytes == 100);
        assert!(admit(60, seqs[1]));
        assert!(!admit(80, seqs[1]), "it is on its way");
        assert!(admit(110, seqs[1]));
        assert!(!admit(301, seqs[0]), "too late");
        assert!(!admit(60, SeqNo(3)), "never sent");
        assert!(!admit(60, SeqNo(65_535)), "never sent");
    }

    #[test]
    fn what_is_not_paid_for_is_not_sent() {
        let mut resends = Resends::default();
        let seq = resends.number(at(0), 100);
        assert!(!resends.admit(at(50), seq, ROUND_TRIP, |_| false));
        assert!(resends.admit(at(50), seq, ROUND_TRIP, |bytes| bytes == 100));
    }
}
