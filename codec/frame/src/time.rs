//! The clock of a publisher's model stream.

/// A point on a publisher's media clock in milliseconds. It starts anywhere and wraps after 49
/// days: arithmetic is modulo 2^32. Voice and face of one person share the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MediaTime(pub u32);

impl MediaTime {
    /// Signed distance from `other` to `self` in milliseconds.
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// This time moved by `ms` milliseconds, which may wrap.
    pub const fn offset(self, ms: i32) -> Self {
        Self(self.0.wrapping_add_signed(ms))
    }

    /// The 16 bits that travel in a bundle.
    pub const fn low(self) -> u16 {
        self.0 as u16
    }

    /// The time nearest to `near` whose low bits are `low`: right as long as it is less than
    /// 32,768 ms from `near`, which is what the receiver expects by its own clock.
    pub const fn unwrap(low: u16, near: Self) -> Self {
        near.offset(low.wrapping_sub(near.low()) as i16 as i32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distance_is_signed_across_the_wrap() {
        assert_eq!(MediaTime(1).distance(MediaTime(u32::MAX)), 2);
        assert_eq!(MediaTime(u32::MAX).distance(MediaTime(1)), -2);
    }

    proptest! {
        #[test]
        fn a_time_is_found_again_within_thirty_two_seconds(time: u32, off in -32_767i32..=32_768) {
            let near = MediaTime(time).offset(off);
            prop_assert_eq!(MediaTime::unwrap(MediaTime(time).low(), near), MediaTime(time));
        }
    }
}
