//! From entries to a bundle.

use super::MAX_BLOCKS;
use crate::{
    Entry, MAX_DATAGRAM_LEN, PluginId, VERSION, VERSION_SHIFT, WriteError,
    entry::{self, Form, Seen},
    varint,
};

/// Writes one bundle behind what is in a buffer. Allocates nothing where the buffer has room for
/// [`MAX_DATAGRAM_LEN`] more bytes.
#[derive(Debug)]
pub struct BundleWriter<'b> {
    out: &'b mut Vec<u8>,
    /// Where the bundle begins in the buffer.
    start: usize,
    blocks: usize,
}

impl<'b> BundleWriter<'b> {
    /// Begins a bundle.
    pub fn begin(out: &'b mut Vec<u8>) -> Self {
        let start = out.len();
        out.push(VERSION << VERSION_SHIFT);
        Self { out, start, blocks: 0 }
    }

    /// Adds what belongs to one participant and media time. The activity of an entry is left out.
    ///
    /// # Errors
    /// [`WriteError::Full`] when this block wants another bundle (so does
    /// [`WriteError::TooManyBlocks`]); others where the block is not one. The bundle is as before.
    pub fn push_block<'e>(
        &mut self,
        participant: u32,
        time: u16,
        entries: impl IntoIterator<Item = Entry<'e>>,
    ) -> Result<(), WriteError> {
        let before = self.out.len();
        let written = self.push(participant, time, |out, limit| write_entries(entries, out, limit));
        if written.is_err() {
            self.out.truncate(before);
        }
        written
    }

    /// Adds a block whose entries were encoded once, for many subscribers: one copy.
    ///
    /// # Errors
    /// As [`Self::push_block`].
    pub fn push_encoded(
        &mut self,
        participant: u32,
        time: u16,
        entries: EncodedEntries<'_>,
    ) -> Result<(), WriteError> {
        let len = self.len() + block_len(participant, entries.0.len());
        if len > MAX_DATAGRAM_LEN {
            return Err(WriteError::Full);
        }
        self.push(participant, time, |out, _| {
            out.extend_from_slice(entries.0);
            Ok(())
        })
    }

    /// Length of the bundle so far in bytes.
    #[expect(clippy::len_without_is_empty, reason = "it has a first byte from the beginning")]
    pub const fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Bytes that blocks may still take.
    pub const fn room(&self) -> usize {
        MAX_DATAGRAM_LEN - self.len()
    }

    /// How many blocks it holds.
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    fn push(
        &mut self,
        participant: u32,
        time: u16,
        entries: impl FnOnce(&mut Vec<u8>, usize) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        if participant == 0 {
            return Err(WriteError::NoParticipant);
        }
        if self.blocks == MAX_BLOCKS {
            return Err(WriteError::TooManyBlocks);
        }
        if block_len(participant, 0) > self.room() {
            return Err(WriteError::Full);
        }
        varint::write(participant, self.out);
        self.out.extend_from_slice(&time.to_be_bytes());
        entries(self.out, self.start + MAX_DATAGRAM_LEN)?;
        self.blocks += 1;
        Ok(())
    }
}

/// The entries of one block as they stand in bundles, ready to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEntries<'a>(&'a [u8]);

impl EncodedEntries<'_> {
    /// How many bytes they are, at least 2.
    #[expect(clippy::len_without_is_empty, reason = "there is always an entry")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Encodes the entries of one block behind what is in `out`, for [`BundleWriter::push_encoded`].
/// The activity of an entry is left out.
///
/// # Errors
/// [`WriteError`] where they are not the entries of a block, or fit no bundle; `out` is as before.
pub fn encode_entries<'o, 'e>(
    entries: impl IntoIterator<Item = Entry<'e>>,
    out: &'o mut Vec<u8>,
) -> Result<EncodedEntries<'o>, WriteError> {
    let start = out.len();
    if let Err(error) = write_entries(entries, out, start + MAX_DATAGRAM_LEN) {
        out.truncate(start);
        return Err(error);
    }
    Ok(EncodedEntries(&out[start..]))
}

/// How many bytes an entry takes in a bundle.
pub const fn entry_len(payload_len: usize) -> usize {
    entry::len(PluginId::FACE, Form::Bundle, payload_len)
}

/// How many bytes a block takes whose entries take `entries_len` ([`entry_len`], added up).
pub const fn block_len(participant: u32, entries_len: usize) -> usize {
    varint::len(participant) + size_of::<u16>() + entries_len
}

/// Writes entries as long as `out` does not grow past `limit`.
fn write_entries<'e>(
    entries: impl IntoIterator<Item = Entry<'e>>,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), WriteError> {
    let mut seen = Seen::default();
    let mut newest = out.len();
    for entry in entries {
        seen.insert(entry.plugin)?;
        newest = out.len();
        if entry.payload.len() <= crate::MAX_PAYLOAD_LEN
            && newest + entry_len(entry.payload.len()) > limit
        {
            return Err(WriteError::Full);
        }
        entry::write(&entry, Form::Bundle, out)?;
    }
    if seen.is_empty() {
        return Err(WriteError::NoEntries);
    }
    entry::mark_last(&mut out[newest]);
    Ok(())
}
