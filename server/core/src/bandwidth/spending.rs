//! How much of an estimate may be spent, and when on more than before.

use std::time::Duration;

use crate::{bandwidth::Budget, time::Time};

/// How long the way must have carried what an improvement needs. An estimate that a probe has raised
/// too far falls again within this time.
const STEADY: Duration = Duration::from_secs(1);

/// Slices in which [`STEADY`] is watched.
const SLICES: usize = 4;

/// Length of a slice in microseconds.
const SLICE_US: u64 = STEADY.as_micros() as u64 / SLICES as u64;

/// How much more the way must carry than an improvement needs, in per mille. Estimates swing by a
/// tenth, and so do encoders.
const MARGIN: u64 = 1_150;

/// Least time without improvements after something had to be lowered.
const FIRST_HOLD: Duration = Duration::from_secs(2);

/// Longest such time.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// An estimate that is so much higher than the one that misled, in per mille, is of another line: it
/// ends the wait.
const FREED: u64 = 1_300;

/// An improvement that has to be taken back within this time came too early: the next one waits
/// twice as long.
const TOO_EARLY: Duration = Duration::from_secs(15);

/// What one subscriber's slots may spend. Goes down at once, and up when the way has carried more
/// for a second; after an improvement that had to be taken back, only after a while, twice as long
/// each time, so that the number of changes is bounded whatever the estimate does.
#[derive(Clone, Copy, Debug)]
pub struct Spending {
    /// The present estimate in bits per second; `None`: no limit is known.
    estimate: Option<u64>,
    /// The least estimate of each slice, the present one at `slice % SLICES`.
    least: [u64; SLICES],
    slice: u64,
    hold: Duration,
    held_until: Time,
    /// The least estimate that ends the hold before its time, in bits per second.
    freed_at: u64,
    /// When something was last improved, and the estimate that it was done upon.
    improved: Option<(Time, u64)>,
    lowered: Option<Time>,
}

impl Default for Spending {
    fn default() -> Self {
        Self {
            estimate: None,
            least: [u64::MAX; SLICES],
            slice: 0,
            hold: FIRST_HOLD,
            held_until: Time::default(),
            freed_at: 0,
            improved: None,
            lowered: None,
        }
    }
}

impl Spending {
    /// The way carries `bitrate` bits per second now.
    pub fn observe(&mut self, now: Time, bitrate: u64) {
        if self.estimate.is_none() {
            self.slice = now.as_micros() / SLICE_US;
            self.least = [bitrate; SLICES];
        }
        self.advance(now);
        self.estimate = Some(bitrate);
        let present = &mut self.least[self.slice as usize % SLICES];
        *present = bitrate.min(*present);
    }

    /// What may be spent now, when `reserved` bits per second are taken already.
    pub fn budget(&mut self, now: Time, reserved: u64) -> Budget {
        let Some(estimate) = self.estimate else { return Budget::UNLIMITED };
        self.advance(now);
        let steady = self.least.iter().copied().min().unwrap_or(estimate);
        let keep = estimate.saturating_sub(reserved);
        let improve = if now < self.held_until && steady < self.freed_at {
            0
        } else {
            (steady.saturating_mul(1_000) / MARGIN).saturating_sub(reserved).min(keep)
        };
        Budget { keep, improve }
    }

    /// The estimate at which `needed` bits per second in all may be spent on an improvement.
    pub const fn estimate_for(needed: u64) -> u64 {
        needed.saturating_mul(MARGIN).div_ceil(1_000)
    }

    /// Something was improved.
    pub fn improved(&mut self, now: Time) {
        self.improved = Some((now, self.estimate.unwrap_or(u64::MAX)));
    }

