//! How many bits per second a layer takes.

use std::time::Duration;

use crate::time::Time;

/// Length of one bucket. Eight of them make the window of about one second.
const BUCKET: Duration = Duration::from_millis(125);

const BUCKETS: usize = 8;

/// What goes around an RTP packet on the way to a subscriber: IPv4 and UDP headers (28 bytes), the
/// CSRC that is added (4) and the authentication tag of AES-GCM (16, RFC 7714).
const WIRE_OVERHEAD: u64 = 48;

/// The rate of a stream over the last second. Exact in bytes, coarse in time: the oldest eighth
/// leaves the window at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateMeter {
    /// Bytes by number of the bucket, modulo [`BUCKETS`].
    buckets: [u64; BUCKETS],
    /// Number of the latest bucket since the epoch.
    latest: u64,
    /// When the first packet after a silence of a whole window came.
    since: Time,
}

impl RateMeter {
    /// Nothing came yet.
    pub const fn new() -> Self {
        Self { buckets: [0; BUCKETS], latest: 0, since: Time::from_micros(0) }
    }

    /// Counts an RTP packet of `len` bytes.
    pub fn observe(&mut self, now: Time, len: usize) {
        let number = number(now);
        let passed = number.saturating_sub(self.latest);
        if passed >= BUCKETS as u64 {
            *self = Self { latest: number, since: now, ..Self::new() };
        }
        for skipped in 0..passed.min(BUCKETS as u64) {
            self.buckets[place(number - skipped)] = 0;
        }
        self.latest = self.latest.max(number);
        self.buckets[place(self.latest)] += len as u64 + WIRE_OVERHEAD;
    }

    /// Bits per second on the wire over the last second, or since the stream began; 0 if nothing
    /// came for a second.
    pub fn bitrate(&self, now: Time) -> u64 {
        let number = number(now).max(self.latest);
        // The buckets that are still within the window.
        let oldest = number.saturating_sub(BUCKETS as u64 - 1);
        let bytes: u64 = (oldest..=self.latest).map(|bucket| self.buckets[place(bucket)]).sum();
        let begin = Time::from_micros(oldest * BUCKET.as_micros() as u64).max(self.since);
        // Right after the begin a keyframe alone would pass for a rate.
        let span = now.saturating_since(begin).max(BUCKET * 2);
        bytes * 8 * 1_000_000 / span.as_micros() as u64
    }
}

fn number(now: Time) -> u64 {
    now.as_micros() / BUCKET.as_micros() as u64
}

fn place(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_000_000_000_000;

    /// Packets of `len` bytes each `every` milliseconds for `span` milliseconds.
    fn stream(meter: &mut RateMeter, from: u64, every: u64, span: u64, len: usize) -> Time {
        for at in (0..span).step_by(every as usize) {
            meter.observe(Time::from_micros(START + (from + at) * 1_000), len);
        }
        Time::from_micros(START + (from + span) * 1_000)
    }

    #[test]
    fn the_rate_of_a_steady_stream_is_found_within_a_few_per_cent_from_a_quarter_second_on() {
        for span in [250, 500, 1_000, 3_333, 10_000] {
            let mut meter = RateMeter::new();
            let end = stream(&mut meter, 77, 10, span, 952);
            // 100 packets of 1,000 bytes a second.
            let rate = meter.bitrate(end) as f64;
            assert!((rate / 800_000.0 - 1.0).abs() < 0.05, "{rate} after {span} ms");
        }
    }

    #[test]
    fn a_stream_that_ends_is_zero_after_a_second_and_begins_anew() {
        let mut meter = RateMeter::new();
        let end = stream(&mut meter, 0, 10, 2_000, 952);
        assert!(meter.bitrate(end + Duration::from_millis(500)) < 500_000);
        assert_eq!(meter.bitrate(end + Duration::from_millis(1_000)), 0);
        let end = stream(&mut meter, 5_000, 20, 500, 952);
        let rate = meter.bitrate(end) as f64;
        assert!((rate / 400_000.0 - 1.0).abs() < 0.1, "{rate}");
    }
}
