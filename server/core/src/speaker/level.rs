//! How loud one track is, and whether somebody speaks on it.

use std::time::Duration;

use crate::{rtp::AudioLevel, time::Time};

/// The level of silence in -dBov (RFC 6464 section 3).
const SILENCE: f64 = 127.0;

/// Somebody speaks from this smoothed level on, in -dBov. Speech into a near microphone lies between
/// 15 and 35, a quiet office between 55 and 70.
const SPEECH_STARTS: f64 = 42.0;

/// Speech may have ended below this smoothed level, in -dBov.
const SPEECH_FADES: f64 = 55.0;

/// Time constant with which the level rises: steady speech at -25 dBov counts after about 90 ms, one
/// loud click of 20 ms does not.
const RISE: Duration = Duration::from_millis(50);

/// Time constant with which the level falls: gaps between words (100 to 200 ms) do not show.
const FALL: Duration = Duration::from_millis(300);

/// How long the level must stay low until speech has ended. With the fall that comes before it, a
/// speaker ends 0.5 to 0.8 s after the last sound.
const LINGER: Duration = Duration::from_millis(450);

/// A packet speaks for the time since the last one, but at most for this long (the longest Opus
/// packet has 120 ms). Where nothing comes for longer it is silent: discontinuous transmission.
const PACKET_SPAN: Duration = Duration::from_millis(120);

/// Time constant of the long average by which speakers are compared.
const COMPARISON: Duration = Duration::from_millis(800);

/// The smoothed loudness of one track. Levels are in -dBov: 0 is the loudest, 127 is silence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loudness {
    level: f64,
    average: f64,
    /// Up to when the two are computed.
    at: Time,
    state: Speech,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    /// Nobody speaks; when speech ended, if there was any.
    Quiet { since: Option<Time> },
    /// Somebody speaks; since when the level has been too low for it.
    Speaking { low_since: Option<Time> },
}

impl Loudness {
    /// A silent track.
    pub(crate) const fn new(now: Time) -> Self {
        Self { level: SILENCE, average: SILENCE, at: now, state: Speech::Quiet { since: None } }
    }

    /// Takes the level of a packet that came now. Returns whether speech has just begun.
    pub(crate) fn observe(&mut self, now: Time, level: AudioLevel) -> bool {
        let gap = now.saturating_since(self.at);
        self.advance(now - gap.min(PACKET_SPAN), SILENCE);
        let spoke = self.is_speaking();
        self.advance(now, f64::from(level.level.min(127)));
        !spoke && self.is_speaking()
    }

    /// Lets silence pass where packets are missing. Call before asking, at least every
    /// [`SPEAKER_INTERVAL`](super::SPEAKER_INTERVAL) while somebody speaks.
    pub(crate) fn fade(&mut self, now: Time) {
        if now.saturating_since(self.at) > PACKET_SPAN {
            self.advance(now, SILENCE);
        } else {
            self.settle(now);
        }
    }

    /// Muted or unpublished: silent at once.
    pub(crate) fn silence(&mut self, now: Time) {
        let since = match self.state {
            Speech::Quiet { since } => since,
            Speech::Speaking { .. } => Some(now),
        };
        *self = Self { state: Speech::Quiet { since }, ..Self::new(now) };
    }

    /// Whether somebody speaks.
    pub(crate) const fn is_speaking(&self) -> bool {
        matches!(self.state, Speech::Speaking { .. })
    }

    /// When somebody last spoke, if ever; `now` while somebody does.
    pub(crate) const fn last_spoke(&self, now: Time) -> Option<Time> {
        match self.state {
            Speech::Quiet { since } => since,
            Speech::Speaking { .. } => Some(now),
        }
    }

    /// The smoothed level in -dBov, 0 to 127.
    pub(crate) fn level(&self) -> u8 {
        self.level.round().clamp(0.0, SILENCE) as u8
    }

    /// The level averaged over about a second, in -dBov: for comparing speakers.
    pub(crate) const fn average(&self) -> f64 {
        self.average
    }

    /// Applies `input` to the time from the last update to `now`.
    fn advance(&mut self, now: Time, input: f64) {
        let span = now.saturating_since(self.at);
        let towards = if input < self.level { RISE } else { FALL };
        self.level += (input - self.level) * share(span, towards);
        self.average += (input - self.average) * share(span, COMPARISON);
        self.at = self.at.max(now);
        self.settle(now);
    }

    fn settle(&mut self, now: Time) {
        self.state = match self.state {
            Speech::Quiet { .. } if self.level <= SPEECH_STARTS => {
                Speech::Speaking { low_since: None }
            }
            Speech::Speaking { .. } if self.level <= SPEECH_FADES => {
                Speech::Speaking { low_since: None }
            }
            Speech::Speaking { low_since: None } => Speech::Speaking { low_since: Some(now) },
            Speech::Speaking { low_since: Some(since) }
                if now.saturating_since(since) >= LINGER =>
            {
                Speech::Quiet { since: Some(now) }
            }
            unchanged => unchanged,
        };
    }
}

