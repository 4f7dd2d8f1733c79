//! From feedback to the rate.

use std::time::Duration;

use super::{
    MAX_BITRATE, MIN_BITRATE, SILENCE, Sender, arrival::Arrival, control::Load, history::Fate,
    trend::Usage,
};
use crate::{
    bandwidth::{TransportFeedback, transport_feedback::REFERENCE_UNIT_US},
    time::Time,
};

/// Longest time to drain: what stands then is not ours.
const DRAIN: Duration = Duration::from_secs(2);
/// A queue that stands below this is drained; above the other, overuse is believed. Microseconds.
const DRAINED_US: i64 = 20_000;
const OVERUSE_US: i64 = 8_000;
/// A queue that counts whatever arrives. Microseconds.
const LONG_US: i64 = 50_000;
/// A way keeps up while what arrives was sent in at least this share of the time.
const KEPT_UP: f64 = 0.97;
/// Share of the rate below which little is sent.
const LITTLE: f64 = 0.5;
/// No probe for so long after the rate went down.
pub(super) const CALM: Duration = Duration::from_millis(1_500);
/// Windows of the throughput in microseconds.
pub(super) const THROUGHPUT_US: i64 = 500_000;
const THROUGHPUT_LATELY_US: i64 = 100_000;

impl Sender {
    /// Takes what the peer says of the packets that it was sent.
    pub fn feedback(&mut self, now: Time, feedback: &TransportFeedback<'_>) {
        self.reachable(now);
        let reference_us =
            self.references.unwrap(feedback.reference(), 24) as i64 * REFERENCE_UNIT_US;
        let mut usage = None::<Usage>;
        let mut newest = None;
        let mut finding = None;
        for status in feedback.packets() {
            let Some(number) = self.history.number(status.seq) else { continue };
            let Some(arrival_us) = status.arrival_us else {
                if let Some(packet) = self.history.miss(number) {
                    self.losses.lost(number);
                    self.missing.push(status.seq);
                    finding = self.prober.lost(packet.probe).or(finding);
                }
                continue;
            };
            let before = self.history.resolve(number, Fate::Arrived);
            if before.fate == Fate::Missing {
                self.losses.found();
            }
            if matches!(before.fate, Fate::InFlight | Fate::Unknown) {
                newest = Some((number, before.sent));
            }
            // Late, twice, or sent again: its delay is not that of the way.
            if before.fate != Fate::InFlight {
                continue;
            }
            self.losses.arrived();
            let arrival = Arrival {
                sent_us: before.sent.as_micros() as i64,
                arrival_us: reference_us + arrival_us,
                bytes: before.bytes,
            };
            self.throughput.push(arrival.sent_us, arrival.arrival_us, arrival.bytes);
            self.queue.push(arrival.sent_us, arrival.arrival_us);
            if let Some(variation) = self.bursts.push(arrival) {
                let next = self.trend.push(variation);
                usage = usage.filter(|&before| before == Usage::Over).or(Some(next));
            }
            if before.probe != 0 {
                finding = self.prober.arrived(now, before.probe, arrival).or(finding);
            }
        }
        if let Some((number, sent)) = newest {
            self.history.reach(number);
            self.round_trip.sample(now, now.saturating_since(sent));
            self.silence = None;
            self.heard = true;
        }
        self.follow(now, usage);
        if let Some(finding) = finding {
            self.found(now, finding);
        }
        self.set_pace(now);
    }

    /// Lets the rate follow delay and losses.
    pub(super) fn follow(&mut self, now: Time, usage: Option<Usage>) {
        let arrived = self.throughput.rate(THROUGHPUT_US);
        let standing_us = self.queue.standing_us();
        let jitter_us = self.queue.jitter().as_micros() as i64;
        if standing_us < DRAINED_US {
            self.draining = None;
        } else if self.draining.is_some_and(|until| now >= until) {
            self.draining = None;
            self.rival.drained(now, standing_us);
        }
        self.rival.follow(now, standing_us);
        self.queue.hold_best(self.rival.is_there());
        if let Some(usage) = usage {
            let usage = match usage {
                // Jitter makes the slope jump; only a queue that every packet meets is one.
                // Beside a rival the delay is not ours to lower.
                _ if self.rival.is_there() => Usage::Normal,
                Usage::Over if standing_us < OVERUSE_US + jitter_us => Usage::Under,
                Usage::Over if !self.is_ours(arrived, standing_us - jitter_us) => Usage::Under,
                Usage::Normal if self.draining.is_some() || self.losses.are_notable() => {
                    Usage::Under
                }
                usage => usage,
            };
            let load = Load {
                usage,
                arrived,
                arrived_lately: self.throughput.rate(THROUGHPUT_LATELY_US),
                round_trip: self.round_trip.smoothed().unwrap_or(SILENCE),
            };
            if self.control.update(now, load) {
                self.slow_down(now);
            }
        }
        let rate = self.control.rate();
        if let Some(limit) = self.losses.limit(now, rate, arrived, self.rival.is_there())
            && limit < rate
        {
            self.lower(now, limit);
        }
        if self.control.rate() > MAX_BITRATE {
            self.control.set(now, MAX_BITRATE);
        }
    }

    /// Whether a queue comes of what is sent. If all of it arrives as fast as it was sent, or if
    /// little was sent, a receiver that is slow to read its packets is the likelier reason: then
    /// only a long queue counts, and beside little traffic only one that keeps growing.
    fn is_ours(&self, arrived: Option<u64>, standing_us: i64) -> bool {
        let (Some(arrived), Some(share)) = (arrived, self.throughput.keeps_up(THROUGHPUT_US))
        else {
            return true;
        };
        let falls_short = share < KEPT_UP;
        let sent = arrived as f64 / share.max(0.01);
        let is_little = sent < self.control.rate() as f64 * LITTLE;
        let is_long = standing_us >= LONG_US;
        if is_little { falls_short && is_long } else { falls_short || is_long }
    }

    pub(super) fn lower(&mut self, now: Time, rate: u64) {
        self.control.set(now, rate.max(MIN_BITRATE));
        self.slow_down(now);
    }

    /// The rate went down: what stands on the way drains first.
    pub(super) fn slow_down(&mut self, now: Time) {
        self.prober.pause(now, CALM);
        if self.draining.is_none() && !self.rival.is_there() {
            self.draining = Some(now + DRAIN);
            self.rival.draining(self.queue.standing_us());
        }
    }
}
