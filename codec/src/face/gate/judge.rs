//! From what is measured to verdicts. A picture is bad where something is beyond its limit, and gross
//! where it is far beyond. Red where two of three pictures are gross, or four of five are bad: lids on
//! their way are bad in two or three pictures and no reason to go, eyes that are wrong stay so. Green
//! again when all was good for as long as it was not: a blink that fails costs some pictures, what
//! lasts costs a second. A red of slight causes may pass by itself for its first 400 ms.

use std::collections::VecDeque;

use super::{
    measures::Measures,
    thresholds::{self, Excess, Limits},
};
use crate::Verdict;

/// Times beyond a limit that are gross: 1.8 dB.
const GROSS: f32 = 1.5;
/// Of so many pictures two must be gross, or so many of so many bad.
const FEW: usize = 3;
const MANY: usize = 5;
const TWO: usize = 2;
const FOUR: usize = 4;
/// Good pictures until a red gate is green again: as many as were bad, at least 200 ms of them, at most
/// a second.
const LEAST_PROOF: u32 = 5;
const MOST_PROOF: u32 = 25;
/// Times beyond a limit that are slight: 4 dB. A hand, or somebody else, is further off.
const SLIGHT: f32 = 2.5;
/// Pictures for which a slight red may pass.
const PASSING: u32 = 10;

/// Remembers what was said.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// How far the last pictures were beyond their limits, the newest first.
    last: VecDeque<f32>,
    /// Bad pictures since it is red, and before that where they were why.
    bad: u32,
    /// Pictures that still have to be good.
    wanted: u32,
    /// Pictures since it is red, and how far the worst was beyond its limit, those that were why
    /// included.
    since: u32,
    worst: f32,
}

impl Judge {
    /// Takes what was measured of the next picture.
    pub(super) fn take(&mut self, measures: &Measures, limits: &Limits) -> Verdict {
        let excess = Excess::of(measures, limits).worst();
        self.last.truncate(MANY - 1);
        self.last.push_front(excess);
        let is_bad = excess > 1.0;
        if self.wanted == 0 {
            if self.times(FEW, GROSS) < TWO && self.times(MANY, 1.0) < FOUR {
                return thresholds::warning(excess);
            }
            self.bad = self.times(MANY, 1.0) as u32;
            self.wanted = self.proof();
            self.since = 0;
            self.worst = self.last.iter().copied().fold(0.0, f32::max);
            return Verdict::Red;
        }
        self.since = self.since.saturating_add(1);
        self.worst = self.worst.max(excess);
        self.bad = self.bad.saturating_add(is_bad.into());
        if self.times(FEW, 1.0) >= TWO {
            self.wanted = self.proof();
        } else {
            // A single bad picture among good ones does not count as proof, nor against it.
            self.wanted -= u32::from(!is_bad);
        }
        Verdict::Red
    }

    /// Whether a red may pass by itself, as far as is known.
    pub(super) fn is_passing(&self) -> bool {
        self.wanted > 0 && self.since < PASSING && self.worst <= SLIGHT
    }

    /// Of so many pictures, how many were more than so many times beyond a limit.
    fn times(&self, pictures: usize, least: f32) -> usize {
        self.last.iter().take(pictures).filter(|&&excess| excess > least).count()
    }

    fn proof(&self) -> u32 {
        self.bad.clamp(LEAST_PROOF, MOST_PROOF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::gate::thresholds::Levels;

    /// What is said of pictures that are good `.`, bad `b` or gross `g`.
    fn check(pictures: &str) -> String {
        let mut judge = Judge::default();
        let limits = Limits::new(Levels::default());
        let verdicts = pictures.chars().map(|picture| {
            let face = match picture {
                'g' => 5_000.0,
                'b' => 210.0,
                _ => 0.0,
            };
            match judge.take(&Measures { face, ..Measures::default() }, &limits) {
                Verdict::Green => '.',
                Verdict::Amber => 'a',
                Verdict::Red => 'R',
            }
        });
        verdicts.collect()
    }

    #[test]
    fn one_gross_picture_is_a_warning_and_two_of_three_are_red() {
        assert_eq!(check("..g..g.."), "..a..a..");
        assert_eq!(check("..gg.."), "..aRRR");
        assert_eq!(check("..g.g."), "..a.RR");
    }

    #[test]
    fn bad_pictures_are_a_warning_until_they_are_four_of_five() {
        assert_eq!(check(".bbb..bb.b."), ".aaa..aa.a.");
        assert_eq!(check(".bbbb."), ".aaaRR");
        assert_eq!(check(".bb.bb."), ".aa.aRR");
    }

    #[test]
    fn a_red_gate_is_green_after_as_many_good_pictures_200_ms_at_least_and_a_second_at_most() {
        let ends = |bad: &str, good: usize| check(&format!("{bad}{}", ".".repeat(good)));
        // The first good picture behind two bad ones is not yet believed.
        assert_eq!(ends("gg", 8), "aRRRRRRR..");
        assert_eq!(ends("bbbb", 8), "aaaRRRRRRR..");
        assert!(ends(&"g".repeat(10), 13).ends_with("RR.."));
        assert!(ends(&"g".repeat(40), 28).ends_with("RR.."));
    }

    #[test]
    fn a_slight_red_may_pass_for_400_ms_and_a_gross_one_does_not() {
        let passing = |pictures: &str| {
            let (mut judge, limits) = (Judge::default(), Limits::new(Levels::default()));
            let passing = pictures.chars().map(|picture| {
                let face = match picture {
                    'g' => 5_000.0,
                    's' => 350.0,
                    _ => 0.0,
                };
                judge.take(&Measures { face, ..Measures::default() }, &limits);
                if judge.is_passing() { 'p' } else { '.' }
            });
            passing.collect::<String>()
        };
        assert_eq!(passing("..ss......"), "...pppppp.", "over within its time");
        assert_eq!(passing(&"s".repeat(14)), ".pppppppppp...");
        assert_eq!(passing("ssgss"), ".p...");
        assert_eq!(passing("ggggg"), ".....");
    }

    #[test]
    fn one_bad_picture_pauses_the_way_back_and_two_begin_it_anew() {
        assert_eq!(check("gg...b......"), "aRRRRRRRR...");
        assert_eq!(check("gg...gg........"), "aRRRRRRRRRRRR..");
    }
}
