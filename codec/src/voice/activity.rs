//! Whether somebody speaks.

/// Powers of ten of full scale over which sound can be speech at all: about -65 dB.
const AUDIBLE: f32 = 1.5;
/// Powers of ten by which speech is above the background: 9 dB, or 5 dB where it has a clear pitch.
const ABOVE: f32 = 0.9;
const ABOVE_PITCHED: f32 = 0.5;
/// Mean correlation at the pitch of what has a clear one.
const PITCHED: f32 = 0.15;
/// By how much the background may rise in a payload: 2 dB a second, slower than a vowel ends.
const RISE: f32 = 0.016;
/// Payloads for which speech goes on behind what sounds like it: ends of words, short pauses.
const HANGOVER: u32 = 3;

/// Follows the background, and tells what is above it.
#[derive(Debug, Default)]
pub(super) struct SpeechActivity {
    /// Power of the background in powers of ten; not known at first.
    background: Option<f32>,
    hangover: u32,
}

/// What is looked at of a frame of 10 ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loudness {
    /// Power, in powers of ten.
    pub(super) level: f32,
    /// At the pitch, -0.5 to 0.5.
    pub(super) correlation: f32,
}

impl SpeechActivity {
    /// Whether somebody speaks in the frames of the next payload.
    pub(super) fn talking(&mut self, frames: impl Iterator<Item = Loudness>) -> bool {
        let (mut lowest, mut highest) = (f32::MAX, f32::MIN);
        let (mut correlations, mut count) = (0.0, 0.0);
        for Loudness { level, correlation } in frames {
            (lowest, highest) = (level.min(lowest), level.max(highest));
            correlations += correlation;
            count += 1.0;
        }
        let background = self.background.map_or(lowest, |before| lowest.min(before + RISE));
        self.background = Some(background);
        let above = if correlations > PITCHED * count { ABOVE_PITCHED } else { ABOVE };
        if highest > AUDIBLE && highest > background + above {
            self.hangover = HANGOVER;
            return true;
        }
        let talking = self.hangover > 0;
        self.hangover = self.hangover.saturating_sub(1);
        talking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payloads of 8 frames each, of one level.
    fn talking(activity: &mut SpeechActivity, level: f32, payloads: usize) -> Vec<bool> {
        (0..payloads)
            .map(|_| activity.talking((0..8).map(|_| Loudness { level, correlation: 0.0 })))
            .collect()
    }

    #[test]
    fn speech_is_what_rises_above_the_background_and_a_little_behind_it() {
        let mut activity = SpeechActivity::default();
        assert_eq!(talking(&mut activity, 2.0, 20), [false; 20]);
        assert_eq!(talking(&mut activity, 5.0, 10), [true; 10]);
        let pause = talking(&mut activity, 2.0, 10);
        assert_eq!(pause[..3], [true; 3]);
        assert_eq!(pause[3..], [false; 7]);
    }

    #[test]
    fn what_does_not_change_for_long_becomes_background() {
        let mut activity = SpeechActivity::default();
        talking(&mut activity, 2.0, 5);
        let steady = talking(&mut activity, 4.0, 200);
        assert!(steady[0] && !steady[199]);
    }

    #[test]
    fn what_cannot_be_heard_is_no_speech() {
        let mut activity = SpeechActivity::default();
        talking(&mut activity, -2.0, 5);
        assert_eq!(talking(&mut activity, 1.0, 5), [false; 5]);
    }
}
