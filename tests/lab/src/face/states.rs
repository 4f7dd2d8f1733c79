//! Whether eyes and mouths are open, and whether a decoded picture shows them as they were.
//!
//! **Opening of the eyes**: height between the lids over the width of the eye (the eye aspect ratio
//! of Soukupova and Cech, 2016), of both eyes together. **Opening of the mouth**: height between the
//! inner lips, mean of three places, over the length of the nose, which neither speech nor the tilt
//! of the head changes much against it.
//!
//! A clip has scales of its own: the median of the opening of its eyes, and the 95th percentile of
//! that of its mouth (or [`LEAST_MOUTH`], where it hardly opens), both of the original. An original
//! eye is closed below 0.45 and open above 0.70 of its scale; a mouth below 0.20 and above 0.50 of
//! its own. What is between is neither, and is not counted; nor is a picture next to one of the
//! opposite state, which is in the midst of a change, or is noise. The decoded picture has no such
//! excuse: it shows a closed eye or mouth below the middle of that zone, an open one above it, and
//! is wrong where the face is not found in it.

use serde::{Deserialize, Serialize};

/// Least scale of a mouth, in lengths of the nose. Where a mouth hardly opens, what is measured is
/// noise: in a small dark face, whose nose is 43 pixels long, 97.1 % of the states of AV1 at 300
/// kbit/s agreed at 0.15 with neighbours counted, 99.7 % do at 0.20 without.
const LEAST_MOUTH: f64 = 0.20;
/// An eye is closed below the first and open above the second, in parts of its scale.
const EYES: [f64; 2] = [0.45, 0.70];
/// The same of a mouth.
const MOUTH: [f64; 2] = [0.20, 0.50];

/// How far eyes and mouth are open in one picture, 0 or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Openings {
    /// In widths of an eye.
    pub eyes: f64,
    /// In lengths of the nose.
    pub mouth: f64,
}

/// The scales of one clip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Scales {
    /// Opening of open eyes.
    pub eyes: f64,
    /// Opening of a wide open mouth.
    pub mouth: f64,
}

/// What a decoded picture is of the original, as to eyes or mouth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The original is neither open nor closed, or has no face.
    Unclear,
    /// Both are open (`true`) or closed.
    Right(bool),
    /// The original is open (`true`) or closed, the decoded one is not.
    Wrong(bool),
}

/// What all pictures of a video are.
#[derive(Clone, Debug)]
pub(super) struct Matches {
    /// As to eyes, picture by picture.
    pub eyes: Vec<Match>,
    /// As to the mouth.
    pub mouth: Vec<Match>,
}

/// Shares of right pictures, 0 to 1; `None` where there is none to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Of all that count.
    pub all: Option<f64>,
    /// Of those in which the original is closed.
    pub closed: Option<f64>,
    /// Of those in which the original is open.
    pub open: Option<f64>,
    /// How many count.
    pub pictures: usize,
    /// In how many of them the original is closed.
    pub closed_pictures: usize,
}

impl Scales {
    /// Of the original; `None` where no picture shows a face.
    pub(super) fn of(original: &[Option<Openings>]) -> Option<Self> {
        let sorted = |of: fn(&Openings) -> f64| {
            let mut values: Vec<_> = original.iter().flatten().map(of).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let eyes = percentile(&sorted(|openings| openings.eyes), 0.5)?;
        let mouth = percentile(&sorted(|openings| openings.mouth), 0.95)?;
        Some(Self { eyes, mouth: mouth.max(LEAST_MOUTH) })
    }
}

impl Matches {
    /// Compares picture by picture.
    pub(super) fn of(
        scales: &Scales,
        original: &[Option<Openings>],
        decoded: &[Option<Openings>],
    ) -> Self {
        let matches = |of: fn(&Openings) -> f64, scale: f64, zone: [f64; 2]| {
            let relative = |openings: &Option<Openings>| Some(of(openings.as_ref()?) / scale);
            let states = settled(original.iter().map(|of| state(relative(of)?, zone)).collect());
            let middle = zone.iter().sum::<f64>() / 2.0;
            let shown = decoded.iter().map(|of| Some(relative(of)? > middle));
            states.into_iter().zip(shown).map(|(state, shown)| matched(state, shown)).collect()
        };
        Self {
            eyes: matches(|openings| openings.eyes, scales.eyes, EYES),
            mouth: matches(|openings| openings.mouth, scales.mouth, MOUTH),
        }
    }

