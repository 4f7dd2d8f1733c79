//! Unsigned LEB128 of at most 32 bits, in its shortest form only: one number, one spelling.

use crate::cursor::{Cursor, Truncated};

/// Most bytes of a varint: 32 bits, 7 in each.
pub(crate) const MAX_LEN: usize = 5;

/// Why a varint cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VarintError {
    /// It goes on past the end.
    Truncated,
    /// It has more than 32 bits, or a shorter form.
    Malformed,
}

impl From<Truncated> for VarintError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// Reads one.
pub(crate) fn read(from: &mut Cursor<'_>) -> Result<u32, VarintError> {
    let mut value = 0u64;
    for place in 0..MAX_LEN {
        let byte = from.u8()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            // A last byte of zero says nothing that a shorter form would not.
            if byte == 0 && place > 0 {
                return Err(VarintError::Malformed);
            }
            return u32::try_from(value).map_err(|_| VarintError::Malformed);
        }
    }
    Err(VarintError::Malformed)
}

/// Appends one.
pub(crate) fn write(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes `value` takes, 1 to 5.
pub(crate) const fn len(value: u32) -> usize {
    let bits = 32 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8]) -> Result<u32, VarintError> {
        read(&mut Cursor::new(bytes))
    }

    #[test]
    fn only_the_shortest_form_of_thirty_two_bits_is_read() {
        assert_eq!(check(&[0]), Ok(0));
        assert_eq!(check(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
        assert_eq!(check(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(VarintError::Malformed));
        assert_eq!(check(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x00]), Err(VarintError::Malformed));
        assert_eq!(check(&[0x80, 0x00]), Err(VarintError::Malformed));
        assert_eq!(check(&[0x80]), Err(VarintError::Truncated));
        assert_eq!(check(&[]), Err(VarintError::Truncated));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_as_long_as_foretold(bits in 0u32..=32, any: u32) {
            let value = any.checked_shr(bits).unwrap_or(0);
            let mut out = Vec::new();
            write(value, &mut out);
            prop_assert_eq!(out.len(), len(value));
            prop_assert_eq!(check(&out), Ok(value));
        }
    }
}
