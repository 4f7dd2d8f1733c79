//! How long a model must have fitted before it is shown again.

use std::time::Duration;

use crate::time::Time;

/// A model that was shown for so long without a fall has proven itself: the next fall is a first one.
const PROVEN: Duration = Duration::from_secs(120);

/// How long the gate must have been green after the first, the second and every further fall.
/// Default 2, 8 and 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffTimes(pub [Duration; 3]);

impl Default for BackoffTimes {
    fn default() -> Self {
        Self([Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)])
    }
}

/// Limits flapping, on the way to model form alone: the way back is never delayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// Falls in a row.
    falls: usize,
    /// Since when the model is shown.
    entered: Option<Time>,
}

impl Backoff {
    /// The model is shown from now on.
    pub const fn entered(&mut self, now: Time) {
        self.entered = Some(now);
    }

    /// It had to be given up.
    pub fn fell(&mut self, now: Time) {
        let proven = self.entered.take().is_some_and(|at| now.saturating_since(at) >= PROVEN);
        self.falls = if proven { 1 } else { self.falls.saturating_add(1) };
    }

    /// How long nothing must have spoken against the model until it is shown again.
    pub fn wait(&self, times: &BackoffTimes) -> Duration {
        match self.falls {
            0 => Duration::ZERO,
            falls => times.0[falls.min(times.0.len()) - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn the_wait_grows_with_each_fall_and_no_further_than_the_last() {
        let (mut backoff, times) = (Backoff::default(), BackoffTimes::default());
        assert_eq!(backoff.wait(&times), Duration::ZERO, "nothing ever went wrong");
        let waits = [1, 2, 3, 4, 5].map(|n| {
            backoff.entered(at(n * 10));
            backoff.fell(at(n * 10 + 5));
            backoff.wait(&times).as_secs()
        });
        assert_eq!(waits, [2, 8, 30, 30, 30]);
    }

    #[test]
    fn a_model_that_was_shown_for_long_begins_anew() {
        let (mut backoff, times) = (Backoff::default(), BackoffTimes::default());
        backoff.fell(at(0));
        backoff.fell(at(1));
        backoff.entered(at(10));
        backoff.fell(at(10) + PROVEN);
        assert_eq!(backoff.wait(&times), times.0[0]);
    }
}
