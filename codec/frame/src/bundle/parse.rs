//! From bytes to blocks.

use super::{MAX_BLOCKS, RESERVED};
use crate::{
    Entries, EntryError, MAX_DATAGRAM_LEN, VERSION, VERSION_SHIFT,
    cursor::{Cursor, Truncated},
    entry::{self, Form},
    varint::{self, VarintError},
};

/// A bundle that keeps every rule of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// Everything behind the first byte.
    blocks: &'a [u8],
}

/// Why a bundle is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BundleError {
    /// More than [`MAX_DATAGRAM_LEN`] bytes.
    #[error("bundle too long")]
    TooLong,
    /// The bytes end within the header of the bundle or of a block.
    #[error("bundle ends early")]
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
    /// A short id that is 0, or not a varint of at most 32 bits in its shortest form.
    #[error("no such participant")]
    Participant,
    /// The entries of a block.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl From<Truncated> for BundleError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

impl<'a> Bundle<'a> {
    /// Checks all of a bundle.
    ///
    /// # Errors
    /// [`BundleError`]: the bundle is to be dropped.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_DATAGRAM_LEN {
            return Err(BundleError::TooLong);
        }
        let mut from = Cursor::new(bytes);
        let first = from.u8()?;
        if first >> VERSION_SHIFT != VERSION {
            return Err(BundleError::Version);
        }
        if first & RESERVED != 0 {
            return Err(BundleError::Reserved);
        }
        let bundle = Self { blocks: from.left() };
        let mut blocks = 0;
        while !from.is_empty() {
            if blocks == MAX_BLOCKS {
                return Err(BundleError::TooManyBlocks);
            }
            read(&mut from)?;
            blocks += 1;
        }
        Ok(bundle)
    }

    /// The blocks, in the order in which they were written.
    pub const fn blocks(&self) -> BundleBlocks<'a> {
        BundleBlocks { from: Cursor::new(self.blocks) }
    }
}

/// What belongs to one participant and media time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleBlock<'a> {
    /// Short id of the participant, never 0.
    pub participant: u32,
    /// Low 16 bits of the publisher's media time ([`crate::MediaTime::unwrap`]).
    pub time: u16,
    entries: &'a [u8],
}

impl<'a> BundleBlock<'a> {
    /// Its entries, one per plug-in, at least one. None has an activity.
    pub const fn entries(&self) -> Entries<'a> {
        Entries::new(self.entries, Form::Bundle)
    }
}

/// The blocks of a bundle.
#[derive(Clone, Debug)]
pub struct BundleBlocks<'a> {
    from: Cursor<'a>,
}

impl<'a> Iterator for BundleBlocks<'a> {
    type Item = BundleBlock<'a>;

    fn next(&mut self) -> Option<BundleBlock<'a>> {
        read(&mut self.from).ok()
    }
}

fn read<'a>(from: &mut Cursor<'a>) -> Result<BundleBlock<'a>, BundleError> {
    let participant = match varint::read(from) {
        Ok(0) | Err(VarintError::Malformed) => return Err(BundleError::Participant),
        Ok(participant) => participant,
        Err(VarintError::Truncated) => return Err(BundleError::Truncated),
    };
    let time = from.u16()?;
    let entries = entry::skip_block(from, Form::Bundle)?;
    Ok(BundleBlock { participant, time, entries })
}
