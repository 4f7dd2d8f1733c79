//! Counters of a slot that follow a counter of a source, with values left out on purpose.

use std::collections::VecDeque;

/// Ranges that are remembered. A range ends at each value that is left out: this many frames of a
/// dropped temporal layer are two seconds at 60 per second, which is older than anything late or
/// asked for again can usefully be.
const MAX_RANGES: usize = 128;

/// A counter that follows that of a source at a distance which shrinks by one with each value that
/// is left out, so that the values that are kept have no gaps but those of the source.
///
/// What is late gets the number that was left free for it. No two values get the same one: a value
/// below the first, or older than what is remembered, gets none.
#[derive(Clone, Debug)]
pub(super) struct Renumber {
    /// The present range: values from `from` on are moved by `offset` (modulo 2^64).
    from: u64,
    offset: u64,
    /// Highest value that was kept or left out.
    highest: u64,
    /// Earlier ranges, the oldest first. Full: the oldest is forgotten.
    earlier: VecDeque<Range>,
}

/// Values from `from` up to the next range are moved by `offset`.
#[derive(Clone, Copy, Debug)]
struct Range {
    from: u64,
    offset: u64,
}

impl Renumber {
    /// A counter whose first value, `first`, becomes `at`.
    pub(super) const fn new(first: u64, at: u64) -> Self {
        Self {
            from: first,
            offset: at.wrapping_sub(first),
            highest: first,
            earlier: VecDeque::new(),
        }
    }

    /// The number for a value that is kept; `None` if there is none for it any more.
    #[inline]
    pub(super) fn map(&self, value: u64) -> Option<u64> {
        if value >= self.from {
            return Some(value.wrapping_add(self.offset));
        }
        self.earlier
            .iter()
            .rev()
            .find(|range| value >= range.from)
            .map(|range| value.wrapping_add(range.offset))
    }

    /// As [`Self::map`], but what is too old is moved as the oldest that is known. For counters that
    /// name frames rather than packets, where a wrong name is better than none.
    #[inline]
    pub(super) fn map_any(&self, value: u64) -> u64 {
        let oldest = || self.earlier.front().map_or(self.offset, |range| range.offset);
        self.map(value).unwrap_or_else(|| value.wrapping_add(oldest()))
    }

    /// Notes that a value was kept.
    #[inline]
    pub(super) fn keep(&mut self, value: u64) {
        self.highest = self.highest.max(value);
    }

    /// Leaves a value out: those after it move up. A late one was given a number already, which
    /// stays free.
    pub(super) fn leave_out(&mut self, value: u64) {
        if value <= self.highest {
            return;
        }
        self.highest = value;
        if self.from != value {
            if self.earlier.len() == MAX_RANGES {
                self.earlier.pop_front();
            }
            self.earlier.push_back(Range { from: self.from, offset: self.offset });
        }
        self.from = value + 1;
        self.offset = self.offset.wrapping_sub(1);
    }

    /// The value that has this number, whether or not it was kept; `None` if that is not known any
    /// more, or never was.
    pub(super) fn original(&self, number: u64) -> Option<u64> {
        let present = Range { from: self.from, offset: self.offset };
        let ranges = std::iter::once(&present).chain(self.earlier.iter().rev());
        ranges
            .map(|range| (range.from, number.wrapping_sub(range.offset)))
            .find(|(from, value)| value >= from)
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1 << 40;

    #[test]
    fn what_is_kept_has_no_gaps_but_those_of_the_source() {
        let mut counter = Renumber::new(START, 7);
        let mut numbers = Vec::new();
        for (value, kept) in
            [(0, true), (1, false), (2, false), (3, true), (5, true), (6, false), (7, true)]
        {
            if kept {
                numbers.extend(counter.map(START + value));
                counter.keep(START + value);
            } else {
                counter.leave_out(START + value);
            }
        }
        assert_eq!(numbers, [7, 8, 10, 11]);
        // The one that was lost in between, and then one from before the first.
        assert_eq!(counter.map(START + 4), Some(9));
        assert_eq!(counter.map(START - 1), None);
    }

    #[test]
    fn a_late_one_that_is_left_out_leaves_its_number_free() {
        let mut counter = Renumber::new(START, 7);
        counter.keep(START + 2);
        counter.leave_out(START + 1);
        assert_eq!(counter.map(START + 3), Some(10));
    }

    #[test]
    fn a_number_leads_back_to_its_value() {
        let mut counter = Renumber::new(START, 7);
        for value in 1..1000 {
            if value % 4 == 0 {
                counter.keep(START + value);
            } else {
                counter.leave_out(START + value);
            }
        }
        for value in (520..1000).filter(|value| value % 4 == 0) {
            let number = counter.map(START + value).expect("remembered");
            assert_eq!(counter.original(number), Some(START + value), "{value}");
        }
        assert_eq!((counter.map(START + 4), counter.original(8)), (None, None), "forgotten");
    }
}