    /// Whether eyes or mouth are wrong; `None` where neither counts.
    fn is_wrong(&self, at: usize) -> Option<bool> {
        let both = [self.eyes[at], self.mouth[at]];
        let wrong = both.iter().any(|of| matches!(of, Match::Wrong(_)));
        (wrong || both.iter().any(|of| matches!(of, Match::Right(_)))).then_some(wrong)
    }

    /// Most pictures in a row that are `shown` with wrong eyes or a wrong mouth. One that is not
    /// shown, or right, ends a run; one that is unclear does neither end nor lengthen it.
    pub(super) fn longest_wrong_run(&self, shown: &[bool]) -> usize {
        let (mut longest, mut run) = (0, 0);
        for (at, shown) in shown.iter().enumerate() {
            run = match (shown, self.is_wrong(at)) {
                (false, _) | (true, Some(false)) => 0,
                (true, None) => run,
                (true, Some(true)) => run + 1,
            };
            longest = longest.max(run);
        }
        longest
    }
}

/// Open (`true`) or closed; `None` between both.
fn state(opening: f64, [closed, open]: [f64; 2]) -> Option<bool> {
    match opening {
        _ if opening < closed => Some(false),
        _ if opening > open => Some(true),
        _ => None,
    }
}

/// States without those next to the opposite one.
fn settled(states: Vec<Option<bool>>) -> Vec<Option<bool>> {
    let is_opposite = |at: Option<usize>, open: bool| {
        at.and_then(|at| states.get(at)).is_some_and(|other| *other == Some(!open))
    };
    let settled = states.iter().enumerate().map(|(at, state)| {
        let neighbours = [at.checked_sub(1), Some(at + 1)];
        state.filter(|&open| !neighbours.iter().any(|&next| is_opposite(next, open)))
    });
    settled.collect()
}

fn matched(original: Option<bool>, shown: Option<bool>) -> Match {
    match original {
        None => Match::Unclear,
        Some(open) if shown == Some(open) => Match::Right(open),
        Some(open) => Match::Wrong(open),
    }
}

impl Agreement {
    /// Of those pictures that are `shown`.
    pub(super) fn of(matches: &[Match], shown: &[bool]) -> Self {
        let (mut right, mut wrong) = ([0; 2], [0; 2]);
        for (of, _) in matches.iter().zip(shown).filter(|(_, shown)| **shown) {
            match of {
                Match::Unclear => {}
                Match::Right(open) => right[usize::from(*open)] += 1,
                Match::Wrong(open) => wrong[usize::from(*open)] += 1,
            }
        }
        let share = |right: usize, wrong: usize| {
            (right + wrong > 0).then(|| right as f64 / (right + wrong) as f64)
        };
        let (all_right, all_wrong) = (right[0] + right[1], wrong[0] + wrong[1]);
        Self {
            all: share(all_right, all_wrong),
            closed: share(right[0], wrong[0]),
            open: share(right[1], wrong[1]),
            pictures: all_right + all_wrong,
            closed_pictures: right[0] + wrong[0],
        }
    }
}

/// Pearson's correlation of one opening of both, over pictures that are shown and have both; `None`
/// where one of them does not move.
pub(super) fn correlation(
    original: &[Option<Openings>],
    decoded: &[Option<Openings>],
    shown: &[bool],
    of: fn(&Openings) -> f64,
) -> Option<f64> {
    let both = original.iter().zip(decoded).zip(shown).filter(|(_, shown)| **shown);
    let pairs: Vec<_> =
        both.filter_map(|((a, b), _)| Some((of(a.as_ref()?), of(b.as_ref()?)))).collect();
    let count = pairs.len().max(1) as f64;
    let (sum_a, sum_b) =
        pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let moment = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().map(|(a, b)| of(a - mean_a, b - mean_b)).sum()
    };
    let spread = (moment(&|a, _| a * a) * moment(&|_, b| b * b)).sqrt();
    (spread > 1e-9).then(|| moment(&|a, b| a * b) / spread)
}

/// The value below which `share` of them are, between the two nearest; `None` of none.
pub(super) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}
