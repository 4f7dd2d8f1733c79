//! Whether a line is so thin that a voice is better made of the generic model than sent raw.

use std::time::Duration;

use crate::time::Time;

/// A line that carries less, in bits per second, is thin: one raw voice at its normal rate fills it
/// (design section 7).
const THIN: u64 = 60_000;

/// What a thin line must carry to be one no longer: estimates swing by a tenth.
pub const WIDE: u64 = 75_000;

/// For how long it must have carried that: a probe that was believed too much is taken back sooner.
const STEADY: Duration = Duration::from_secs(3);

/// What is known of a line. One of which nothing is known is not thin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThinLine {
    bitrate: Option<u64>,
    thin: bool,
    /// Since when it has carried [`WIDE`], while it counts as thin.
    wide_since: Option<Time>,
}

impl ThinLine {
    /// It carries that, in bits per second. Returns whether it is thin now and was not, or the other
    /// way round.
    pub fn observe(&mut self, now: Time, bitrate: u64) -> bool {
        self.bitrate = Some(bitrate);
        self.look(now)
    }

    /// Time has passed. Returns what [`Self::observe`] does.
    pub fn look(&mut self, now: Time) -> bool {
        let Some(bitrate) = self.bitrate else { return false };
        let was_thin = self.thin;
        if !self.thin {
            self.thin = bitrate < THIN;
        } else if bitrate < WIDE {
            self.wide_since = None;
        } else {
            let since = *self.wide_since.get_or_insert(now);
            self.thin = now.saturating_since(since) < STEADY;
        }
        if !self.thin {
            self.wide_since = None;
        }
        self.thin != was_thin
    }

    /// Whether it is thin.
    pub const fn is_thin(&self) -> bool {
        self.thin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    #[test]
    fn a_line_is_thin_at_once_and_wide_when_it_has_carried_more_for_a_while() {
        let mut line = ThinLine::default();
        assert!(!line.look(at(0)) && !line.is_thin(), "nothing is known of it");
        assert!(!line.observe(at(0), THIN) && !line.is_thin());
        assert!(line.observe(at(10), THIN - 1) && line.is_thin());
        assert!(!line.observe(at(20), WIDE - 1) && line.is_thin());
        assert!(!line.observe(at(30), WIDE) && line.is_thin());
        assert!(!line.look(at(2_000)) && line.is_thin());
        assert!(!line.observe(at(2_500), WIDE - 1) && line.is_thin(), "it was believed too much");
        assert!(!line.observe(at(3_000), WIDE + 1));
        assert!(!line.look(at(5_999)) && line.look(at(6_000)) && !line.is_thin());
    }

    #[test]
    fn a_line_that_swings_around_the_border_changes_once() {
        let mut line = ThinLine::default();
        let bitrates = (0..600_u64).map(|n| THIN - 8_000 + 20_000 * (n % 2));
        let changes = bitrates.zip(0..).filter(|&(bitrate, n)| line.observe(at(n * 250), bitrate));
        assert_eq!(changes.count(), 1);
    }
}
