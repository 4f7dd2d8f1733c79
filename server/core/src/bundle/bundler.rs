//! What waits for one subscriber's next bundle.

use std::time::Duration;

use sotto_frame::{
    BundleWriter, Entry, MediaTime, PluginId, PluginKind,
    bundle::{block_len, entry_len},
};

use super::FlushInterval;
use crate::{forward::RateMeter, id::ShortId, ledger::BUNDLE_OVERHEAD, time::Time};

/// Frames that may wait: more than everybody's of one interval in the largest view. The least
/// important is dropped for a more important one.
const MAX_WAITING: usize = 512;

/// Bytes that may wait, likewise.
const MAX_BYTES: usize = 32 * 1_024;

/// Bundles leave at multiples of this, so that those of a room leave together.
const GRID: Duration = Duration::from_millis(5);

/// A copy of a frame follows after this, or in the bundle after next: losses come in bursts.
const COPY_DELAY: Duration = Duration::from_millis(60);

/// How important a frame is: the lower, the more. Copies come behind everything that is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u8);

impl Rank {
    /// A voice that is heard.
    pub const VOICE: Self = Self(0);

    /// That of a copy.
    const fn of_copy(self) -> Self {
        Self(self.0.saturating_add(16))
    }
}

/// One frame of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whose.
    pub participant: ShortId,
    /// When its media was captured, on its publisher's clock.
    pub time: MediaTime,
    /// The plug-in that reads it.
    pub plugin: PluginId,
    /// Low bits of the epoch of its model.
    pub epoch: u8,
    /// What the plug-in wrote.
    pub payload: &'a [u8],
}

/// A frame that waits; its payload lies in the bundler's bytes.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    participant: ShortId,
    time: MediaTime,
    plugin: PluginId,
    epoch: u8,
    rank: Rank,
    start: u32,
    len: u16,
    /// When it may leave at the earliest.
    from: Time,
    /// How often it is to be repeated once it has left.
    copies: u8,
    /// It left in one of this flush's bundles, or was dropped.
    gone: bool,
}

impl Waiting {
    fn is_ready(&self, now: Time) -> bool {
        !self.gone && self.from <= now
    }

    fn spent(&self) -> Spent {
        let bytes = entry_len(usize::from(self.len)) as u64;
        Spent { participant: self.participant, kind: self.plugin.kind(), bytes }
    }

    fn entry<'a>(&self, bytes: &'a [u8]) -> Entry<'a> {
        let payload = &bytes[self.start as usize..][..usize::from(self.len)];
        Entry { plugin: self.plugin, epoch: self.epoch, activity: None, payload }
    }
}

/// The frames that wait for one subscriber, and when they leave. Allocates nothing once its buffers
/// have grown.
#[derive(Clone, Debug, Default)]
pub struct Bundler {
    waiting: Vec<Waiting>,
    bytes: Vec<u8>,
    /// Bytes of those that wait: others are of frames that were dropped or forgotten.
    taken: usize,
    /// Where payloads are moved when what is gone is swept out.
    swept: Vec<u8>,
    interval: FlushInterval,
    pinned: Option<Duration>,
    due: Option<Time>,
    last_flush: Time,
    /// What one flush may take on the wire; `None`: no limit.
    limit: Option<u64>,
    /// While a flush goes on: bytes on the wire that are left of it.
    left: Option<u64>,
    rate: RateMeter,
    /// What the last bundle took for each frame in it, on the wire.
    spent: Vec<Spent>,
    dropped: u64,
}

/// What one frame took in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose.
    pub participant: ShortId,
    /// Voice or face.
    pub kind: PluginKind,
    /// Bytes on the wire: its own, and an equal part of what is around all.
    pub bytes: u64,
}

impl Bundler {
    /// One that bundles for `interval`, whatever the line carries; `None`: by the line.
    pub fn new(interval: Option<Duration>) -> Self {
        Self { pinned: interval, ..Self::default() }
    }

