//! What the pool counts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The pool at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearnerStats {
    /// Jobs that learn.
    pub running: u32,
    /// Jobs that wait for a place.
    pub waiting: u32,
    /// Models that were made.
    pub models: u64,
    /// Packets of running jobs that were dropped because a learner was behind.
    pub dropped_packets: u64,
    /// Jobs that were refused.
    pub refused: u64,
    /// Jobs that broke.
    pub failed: u64,
}

/// The same, counted by several threads.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) running: AtomicU32,
    pub(super) waiting: AtomicU32,
    pub(super) models: AtomicU64,
    pub(super) dropped_packets: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> LearnerStats {
        LearnerStats {
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            models: self.models.load(Ordering::Relaxed),
            dropped_packets: self.dropped_packets.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
