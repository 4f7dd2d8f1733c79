//! Times for which nothing new was seen of somebody, in whatever form.

use std::{collections::BTreeMap, time::Duration};

/// A picture that stands still for longer is a gap.
const GAP: Duration = Duration::from_millis(500);

/// Gaps so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// By short id: whether there is one now.
    open: BTreeMap<u32, bool>,
    count: u64,
    longest: Duration,
}

impl Gaps {
    /// Looks at somebody of whom the last picture came at `last`, in either form; whoever was never
    /// seen has no gap.
    pub fn look(&mut self, now: Duration, short_id: u32, last: Option<Duration>) {
        let Some(last) = last else { return };
        let still = now.saturating_sub(last);
        let is_gap = still > GAP;
        let was_gap = self.open.insert(short_id, is_gap).unwrap_or(false);
        self.count += u64::from(is_gap && !was_gap);
        self.longest = self.longest.max(still);
    }

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Longest time without a picture, a gap or not.
    pub const fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_stands_still_is_one_gap_until_there_is_another() {
        let mut gaps = Gaps::default();
        let ms = Duration::from_millis;
        gaps.look(ms(5_000), 1, None);
        for (now, last) in
            [(1_000, 900), (1_400, 900), (1_500, 900), (1_600, 1_550), (2_300, 1_550)]
        {
            gaps.look(ms(now), 1, Some(ms(last)));
            gaps.look(ms(now), 2, Some(ms(now)));
        }
        assert_eq!((gaps.count(), gaps.longest()), (2, ms(750)));
    }
}
