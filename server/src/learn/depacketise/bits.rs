//! Fields of a few bits, most significant first.

/// Reads bits from the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that were read.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, up to 32; `None` at the end.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u64;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        u32::try_from(value).ok()
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// `ue(v)` of H.264 section 9.1, `uvlc()` of AV1 section 4.10.3: as many bits as there are zeros
    /// in front of them. More than 31 zeros are none of either.
    pub(super) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        Some((1_u32 << zeros) - 1 + rest)
    }

    /// `se(v)` of H.264 section 9.1.1.
    pub(super) fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.exp_golomb()?);
        Some(if code % 2 == 0 { -code / 2 } else { (code + 1) / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_across_bytes_and_not_past_the_end() {
        let mut bits = Bits::new(&[0b1010_0111, 0b1000_0001]);
        assert_eq!(
            (bits.take(3), bits.flag(), bits.take(6)),
            (Some(5), Some(false), Some(0b01_1110))
        );
        assert_eq!((bits.take(6), bits.take(1), bits.flag()), (Some(1), None, None));
    }

    #[test]
    fn numbers_of_any_length_are_read_as_the_standard_says() {
        // 1, 010, 011, 00100, 00111
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0011, 0b1000_0000]);
        let numbers: Vec<_> = (0..5).map(|_| bits.exp_golomb()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 6].map(Some));
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0011, 0b1000_0000]);
        let numbers: Vec<_> = (0..5).map(|_| bits.signed_exp_golomb()).collect();
        assert_eq!(numbers, [0, 1, -1, 2, -3].map(Some));
        assert_eq!(Bits::new(&[0; 8]).exp_golomb(), None);
        let longest = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Bits::new(&longest).exp_golomb(), Some(u32::MAX - 1));
    }
}
