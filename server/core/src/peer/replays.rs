//! Kept packets that one client is sent again, over time.

use crate::time::Time;

/// Bytes that may be sent again at once: a page of cameras, or a large picture and some.
const BURST: u64 = 1_000_000;

/// Bytes a second that may be sent again for ever: whoever looks to and fro faster than that gets a
/// fresh keyframe, which all share who wait for it.
const BYTES_PER_SECOND: u64 = 512_000;

/// Pays for kept packets. A full bucket at first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replays {
    /// Bytes that are missing in the bucket, up to [`BURST`].
    spent: u64,
    /// Up to when they were counted.
    counted: Time,
}

impl Replays {
    /// Bytes that may be sent again now.
    pub(crate) fn left(&mut self, now: Time) -> u64 {
        let us = u64::try_from(now.saturating_since(self.counted).as_micros()).unwrap_or(u64::MAX);
        let paid = us.saturating_mul(BYTES_PER_SECOND) / 1_000_000;
        self.spent = self.spent.saturating_sub(paid);
        if paid > 0 {
            self.counted = now;
        }
        BURST.saturating_sub(self.spent)
    }

    /// Notes that so much was sent again.
    pub(crate) const fn spend(&mut self, bytes: u64) {
        self.spent = self.spent.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_megabyte_at_once_and_then_half_a_megabyte_a_second() {
        let start = Time::from_micros(5_000_000);
        let mut replays = Replays::default();
        assert_eq!(replays.left(start), 1_000_000);
        replays.spend(1_000_000);
        assert_eq!(replays.left(start), 0);
        assert_eq!(replays.left(start + Duration::from_millis(500)), 256_000);
        replays.spend(256_000);
        assert_eq!(replays.left(start + Duration::from_secs(60)), 1_000_000);
    }
}
