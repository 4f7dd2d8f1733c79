//! From entries to a packet.

use super::{ENCRYPTED, HEADER_LEN, MAX_BLOCKS};
use crate::{
    Entry, MAX_DATAGRAM_LEN, MediaTime, VERSION, VERSION_SHIFT, WriteError,
    entry::{self, Form, Seen},
};

/// Writes one packet behind what is in a buffer: entries of the newest block, then of older ones,
/// then [`PacketWriter::finish`].
///
/// A call that fails writes nothing, and the packet can go on without it. A writer that is dropped
/// unfinished leaves the buffer as it found it.
#[derive(Debug)]
pub struct PacketWriter<'b> {
    out: &'b mut Vec<u8>,
    /// Where the packet begins in the buffer.
    start: usize,
    time: MediaTime,
    blocks: usize,
    seen: Seen,
    /// Where the newest entry begins in the buffer.
    newest: usize,
    finished: bool,
}

impl<'b> PacketWriter<'b> {
    /// Begins a packet whose first block was captured at `time`.
    pub fn begin(out: &'b mut Vec<u8>, time: MediaTime, encrypted: bool) -> Self {
        let start = out.len();
        out.push(VERSION << VERSION_SHIFT | if encrypted { ENCRYPTED } else { 0 });
        out.extend_from_slice(&time.0.to_be_bytes());
        let newest = start + HEADER_LEN;
        Self { out, start, time, blocks: 1, seen: Seen::default(), newest, finished: false }
    }

    /// Adds an entry to the block that was begun last.
    ///
    /// # Errors
    /// [`WriteError`]: too many entries, a plug-in twice, a payload or packet too long, a value out
    /// of range. Nothing is written.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Result<(), WriteError> {
        let mut seen = self.seen;
        seen.insert(entry.plugin)?;
        let len = entry::len(entry.plugin, Form::Packet, entry.payload.len());
        let at = self.out.len();
        if at - self.start + len > MAX_DATAGRAM_LEN && entry.payload.len() <= crate::MAX_PAYLOAD_LEN
        {
            return Err(WriteError::Full);
        }
        entry::write(entry, Form::Packet, self.out)?;
        self.seen = seen;
        self.newest = at;
        Ok(())
    }

    /// Adds a block captured before the first one, with its first entry.
    ///
    /// # Errors
    /// [`WriteError`]: the block before has no entries, it is not 1 to 65,535 ms older than the
    /// first, there are [`MAX_BLOCKS`], or as [`Self::entry`]. Nothing is written.
    pub fn older(&mut self, time: MediaTime, first: &Entry<'_>) -> Result<(), WriteError> {
        if self.seen.is_empty() {
            return Err(WriteError::NoEntries);
        }
        if self.blocks == MAX_BLOCKS {
            return Err(WriteError::TooManyBlocks);
        }
        let age = u16::try_from(self.time.distance(time)).map_err(|_| WriteError::NotOlder)?;
        if age == 0 {
            return Err(WriteError::NotOlder);
        }
        let (before, seen, newest) = (self.out.len(), self.seen, self.newest);
        self.out.extend_from_slice(&age.to_be_bytes());
        self.seen = Seen::default();
        if let Err(error) = self.entry(first) {
            self.out.truncate(before);
            self.seen = seen;
            return Err(error);
        }
        entry::mark_last(&mut self.out[newest]);
        self.blocks += 1;
        Ok(())
    }

    /// Ends the packet and gives its length in bytes.
    ///
    /// # Errors
    /// [`WriteError::NoEntries`]; the buffer is then as the writer found it.
    pub fn finish(mut self) -> Result<usize, WriteError> {
        if self.seen.is_empty() {
            return Err(WriteError::NoEntries);
        }
        entry::mark_last(&mut self.out[self.newest]);
        self.finished = true;
        Ok(self.out.len() - self.start)
    }
}

impl Drop for PacketWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}
