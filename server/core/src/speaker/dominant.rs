//! Which one of the people who speak is on stage.

use std::time::Duration;

use crate::{id::ShortId, time::Time};

/// How much louder somebody must be to take over from one who still speaks, in dB. Two people in
/// conversation differ by less.
const MARGIN_DB: f64 = 6.0;

/// For how long it must be louder without a break.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Least time that somebody is on stage: a word thrown in takes nobody's place for its length, and
/// whatever a crowd does, the stage changes at most once in this time.
const DWELL: Duration = Duration::from_millis(1_000);

/// The dominant speaker of a room. It stays while it speaks, unless somebody is clearly louder for a
/// second; and stays after it stopped or left, until somebody else speaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dominant {
    current: Option<ShortId>,
    /// Who is about to take over, and since when.
    challenger: Option<(ShortId, Time)>,
    /// When the stage may change again.
    settled: Time,
}

impl Dominant {
    /// Who it is.
    pub(crate) const fn current(&self) -> Option<ShortId> {
        self.current
    }

    /// Looks at those who speak now, with their average levels in -dBov, in any order. Returns
    /// whether the dominant speaker changed.
    pub(crate) fn update(
        &mut self,
        now: Time,
        speaking: impl Iterator<Item = (ShortId, f64)> + Clone,
    ) -> bool {
        let loudest =
            |a: &(ShortId, f64), b: &(ShortId, f64)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
        let Some((loudest, level)) = speaking.clone().min_by(loudest) else {
            self.challenger = None;
            return false;
        };
        let current = speaking.clone().find(|(who, _)| Some(*who) == self.current);
        let takes_over = match current {
            None => true,
            Some((_, current)) if level + MARGIN_DB <= current => {
                let since = match self.challenger {
                    Some((challenger, since)) if challenger == loudest => since,
                    _ => now,
                };
                self.challenger = Some((loudest, since));
                now.saturating_since(since) >= PATIENCE
            }
            Some(_) => {
                self.challenger = None;
                false
            }
        };
        let takes_over = takes_over && now >= self.settled;
        if takes_over {
            *self = Self { current: Some(loudest), challenger: None, settled: now + DWELL };
        }
        takes_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ShortId = ShortId(1);
    const BEN: ShortId = ShortId(2);

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn the_first_to_speak_is_dominant_and_stays_through_silence() {
        let mut dominant = Dominant::default();
        assert!(dominant.update(at(0), [(ANN, 30.0)].into_iter()));
        assert!(!dominant.update(at(200), [].into_iter()));
        assert_eq!(dominant.current(), Some(ANN));
    }

    #[test]
    fn whoever_speaks_into_silence_takes_over_at_once() {
        let mut dominant = Dominant::default();
        dominant.update(at(0), [(ANN, 20.0)].into_iter());
        assert!(dominant.update(at(1_000), [(BEN, 40.0)].into_iter()));
        assert_eq!(dominant.current(), Some(BEN));
    }

    #[test]
    fn nobody_is_on_stage_for_less_than_a_second_whatever_a_crowd_does() {
        let mut dominant = Dominant::default();
        let mut random = 1_u64;
        let mut changes = Vec::new();
        for look in 0..3_000 {
            let speaking: Vec<(ShortId, f64)> = (1..=20)
                .filter_map(|who| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let level = (random >> 33) % 100;
                    (level < 40).then_some((ShortId(who), level as f64))
                })
                .collect();
            if dominant.update(at(look * 200), speaking.into_iter()) {
                changes.push(look * 200);
            }
        }
        assert!(changes.windows(2).all(|two| two[1] - two[0] >= 1_000));
    }

    #[test]
    fn two_people_of_like_loudness_do_not_flap() {
        let mut dominant = Dominant::default();
        let changes = (0..100).filter(|&n| {
            let swing = if n % 2 == 0 { 5.0 } else { -5.0 };
            dominant.update(at(n * 200), [(ANN, 30.0 + swing), (BEN, 30.0 - swing)].into_iter())
        });
        assert_eq!(changes.count(), 1);
    }

    #[test]
    fn a_clearly_louder_one_takes_over_after_a_second() {
        let mut dominant = Dominant::default();
        dominant.update(at(0), [(ANN, 35.0)].into_iter());
        let took_over = (1..20)
            .map(|n| n * 200)
            .find(|&ms| dominant.update(at(ms), [(ANN, 35.0), (BEN, 25.0)].into_iter()));
        assert_eq!(took_over, Some(1_200));
    }
}
