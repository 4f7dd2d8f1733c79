use super::Step;
use crate::{
    FrameError,
    entropy::{Context, Port},
    voice::model::Level,
};

/// What is expected of numbers, by how far they are known to vary and by how large those just
/// before were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::voice) struct Magnitudes {
    contexts: Box<[[[Context; BINS]; ACTIVITIES]; RATIOS]>,
    activity: Activity,
}

/// Ratios of standard deviation and step that are told apart: half octaves from 1/4.
const RATIOS: usize = 16;
/// Whether the numbers before were smaller or larger than expected, in as many grades.
const ACTIVITIES: usize = 8;
/// "Larger than 0, 1, 2 …": the last stands for all further.
const BINS: usize = 10;
/// No number is larger than this many times its unit.
const MAX_UNITS: u32 = 64;

impl Magnitudes {
    /// Contexts of all.
    pub(in crate::voice) const CONTEXTS: usize = RATIOS * ACTIVITIES * BINS;

    /// Of trained contexts.
    pub(in crate::voice) fn new(trained: &[Context; Self::CONTEXTS]) -> Self {
        let mut contexts = Box::new([[[Context::EVEN; BINS]; ACTIVITIES]; RATIOS]);
        contexts.as_flattened_mut().as_flattened_mut().copy_from_slice(trained);
        Self { contexts, activity: Activity::default() }
    }

    /// Codes a number that is known to vary by `ratio`.
    ///
    /// # Errors
    /// [`FrameError::Malformed`] where it is larger than any encoder writes.
    pub(super) fn number(
        &mut self,
        port: &mut impl Port,
        ratio: Ratio,
        number: i32,
    ) -> Result<i32, FrameError> {
        let shift = ratio.shift();
        let (wanted, below) = (number.unsigned_abs() >> shift, number.unsigned_abs());
        let contexts = &mut self.contexts[ratio.0][self.activity.grade()];
        let mut units = 0;
        while port.adapt(&mut contexts[(units as usize).min(BINS - 1)], units < wanted) {
            units += 1;
            if units > MAX_UNITS {
                return Err(FrameError::Malformed);
            }
        }
        let magnitude = (units << shift | port.bits(below & ((1 << shift) - 1), shift)) as i32;
        self.activity.observe(ratio, magnitude);
        let negative = magnitude != 0 && port.bits(u32::from(number < 0), 1) == 1;
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// Counts the decisions that a number would take, in order to train contexts.
    pub(super) fn tally(&mut self, tally: &mut Tally, ratio: Ratio, number: i32) {
        let units = (number.unsigned_abs() >> ratio.shift()) as usize;
        let counts = &mut tally.0[ratio.0][self.activity.grade()];
        for unit in 0..=units {
            counts[unit.min(BINS - 1)][usize::from(unit < units)] += 1;
        }
        self.activity.observe(ratio, number.unsigned_abs() as i32);
    }

    /// Bits that a magnitude would take, its sign included.
    pub(super) fn price(&self, ratio: Ratio, magnitude: u32) -> f32 {
        let shift = ratio.shift();
        let contexts = &self.contexts[ratio.0][self.activity.grade()];
        let units = (magnitude >> shift) as usize;
        let context = |unit: usize| contexts[unit.min(BINS - 1)];
        let larger: f32 = (0..units).map(|unit| context(unit).cost(true)).sum();
        let sign = if magnitude == 0 { 0.0 } else { 1.0 };
        larger + context(units).cost(false) + shift as f32 + sign
    }
}

/// How far a number varies, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ratio(usize);

impl Ratio {
    /// `None` where it varies so little that it is always zero.
    pub(super) fn new(level: Level, step: Step) -> Option<Self> {
        const ZERO: i32 = 32; // the level of a standard deviation of 1
        const LEAST: i32 = -18; // a fifth of a step
        let above = i32::from(level) - ZERO - step.eighths() - LEAST;
        (above >= 0).then_some(Self((above as usize / 4).min(RATIOS - 1)))
    }

    /// The largest magnitude that can be written.
    pub(super) fn most(self) -> u32 {
        MAX_UNITS << self.shift()
    }

    /// Low bits of large numbers that are as likely one as the other.
    fn shift(self) -> u32 {
        (self.0 as u32).saturating_sub(6) / 2
    }

    /// The mean magnitude, in 64ths.
    fn expected(self) -> u32 {
        const MEANS: [u32; RATIOS] =
            [2, 5, 11, 22, 38, 61, 93, 134, 198, 280, 400, 560, 800, 1130, 1600, 2260];
        MEANS[self.0]
    }
}

/// How large numbers were, beside what was expected of them: sums that forget, in 64ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Activity {
    found: u32,
    expected: u32,
}

impl Default for Activity {
    /// As expected.
    fn default() -> Self {
        Self { found: 128, expected: 128 }
    }
}

impl Activity {
    fn observe(&mut self, ratio: Ratio, magnitude: i32) {
        const FORGOTTEN: u32 = 3; // an eighth
        self.found -= self.found >> FORGOTTEN;
        self.found += (magnitude.unsigned_abs() << 6) >> ratio.shift();
        self.expected -= self.expected >> FORGOTTEN;
        self.expected += ratio.expected() >> ratio.shift();
    }

    fn grade(self) -> usize {
        const EIGHTHS: [u32; ACTIVITIES - 1] = [3, 5, 7, 9, 12, 16, 24];
        EIGHTHS.iter().take_while(|&&eighths| 8 * self.found >= eighths * self.expected).count()
    }
}

/// How often each decision was "no", and how often "yes".
pub(in crate::voice) struct Tally(Box<[[[[u32; 2]; BINS]; ACTIVITIES]; RATIOS]>);

impl Tally {
    /// Nothing was counted.
    pub(in crate::voice) fn new() -> Self {
        Self(Box::new([[[[0; 2]; BINS]; ACTIVITIES]; RATIOS]))
    }

    /// Contexts that expect what was counted; where that is little, what a geometric distribution
    /// of the expected mean has.
    pub(in crate::voice) fn contexts(&self) -> [Context; Magnitudes::CONTEXTS] {
        const DOUBT: f32 = 20.0;
        let counts = self.0.as_flattened().as_flattened();
        std::array::from_fn(|at| {
            let ratio = Ratio(at / (ACTIVITIES * BINS));
            let mean = (ratio.expected() >> ratio.shift()) as f32 / 64.0;
            let [no, yes] = counts[at].map(|count| count as f32);
            let share = (no + DOUBT / (1.0 + mean)) / (no + yes + DOUBT);
            Context::new((share * 65_536.0) as u16)
        })
    }
}
