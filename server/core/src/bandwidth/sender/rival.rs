//! Somebody else's queue: a flow that fills every buffer leaves a delay-based one with nothing, so
//! beside it losses count instead, as they do for it.

use std::time::Duration;

use crate::time::Time;

/// A queue that stands this long, in microseconds, after we tried to drain it, and of which this
/// share is left of what stood before, is not ours.
const STANDING_US: i64 = 50_000;
const LEFT: f64 = 0.5;
/// A queue shorter than this, in microseconds, has nobody behind it.
const GONE_US: i64 = 20_000;
/// After so long it is tried again whether delay can be had.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether a rival is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rival {
    /// What stood when we began to drain, in microseconds.
    before_us: i64,
    since: Option<Time>,
}

impl Rival {
    /// We send less than the way carries from now on, to drain what stands.
    pub(super) const fn draining(&mut self, standing_us: i64) {
        self.before_us = standing_us;
    }

    /// The time for draining is over.
    pub(super) fn drained(&mut self, now: Time, standing_us: i64) {
        if standing_us > STANDING_US && standing_us as f64 > self.before_us as f64 * LEFT {
            self.since = Some(now);
        }
    }

    /// Follows the queue.
    pub(super) fn follow(&mut self, now: Time, standing_us: i64) {
        let long = self.since.is_some_and(|since| now.saturating_since(since) > LONGEST);
        if standing_us < GONE_US || long {
            self.since = None;
        }
    }

    /// Whether one is there.
    pub(super) const fn is_there(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_does_not_drain_is_a_rivals_until_it_does() {
        let start = Time::from_micros(0);
        let mut rival = Rival::default();
        rival.draining(400_000);
        rival.drained(start, 100_000);
        assert!(!rival.is_there(), "it was ours: most of it is gone");
        rival.draining(400_000);
        rival.drained(start, 380_000);
        rival.follow(start, 380_000);
        assert!(rival.is_there());
        rival.follow(start, 10_000);
        assert!(!rival.is_there());
    }
}
