//! The rate that the delay allows: more while no queue grows, less at once when one does
//! (draft-ietf-rmcat-gcc-02 section 5.5).

use std::time::Duration;

use super::trend::Usage;
use crate::time::Time;

/// Share of what arrived at overuse that is sent from then on.
const BACK_OFF: f64 = 0.85;
/// Growth per second while the capacity is not known.
const GROWTH_PER_SECOND: f64 = 1.08;
/// The rate grows to at most this multiple of what arrives: what was never sent was never tried.
const UNTRIED: f64 = 1.25;
/// Added to it, so that a rate near zero can grow.
const UNTRIED_BITS: f64 = 10_000.0;
/// A packet of the usual size in bits, added per response time near the capacity.
const PACKET_BITS: f64 = 9_600.0;
/// What the receiver and our own reaction add to the round trip.
const RESPONSE: Duration = Duration::from_millis(100);
/// Limits of the time after which a further decrease is due.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// Longest time that one step of growth makes up for.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// What is known at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// What the delay says.
    pub(super) usage: Usage,
    /// Bits per second that arrived over the last half second.
    pub(super) arrived: Option<u64>,
    /// The same over the last 100 ms: while a queue stands, this is what the way carries.
    pub(super) arrived_lately: Option<u64>,
    pub(super) round_trip: Duration,
}

/// Additive increase near the capacity that was seen, multiplicative further away, multiplicative
/// decrease.
#[derive(Clone, Debug)]
pub(super) struct RateControl {
    rate: f64,
    capacity: Capacity,
    grown: Time,
    decreased: Option<Time>,
}

impl RateControl {
    pub(super) const fn new(now: Time, rate: u64) -> Self {
        Self { rate: rate as f64, capacity: Capacity::unknown(), grown: now, decreased: None }
    }

    /// Bits per second.
    pub(super) const fn rate(&self) -> u64 {
        self.rate as u64
    }

    /// Sets the rate: a probe has shown it, or losses have.
    pub(super) fn set(&mut self, now: Time, rate: u64) {
        self.rate = rate as f64;
        self.grown = now;
        if self.capacity.is_below(self.rate) {
            self.capacity = Capacity::unknown();
        }
    }

    /// Follows the load. True: the rate went down.
    pub(super) fn update(&mut self, now: Time, load: Load) -> bool {
        match load.usage {
            Usage::Over => self.decrease(now, load),
            Usage::Under => {
                self.grown = now;
                false
            }
            Usage::Normal => {
                self.grow(now, load);
                false
            }
        }
    }

    fn decrease(&mut self, now: Time, load: Load) -> bool {
        self.grown = now;
        let again = load.round_trip.clamp(AGAIN.0, AGAIN.1);
        if self.decreased.is_some_and(|at| now.saturating_since(at) < again) {
            return false;
        }
        let arrived = load.arrived_lately.or(load.arrived).map_or(self.rate, |bits| bits as f64);
        let rate = arrived * BACK_OFF;
        self.capacity.saw(arrived);
        if rate >= self.rate {
            return false;
        }
        self.rate = rate;
        self.decreased = Some(now);
        true
    }

    fn grow(&mut self, now: Time, load: Load) {
        let passed = now.saturating_since(self.grown).min(LONGEST_STEP).as_secs_f64();
        self.grown = now;
        let Some(arrived) = load.arrived.map(|bits| bits as f64) else { return };
        if self.capacity.is_below(arrived) {
            self.capacity = Capacity::unknown();
        }
        let grown = if self.capacity.is_near(self.rate) {
            let response = (load.round_trip + RESPONSE).as_secs_f64();
            self.rate + PACKET_BITS / response * passed
        } else {
            self.rate * GROWTH_PER_SECOND.powf(passed)
        };
        let limit = arrived * UNTRIED + UNTRIED_BITS;
        self.rate = self.rate.max(grown.min(limit));
    }
}

/// What arrived at overuse, lately: mean and variance in bits per second (section 5.5).
#[derive(Clone, Copy, Debug)]
struct Capacity {
    mean: Option<f64>,
    /// Variance over the mean.
    spread: f64,
}

/// Weight of a new sample.
const CAPACITY_WEIGHT: f64 = 0.05;
/// Limits of the spread, in kbit/s as in the draft's normalised variance.
const SPREADS: (f64, f64) = (0.4, 2.5);

impl Capacity {
    const fn unknown() -> Self {
        Self { mean: None, spread: SPREADS.0 }
    }

    fn saw(&mut self, rate: f64) {
        let sample = rate / 1e3;
        let near = self.is_near(rate);
        let mean = match self.mean {
            Some(mean) if near => mean + CAPACITY_WEIGHT * (sample - mean),
            // Another capacity than the one that was known.
            _ => sample,
        };
        self.mean = Some(mean);
        let error = (mean - sample).powi(2) / mean.max(1.0);
        self.spread =
            (self.spread + CAPACITY_WEIGHT * (error - self.spread)).clamp(SPREADS.0, SPREADS.1);
    }

    /// Three standard deviations in kbit/s.
    fn margin(&self, mean: f64) -> f64 {
        3.0 * (self.spread * mean).sqrt()
    }

    fn is_near(&self, rate: f64) -> bool {
        let kbits = rate / 1e3;
        self.mean.is_some_and(|mean| (kbits - mean).abs() <= self.margin(mean))
    }

    fn is_below(&self, rate: f64) -> bool {
        self.mean.is_some_and(|mean| rate / 1e3 > mean + self.margin(mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(usage: Usage, arrived: u64) -> Load {
        Load {
            usage,
            arrived: Some(arrived),
            arrived_lately: Some(arrived),
            round_trip: Duration::from_millis(50),
        }
    }

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn overuse_brings_the_rate_below_what_arrives_once_per_round_trip() {
        let mut control = RateControl::new(at(0), 2_000_000);
        assert!(control.update(at(1_000), load(Usage::Over, 300_000)));
        assert_eq!(control.rate(), 255_000);
        assert!(!control.update(at(1_020), load(Usage::Over, 200_000)));
        assert!(control.update(at(1_060), load(Usage::Over, 200_000)));
        assert_eq!(control.rate(), 170_000);
    }

    #[test]
    fn growth_is_slow_near_the_known_capacity_and_fast_when_it_is_left_behind() {
        let mut control = RateControl::new(at(0), 1_000_000);
        control.update(at(0), load(Usage::Over, 1_000_000));
        for s in 1..=10 {
            control.update(at(s * 1_000), load(Usage::Normal, 850_000));
        }
        let far = control.rate();
        assert!((1_000_000..1_250_000).contains(&far), "{far}");
        for s in 11..=20 {
            control.update(at(s * 1_000), load(Usage::Normal, control.rate()));
        }
        assert!(control.rate() > far * 3 / 2, "{}", control.rate());
    }

    #[test]
    fn what_is_not_sent_does_not_make_the_rate_grow() {
        let mut control = RateControl::new(at(0), 1_000_000);
        for s in 1..=100 {
            control.update(at(s * 1_000), load(Usage::Normal, 300_000));
        }
        assert_eq!(control.rate(), 1_000_000);
    }
}
