//! From bytes to blocks.

use super::{ENCRYPTED, MAX_BLOCKS, RESERVED};
use crate::{
    Entries, EntryError, MAX_DATAGRAM_LEN, MediaTime, VERSION, VERSION_SHIFT,
    cursor::{Cursor, Truncated},
    entry::{self, Form},
};

/// A model packet that keeps every rule of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPacket<'a> {
    encrypted: bool,
    time: MediaTime,
    /// Everything behind the header.
    blocks: &'a [u8],
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PacketError {
    /// More than [`MAX_DATAGRAM_LEN`] bytes.
    #[error("packet too long")]
    TooLong,
    /// The bytes end within the header or the age of a block.
    #[error("packet ends early")]
    Truncated,
    /// Not version 1.
    #[error("unknown version")]
    Version,
    /// Bits that have no meaning yet are set.
    #[error("reserved bits set")]
    Reserved,
    /// More than [`MAX_BLOCKS`] blocks.
    #[error("too many blocks")]
    TooManyBlocks,
    /// A block that is to be older but has age 0.
    #[error("an older block of age 0")]
    NotOlder,
    /// The entries of a block.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl From<Truncated> for PacketError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

impl<'a> ModelPacket<'a> {
    /// Checks all of a packet.
    ///
    /// # Errors
    /// [`PacketError`]: the packet is to be dropped.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        if bytes.len() > MAX_DATAGRAM_LEN {
            return Err(PacketError::TooLong);
        }
        let mut from = Cursor::new(bytes);
        let first = from.u8()?;
        if first >> VERSION_SHIFT != VERSION {
            return Err(PacketError::Version);
        }
        if first & RESERVED != 0 {
            return Err(PacketError::Reserved);
        }
        let time = MediaTime(from.u32()?);
        let packet = Self { encrypted: first & ENCRYPTED != 0, time, blocks: from.left() };
        entry::skip_block(&mut from, Form::Packet)?;
        let mut blocks = 1;
        while !from.is_empty() {
            if blocks == MAX_BLOCKS {
                return Err(PacketError::TooManyBlocks);
            }
            if from.u16()? == 0 {
                return Err(PacketError::NotOlder);
            }
            entry::skip_block(&mut from, Form::Packet)?;
            blocks += 1;
        }
        Ok(packet)
    }

    /// Whether only participants can read the payloads.
    pub const fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// Media time of the first, newest block.
    pub const fn time(&self) -> MediaTime {
        self.time
    }

    /// The blocks, the newest first.
    pub const fn blocks(&self) -> Blocks<'a> {
        Blocks { from: Cursor::new(self.blocks), time: self.time, first: true }
    }
}

/// What belongs to one media time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// When it was captured.
    pub time: MediaTime,
    entries: &'a [u8],
}

impl<'a> Block<'a> {
    /// Its entries, one per plug-in, at least one.
    pub const fn entries(&self) -> Entries<'a> {
        Entries::new(self.entries, Form::Packet)
    }
}

/// The blocks of a packet, the newest first.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    from: Cursor<'a>,
    time: MediaTime,
    first: bool,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let age = if self.first { 0 } else { self.from.u16().ok()? };
        self.first = false;
        let entries = entry::skip_block(&mut self.from, Form::Packet).ok()?;
        Some(Block { time: self.time.offset(-i32::from(age)), entries })
    }
}
