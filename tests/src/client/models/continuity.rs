//! The numbers of one person's payloads of one plug-in as they arrive: what is missing, what came
//! late, what came again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long a payload is waited for behind a later one. Longer than any decoder would wait: what
/// comes this late counts as arrived, and as late.
const PATIENCE: Duration = Duration::from_secs(1);

/// Payloads in a row whose absence is a pause: the node sent the other form, or another voice. One
/// in ten lost at random leaves out so many in a row once in 10^12 times.
const PAUSE: u32 = 12;

/// What a number was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The highest so far.
    New,
    /// One that was missing.
    Missing,
    /// One that had come, or that is no longer waited for.
    Again,
}

/// The numbers of one stream.
#[derive(Clone, Debug, Default)]
pub struct Continuity {
    highest: Option<u32>,
    missing: BTreeMap<u32, Instant>,
    lost: u64,
    paused: u64,
}

impl Continuity {
    /// A payload of this number came.
    pub fn came(&mut self, now: Instant, number: u32) -> Came {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return Came::New;
        };
        if number <= highest {
            let was_missing = self.missing.remove(&number).is_some();
            return if was_missing { Came::Missing } else { Came::Again };
        }
        let between = number - highest - 1;
        if between >= PAUSE {
            self.paused += u64::from(between);
        } else {
            self.missing.extend((highest + 1..number).map(|number| (number, now)));
        }
        self.highest = Some(number);
        Came::New
    }

    /// Gives up what was waited for long enough.
    pub fn settle(&mut self, now: Instant) {
        let before = self.missing.len();
        self.missing.retain(|_, since| now.saturating_duration_since(*since) < PATIENCE);
        self.lost += (before - self.missing.len()) as u64;
    }

    /// Numbers that never came.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Numbers that are still waited for.
    pub fn waiting(&self) -> u64 {
        self.missing.len() as u64
    }

    /// Numbers left out in pauses.
    pub const fn paused(&self) -> u64 {
        self.paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_lost_after_a_second_and_what_comes_late_is_not() {
        let start = Instant::now();
        let mut numbers = Continuity::default();
        let came: Vec<_> = [7, 8, 11, 9, 9, 8].map(|number| numbers.came(start, number)).into();
        let expected = [Came::New, Came::New, Came::New, Came::Missing, Came::Again, Came::Again];
        assert_eq!(came, expected);
        numbers.settle(start + PATIENCE / 2);
        assert_eq!((numbers.lost(), numbers.waiting()), (0, 1));
        numbers.settle(start + PATIENCE);
        assert_eq!((numbers.lost(), numbers.waiting()), (1, 0));
        assert_eq!(numbers.came(start + PATIENCE, 10), Came::Again);
    }

    #[test]
    fn many_left_out_in_a_row_are_a_pause() {
        let mut numbers = Continuity::default();
        for number in [1, 2 + PAUSE, 2 + 2 * PAUSE] {
            numbers.came(Instant::now(), number);
        }
        assert_eq!((numbers.paused(), numbers.waiting()), (u64::from(PAUSE), u64::from(PAUSE) - 1));
    }
}
