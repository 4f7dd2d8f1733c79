//! Packets from a media thread to a job.
//!
//! ```text
//!  Tap::packet ─► full  (array queue, 256) ─► Feed::next      the shard never waits, locks or, once
//!       ▲                                        │            every buffer was made, allocates
//!       └──────── empty (array queue, 256) ◄─────┘
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    mpsc::{self, Receiver, SyncSender},
};

use super::{Worth, stats::Counters, submission::Doorway, wire::MAX_PACKET_LEN};

/// Packets on their way to one job: five seconds of a voice, two of a camera at 1 Mbit/s.
const CAPACITY: usize = 256;

/// The media thread's end of a job. Dropping it ends the job, and everything that it decoded or
/// learned goes with its process.
#[derive(Debug)]
pub struct Tap {
    state: Arc<JobState>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    /// Buffers that were made.
    made: usize,
    /// Where the job is to be handed over, until it is.
    doorway: Option<Doorway>,
}

/// What both ends of a tap know of the job.
#[derive(Debug)]
pub(super) struct JobState {
    stage: AtomicU8,
    /// The tap is gone.
    ended: AtomicBool,
    /// [`Worth`]: subscribers, then bytes.
    worth: AtomicU64,
    counters: Arc<Counters>,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// It has no place.
    Waiting,
    /// It learns.
    Running,
    /// It was refused, or broke.
    Over,
}

/// The job's end of a tap.
#[derive(Debug)]
pub(super) struct Feed {
    full: Receiver<Vec<u8>>,
    empty: SyncSender<Vec<u8>>,
}

impl Tap {
    /// A tap and the other end of it.
    pub(super) fn new(worth: Worth, counters: Arc<Counters>) -> (Self, Arc<JobState>, Feed) {
        let (full, fed) = mpsc::sync_channel(CAPACITY);
        let (back, empty) = mpsc::sync_channel(CAPACITY);
        let state = Arc::new(JobState {
            stage: AtomicU8::new(Stage::Waiting as u8),
            ended: AtomicBool::new(false),
            worth: AtomicU64::new(pack(worth)),
            counters,
        });
        let tap = Self { state: state.clone(), full, empty, made: 0, doorway: None };
        (tap, state, Feed { full: fed, empty: back })
    }

    /// Hands the job over. Full: tried again with each packet.
    pub(super) fn submit(&mut self, doorway: Doorway) {
        self.doorway = doorway.enter();
    }

    /// Takes a whole RTP packet, headers and extensions included. Full, or longer than
    /// [`MAX_PACKET_LEN`]: this packet, the newest, is dropped and counted; learning is slower, and
    /// nothing else. While the job has no place the packet is dropped, as is said in its report.
    pub fn packet(&mut self, rtp: &[u8]) {
        if let Some(doorway) = self.doorway.take() {
            self.submit(doorway);
        }
        if self.state.stage() != Stage::Running {
            return;
        }
        let fits = rtp.len() <= MAX_PACKET_LEN;
        let taken = fits.then(|| self.buffer()).flatten().map(|mut buffer| {
            buffer.clear();
            buffer.extend_from_slice(rtp);
            // There are no more buffers than places, so it fails only where the pool has ended.
            self.full.try_send(buffer)
        });
        if !matches!(taken, Some(Ok(()))) {
            self.state.counters.dropped_packets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A buffer that is free.
    fn buffer(&mut self) -> Option<Vec<u8>> {
        match self.empty.try_recv() {
            Ok(buffer) => Some(buffer),
            Err(_) if self.made < CAPACITY => {
                self.made += 1;
                Some(Vec::with_capacity(MAX_PACKET_LEN))
            }
            Err(_) => None,
        }
    }

    /// Says what a model would save now. Jobs that wait are ordered by it.
    pub fn set_worth(&self, worth: Worth) {
        self.state.worth.store(pack(worth), Ordering::Relaxed);
    }

    /// Whether the last report of the job was made: it was refused, or broke.
    pub fn is_over(&self) -> bool {
        self.state.stage() == Stage::Over
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
    }
}

impl JobState {
    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Waiting,
            1 => Stage::Running,
            _ => Stage::Over,
        }
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Whether nobody wants the job any more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn worth(&self) -> Worth {
        let packed = self.worth.load(Ordering::Relaxed);
        Worth { subscribers: (packed >> 32) as u32, bytes_per_second: packed as u32 }
    }
}

const fn pack(worth: Worth) -> u64 {
    (worth.subscribers as u64) << 32 | worth.bytes_per_second as u64
}

impl Feed {
    /// The next packet. Never waits: a thread that slept on the queue would have to be woken, which
    /// takes the media thread a lock.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        self.full.try_recv().ok()
    }

    /// Gives the buffer of a packet back. Where the tap is gone it is just freed.
    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        drop(self.empty.try_send(buffer));
    }

    /// Drops what has come.
    pub(super) fn drain(&self) {
        while let Some(buffer) = self.next() {
            self.give_back(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap() -> (Tap, Arc<JobState>, Feed) {
        Tap::new(Worth::default(), Arc::default())
    }

    #[test]
    fn packets_come_out_whole_and_in_order_once_the_job_runs() {
        let (mut tap, state, feed) = tap();
        tap.packet(b"too early");
        assert_eq!(feed.next(), None);
        state.set_stage(Stage::Running);
        for round in 0..2_000_u32 {
            tap.packet(&round.to_be_bytes());
            let packet = feed.next().unwrap();
            assert_eq!(packet, round.to_be_bytes());
            feed.give_back(packet);
        }
        assert_eq!(tap.made, 1, "buffers are used again");
    }

    #[test]
    fn a_job_that_is_behind_loses_the_newest_packets_and_they_are_counted() {
        let (mut tap, state, feed) = tap();
        state.set_stage(Stage::Running);
        (0..300_u32).for_each(|number| tap.packet(&number.to_be_bytes()));
        assert_eq!(state.counters.snapshot().dropped_packets, 300 - 256);
        for number in 0..256_u32 {
            let packet = feed.next().unwrap();
            assert_eq!(packet, number.to_be_bytes());
            feed.give_back(packet);
        }
        assert_eq!(feed.next(), None);
        tap.packet(b"again");
        assert_eq!(feed.next().unwrap(), b"again");
        tap.packet(&[0; MAX_PACKET_LEN + 1]);
        assert_eq!(feed.next(), None, "too long for a packet");
    }

    #[test]
    fn a_tap_says_its_worth_and_that_it_is_gone() {
        let (tap, state, _feed) = tap();
        let worth = Worth { subscribers: 7, bytes_per_second: u32::MAX };
        tap.set_worth(worth);
        assert_eq!(state.worth(), worth);
        assert!(!tap.is_over() && !state.has_ended());
        state.set_stage(Stage::Over);
        assert!(tap.is_over());
        drop(tap);
        assert!(state.has_ended());
    }

    #[test]
    fn a_tap_outlives_its_pool() {
        let (mut tap, state, feed) = tap();
        state.set_stage(Stage::Running);
        drop(feed);
        tap.packet(b"for nobody");
        assert_eq!(state.counters.snapshot().dropped_packets, 1);
    }
}
