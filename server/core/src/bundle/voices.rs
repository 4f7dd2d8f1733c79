//! Whose voices are in a subscriber's bundle.

use std::time::Duration;

use sotto_frame::Activity;

use crate::{id::ShortId, time::Time};

/// Talking voices in one bundle: nobody can follow more.
pub const MAX_VOICES: usize = 5;

/// For how long a voice that says nothing keeps its place.
const HOLD: Duration = Duration::from_secs(1);

/// A voice that is louder by this takes the place of the quietest, in steps of 8 dB.
const MARGIN: u8 = 1;

/// The voices that a subscriber hears from bundles. Who speaks keeps his place; when all are taken,
/// one who is clearly louder takes that of the quietest.
#[derive(Clone, Debug, Default)]
pub struct Voices {
    heard: Vec<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    who: ShortId,
    activity: Activity,
    last: Time,
}

impl Voices {
    /// Whether a frame of this voice belongs into the bundle.
    pub fn admit(&mut self, now: Time, who: ShortId, activity: Activity) -> bool {
        self.heard.retain(|heard| now.saturating_since(heard.last) < HOLD);
        if let Some(heard) = self.heard.iter_mut().find(|heard| heard.who == who) {
            heard.activity = activity;
            if activity.talking {
                heard.last = now;
            }
            return true;
        }
        let heard = Heard { who, activity, last: now };
        if self.heard.len() < MAX_VOICES {
            // The noise of a quiet room takes nobody's place, and is heard while there is one.
            if activity.talking {
                self.heard.push(heard);
            }
            return true;
        }
        if !activity.talking {
            return false;
        }
        let Some(quietest) = self.heard.iter_mut().max_by_key(|heard| heard.loudness()) else {
            return false;
        };
        let yields = !quietest.activity.talking
            || activity.level.saturating_add(MARGIN) <= quietest.activity.level;
        if yields {
            *quietest = heard;
        }
        yields
    }
}

impl Heard {
    /// Greater: quieter.
    const fn loudness(&self) -> (bool, u8) {
        (!self.activity.talking, self.activity.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    fn talk(level: u8) -> Activity {
        Activity { level, talking: true }
    }

    const QUIET: Activity = Activity { level: 12, talking: false };

    fn full() -> Voices {
        let mut voices = Voices::default();
        for who in 1..=5 {
            assert!(voices.admit(at(0), ShortId(who), talk(6)));
        }
        voices
    }

    #[test]
    fn five_talk_and_a_sixth_is_heard_only_if_clearly_louder() {
        let mut voices = full();
        assert!(!voices.admit(at(10), ShortId(6), talk(6)));
        assert!(voices.admit(at(20), ShortId(6), talk(5)));
        assert!(!voices.admit(at(30), ShortId(7), talk(6)), "nobody else is quieter than that");
    }

    #[test]
    fn who_falls_silent_yields_at_once_to_one_who_talks_and_after_a_second_to_anyone() {
        let mut voices = full();
        assert!(voices.admit(at(80), ShortId(3), QUIET));
        assert!(voices.admit(at(90), ShortId(6), talk(9)));
        assert!(!voices.admit(at(100), ShortId(3), QUIET));
        assert!(voices.admit(at(1_200), ShortId(3), QUIET), "the others stopped a second ago");
    }

    #[test]
    fn quiet_rooms_take_no_place() {
        let mut voices = Voices::default();
        for who in 1..=20 {
            assert!(voices.admit(at(0), ShortId(who), QUIET));
        }
        for who in 21..=25 {
            assert!(voices.admit(at(0), ShortId(who), talk(6)));
        }
        assert!(!voices.admit(at(0), ShortId(1), QUIET));
    }
}