/// How much of the way to its input a first-order low-pass goes in `span`. Composes exactly: two
/// half spans go as far as a whole one, so the result does not depend on the packet rate.
fn share(span: Duration, time_constant: Duration) -> f64 {
    1.0 - (-span.as_secs_f64() / time_constant.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_micros(1_000_000);

    fn at(ms: u64) -> Time {
        START + Duration::from_millis(ms)
    }

    /// Feeds `level` every `every` ms over `span`, and says when speech began, in ms.
    fn feed(
        loudness: &mut Loudness,
        span: std::ops::Range<u64>,
        every: u64,
        level: u8,
    ) -> Option<u64> {
        let times = span.step_by(every as usize);
        times.fold(None, |began, ms| {
            let level = AudioLevel { level, voice: true };
            let begins = loudness.observe(at(ms), level);
            began.or(begins.then_some(ms))
        })
    }

    /// When speech ends if only the clock goes on, in ms.
    fn end(loudness: &mut Loudness, from: u64) -> u64 {
        (from..from + 5_000)
            .find(|&ms| {
                loudness.fade(at(ms));
                !loudness.is_speaking()
            })
            .expect("silence ends speech")
    }

    #[test]
    fn speech_counts_within_150_ms_whatever_the_packet_rate() {
        for every in [10, 20, 60, 120] {
            let mut loudness = Loudness::new(START);
            let began = feed(&mut loudness, every..2_000, every, 25).expect("it is loud");
            assert!((80..=180).contains(&began), "packets of {every} ms: began at {began} ms");
        }
    }

    #[test]
    fn smoothing_does_not_depend_on_the_packet_rate() {
        let levels = [10, 20, 60, 120].map(|every| {
            let mut loudness = Loudness::new(START);
            feed(&mut loudness, every..241, every, 30);
            loudness.level()
        });
        assert!(levels.iter().all(|&level| level == levels[0]), "{levels:?}");
    }

    #[test]
    fn a_click_or_a_quiet_office_is_not_speech() {
        let mut loudness = Loudness::new(START);
        assert_eq!(feed(&mut loudness, 20..40, 20, 5), None);
        assert_eq!(feed(&mut loudness, 40..3_000, 20, 60), None);
        assert!(!loudness.is_speaking());
    }

    #[test]
    fn pauses_between_words_do_not_end_speech() {
        let mut loudness = Loudness::new(START);
        for word in 0..10 {
            feed(&mut loudness, word * 500 + 20..word * 500 + 300, 20, 25);
            feed(&mut loudness, word * 500 + 300..word * 500 + 500, 20, 100);
            assert!(loudness.is_speaking(), "after word {word}");
        }
    }

    #[test]
    fn a_speaker_ends_between_half_a_second_and_a_second_after_the_last_sound() {
        for level in [15, 25, 35] {
            let mut silent_packets = Loudness::new(START);
            feed(&mut silent_packets, 20..2_001, 20, level);
            let mut discontinuous = silent_packets;
            let mut ended = None;
            for ms in (2_020..4_000).step_by(20) {
                silent_packets.observe(at(ms), AudioLevel { level: 127, voice: false });
                if !silent_packets.is_speaking() {
                    ended = ended.or(Some(ms - 2_000));
                }
            }
            let ended = ended.expect("silence ends speech");
            assert!((500..=1_000).contains(&ended), "from -{level} dBov: {ended} ms");
            let ended = end(&mut discontinuous, 2_000) - 2_000;
            assert!(
                (500..=1_000).contains(&ended),
                "from -{level} dBov without packets: {ended} ms"
            );
        }
    }

    #[test]
    fn a_level_between_the_two_thresholds_keeps_what_was() {
        let mut quiet = Loudness::new(START);
        assert_eq!(feed(&mut quiet, 20..2_000, 20, 48), None);
        let mut speaking = Loudness::new(START);
        feed(&mut speaking, 20..500, 20, 25);
        feed(&mut speaking, 500..5_000, 20, 48);
        assert!(speaking.is_speaking());
    }

    #[test]
    fn muting_ends_speech_at_once() {
        let mut loudness = Loudness::new(START);
        feed(&mut loudness, 20..1_000, 20, 25);
        loudness.silence(at(1_000));
        assert_eq!((loudness.is_speaking(), loudness.level()), (false, 127));
        assert_eq!(loudness.last_spoke(at(3_000)), Some(at(1_000)));
    }
}
