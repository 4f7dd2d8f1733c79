//! What raw voices take, and which of them a line carries.
//!
//! Those who speak come first, the dominant speaker before all: one voice is always sent, and of the
//! others as many as are left room for. Whoever is heard keeps his place until he is silent, so that
//! nobody is cut off in the middle of a word by one who is as loud.

use std::{cmp::Reverse, time::Duration};

use crate::{bandwidth::Budget, time::Time};

/// How long a publisher that was asked for another rate may take until what is measured is of that: a
/// round trip, the encoder's start, and the second over which rates are measured.
const OBEYED: Duration = Duration::from_millis(2_500);

/// What a raw voice takes while somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceRate {
    takes: u64,
    /// What it will take, and when its publisher was asked for that.
    asked: Option<(Time, u64)>,
}

impl VoiceRate {
    /// Of a voice that was not measured yet, and usually takes `usual` bits per second.
    pub const fn new(usual: u64) -> Self {
        Self { takes: usual, asked: None }
    }

    /// Its publisher is asked for a rate that usually takes `usual` bits per second.
    pub const fn ask(&mut self, now: Time, usual: u64) {
        self.asked = Some((now, usual));
    }

    /// It took `measured` bits per second over the last second. More counts soon; less, over some
    /// seconds, and only of speech: pauses cost little, and end.
    pub fn measure(&mut self, now: Time, measured: u64, is_speech: bool) {
        if let Some((at, usual)) = self.asked {
            if now.saturating_since(at) < OBEYED {
                return;
            }
            *self = Self::new(usual);
        }
        if measured > self.takes {
            self.takes += (measured - self.takes).div_ceil(2);
        } else if is_speech {
            self.takes -= (self.takes - measured) / 32;
        }
    }

    /// Bits per second on the wire.
    pub const fn takes(&self) -> u64 {
        self.takes
    }
}

/// A raw voice that has a slot of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawVoice {
    /// Whether somebody speaks.
    pub speaking: bool,
    /// Whether that is the dominant speaker of the room.
    pub dominant: bool,
    /// When somebody last spoke, if ever.
    pub last_spoke: Option<Time>,
    /// Average level in -dBov: less is louder.
    pub level: u8,
    /// Whether the client is sent it.
    pub sent: bool,
    /// Bits per second on the wire.
    pub takes: u64,
}

impl RawVoice {
    /// Greater is served first.
    fn rank(&self) -> impl Ord + use<> {
        (self.speaking, self.dominant, self.sent, self.last_spoke, Reverse(self.level))
    }
}

/// Which of the voices are to be sent, in their order. As many as are sent now are paid from all there
/// is, whoever they are; more of them only from what is left to improve something.
pub fn carried(budget: Budget, voices: &[RawVoice]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..voices.len()).collect();
    order.sort_by_key(|&index| Reverse(voices[index].rank()));
    let before = voices.iter().filter(|voice| voice.sent).count();
    let (mut sent, mut count, mut spent) = (vec![false; voices.len()], 0, 0_u64);
    for index in order {
        let limit = if count < before { budget.keep } else { budget.improve };
        let total = spent.saturating_add(voices[index].takes);
        if count == 0 || total <= limit {
            (sent[index], spent) = (true, total);
            count += 1;
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    /// A voice that is silent since so many milliseconds after the start.
    fn silent(ms: u64) -> RawVoice {
        RawVoice {
            speaking: false,
            dominant: false,
            last_spoke: Some(at(ms)),
            level: 90,
            sent: false,
            takes: 20_000,
        }
    }

    fn speaking(level: u8) -> RawVoice {
        RawVoice { speaking: true, level, ..silent(9_000) }
    }

    fn check(keep: u64, improve: u64, voices: &[RawVoice], expected: &[bool]) {
        let budget = Budget { keep: keep * 1_000, improve: improve * 1_000 };
        assert_eq!(carried(budget, voices), expected, "{voices:?}");
    }

    #[test]
    fn one_voice_is_always_sent_and_others_as_far_as_there_is_room() {
        let voices = [speaking(30), speaking(20), speaking(40)];
        check(0, 0, &voices, &[false, true, false]);
        check(50, 40, &voices, &[true, true, false]);
        check(90, 60, &voices, &[true, true, true]);
        check(0, 0, &[], &[]);
    }

    #[test]
    fn who_speaks_comes_before_the_silent_and_the_dominant_speaker_before_all() {
        let dominant = RawVoice { dominant: true, ..speaking(30) };
        check(0, 0, &[speaking(20), dominant, silent(8_000)], &[false, true, false]);
        let silent_now = RawVoice { dominant: true, sent: true, ..silent(8_000) };
        check(0, 0, &[silent_now, speaking(40)], &[false, true]);
        check(0, 0, &[silent(7_000), silent(8_000)], &[false, true]);
    }

    #[test]
    fn who_is_heard_is_not_cut_off_by_one_who_is_as_loud() {
        let heard = RawVoice { sent: true, ..speaking(30) };
        check(20, 0, &[speaking(27), heard], &[false, true]);
    }

    #[test]
    fn who_takes_the_place_of_another_needs_no_room_and_one_more_needs_some_to_spare() {
        let quiet = RawVoice { sent: true, ..silent(8_000) };
        let heard = RawVoice { sent: true, ..speaking(30) };
        check(40, 20, &[heard, quiet, speaking(30)], &[true, false, true]);
        check(60, 59, &[heard, heard, speaking(30)], &[true, true, false]);
        check(60, 60, &[heard, heard, speaking(30)], &[true, true, true]);
    }

    #[test]
    fn a_voice_that_does_not_fit_is_passed_over_for_one_that_does() {
        let large = RawVoice { takes: 50_000, ..speaking(25) };
        check(50, 50, &[speaking(20), large, speaking(40)], &[true, false, true]);
    }

    #[test]
    fn what_a_voice_takes_is_found_in_speech_and_kept_in_silence() {
        let mut rate = VoiceRate::new(50_000);
        let mut now = 0;
        let mut measure = |rate: &mut VoiceRate, measured, is_speech, seconds: u64| {
            for _ in 0..seconds * 4 {
                now += 250;
                rate.measure(at(now), measured, is_speech);
            }
            rate.takes() / 1_000
        };
        assert_eq!(measure(&mut rate, 1_000, false, 60), 50);
        assert_eq!(measure(&mut rate, 40_000, true, 30), 40);
        assert_eq!(measure(&mut rate, 70_000, false, 2), 69);
    }

    #[test]
    fn a_rate_that_was_asked_for_counts_once_it_can_be_there_and_is_measured_too() {
        let mut rate = VoiceRate::new(50_000);
        rate.ask(at(0), 20_000);
        rate.measure(at(2_000), 50_000, true);
        assert_eq!(rate.takes(), 50_000);
        rate.measure(at(2_500), 18_000, true);
        assert!((19_000..20_000).contains(&rate.takes()), "{rate:?}");
        for step in 1..20 {
            rate.measure(at(2_500 + step * 250), 40_000, true);
        }
        assert!(rate.takes() > 39_000, "whoever does not obey takes what he takes: {rate:?}");
    }
}
