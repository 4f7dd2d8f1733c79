//! Fields of a few bits, most significant first, as the dependency descriptor has them.

use super::BuildError;

/// Reads bits from the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits that were read.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits that were read so far.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// `f(count)` of the specification, `count` up to 32; `None` at the end.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        debug_assert!(count <= 32);
        let mut value = 0u64;
        let mut left = count;
        while left > 0 {
            let byte = *self.bytes.get(self.at / 8)?;
            let free = 8 - (self.at % 8) as u32;
            let taken = free.min(left);
            let bits = (byte >> (free - taken)) & ((1u16 << taken) - 1) as u8;
            value = value << taken | u64::from(bits);
            self.at += taken as usize;
            left -= taken;
        }
        Some(value as u32)
    }

    /// One bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// `ns(range)` of the specification: a value below `range`, which is at least 1, in as few bits
    /// as that allows.
    pub(crate) fn non_symmetric(&mut self, range: u32) -> Option<u32> {
        let width = u32::BITS - range.leading_zeros();
        let short = (1 << width) - range;
        let value = self.bits(width - 1)?;
        if value < short { Some(value) } else { Some((value << 1) - short + self.bits(1)?) }
    }
}

/// Writes bits to the front of some bytes.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> BitWriter<'a> {
    pub(crate) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Writes the low `count` bits of `value`, up to 32.
    pub(crate) fn bits(&mut self, value: u32, count: u32) -> Result<(), BuildError> {
        if count < 32 && value >> count != 0 {
            return Err(BuildError::Value);
        }
        for bit in (0..count).rev() {
            let byte = self.bytes.get_mut(self.at / 8).ok_or(BuildError::Buffer)?;
            let mask = 0x80 >> (self.at % 8);
            if value >> bit & 1 == 1 {
                *byte |= mask;
            } else {
                *byte &= !mask;
            }
            self.at += 1;
        }
        Ok(())
    }

    pub(crate) fn flag(&mut self, flag: bool) -> Result<(), BuildError> {
        self.bits(u32::from(flag), 1)
    }

    /// See [`BitReader::non_symmetric`].
    pub(crate) fn non_symmetric(&mut self, value: u32, range: u32) -> Result<(), BuildError> {
        if value >= range {
            return Err(BuildError::Value);
        }
        let width = u32::BITS - range.leading_zeros();
        let short = (1 << width) - range;
        if value < short { self.bits(value, width - 1) } else { self.bits(value + short, width) }
    }

    /// Fills the byte that was begun with zeros and gives the bytes that were written.
    pub(crate) fn finish(mut self) -> Result<usize, BuildError> {
        self.bits(0, (8 - self.at % 8) as u32 % 8)?;
        Ok(self.at / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_across_bytes() {
        let mut bytes = [0xff; 16];
        let mut writer = BitWriter::new(&mut bytes);
        for (value, count) in [(5, 3), (0, 1), (0x1234_5678, 32), (1, 2), (0x3ff, 10), (0, 0)] {
            writer.bits(value, count).unwrap();
        }
        for range in 1..40 {
            writer.non_symmetric(range - 1, range).unwrap_or_default();
        }
        assert!(writer.finish().is_ok());
        let mut reader = BitReader::new(&bytes);
        for (value, count) in [(5, 3), (0, 1), (0x1234_5678, 32), (1, 2), (0x3ff, 10), (0, 0)] {
            assert_eq!(reader.bits(count), Some(value));
        }
    }

    #[test]
    fn every_value_below_every_range_comes_back() {
        for range in 1..40 {
            for value in 0..range {
                let mut bytes = [0; 2];
                BitWriter::new(&mut bytes).non_symmetric(value, range).unwrap();
                assert_eq!(BitReader::new(&bytes).non_symmetric(range), Some(value), "of {range}");
            }
        }
    }

    #[test]
    fn nothing_is_read_past_the_end_or_written_wider_than_it_is() {
        assert_eq!(BitReader::new(&[0xff]).bits(9), None);
        assert_eq!(BitReader::new(&[]).flag(), None);
        assert_eq!(BitWriter::new(&mut [0]).bits(4, 2), Err(BuildError::Value));
        assert_eq!(BitWriter::new(&mut [0]).bits(0, 9), Err(BuildError::Buffer));
        assert_eq!(BitWriter::new(&mut [0]).non_symmetric(3, 3), Err(BuildError::Value));
    }
}
