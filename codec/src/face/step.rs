//! Step sizes and deviations: powers of two and what lies between them.

/// How coarsely the motion of a frame is told, as 4 × log₂ of the step of coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step(u8);

impl Step {
    /// Bits of a step in a payload.
    pub(super) const BITS: u32 = 6;
    /// The finest.
    pub(super) const FINEST: Self = Self(12);
    /// The coarsest.
    pub(super) const COARSEST: Self = Self(63);

    /// A step by its number, which has [`Self::BITS`].
    pub(super) const fn new(number: u8) -> Self {
        Self(number & 63)
    }

    /// Its number.
    pub(super) const fn number(self) -> u8 {
        self.0
    }

    /// The step size, in the unit of coefficients: the root of a squared error.
    pub(super) fn size(self) -> f32 {
        power(2 * i32::from(self.0))
    }

    /// 8 × log₂ of the step size.
    pub(super) const fn eighths(self) -> i32 {
        2 * self.0 as i32
    }

    /// What a bit is worth with such steps, as squared error: where uniform quantisation has it.
    pub(super) fn worth_of_bit(self) -> f32 {
        0.12 * self.size() * self.size() // ln 2 / 6, rounded
    }
}

/// 2 to the power of `eighths` / 8, the same on every processor.
pub(super) fn power(eighths: i32) -> f32 {
    const PARTS: [f32; 8] = [
        1.0,
        1.090_507_7,
        1.189_207_1,
        1.296_839_6,
        std::f32::consts::SQRT_2,
        1.542_210_8,
        1.681_792_8,
        1.834_008_1,
    ];
    let whole = eighths.div_euclid(8);
    let scale = (0..whole.unsigned_abs()).fold(1.0_f32, |scale, _| scale * 2.0);
    let part = PARTS[eighths.rem_euclid(8) as usize];
    if whole < 0 { part / scale } else { part * scale }
}

/// 8 × log₂ of a positive number, rounded, from 0 to 255.
pub(super) fn eighths(number: f32) -> u8 {
    (0..=255).find(|&at| power(i32::from(at)) * 1.044_273_8 >= number).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_and_logarithms_fit_each_other() {
        for at in 0..=255 {
            assert_eq!(eighths(power(i32::from(at))), at);
        }
        assert_eq!(power(-16), 0.25);
        assert_eq!(power(24), 8.0);
    }
}
