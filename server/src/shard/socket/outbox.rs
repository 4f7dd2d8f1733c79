//! Where datagrams wait for the end of a loop turn.

use super::linux::Messages;
use crate::shard::transport::Path;

/// The longest datagram that the node sends, in bytes of UDP payload: what an Ethernet frame holds.
pub const MAX_DATAGRAM: usize = 1_500;

/// Bytes that wait at most. Small enough that what was just encrypted is still in the second-level
/// cache when the kernel copies it.
const ARENA_BYTES: usize = 192 * 1024;

/// Messages that wait at most: what one call sends.
pub(super) const MAX_RUNS: usize = 128;

/// Packets in one run at most: the kernel's own limit.
const MAX_RUN_PACKETS: u16 = 64;

/// Bytes in one run at most: the longest UDP payload over IPv4.
const MAX_RUN_BYTES: usize = 65_507;

/// Datagrams to send, in the order in which they were written, one after the other in memory, so
/// that those of one run need no gathering.
///
/// Write into [`Self::tail`], then [`Self::commit`]; when [`Self::is_full`] says so, send first.
pub struct Outbox {
    arena: Box<[u8]>,
    used: usize,
    runs: Vec<Run>,
    path: Option<Path>,
    /// Whether the last run may grow.
    open: bool,
    segments: bool,
    lengths: RunLengths,
    messages: Messages,
}

/// Packets of one length to one destination; the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) path: Path,
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) segment: usize,
    pub(super) packets: u16,
}

/// How many runs had how many packets: 1, 2 to 3, 4 to 7, 8 to 15, 16 to 31, 32 to 63, 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunLengths(pub [u64; 7]);

impl Outbox {
    /// Empty. `segments`: whether packets may be put together to runs.
    pub fn new(segments: bool) -> Self {
        Self {
            arena: vec![0; ARENA_BYTES].into_boxed_slice(),
            used: 0,
            runs: Vec::with_capacity(MAX_RUNS),
            path: None,
            open: false,
            segments,
            lengths: RunLengths::default(),
            messages: Messages::new(MAX_RUNS),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether another packet might not fit.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used + MAX_DATAGRAM > self.arena.len() || self.runs.len() == MAX_RUNS
    }

    /// What follows goes this way, also after the outbox was sent.
    pub fn address(&mut self, path: Path) {
        if self.path != Some(path) {
            self.path = Some(path);
            self.open = false;
        }
    }

    /// Room for the next packet: [`MAX_DATAGRAM`] bytes, or fewer when the outbox is full.
    #[inline]
    pub fn tail(&mut self) -> &mut [u8] {
        let end = (self.used + MAX_DATAGRAM).min(self.arena.len());
        &mut self.arena[self.used..end]
    }

    /// The first `len` bytes of [`Self::tail`] are a packet. Nothing happens without an address,
    /// when the outbox is full, or when `len` is zero: the kernel cannot cut runs of nothing.
    #[inline]
    pub fn commit(&mut self, len: usize) {
        let Some(path) = self.path else { return };
        if len == 0 || self.is_full() || len > MAX_DATAGRAM {
            return;
        }
        let start = self.used;
        self.used += len;
        if self.segments
            && self.open
            && let Some(run) = self.runs.last_mut()
            && len <= run.segment
            && run.packets < MAX_RUN_PACKETS
            && run.len + len <= MAX_RUN_BYTES
        {
            run.len += len;
            run.packets += 1;
            self.open = len == run.segment;
            return;
        }
        self.runs.push(Run { path, start, len, segment: len, packets: 1 });
        self.open = true;
    }

    /// Copies a ready datagram. Longer ones than [`MAX_DATAGRAM`] are left out.
    pub fn push(&mut self, path: Path, datagram: &[u8]) {
        self.address(path);
        if let Some(room) = self.tail().get_mut(..datagram.len()) {
            room.copy_from_slice(datagram);
            self.commit(datagram.len());
        }
    }

    /// How long the runs were since the start.
    pub fn run_lengths(&self) -> RunLengths {
        self.lengths
    }

    pub(super) fn parts(&mut self) -> (&[u8], &[Run], &mut Messages) {
        (&self.arena, &self.runs, &mut self.messages)
    }

    pub(super) fn clear(&mut self, segments: bool) {
        for run in &self.runs {
            self.lengths.0[run.packets.ilog2().min(6) as usize] += 1;
        }
        self.runs.clear();
        self.used = 0;
        self.open = false;
        self.segments = segments;
    }
}
