//! How long a model must have fitted before it is shown again.

use std::time::Duration;

use crate::time::Time;

/// For each time this long that a model was shown without a fall, one of the falls before is forgotten:
/// a face that is not the model's for a moment every ten seconds is shown in between, one that falls
/// as soon as it is shown is soon left alone.
const PROVEN: Duration = Duration::from_secs(3);

/// How long the gate must have been green after the first, the second and every further fall.
/// Default 2, 8 and 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffTimes(pub [Duration; 3]);

impl Default for BackoffTimes {
    fn default() -> Self {
        Self([Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)])
    }
}

/// Falls that are remembered: more make no longer wait.
const MOST: usize = 3;

/// Limits flapping, on the way to model form alone: the way back is never delayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// Falls that are not forgotten.
    falls: usize,
    /// Since when the model is shown.
    entered: Option<Time>,
    /// When it was shown last, before it was given up.
    given_up: Option<Time>,
}

impl Backoff {
    /// The model is shown from now on.
    pub const fn entered(&mut self, now: Time) {
        self.entered = Some(now);
    }

    /// It had to be given up.
    pub fn fell(&mut self, now: Time) {
        let entered = self.entered.take();
        self.given_up = entered.map_or(self.given_up, |_| Some(now));
        let shown = entered.map_or(Duration::ZERO, |at| now.saturating_since(at));
        let forgotten = (shown.as_micros() / PROVEN.as_micros()) as usize;
        self.falls = self.falls.saturating_sub(forgotten).saturating_add(1).min(MOST);
    }

    /// All falls are forgotten: it is another model now.
    pub const fn forget(&mut self) {
        self.falls = 0;
    }

    /// When it was shown last, before it was given up.
    pub const fn given_up(&self) -> Option<Time> {
        self.given_up
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
            backoff.fell(at(n * 10 + 2));
            backoff.wait(&times).as_secs()
        });
        assert_eq!(waits, [2, 8, 30, 30, 30]);
    }

    #[test]
    fn a_model_that_is_shown_for_a_while_between_falls_need_not_wait_for_long() {
        let (mut backoff, times) = (Backoff::default(), BackoffTimes::default());
        for second in 0..8 {
            backoff.fell(at(second));
        }
        assert_eq!(backoff.wait(&times), times.0[2]);
        backoff.entered(at(40));
        backoff.fell(at(40) + 2 * PROVEN);
        assert_eq!(backoff.wait(&times), times.0[1]);
        for minute in 1..10 {
            backoff.entered(at(minute * 60));
            backoff.fell(at(minute * 60) + 2 * PROVEN);
            assert_eq!(backoff.wait(&times), times.0[0]);
        }
    }
}
