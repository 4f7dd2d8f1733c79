//! Deltas: how the container of a refined model is made of the one before.
//!
//! ```text
//!  0    "SOTD"
//!  4    version u8, 1
//!  5    hash of the base container, 32 bytes
//!  37   hash of the target container, 32 bytes
//!  69   length of the target container u32
//!  73   ops:  varint 2 n,     varint offset    n bytes of the base from there
//!             varint 2 n + 1, n bytes          these bytes
//!  …    SHA-256 of everything before
//! ```
//!
//! A hash is the digest at the end of a container, its name. What is applied is checked on every
//! side: the base is the one that is meant, every copy lies within it, and the result has the
//! length and the hash that were promised. An op of no bytes is refused.

mod apply;
mod between;
#[cfg(test)]
mod tests;

pub use apply::{Delta, DeltaError};

/// Most bytes of a delta.
pub const MAX_DELTA_LEN: usize = 4 << 20;

const MAGIC: [u8; 4] = *b"SOTD";
const DELTA_VERSION: u8 = 1;
/// The lowest bit of an op: its bytes follow, instead of standing in the base.
const LITERAL: u32 = 1;
