//! How long an answer takes.

use std::{collections::VecDeque, time::Duration};

use crate::time::Time;

/// Weight of a new sample, as RFC 6298 section 2 has it: one eighth.
const SMOOTHING: u32 = 8;
/// For how long the smallest round trip stands.
const MINIMUM_WINDOW: Duration = Duration::from_secs(10);
/// The smallest round trip is kept in this many steps of the window.
const STEPS: usize = 10;

/// The round trip: smoothed, and the smallest of the last 10 s, which has no queue in it.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
    /// When each step of the window began, and the smallest sample in it. At most [`STEPS`] + 1.
    minima: VecDeque<(Time, Duration)>,
}

impl RoundTrip {
    pub(super) fn sample(&mut self, now: Time, round_trip: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => round_trip,
            Some(before) => (before * (SMOOTHING - 1) + round_trip) / SMOOTHING,
        });
        let step = MINIMUM_WINDOW / STEPS as u32;
        match self.minima.back_mut() {
            Some((since, smallest)) if now.saturating_since(*since) < step => {
                *smallest = round_trip.min(*smallest);
            }
            _ => self.minima.push_back((now, round_trip)),
        }
        let old = now - MINIMUM_WINDOW;
        while self.minima.len() > STEPS || self.minima.front().is_some_and(|(at, _)| *at < old) {
            self.minima.pop_front();
        }
    }

    pub(super) const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The smallest round trip lately.
    pub(super) fn smallest(&self) -> Option<Duration> {
        self.minima.iter().map(|(_, smallest)| *smallest).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_round_trip_is_forgotten_after_the_window() {
        let mut round_trip = RoundTrip::default();
        let at = |ms: u64| Time::from_micros(ms * 1_000);
        round_trip.sample(at(0), Duration::from_millis(20));
        for ms in (100..9_000).step_by(100) {
            round_trip.sample(at(ms), Duration::from_millis(50));
        }
        assert_eq!(round_trip.smallest(), Some(Duration::from_millis(20)));
        round_trip.sample(at(12_000), Duration::from_millis(60));
        assert_eq!(round_trip.smallest(), Some(Duration::from_millis(50)));
        assert!(round_trip.smoothed().unwrap() > Duration::from_millis(49));
    }
}
