//! Counters that wrap, made into counters that do not.

/// Follows a counter of at most 32 bits and gives it as a 64-bit number that only wraps when the
/// universe does. Each value is taken as the one nearest to the highest seen so far, so late values
/// come out lower and early ones higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwrapper {
    highest: Option<u64>,
}

/// Added to the first value, so that what came before it does not fall below zero. A multiple of
/// every counter's period: the low bits stay those of the wire.
const FIRST_CYCLE: u64 = 1 << 40;

impl Unwrapper {
    /// A counter of which no value is known.
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// A counter of which `value`, unwrapped, is the highest so far.
    pub const fn at(value: u64) -> Self {
        Self { highest: Some(value) }
    }

    /// The unwrapped form of `value`, the low `bits` (1 to 32) of a counter. The width may change
    /// from call to call, as the width of a VP8 picture id may.
    pub fn unwrap(&mut self, value: u32, bits: u32) -> u64 {
        debug_assert!((1..=32).contains(&bits));
        let Some(highest) = self.highest else {
            let first = FIRST_CYCLE + u64::from(value);
            self.highest = Some(first);
            return first;
        };
        let unused = 64 - bits;
        // The difference in `bits` bits, with its sign.
        let distance = ((u64::from(value).wrapping_sub(highest) << unused) as i64) >> unused;
        let unwrapped = highest.wrapping_add_signed(distance);
        if distance > 0 {
            self.highest = Some(unwrapped);
        }
        unwrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrap_all(bits: u32, values: &[u32]) -> Vec<i64> {
        let mut unwrapper = Unwrapper::default();
        values
            .iter()
            .map(|&value| unwrapper.unwrap(value, bits) as i64 - FIRST_CYCLE as i64)
            .collect()
    }

    #[test]
    fn counters_go_on_counting_over_their_wrap() {
        assert_eq!(unwrap_all(16, &[65_534, 65_535, 0, 1]), [65_534, 65_535, 65_536, 65_537]);
        assert_eq!(unwrap_all(7, &[126, 127, 0]), [126, 127, 128]);
        assert_eq!(unwrap_all(15, &[32_767, 0]), [32_767, 32_768]);
        assert_eq!(unwrap_all(32, &[u32::MAX, 5]), [4_294_967_295, 4_294_967_301]);
    }

    #[test]
    fn late_values_are_lower_even_before_the_first() {
        assert_eq!(unwrap_all(16, &[1, 65_535, 2]), [1, -1, 2]);
        assert_eq!(unwrap_all(16, &[65_535, 0, 65_534]), [65_535, 65_536, 65_534]);
    }

    #[test]
    fn a_counter_may_change_its_width() {
        let mut unwrapper = Unwrapper::default();
        let first = unwrapper.unwrap(127, 7);
        assert_eq!(unwrapper.unwrap(128, 15) - first, 1);
        assert_eq!(unwrapper.unwrap(1, 7) - first, 2);
    }
}
