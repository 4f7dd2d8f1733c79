//! When to probe, how far, and what follows from it.

use std::time::Duration;

use super::{MAX_BITRATE, MIN_BITRATE, SILENCE, Sender, follow::THROUGHPUT_US, probe::Finding};
use crate::time::Time;

/// Rates of further probes over the estimate: while each finds all that it tried, and at most.
const NEXT_PROBE: u64 = 2;
/// How far beyond what is wanted a probe goes, in per cent, so that its finding suffices for it.
const PROBE_MARGIN: u64 = 115;
/// The estimate that suffices for what is wanted, over that, in per cent.
const ENOUGH: u64 = 105;
/// Difference of the lengths of packets, in bits.
const OWN_BITS: u64 = 2_400;

impl Sender {
    /// Begins a probe that is due, unless a queue drains.
    pub(super) fn begin_probe(&mut self, now: Time) {
        // Nothing flows any more that could tell of the queue.
        if self.draining.is_some_and(|until| now >= until + SILENCE) {
            self.draining = None;
        }
        if self.prober.rate().is_none() && self.draining.is_none() {
            // On a narrow way packets of different length are jitter by themselves.
            let own_us = OWN_BITS * 1_000_000 / self.control.rate().max(MIN_BITRATE);
            let jitter = self.queue.jitter().saturating_sub(Duration::from_micros(own_us));
            self.prober.begin(now, self.probe_rate(), jitter);
            if self.prober.rate().is_some() {
                self.set_pace(now);
            }
        }
    }

    /// A probe came through.
    pub(super) fn found(&mut self, now: Time, finding: Finding) {
        let rate = self.control.rate();
        let more = finding.carries > rate + rate / 20;
        self.prober.found(now, more);
        if self.draining.is_some() {
            return;
        }
        if finding.carries <= rate {
            // The estimate was ahead of what is sent, and the way does not carry it.
            let arrived = self.throughput.rate(THROUGHPUT_US).unwrap_or(rate);
            if !finding.all && arrived < rate {
                self.control.set(now, finding.carries.max(arrived));
            }
            return;
        }
        let carries = finding.carries.min(MAX_BITRATE);
        self.control.set(now, carries);
        if finding.all
            && let Some(next) = self.probe_rate()
        {
            self.prober.plan(next);
        }
    }

    /// Rate of a probe that would be of use: towards what is wanted, while there is a next step.
    pub(super) fn probe_rate(&self) -> Option<u64> {
        let rate = self.control.rate().max(MIN_BITRATE);
        let wanted = self.demand.wanted.max(self.demand.next_step?);
        if rate >= wanted * ENOUGH / 100 || rate >= MAX_BITRATE {
            return None;
        }
        let wanted = wanted * PROBE_MARGIN / 100;
        Some((rate * NEXT_PROBE).min(wanted).min(MAX_BITRATE * PROBE_MARGIN / 100))
    }
}
