//! Bundles: the model frames of all the people that one subscriber sees or hears.
//!
//! ```text
//!  byte 0       version (2 bits, 1) │ 0 0 0 0 0 0
//!               ┌ varint  short id of the participant, 1 to 2^32 - 1 ┐
//!               │ u16     media time, low 16 bits of milliseconds    │ 0 to 64 times
//!               └ …       entries, without level                     ┘
//! ```
//!
//! A voice and a face entry of one person with a short id below 128 cost 7 bytes: 1 + 2 + 2 + 2.
//! The same block may come again in a later bundle; receivers drop what they have by participant,
//! plug-in and time.

mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{Bundle, BundleBlock, BundleBlocks, BundleError};
pub use write::{BundleWriter, EncodedEntries, block_len, encode_entries, entry_len};

/// Most blocks of a bundle.
pub const MAX_BLOCKS: usize = 64;

const RESERVED: u8 = 0x3f;
