//! The name of a model.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// SHA-256 of everything in a model container but the digest at its end, which it is. Written as
/// 64 lower-case hex digits in addresses and messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelHash(pub [u8; ModelHash::LEN]);

/// Not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 64 hex digits")]
pub struct InvalidHash;

impl ModelHash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// Splits what ends in a digest of the rest, and checks it.
    pub(crate) fn split(sealed: &[u8]) -> Option<(&[u8], Self)> {
        let (content, digest) = sealed.split_last_chunk()?;
        let hash = Self(*digest);
        (Self::of(content) == hash).then_some((content, hash))
    }

    /// Appends the digest of everything in `out` to it.
    pub(crate) fn seal(out: &mut Vec<u8>) -> Self {
        let hash = Self::of(out);
        out.extend_from_slice(&hash.0);
        hash
    }
}

impl fmt::Display for ModelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ModelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelHash({self})")
    }
}

impl FromStr for ModelHash {
    type Err = InvalidHash;

    /// Takes lower-case digits only: one hash, one address.
    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let text: &[u8; 2 * Self::LEN] = text.as_bytes().try_into().map_err(|_| InvalidHash)?;
        let mut bytes = [0; Self::LEN];
        let (pairs, _) = text.as_chunks::<2>();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(text: u8) -> Result<u8, InvalidHash> {
    match text {
        b'0'..=b'9' => Ok(text - b'0'),
        b'a'..=b'f' => Ok(text - b'a' + 10),
        _ => Err(InvalidHash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" (FIPS 180-4, example).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_is_sha_256_in_lower_case_hex() {
        assert_eq!(ModelHash::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse(), Ok(ModelHash::of(b"abc")));
    }

    #[test]
    fn anything_but_64_lower_case_digits_is_no_hash() {
        for bad in ["", &ABC[1..], &format!("{ABC}0"), &ABC.to_uppercase(), &ABC.replace('f', "g")]
        {
            assert_eq!(bad.parse::<ModelHash>(), Err(InvalidHash), "{bad}");
        }
    }
}
