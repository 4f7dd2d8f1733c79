//! The rate that losses allow: for ways that drop instead of queueing.
//!
//! Losses alone do not say whether there was too much: radio loses at any rate, and in bursts. So
//! a share is measured over a whole second, it counts only if it is made of several bursts, and
//! only a share that repair cannot live with lowers the rate (draft-ietf-rmcat-gcc-02 section 6:
//! more than 10 %), by half of that share; a share that no radio has lowers it by all of it, at
//! once.

use std::time::Duration;

use crate::time::Time;

/// Time and packets that a measurement takes.
const WINDOW: Duration = Duration::from_secs(1);
const PACKETS: u32 = 40;
/// Losses in a row are one event; fewer events than this in a measurement are the way's own.
const EVENTS: u32 = 3;
/// A measurement ends early when so many packets were lost of so many, after so long.
const EARLY: Duration = Duration::from_millis(300);
const EARLY_LOST: u32 = 25;
const EARLY_DIVISOR: u32 = 3;
/// More than this share keeps the rate from growing by itself.
const NOTABLE: f64 = 0.02;
/// More than this share lowers the rate.
const TOO_MUCH: f64 = 0.1;
/// More than this share lowers it to what arrives.
const COLLAPSE: f64 = 0.25;
/// Beside a flow that fills every queue: more than the first share lowers the rate to the second,
/// less than TCP lowers its own (RFC 9438 section 4.6), as it does so more often.
const FULL_QUEUE: f64 = 0.005;
const BESIDE_RIVAL: f64 = 0.85;
/// Weight of a new measurement in the share that is told.
const WEIGHT: f64 = 0.3;

/// Counts what was lost.
#[derive(Clone, Debug)]
pub(super) struct Losses {
    since: Time,
    packets: u32,
    lost: u32,
    events: u32,
    /// Number of the last packet that was lost.
    newest: Option<u64>,
    share: f64,
}

impl Losses {
    pub(super) const fn new(now: Time) -> Self {
        Self { since: now, packets: 0, lost: 0, events: 0, newest: None, share: 0.0 }
    }

    /// A packet arrived.
    pub(super) const fn arrived(&mut self) {
        self.packets += 1;
    }

    /// A packet of this number was lost.
    pub(super) fn lost(&mut self, number: u64) {
        self.packets += 1;
        self.lost += 1;
        self.events += u32::from(self.newest.is_none_or(|newest| number != newest + 1));
        self.newest = Some(number);
    }

    /// A packet that was counted as lost came late.
    pub(super) const fn found(&mut self) {
        self.lost = self.lost.saturating_sub(1);
    }

    /// The highest rate that the losses leave of `rate`, where they leave less than it. `arrived`
    /// is what arrives, all in bits per second. Beside a `rival` that fills every queue, any loss is
    /// one of a full queue.
    pub(super) fn limit(
        &mut self,
        now: Time,
        rate: u64,
        arrived: Option<u64>,
        rival: bool,
    ) -> Option<u64> {
        let passed = now.saturating_since(self.since);
        let early =
            passed >= EARLY && self.lost >= EARLY_LOST && self.lost > self.packets / EARLY_DIVISOR;
        if !early && (passed < WINDOW || self.packets < PACKETS) {
            return None;
        }
        let lost = f64::from(self.lost) / f64::from(self.packets.max(1));
        self.share += WEIGHT * (lost - self.share);
        let scattered = self.events >= EVENTS;
        *self = Self { since: now, packets: 0, lost: 0, events: 0, ..*self };
        let rate = rate as f64;
        let arrived = arrived.map_or(rate, |bits| bits as f64);
        if scattered && lost > COLLAPSE {
            Some(rate.min(arrived.max(rate * (1.0 - lost))) as u64)
        } else if scattered && lost > TOO_MUCH {
            Some((rate * (1.0 - lost / 2.0)) as u64)
        } else if rival && lost > FULL_QUEUE {
            Some((rate * BESIDE_RIVAL) as u64)
        } else {
            None
        }
    }

    /// Whether so much is lost that more should not be tried without a probe (section 6: 2 %).
    pub(super) const fn are_notable(&self) -> bool {
        self.share > NOTABLE
    }

    /// Share of packets lost lately, 0 to 1.
    pub(super) const fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With so many losses in a row each time.
    fn limit_of_runs(packets: u64, lost: u64, run: u64, ms: u64) -> Option<u64> {
        let mut losses = Losses::new(Time::from_micros(0));
        (0..packets - lost).for_each(|_| losses.arrived());
        (0..lost).for_each(|n| losses.lost(n + n / run));
        losses.limit(Time::from_micros(ms * 1_000), 1_000_000, Some(400_000), false)
    }

    fn limit(packets: u64, lost: u64, ms: u64) -> Option<u64> {
        limit_of_runs(packets, lost, 1, ms)
    }

    #[test]
    fn one_burst_is_not_a_full_queue() {
        assert_eq!(limit_of_runs(40, 10, 10, 1_000), None);
        assert_eq!(limit_of_runs(60, 30, 15, 400), None);
        assert_eq!(limit_of_runs(60, 30, 3, 400), Some(500_000));
    }

    #[test]
    fn radio_losses_leave_the_rate_alone_and_a_policer_does_not() {
        assert_eq!(limit(200, 10, 1_000), None);
        assert_eq!(limit(200, 20, 1_000), None);
        assert_eq!(limit(200, 40, 1_000), Some(900_000));
        assert_eq!(limit(200, 120, 1_000), Some(400_000));
    }

    #[test]
    fn only_heavy_losses_are_acted_upon_before_the_second_is_over() {
        assert_eq!(limit(100, 20, 400), None);
        assert_eq!(limit(50, 30, 400), Some(400_000));
        assert_eq!(limit(10, 8, 2_000), None, "too few packets to judge by");
    }
}
