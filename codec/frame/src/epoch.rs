//! Which refinement of a model a payload was made with.

use std::fmt;

/// How often a speaker's model has been refined: 1 for the first, 0 for the generic model that
/// ships with the client and knows no speaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// Epochs that the wire tells apart.
const MODULUS: u32 = 8;

impl Epoch {
    /// The model that knows no speaker.
    pub const GENERIC: Self = Self(0);

    /// The three bits that travel with each payload, 0 to 7.
    pub const fn low(self) -> u8 {
        (self.0 % MODULUS) as u8
    }

    /// Whether it knows no speaker.
    pub const fn is_generic(self) -> bool {
        self.0 == Self::GENERIC.0
    }

    /// The epoch nearest to `near` whose low bits are those of `low`: from 4 before `near` to 3
    /// after it, but never below 0 or past the last.
    pub const fn from_low(low: u8, near: Self) -> Self {
        let ahead = (low as u32).wrapping_sub(near.0) % MODULUS;
        let forwards = near.0.checked_add(ahead);
        let backwards = near.0.checked_sub(MODULUS - ahead);
        match (forwards, backwards) {
            (Some(after), _) if ahead < MODULUS / 2 => Self(after),
            (_, Some(before)) => Self(before),
            (Some(after), None) => Self(after),
            (None, None) => near,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn low_bits_name_the_nearest_epoch() {
        let full = |low, near| Epoch::from_low(low, Epoch(near)).0;
        assert_eq!(full(1, 0), 1);
        assert_eq!(full(7, 0), 7, "nothing is below the generic model");
        assert_eq!(full(0, 9), 8);
        assert_eq!(full(1, 7), 9);
        assert_eq!(full(7, 9), 7);
        assert_eq!(full(0, u32::MAX), u32::MAX - 7, "nothing is past the last");
    }

    proptest! {
        #[test]
        fn an_epoch_is_found_again_near_its_neighbours(epoch in 4..u32::MAX - 4, off in -3i64..=4) {
            let near = Epoch((i64::from(epoch) + off) as u32);
            prop_assert_eq!(Epoch::from_low(Epoch(epoch).low(), near), Epoch(epoch));
        }
    }
}
