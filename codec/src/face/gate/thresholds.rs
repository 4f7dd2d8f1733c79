//! From which errors on a picture is bad: not what the camera sees. The numbers were chosen on parts of
//! clips that are learned from, and on clips and parts that nothing is measured with, and frozen before
//! the others were looked at.

use super::measures::Measures;
use crate::{
    Verdict,
    face::{regions::REGIONS, step::power},
};

/// The commit that froze these numbers.
pub const FROZEN_IN: &str = "751804463ff2aecbd12666203a65b316e65ad903";

/// What is common on a speaker's own pictures, as 8 × log₂ of squared errors: nine of ten pictures
/// are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::face) struct Levels {
    /// Of the face.
    pub(in crate::face) face: u8,
    /// Of the regions how unlike they are, in parts of [`UNLIKE_PART`].
    pub(in crate::face) unlike: [u8; REGIONS],
    /// Of the rest.
    pub(in crate::face) rest: u8,
}

/// Levels of how unlike regions are are told as so many parts of 1.
pub(in crate::face) const UNLIKE_PART: f32 = 4096.0;

/// How many times larger than a speaker's own an error is bad, and from which on it is amber.
const BAD: f32 = 3.0;
const AMBER: f32 = 2.0;
/// Of a limit the part from which on it is amber.
pub(in crate::face) const WARNED: f32 = AMBER / BAD;
/// Squared errors of the face that are never bad, and those that always are: 25 and 23 dB.
const FACE: [f32; 2] = [200.0, 326.0];
/// Squared error of the mouth, and of both eyes together, that always is: 24 dB.
const REGION: f32 = 259.0;
/// How unlike mouth and eyes may be at least, and at most.
const UNLIKE: [[f32; 2]; REGIONS] = [[0.18, 0.22], [0.15, 0.18], [0.15, 0.18]];
/// Squared errors of the rest that are never bad, and those that always are.
const REST: [f32; 2] = [900.0, 2_500.0];

/// Squared errors from which on a picture is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::face) struct Limits {
    face: f32,
    unlike: [f32; REGIONS],
    rest: f32,
}

impl Limits {
    /// Of a speaker.
    pub(in crate::face) fn new(levels: Levels) -> Self {
        let limit =
            |level: u8, [least, most]: [f32; 2]| (BAD * power(level.into())).clamp(least, most);
        let unlike = |region: usize| {
            let [least, most] = UNLIKE[region];
            (BAD * power(levels.unlike[region].into()) / UNLIKE_PART).clamp(least, most)
        };
        Self {
            face: limit(levels.face, FACE),
            unlike: std::array::from_fn(unlike),
            rest: limit(levels.rest, REST),
        }
    }
}

/// How many times beyond its limit everything is that is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::face) struct Excess {
    pub(in crate::face) face: f32,
    /// Of a mouth or eye by its error or by how unlike it is, whatever is worse.
    pub(in crate::face) regions: [f32; REGIONS],
    pub(in crate::face) rest: f32,
}

impl Excess {
    pub(in crate::face) fn of(measures: &Measures, limits: &Limits) -> Self {
        let [mouth, left, right] = measures.regions;
        let eyes = f32::midpoint(left, right);
        let errors = [mouth, eyes, eyes];
        Self {
            face: measures.face / limits.face,
            regions: std::array::from_fn(|at| {
                (errors[at] / REGION).max(measures.unlike[at] / limits.unlike[at])
            }),
            rest: measures.rest / limits.rest,
        }
    }

    /// Of the worst: more than 1 is bad.
    pub(in crate::face) fn worst(&self) -> f32 {
        self.regions.into_iter().fold(self.face.max(self.rest), f32::max)
    }
}

/// What a picture says that is no reason to be red.
pub(super) fn warning(excess: f32) -> Verdict {
    if excess > WARNED { Verdict::Amber } else { Verdict::Green }
}
