//! A TCP flow that always has something to send: CUBIC (RFC 9438), reduced to its window.

use std::collections::BTreeMap;

const SEGMENT_BYTES: u32 = 1_500;
/// RFC 9438 section 4.1.2: constant and decrease factor.
const C: f64 = 0.4;
const BETA: f64 = 0.7;
/// First window in segments (RFC 6928).
const FIRST_WINDOW: f64 = 10.0;
/// Packets after it by which a missing one is lost.
const REORDERING: u64 = 3;
const TIMEOUT_US: u64 = 1_000_000;

/// The sending side; every packet that arrives is acknowledged.
#[derive(Debug)]
pub(super) struct Tcp {
    window: f64,
    threshold: f64,
    /// Window before the last loss, and when that was.
    highest: f64,
    epoch_us: Option<u64>,
    next: u64,
    /// Numbers under way, and when they were sent.
    under_way: BTreeMap<u64, u64>,
    /// Losses of packets sent before this one belong to the same event.
    recovered: u64,
    round_trip_us: f64,
    heard_us: u64,
}

impl Tcp {
    pub(super) const fn new(now_us: u64) -> Self {
        Self {
            window: FIRST_WINDOW,
            threshold: f64::INFINITY,
            highest: 0.0,
            epoch_us: None,
            next: 0,
            under_way: BTreeMap::new(),
            recovered: 0,
            round_trip_us: 100_000.0,
            heard_us: now_us,
        }
    }

    /// The next packet, if the window allows one: its number and bytes.
    pub(super) fn poll(&mut self, now_us: u64) -> Option<(u64, u32)> {
        if now_us > self.heard_us + TIMEOUT_US && !self.under_way.is_empty() {
            self.under_way.clear();
            self.threshold = self.window / 2.0;
            self.window = 2.0;
            self.heard_us = now_us;
        }
        if self.under_way.len() as f64 >= self.window {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.under_way.insert(number, now_us);
        Some((number, SEGMENT_BYTES))
    }

    /// A packet was acknowledged.
    pub(super) fn acknowledged(&mut self, now_us: u64, number: u64) {
        self.heard_us = now_us;
        let Some(sent_us) = self.under_way.remove(&number) else { return };
        let sample_us = (now_us - sent_us) as f64;
        self.round_trip_us += (sample_us - self.round_trip_us) / 8.0;
        let before = self.under_way.len();
        self.under_way.retain(|&under_way, _| under_way + REORDERING > number);
        if self.under_way.len() < before && number >= self.recovered {
            self.recovered = self.next;
            self.highest = self.window;
            self.window = (self.window * BETA).max(2.0);
            self.threshold = self.window;
            self.epoch_us = Some(now_us);
        } else if self.window < self.threshold {
            self.window += 1.0;
        } else {
            let epoch_us = *self.epoch_us.get_or_insert(now_us);
            let t = (now_us - epoch_us) as f64 / 1e6;
            let k = (self.highest * (1.0 - BETA) / C).cbrt();
            let cubic = C * (t - k).powi(3) + self.highest;
            // The friendly region: at least what Reno would have.
            let reno = self.highest * BETA
                + 3.0 * (1.0 - BETA) / (1.0 + BETA) * t * 1e6 / self.round_trip_us;
            let target = cubic.max(reno).min(self.window * 1.5);
            self.window += ((target - self.window) / self.window).max(0.01 / self.window);
        }
    }
}
