//! Model packets: what a publisher sends every 80 ms, one for all plug-ins of one person.
//!
//! ```text
//!  byte 0       version (2 bits, 1) │ E │ 0 0 0 0 0       E: payloads are end-to-end encrypted
//!  bytes 1..5   media time of the first block in milliseconds
//!  …            its entries
//!               ┌ u16 age in milliseconds, and the entries of the block that much older ┐ 0 to 3
//!               └ … until the end                                                       ┘ times
//! ```
//!
//! Older blocks are redundancy: they were in earlier packets, which may have been lost.

mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{Block, Blocks, ModelPacket, PacketError};
pub use write::PacketWriter;

/// Most blocks of a packet: the newest and three older ones, 240 ms of losses.
pub const MAX_BLOCKS: usize = 4;

/// Bytes before the first entry.
const HEADER_LEN: usize = 5;
const ENCRYPTED: u8 = 0x20;
const RESERVED: u8 = 0x1f;