    /// The line carries `bitrate` bits per second, of which bundles may take `share`.
    pub fn observe(&mut self, bitrate: u64, share: u64) {
        self.interval.observe(bitrate);
        self.limit = Some(share);
    }

    /// Takes a frame, that is to be repeated `copies` times. If more waits than is of use, less
    /// important frames are dropped for it, or it is (counted).
    pub fn push(&mut self, now: Time, frame: &Frame<'_>, rank: Rank, copies: u8) {
        let len = frame.payload.len();
        while self.waiting.len() >= MAX_WAITING || self.taken + len > MAX_BYTES {
            if !self.drop_behind(rank) {
                self.dropped += 1;
                return;
            }
        }
        if self.bytes.len() + len > 2 * MAX_BYTES {
            self.compact();
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(frame.payload);
        self.taken += len;
        self.waiting.push(Waiting {
            participant: frame.participant,
            time: frame.time,
            plugin: frame.plugin,
            epoch: frame.epoch,
            rank,
            start,
            len: frame.payload.len() as u16,
            from: now,
            copies,
            gone: false,
        });
        self.wake(now);
    }

    /// Forgets what waits of a participant's voice or face: nothing of it may be sent any more.
    pub fn forget(&mut self, participant: ShortId, kind: PluginKind) {
        let is_of =
            |frame: &Waiting| (frame.participant, frame.plugin.kind()) == (participant, kind);
        self.waiting.retain(|frame| !is_of(frame));
        self.count();
    }

    /// When the next bundle is due.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// What waits may be taken, if its time has come. Returns whether anything does.
    pub fn begin_flush(&mut self, now: Time) -> bool {
        self.begin_by(now, now)
    }

    /// The same while others leave, who bundle for `interval`: half of theirs, and of its own, too
    /// early is early enough to leave with them, and from then on all are due at the same moments.
    pub fn join_flush(&mut self, now: Time, interval: Duration) -> bool {
        let early = self.interval().min(interval) / 2;
        self.waiting.iter().any(|frame| frame.is_ready(now)) && self.begin_by(now, now + early)
    }

    fn begin_by(&mut self, now: Time, by: Time) -> bool {
        if self.due.is_none_or(|due| by < due) {
            return false;
        }
        self.due = None;
        let elapsed = now.saturating_since(self.last_flush).min(4 * self.interval());
        self.last_flush = now;
        // Twice the share of its time: frames come in bursts, and the meter sees to the rest.
        self.left = self.limit.map(|share| share * elapsed.as_micros() as u64 / 4_000_000);
        true
    }

    /// Writes the next bundle into `out`, which is emptied first. `false`: nothing is to be sent any
    /// more in this flush.
    pub fn write(&mut self, now: Time, out: &mut Vec<u8>) -> bool {
        self.fit(now);
        out.clear();
        self.spent.clear();
        let mut writer = BundleWriter::begin(out);
        let mut at = 0;
        while at < self.waiting.len() {
            let first = self.waiting[at];
            // Frames of one person and time follow one another: they share a block.
            let same = |frame: &&Waiting| {
                frame.participant == first.participant && frame.time == first.time
            };
            let mut end = at + self.waiting[at..].iter().take_while(same).count();
            let (who, time) = (first.participant.0, first.time.low());
            let bytes = &self.bytes;
            let block = |frames: &[Waiting], writer: &mut BundleWriter<'_>| {
                let ready = frames.iter().filter(|frame| frame.is_ready(now));
                writer.push_block(who, time, ready.map(|frame| frame.entry(bytes))).is_ok()
            };
            let mut written = block(&self.waiting[at..end], &mut writer);
            if !written && writer.blocks() == 0 {
                // Together they fit no bundle: one by one they do.
                end = at + 1;
                written = block(&self.waiting[at..end], &mut writer);
            }
            // What does not fit any more, or is not ready, waits.
            if written {
                for frame in self.waiting[at..end].iter_mut().filter(|frame| frame.is_ready(now)) {
                    frame.gone = true;
                    self.spent.push(frame.spent());
                }
            }
            at = end;
        }
        let (blocks, len) = (writer.blocks(), writer.len());
        if blocks == 0 {
            self.sweep(now);
            return false;
        }
        self.rate.observe(now, len);
        let wire = len as u64 + BUNDLE_OVERHEAD;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(wire);
        }
        let around = wire - self.spent.iter().map(|spent| spent.bytes).sum::<u64>();
        let share = around / self.spent.len() as u64;
        self.spent.iter_mut().for_each(|spent| spent.bytes += share);
        true
    }

    /// What the last bundle that was written took, by frame.
    pub fn spent(&self) -> &[Spent] {
        &self.spent
    }

    /// Bits per second that bundles took over the last second, on the wire.
    pub fn bitrate(&self, now: Time) -> u64 {
        self.rate.bitrate(now)
    }

    /// Frames that were dropped so far for want of room or bandwidth.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The time between two bundles.
    pub fn interval(&self) -> Duration {
        self.pinned.unwrap_or(self.interval.get())
    }

    /// Drops the least important frames that the rest of this flush does not carry.
    fn fit(&mut self, now: Time) {
        let Some(left) = self.left else { return };
        let cost = |frame: &Waiting| {
            block_len(frame.participant.0, entry_len(usize::from(frame.len))) as u64
        };
        let ready = |frame: &&Waiting| frame.is_ready(now);
        let mut total: u64 = self.waiting.iter().filter(ready).map(cost).sum();
        while total + BUNDLE_OVERHEAD > left {
            // A voice is never dropped for want of bandwidth: it is why people are here.
            let least = self.waiting.iter_mut().filter(|frame| frame.is_ready(now));
            let least =
                least.filter(|frame| frame.rank > Rank::VOICE).max_by_key(|frame| frame.rank);
            let Some(least) = least else { return };
            total -= cost(least);
            (least.gone, least.copies) = (true, 0);
            self.dropped += 1;
        }
    }

    /// Removes what is gone, but for what is to be repeated, and sets the next due time.
    fn sweep(&mut self, now: Time) {
        let delay = COPY_DELAY.max(self.interval());
        for frame in self.waiting.iter_mut().filter(|frame| frame.gone && frame.copies > 0) {
            frame.copies -= 1;
            frame.gone = false;
            frame.from = now + delay;
            frame.rank = frame.rank.of_copy();
        }
        self.waiting.retain(|frame| !frame.gone);
        self.count();
        self.compact();
        if let Some(from) = self.waiting.iter().map(|frame| frame.from).min() {
            self.wake(from);
        }
    }

    /// Adds up the bytes of those that wait.
    fn count(&mut self) {
        self.taken = self.waiting.iter().map(|frame| usize::from(frame.len)).sum();
    }

    /// Gives up the bytes of those that wait no more.
    fn compact(&mut self) {
        self.swept.clear();
        for frame in &mut self.waiting {
            let payload = &self.bytes[frame.start as usize..][..usize::from(frame.len)];
            frame.start = self.swept.len() as u32;
            self.swept.extend_from_slice(payload);
        }
        std::mem::swap(&mut self.bytes, &mut self.swept);
    }

    /// Something may leave from `from` on.
    fn wake(&mut self, from: Time) {
        let at = from.max(self.last_flush + self.interval());
        let grid = GRID.as_micros() as u64;
        let at = Time::from_micros(at.as_micros().div_ceil(grid) * grid);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Makes room for a frame of `rank` by dropping one that matters less.
    fn drop_behind(&mut self, rank: Rank) -> bool {
        let least = self.waiting.iter().enumerate().max_by_key(|(_, frame)| frame.rank);
        let Some((at, _)) = least.filter(|(_, frame)| frame.rank > rank) else { return false };
        let least = self.waiting.remove(at);
        self.taken -= usize::from(least.len);
        self.dropped += 1;
        true
    }
}
