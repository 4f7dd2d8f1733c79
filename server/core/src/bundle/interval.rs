//! How long frames wait for others to share a packet with.

use std::time::Duration;

/// The intervals between bundles: the shorter, the less frames wait, and the more headers there are:
/// 64 bytes a packet are 25.6, 12.8 and 6.4 kbit/s.
pub const INTERVALS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(80)];

/// What a line must carry for each interval but the longest, in bits per second: headers then take a
/// twentieth of it.
const NEEDED: [u64; 2] = [512_000, 256_000];

/// A line must carry so much more for a shorter interval than it has, in per mille.
const MARGIN: u64 = 1_250;

/// The time between two bundles to one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushInterval {
    index: usize,
}

impl Default for FlushInterval {
    fn default() -> Self {
        Self { index: 1 }
    }
}

impl FlushInterval {
    /// The line carries `bitrate` bits per second.
    pub fn observe(&mut self, bitrate: u64) {
        let fits = |(index, needed): (usize, &u64)| {
            let needed = if index < self.index { needed * MARGIN / 1_000 } else { *needed };
            bitrate >= needed
        };
        self.index = NEEDED.iter().enumerate().position(fits).unwrap_or(NEEDED.len());
    }

    /// What it is now.
    pub const fn get(self) -> Duration {
        INTERVALS[self.index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_bundles_for_longer_and_does_not_flap() {
        let mut interval = FlushInterval::default();
        let mut after = |kbps: u64| {
            interval.observe(kbps * 1_000);
            interval.get().as_millis()
        };
        assert_eq!(
            [after(100), after(300), after(330), after(260), after(255)],
            [80, 80, 40, 40, 80]
        );
        assert_eq!([after(600), after(650), after(520), after(500)], [40, 20, 20, 40]);
    }
}
