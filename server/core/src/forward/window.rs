//! Which of the latest sequence numbers have been seen.

/// Numbers behind the highest that are remembered: some 4 s of video at 2 Mbit/s, which is longer
/// than a retransmission can be worth anything.
pub(super) const WINDOW: u64 = 1024;

const WORDS: usize = (WINDOW / 64) as usize;

/// A bit for each of the [`WINDOW`] numbers up to the highest one.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: Option<u64>,
    seen: [u64; WORDS],
}

/// What a window says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Not seen before: now it is. Says how many numbers it is past the highest one so far; 0 for
    /// a late one.
    New { ahead: u64 },
    /// Seen before.
    Duplicate,
    /// So far behind that nobody knows.
    TooOld,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { highest: None, seen: [0; WORDS] }
    }

    /// Whether `number` was not seen. Not where nothing was, nor of what is forgotten.
    pub(super) fn lacks(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return false };
        let (word, bit) = place(number);
        number > highest || (highest - number < WINDOW && self.seen[word] & bit == 0)
    }

    /// Marks `number` as seen.
    pub(super) fn insert(&mut self, number: u64) -> Seen {
        let ahead = match self.highest {
            None => 1,
            Some(highest) if number > highest => number - highest,
            Some(highest) if highest - number >= WINDOW => return Seen::TooOld,
            Some(_) => 0,
        };
        if ahead > 0 {
            self.highest = Some(number);
            for passed in 0..ahead.min(WINDOW) {
                let (word, bit) = place(number - passed);
                self.seen[word] &= !bit;
            }
        }
        let (word, bit) = place(number);
        if self.seen[word] & bit != 0 {
            return Seen::Duplicate;
        }
        self.seen[word] |= bit;
        Seen::New { ahead }
    }
}

fn place(number: u64) -> (usize, u64) {
    let index = number % WINDOW;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1 << 40;

    #[test]
    fn each_number_is_new_once_and_too_old_behind_the_window() {
        let mut window = Window::new();
        assert_eq!(window.insert(START), Seen::New { ahead: 1 });
        assert_eq!(window.insert(START), Seen::Duplicate);
        assert_eq!(window.insert(START + 3), Seen::New { ahead: 3 });
        assert_eq!(window.insert(START + 1), Seen::New { ahead: 0 });
        assert_eq!(window.insert(START + 1), Seen::Duplicate);
        assert_eq!(window.insert(START + 3 - WINDOW), Seen::TooOld);
        assert_eq!(window.insert(START + 4 - WINDOW), Seen::New { ahead: 0 });
    }

    #[test]
    fn what_did_not_come_is_lacking() {
        let mut window = Window::new();
        assert!(!window.lacks(START));
        window.insert(START);
        window.insert(START + 2);
        let lacking: Vec<_> = (START..START + 4).filter(|n| window.lacks(*n)).collect();
        assert_eq!(lacking, [START + 1, START + 3]);
        window.insert(START + 1);
        assert!(!window.lacks(START + 1));
        assert!(!window.lacks(START + 2 - WINDOW));
    }

    #[test]
    fn a_jump_over_the_whole_window_forgets_all_of_it() {
        let mut window = Window::new();
        for number in START..START + WINDOW {
            window.insert(number);
        }
        let far = START + 10 * WINDOW;
        assert_eq!(window.insert(far), Seen::New { ahead: 9 * WINDOW + 1 });
        for number in far + 1 - WINDOW..far {
            assert_eq!(window.insert(number), Seen::New { ahead: 0 }, "{number}");
        }
    }
}
