//! From a base and a target to a delta: greedy, linear in time and memory.
//!
//! The base is cut into blocks, which are found by a hash of their bytes. The target is walked with
//! the same hash rolling over it; where a block of the base stands, the match is widened in both
//! directions and copied, and what is between copies is literal.

use super::{DELTA_VERSION, Delta, DeltaError, MAGIC, MAX_DELTA_LEN, apply::Op};
use crate::{Container, ModelHash};

/// Bytes of a block. A copy costs some five bytes, so shorter matches gain little.
const BLOCK: usize = 16;
/// Multiplier of the rolling hash: odd, with well mixed bits (Knuth's multiplicative hashing).
const FACTOR: u32 = 0x9e37_79b1;

impl Delta<'_> {
    /// The delta that makes `target` of `base`, both containers. Short where they have long pieces
    /// in common; never more than some 110 bytes longer than the target.
    ///
    /// # Errors
    /// [`DeltaError::Base`] or [`DeltaError::Target`] where one is no container,
    /// [`DeltaError::TooLong`] where the delta would be.
    pub fn between(base: &[u8], target: &[u8]) -> Result<Vec<u8>, DeltaError> {
        let (_, base_hash) = Container::parse_named(base).map_err(|_| DeltaError::Base)?;
        let (_, target_hash) = Container::parse_named(target).map_err(|_| DeltaError::Target)?;
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.push(DELTA_VERSION);
        out.extend_from_slice(&base_hash.0);
        out.extend_from_slice(&target_hash.0);
        out.extend_from_slice(&(target.len() as u32).to_be_bytes());
        write_ops(base, target, &mut out);
        ModelHash::seal(&mut out);
        if out.len() > MAX_DELTA_LEN {
            return Err(DeltaError::TooLong);
        }
        Ok(out)
    }
}

fn write_ops(base: &[u8], target: &[u8], out: &mut Vec<u8>) {
    let index = Index::new(base);
    let mut written = 0;
    let mut at = 0;
    let mut rolling = None;
    while let Some(window) = target.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let hash = rolling.unwrap_or_else(|| hash(window));
        let Some(found) = index.find(hash, window, base) else {
            rolling = target.get(at + BLOCK).map(|&next| roll(hash, window[0], next));
            at += 1;
            continue;
        };
        let back = common(base[..found].iter().rev(), target[written..at].iter().rev());
        let ahead = common(base[found..].iter(), target[at..].iter());
        Op::Literal(&target[written..at - back]).write(out);
        Op::Copy { offset: found - back, len: back + ahead }.write(out);
        at += ahead;
        written = at;
        rolling = None;
    }
    Op::Literal(&target[written..]).write(out);
}

fn common<'a>(a: impl Iterator<Item = &'a u8>, b: impl Iterator<Item = &'a u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

/// Where the blocks of the base are, by their hash. Of several in one place the first stays.
struct Index {
    /// Number of the block plus 1; 0: none. As many places as a power of two.
    places: Vec<u32>,
}

impl Index {
    fn new(base: &[u8]) -> Self {
        let (blocks, _) = base.as_chunks::<BLOCK>();
        let mut places = vec![0; (2 * blocks.len()).next_power_of_two()];
        for (number, block) in (1..).zip(blocks) {
            let place = Self::place(&places, hash(block));
            if places[place] == 0 {
                places[place] = number;
            }
        }
        Self { places }
    }

    /// Where in `base` the bytes of `window` stand.
    fn find(&self, hash: u32, window: &[u8; BLOCK], base: &[u8]) -> Option<usize> {
        let number = self.places[Self::place(&self.places, hash)].checked_sub(1)?;
        let offset = number as usize * BLOCK;
        base[offset..].starts_with(window).then_some(offset)
    }

    /// The high bits of a product are the well mixed ones.
    const fn place(places: &[u32], hash: u32) -> usize {
        let bits = places.len().trailing_zeros();
        (hash.wrapping_mul(FACTOR) as u64 >> (32 - bits)) as usize
    }
}

/// Polynomial in [`FACTOR`] modulo 2^32.
fn hash(block: &[u8; BLOCK]) -> u32 {
    block.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(FACTOR).wrapping_add(byte.into()))
}

/// The hash one byte further on.
const fn roll(hash: u32, out: u8, next: u8) -> u32 {
    const LEAVING: u32 = FACTOR.wrapping_pow(BLOCK as u32);
    hash.wrapping_mul(FACTOR)
        .wrapping_sub((out as u32).wrapping_mul(LEAVING))
        .wrapping_add(next as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_rolls() {
        let bytes: [u8; BLOCK + 1] = std::array::from_fn(|at| (at * at + 7) as u8);
        let first = bytes.first_chunk().expect("one block and a byte");
        let second = bytes.last_chunk().expect("one block and a byte");
        assert_eq!(roll(hash(first), bytes[0], bytes[BLOCK]), hash(second));
    }
}
