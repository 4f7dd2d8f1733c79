//! Which packets feedback newly misses, for whoever can send them again.

use std::collections::VecDeque;

use crate::id::SeqNo;

/// Numbers that wait at most, for which there is room from the start: a tenth of a second at 10 Mbit/s
/// and 500 bytes a packet. A line that loses more at once is down.
const CAPACITY: usize = 256;

/// Transport-wide numbers that feedback misses and nobody has asked about yet, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    numbers: VecDeque<SeqNo>,
    overflowed: u64,
}

impl Missing {
    pub(super) fn new() -> Self {
        Self { numbers: VecDeque::with_capacity(CAPACITY), overflowed: 0 }
    }

    /// Feedback misses this number for the first time. Full: the oldest is dropped, it is the first to
    /// come too late.
    pub(super) fn push(&mut self, seq: SeqNo) {
        if self.numbers.len() == CAPACITY {
            self.numbers.pop_front();
            self.overflowed += 1;
        }
        self.numbers.push_back(seq);
    }

    pub(super) fn pop(&mut self) -> Option<SeqNo> {
        self.numbers.pop_front()
    }

    /// How many were dropped since this was last asked.
    pub(super) const fn take_overflowed(&mut self) -> u64 {
        std::mem::replace(&mut self.overflowed, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts_it() {
        let mut missing = Missing::new();
        for number in 0..CAPACITY as u16 + 3 {
            missing.push(SeqNo(number));
        }
        assert_eq!((missing.take_overflowed(), missing.take_overflowed()), (3, 0));
        assert_eq!(missing.pop(), Some(SeqNo(3)));
        assert_eq!(std::iter::from_fn(|| missing.pop()).count(), CAPACITY - 1);
    }
}
