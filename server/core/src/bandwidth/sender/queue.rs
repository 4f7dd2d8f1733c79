//! How long the queue on the way is: what a packet takes now, less what it takes at best.

use std::{collections::VecDeque, time::Duration};

/// A path may become longer for good: what was best so long ago no longer counts, in microseconds.
const WINDOW_US: i64 = 10_000_000;
/// The best is kept in this many steps of the window.
const STEPS: usize = 20;
/// A queue stands when every packet for so long has met it, in microseconds.
const STANDING_US: i64 = 80_000;
/// Steps of it.
const STANDING_STEPS: usize = 4;

/// Compares the transit times of packets. The clocks of both ends need not agree.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    best: Minimum<STEPS, WINDOW_US>,
    lately: Minimum<STANDING_STEPS, STANDING_US>,
    /// Mean difference of the transit times of neighbours (RFC 3550 section 6.4.1).
    jitter_us: f64,
    transit_us: Option<i64>,
    held: bool,
}

impl Queue {
    /// Takes a packet's transit time.
    pub(super) fn push(&mut self, sent_us: i64, arrival_us: i64) {
        let transit_us = arrival_us - sent_us;
        let change_us = (transit_us - self.transit_us.unwrap_or(transit_us)).abs();
        self.jitter_us += (change_us as f64 - self.jitter_us) / JITTER_WEIGHT;
        self.transit_us = Some(transit_us);
        if !self.held {
            self.best.push(arrival_us, transit_us);
        }
        self.lately.push(arrival_us, transit_us);
    }

    /// Microseconds of queue that every packet met lately; zero if nothing is known.
    pub(super) fn standing_us(&self) -> i64 {
        match (self.lately.get(), self.best.get()) {
            (Some(lately), Some(best)) => lately - best,
            _ => 0,
        }
    }

    /// Whether the best is to stand for as long as that is said: the queue hides the path.
    pub(super) const fn hold_best(&mut self, held: bool) {
        self.held = held;
    }

    /// By how much the delay of a packet differs from that of the one before, on average.
    pub(super) fn jitter(&self) -> Duration {
        Duration::from_micros(self.jitter_us as u64)
    }
}

/// Weight of a new sample in the jitter, as a divisor: that of RFC 3550.
const JITTER_WEIGHT: f64 = 16.0;

/// The smallest value in a sliding window.
#[derive(Clone, Debug, Default)]
struct Minimum<const STEPS: usize, const WINDOW_US: i64> {
    /// When each step began, and the smallest in it. At most `STEPS` + 1.
    steps: VecDeque<(i64, i64)>,
}

impl<const STEPS: usize, const WINDOW_US: i64> Minimum<STEPS, WINDOW_US> {
    fn push(&mut self, at_us: i64, value: i64) {
        let step_us = WINDOW_US / STEPS as i64;
        match self.steps.back_mut() {
            Some((since, smallest)) if at_us - *since < step_us => {
                *smallest = value.min(*smallest);
            }
            _ => self.steps.push_back((at_us, value)),
        }
        while self.steps.len() > STEPS
            || self.steps.front().is_some_and(|(since, _)| at_us - since > WINDOW_US)
        {
            self.steps.pop_front();
        }
    }

    fn get(&self) -> Option<i64> {
        self.steps.iter().map(|(_, smallest)| *smallest).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_late_packets_make_no_standing_queue() {
        let mut queue = Queue::default();
        for n in 0..200 {
            let late = if n % 4 == 0 { 0 } else { 30_000 };
            queue.push(n * 10_000, n * 10_000 + 777_000_000 + late);
        }
        assert_eq!(queue.standing_us(), 0);
        for n in 200..220 {
            queue.push(n * 10_000, n * 10_000 + 777_000_000 + 30_000);
        }
        assert_eq!(queue.standing_us(), 30_000);
    }

    #[test]
    fn a_longer_path_is_taken_for_what_it_is_after_the_window() {
        let mut queue = Queue::default();
        queue.push(0, 0);
        for n in 1..1_200 {
            queue.push(n * 10_000, n * 10_000 + 30_000);
        }
        assert_eq!(queue.standing_us(), 0);
    }
}
