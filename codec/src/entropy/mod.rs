//! Entropy coding: yes-or-no decisions, each with a probability that both sides know, to as many
//! bytes as they are surprising.
//!
//! ```text
//!  decisions + contexts ─► Encoder ─► bytes ─► Decoder + the same contexts ─► decisions
//! ```
//!
//! A range coder (Martin, "Range encoding: an algorithm for removing redundancy from a digitised
//! message", 1979) of 32 bits with carry, over adaptive binary contexts. It knows integers only:
//! every processor decodes the same.

mod context;
mod decoder;
mod encoder;
mod port;

#[cfg(test)]
mod tests;

pub use context::Context;
pub use decoder::{CorruptError, Decoder};
pub use encoder::Encoder;
pub(crate) use port::{Port, Price};

/// Below this much range, a byte is settled.
const SETTLED: u32 = 1 << 24;

/// The part of `range` that belongs to "no", given its probability in 65,536ths: at least 1, and
/// less than `range`.
const fn share(range: u32, no: u16) -> u32 {
    ((range as u64 * no as u64) >> 16) as u32
}
