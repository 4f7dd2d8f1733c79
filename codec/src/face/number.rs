//! Whole numbers that vary as a Laplace distribution does, in a range coder.

use crate::{
    FrameError,
    entropy::{Context, Port},
};

/// How far a number varies, in steps: 8 × log₂ of its standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ratio(i32);

/// The least and the largest ratio that have odds of their own.
const LEAST: i32 = -24;
const MOST: i32 = LEAST + ODDS.len() as i32 - 1;
/// From this ratio on, low bits of a number are as likely one as the other: one more each octave.
const COARSE: i32 = 24;
/// No number is larger than this many times its unit …
const MAX_UNITS: u32 = 48;
/// … nor, where little was expected of it, this many times that.
const FAR: u32 = 8;

impl Ratio {
    /// Of a standard deviation and a step, both as 8 × log₂.
    pub(super) const fn new(deviation: i32, step: i32) -> Self {
        Self(deviation - step)
    }

    /// Low bits that are coded as they are.
    fn shift(self) -> u32 {
        (self.0 - COARSE).max(0) as u32 / 8
    }

    /// What is expected of "not zero" and of "one more".
    fn contexts(self) -> [Context; 2] {
        let ratio = (self.0 - 8 * self.shift() as i32).clamp(LEAST, MOST);
        ODDS[(ratio - LEAST) as usize].map(Context::new)
    }

    /// The mean magnitude, in 64ths.
    fn expected(self) -> u32 {
        let [zero, last] = self.contexts().map(|context| u32::from(context.no()));
        ((65_536 - zero) * 64 / last.max(1)) << self.shift()
    }

    /// The largest magnitude that can be written.
    pub(super) fn most(self) -> i32 {
        (MAX_UNITS << self.shift()) as i32
    }

    /// Bits that a number takes.
    pub(super) fn price(self, number: i32) -> f32 {
        let (shift, contexts) = (self.shift(), self.contexts());
        let units = number.unsigned_abs() >> shift;
        let sign = if number == 0 { 0.0 } else { 1.0 };
        let size = match units {
            0 => contexts[0].cost(false),
            _ => {
                let more = (units - 1) as f32 * contexts[1].cost(true);
                contexts[0].cost(true) + more + contexts[1].cost(false)
            }
        };
        size + sign + shift as f32
    }
}

/// How large numbers were, beside what was expected of them: sums that forget, in 64ths. When one
/// coefficient is larger than expected, so mostly are those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    found: u32,
    expected: u32,
}

impl Default for Activity {
    /// As expected.
    fn default() -> Self {
        Self { found: 192, expected: 192 }
    }
}

impl Activity {
    /// What is expected of the next number, given those before.
    pub(super) fn adapted(self, ratio: Ratio) -> Ratio {
        /// Eighths of what was expected up to which numbers were found, and what that means.
        const GRADES: [(u32, i32); 7] =
            [(2, -14), (4, -9), (6, -5), (10, 0), (14, 4), (20, 8), (30, 12)];
        const LARGEST: i32 = 16;
        let grade = GRADES.iter().find(|(eighths, _)| 8 * self.found < eighths * self.expected);
        Ratio(ratio.0 + grade.map_or(LARGEST, |(_, by)| *by))
    }

    /// Takes a number into account.
    pub(super) fn observe(&mut self, ratio: Ratio, number: i32) {
        const FORGOTTEN: u32 = 3; // an eighth
        const MOST: u32 = 1 << 12;
        self.found -= self.found >> FORGOTTEN;
        self.found += number.unsigned_abs().min(MOST) << 6;
        self.expected -= self.expected >> FORGOTTEN;
        self.expected += ratio.expected();
    }
}

/// Writes or reads a number.
///
/// # Errors
/// [`FrameError::Malformed`] where it is larger than any encoder writes.
pub(super) fn number(port: &mut impl Port, ratio: Ratio, number: i32) -> Result<i32, FrameError> {
    let (shift, [any, more]) = (ratio.shift(), ratio.contexts());
    let wanted = number.unsigned_abs() >> shift;
    let mut units = u32::from(port.decide(any, wanted > 0));
    while units > 0 && port.decide(more, wanted > units) {
        units += 1;
        if units > FAR * MAX_UNITS {
            return Err(FrameError::Malformed);
        }
    }
    let low = port.bits(number.unsigned_abs() & ((1 << shift) - 1), shift);
    let magnitude = (units << shift | low) as i32;
    let negative = magnitude != 0 && port.bits(u32::from(number < 0), 1) == 1;
    Ok(if negative { -magnitude } else { magnitude })
}