    /// Something had to be lowered for want of bandwidth.
    pub fn lowered(&mut self, now: Time) {
        let recent = |(at, _): &(Time, u64)| now.saturating_since(*at) < TOO_EARLY;
        let failed = self.improved.take().filter(recent);
        let calm = self.lowered.is_none_or(|at| now.saturating_since(at) > 2 * LONGEST_HOLD);
        self.hold = match (failed.is_some(), calm) {
            (true, _) => (self.hold * 2).min(LONGEST_HOLD),
            (false, true) => FIRST_HOLD,
            (false, false) => self.hold,
        };
        self.lowered = Some(now);
        self.held_until = now + self.hold;
        let misled_by = failed.map_or(0, |(_, estimate)| estimate);
        let estimate = self.estimate.unwrap_or_default().max(misled_by);
        self.freed_at = (estimate / 1_000).saturating_mul(FREED);
    }

    /// The way was away and is there again: what was known of it is of the past.
    pub fn restart(&mut self) {
        self.estimate = None;
        self.forget();
    }

    /// The subscriber wants to see something else: what was learned about the old wishes does not
    /// keep it waiting.
    pub fn forget(&mut self) {
        self.held_until = Time::default();
    }

    fn advance(&mut self, now: Time) {
        let Some(estimate) = self.estimate else { return };
        let slice = now.as_micros() / SLICE_US;
        let passed = slice.saturating_sub(self.slice).min(SLICES as u64);
        for n in 1..=passed {
            self.least[(slice - passed + n) as usize % SLICES] = estimate;
        }
        self.slice = self.slice.max(slice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBPS: u64 = 1_000_000;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    #[test]
    fn without_an_estimate_there_is_no_limit() {
        assert_eq!(Spending::default().budget(at(0), MBPS), Budget::UNLIMITED);
    }

    #[test]
    fn less_counts_at_once_and_more_after_a_second() {
        let mut spending = Spending::default();
        spending.observe(at(0), MBPS);
        spending.observe(at(5_000), MBPS / 2);
        assert_eq!(spending.budget(at(5_000), 0).keep, MBPS / 2);
        spending.observe(at(6_100), 2 * MBPS);
        let improve = |spending: &mut Spending, ms| spending.budget(at(ms), 0).improve;
        assert_eq!(spending.budget(at(6_100), 0).keep, 2 * MBPS);
        assert_eq!(improve(&mut spending, 6_800), MBPS / 2 * 1_000 / MARGIN);
        assert_eq!(improve(&mut spending, 7_300), 2 * MBPS * 1_000 / MARGIN);
    }

    #[test]
    fn what_is_reserved_is_taken_from_both() {
        let mut spending = Spending::default();
        spending.observe(at(0), 1_150_000);
        let budget = spending.budget(at(0), 100_000);
        assert_eq!(budget, Budget { keep: 1_050_000, improve: 900_000 });
        assert_eq!(Spending::estimate_for(1_000_000), 1_150_000);
        assert_eq!(spending.budget(at(0), 9 * MBPS), Budget { keep: 0, improve: 0 });
    }

    #[test]
    fn improvements_that_are_taken_back_come_ever_more_rarely() {
        let mut spending = Spending::default();
        spending.observe(at(0), MBPS);
        let (mut ups, mut up) = (Vec::new(), false);
        for ms in (0..240_000).step_by(100) {
            if up {
                spending.lowered(at(ms));
                up = false;
            } else if spending.budget(at(ms), 0).improve > 0 {
                spending.improved(at(ms));
                ups.push(ms);
                up = true;
            }
        }
        let gaps: Vec<u64> = ups.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
        assert_eq!(gaps[..5], [4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_line_that_was_freed_does_not_wait() {
        let mut spending = Spending::default();
        spending.observe(at(0), MBPS);
        spending.lowered(at(100));
        spending.observe(at(200), MBPS * 5 / 4);
        assert_eq!(spending.budget(at(1_500), 0).improve, 0);
        spending.observe(at(1_600), 2 * MBPS);
        assert!(spending.budget(at(3_000), 0).improve > 0);
    }

    #[test]
    fn a_new_wish_does_not_wait() {
        let mut spending = Spending::default();
        spending.observe(at(0), MBPS);
        spending.lowered(at(100));
        assert_eq!(spending.budget(at(200), 0).improve, 0);
        spending.forget();
        assert!(spending.budget(at(200), 0).improve > 0);
    }
}
