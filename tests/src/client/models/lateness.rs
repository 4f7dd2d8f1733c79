//! How long payloads were on their way, kept as counts of whole milliseconds.

use std::{fmt, time::Duration};

/// Longest time that is told apart, in milliseconds.
const LONGEST: usize = 4_000;

/// Times of many payloads.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Lateness {
    /// How many took so many milliseconds; the last one: so many or more.
    counts: Vec<u32>,
}

impl Lateness {
    /// One more took this long.
    pub fn add(&mut self, took: Duration) {
        let ms = (took.as_millis() as usize).min(LONGEST);
        if self.counts.len() <= ms {
            self.counts.resize(ms + 1, 0);
        }
        self.counts[ms] += 1;
    }

    /// Takes over what another one counted.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// What was added since it was like that.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        for (count, less) in self.counts.iter_mut().zip(&before.counts) {
            *count -= less;
        }
        self
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// Milliseconds within which the share `part` (0 to 1) of them came: nearest rank, rounded down
    /// to whole milliseconds, at most 4,000. 0 where there are none.
    pub fn percentile(&self, part: f64) -> u32 {
        let wanted = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut sum = 0;
        let found = self.counts.iter().position(|&count| {
            sum += u64::from(count);
            sum >= wanted
        });
        found.unwrap_or(0) as u32
    }
}

/// Some percentiles: thousands of counts tell nobody anything.
impl fmt::Debug for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99] = [0.5, 0.99].map(|part| self.percentile(part));
        write!(f, "Lateness {{ count: {}, p50: {p50} ms, p99: {p99} ms }}", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_added_and_of_what_was_taken_over() {
        let mut lateness = Lateness::default();
        assert_eq!((lateness.count(), lateness.percentile(0.99)), (0, 0));
        (1..=90).for_each(|ms| lateness.add(Duration::from_millis(ms)));
        let mut slow = Lateness::default();
        (0..10).for_each(|_| slow.add(Duration::from_secs(9)));
        lateness.merge(&slow);
        assert_eq!(lateness.count(), 100);
        assert_eq!([0.5, 0.9, 0.99].map(|part| lateness.percentile(part)), [50, 90, 4_000]);
        let since = lateness.since(&slow);
        assert_eq!((since.count(), since.percentile(0.99)), (90, 90));
    }
}
