//! How fast a client may talk.

use std::time::{Duration, Instant};

/// A bucket that fills with the messages that are allowed and goes into debt for those that are
/// not: a client that stops in time recovers, one that goes on is cut off.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    level: f64,
    filled: Instant,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Take it.
    Pass,
    /// Refuse it and say so.
    Refuse,
    /// Close: it has gone on for a whole burst more.
    CutOff,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst);
        Self { per_second: f64::from(per_second), burst, level: burst, filled: now }
    }

    /// Judges one message.
    pub(super) fn take(&mut self, now: Instant) -> Verdict {
        let passed: Duration = now.saturating_duration_since(self.filled);
        self.filled = now;
        let filled = self.level + passed.as_secs_f64() * self.per_second;
        self.level = filled.min(self.burst) - 1.0;
        if self.level >= 0.0 {
            Verdict::Pass
        } else if self.level > -self.burst {
            Verdict::Refuse
        } else {
            Verdict::CutOff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_message_is_refused_until_time_passes() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 10, 3);
        let verdicts: Vec<_> = (0..4).map(|_| bucket.take(start)).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Pass, Verdict::Refuse]);
        assert_eq!(bucket.take(start + Duration::from_millis(200)), Verdict::Pass);
    }

    #[test]
    fn a_client_that_goes_on_is_cut_off_after_another_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 10, 3);
        let last = (0..6).map(|_| bucket.take(start)).last();
        assert_eq!(last, Some(Verdict::CutOff));
    }

    #[test]
    fn the_allowed_rate_passes_for_ever() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 10, 3);
        for n in 0..1000 {
            assert_eq!(bucket.take(start + Duration::from_millis(100) * n), Verdict::Pass, "{n}");
        }
    }
}