/// By ratio, what is expected in 65,536ths of "zero" and of "no more": of a Laplace distribution,
/// numbers rounded down up to 0.6, `1 - exp(-0.6 √2 / 2^(ratio / 8))` and without the 0.6.
const ODDS: [[u16; 2]; 65] = [
    [65_462, 65_504],
    [65_406, 65_504],
    [65_319, 65_504],
    [65_187, 65_504],
    [64_997, 65_504],
    [64_733, 65_493],
    [64_378, 65_457],
    [63_918, 65_399],
    [63_336, 65_307],
    [62_620, 65_170],
    [61_761, 64_973],
    [60_752, 64_700],
    [59_591, 64_336],
    [58_280, 63_863],
    [56_826, 63_268],
    [55_238, 62_537],
    [53_528, 61_662],
    [51_712, 60_638],
    [49_806, 59_461],
    [47_828, 58_135],
    [45_797, 56_667],
    [43_730, 55_065],
    [41_644, 53_344],
    [39_557, 51_517],
    [37_484, 49_603],
    [35_437, 47_619],
    [33_429, 45_583],
    [31_470, 43_513],
    [29_569, 41_427],
    [27_733, 39_340],
    [25_966, 37_269],
    [24_274, 35_225],
    [22_659, 33_222],
    [21_122, 31_269],
    [19_665, 29_374],
    [18_286, 27_545],
    [16_986, 25_786],
    [15_762, 24_102],
    [14_612, 22_495],
    [13_535, 20_967],
    [12_527, 19_517],
    [11_585, 18_147],
    [10_707, 16_855],
    [9_889, 15_638],
    [9_129, 14_497],
    [8_422, 13_426],
    [7_766, 12_425],
    [7_158, 11_491],
    [6_595, 10_619],
    [6_074, 9_807],
    [5_592, 9_052],
    [5_147, 8_351],
    [4_735, 7_701],
    [4_356, 7_098],
    [4_006, 6_539],
    [3_683, 6_022],
    [3_385, 5_544],
    [3_111, 5_102],
    [2_858, 4_694],
    [2_626, 4_318],
    [2_412, 3_971],
    [2_215, 3_650],
    [2_034, 3_355],
    [1_868, 3_084],
    [1_715, 2_833],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{Decoder, Encoder, Price};

    #[test]
    fn numbers_come_back_and_cost_what_was_said() {
        for deviation in (-40..90).step_by(7) {
            let ratio = Ratio::new(deviation, 0);
            for wanted in [0, 1, -1, 5, -17, ratio.most()] {
                if wanted > ratio.most() {
                    continue;
                }
                let mut price = Price::default();
                assert_eq!(number(&mut price, ratio, wanted), Ok(wanted));
                assert!((price.0 - ratio.price(wanted)).abs() < 1e-3 * price.0.max(1.0));
                let mut bytes = Vec::new();
                let mut encoder = Encoder::new(&mut bytes);
                assert_eq!(number(&mut encoder, ratio, wanted), Ok(wanted));
                encoder.finish();
                assert_eq!(number(&mut Decoder::new(&bytes), ratio, 0), Ok(wanted));
            }
        }
    }

    #[test]
    fn odds_are_those_of_the_distribution() {
        for (ratio, [zero, last]) in (LEAST..).zip(ODDS) {
            let x = 2_f64.sqrt() / (f64::from(ratio) / 8.0).exp2();
            let expected = [1.0 - (-0.6 * x).exp(), 1.0 - (-x).exp()];
            for (odds, expected) in [zero, last].into_iter().zip(expected) {
                assert!((f64::from(odds) - (65_536.0 * expected).min(65_504.0)).abs() <= 1.0);
            }
        }
    }
}
