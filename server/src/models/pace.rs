//! How fast the body of a model leaves: at the rate that the core set aside for it.

use std::time::{Duration, Instant};

/// Media time of one piece of a body.
const CHUNK: Duration = Duration::from_millis(20);

/// Limits of one piece in bytes: less than a segment of TCP costs more headers than it saves time, and
/// more would come in bursts.
const SMALLEST_CHUNK: u64 = SEGMENT;
const LARGEST_CHUNK: u64 = 16 * 1024;

/// Payload of a segment of TCP with time stamps, on a path of 1,500 bytes, and the headers around it.
const SEGMENT: u64 = 1_448;
const SEGMENT_HEADERS: u64 = 52;

/// Slower than this nothing ever ends, in bits per second.
const SLOWEST: u64 = 8_000;

/// Sees to it that what leaves under one grant keeps to its rate, however many requests share it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// When the next piece may leave.
    due: Option<Instant>,
}

impl Pace {
    /// When a piece of so many bytes on the wire may leave, at `bitrate` bits per second. The next one
    /// then waits until it has passed. Time in which nothing was sent is not made up for.
    pub fn take(&mut self, now: Instant, wire_bytes: u64, bitrate: u64) -> Instant {
        let due = self.due.map_or(now, |due| due.max(now));
        let micros = wire_bytes * 8_000_000 / bitrate.max(SLOWEST);
        self.due = Some(due + Duration::from_micros(micros));
        due
    }
}

/// Bytes of the next piece at this rate in bits per second: 20 ms of it, a segment at least, 16 KB at
/// most.
pub fn chunk_len(bitrate: u64) -> usize {
    let bytes = bitrate.saturating_mul(CHUNK.as_millis() as u64) / 8_000;
    bytes.clamp(SMALLEST_CHUNK, LARGEST_CHUNK) as usize
}

/// Bytes that a piece of a body takes on the wire with the headers of TCP and IPv4.
pub fn wire_len(bytes: usize) -> u64 {
    let bytes = bytes as u64;
    bytes + bytes.div_ceil(SEGMENT) * SEGMENT_HEADERS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a body takes on a thread that does nothing else, and on one that sends each piece late.
    fn time_of(bytes: usize, bitrate: u64, late: Duration) -> Duration {
        let start = Instant::now();
        let (mut now, mut left, mut pace) = (start, bytes, Pace::default());
        while left > 0 {
            let piece = chunk_len(bitrate).min(left);
            now = pace.take(now, wire_len(piece), bitrate).max(now) + late;
            left -= piece;
        }
        pace.take(now, 0, bitrate).max(now) - start
    }

    #[test]
    fn a_body_takes_the_time_that_its_bytes_and_their_headers_take() {
        for (bytes, bitrate) in [(40_000, 30_000), (160_000, 250_000), (4 << 20, 4_000_000)] {
            let seconds = wire_len(bytes) as f64 * 8.0 / bitrate as f64;
            let taken = time_of(bytes, bitrate, Duration::ZERO).as_secs_f64();
            assert!((taken / seconds - 1.0).abs() < 0.02, "{taken} s for {seconds} s");
        }
    }

    #[test]
    fn what_was_late_is_not_made_up_for_in_a_burst() {
        let late = Duration::from_millis(200);
        let slow = time_of(160_000, 4_000_000, late);
        assert!(slow >= late * (160_000 / 10_000), "{slow:?}");
    }

    #[test]
    fn two_downloads_under_one_grant_share_its_rate() {
        let now = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.take(now, 1_000, 80_000), now);
        assert_eq!(pace.take(now, 1_000, 80_000), now + Duration::from_millis(100));
        assert_eq!(pace.take(now, 1_000, 0), now + Duration::from_millis(200), "no rate is none");
    }

    #[test]
    fn pieces_are_twenty_milliseconds_within_limits() {
        assert_eq!([30_000, 2_000_000, u64::MAX].map(chunk_len), [1_448, 5_000, 16_384]);
    }
}
