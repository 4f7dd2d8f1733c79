//! A connection, as its requests meet it: what it may do, what it moved, what it took back.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use sotto_core::{
    id::PeerId,
    signal::{Permissions, Source},
};
use tokio::sync::Semaphore;

use super::key::KeyDigest;

/// Downloads of one connection at once: what a browser opens to one host, and two more.
const DOWNLOADS: usize = 8;

/// A connection, as a request of it meets it.
#[derive(Clone, Debug)]
pub struct Member {
    pub(super) id: KeyDigest,
    /// Which.
    pub peer: PeerId,
    /// Whose.
    pub identity: Arc<str>,
    /// What it may do.
    pub permissions: Arc<Permissions>,
    /// One permit: an upload at a time.
    pub upload: Arc<Semaphore>,
    /// A permit for each download at once.
    pub downloads: Arc<Semaphore>,
    traffic: Arc<Counted>,
    withdrawals: Arc<Mutex<Withdrawals>>,
}

#[derive(Debug, Default)]
struct Counted {
    fetched: AtomicU64,
    uploaded: AtomicU64,
}

/// Bytes of bodies that one connection fetched and uploaded, without headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelTraffic {
    /// From the node.
    pub fetched: u64,
    /// To the node.
    pub uploaded: u64,
}

/// How often a connection took back its consent so far: an upload that began before it did is not
/// one that it agrees to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawals {
    microphone: u32,
    camera: u32,
}

impl Member {
    pub(super) fn new(
        id: KeyDigest,
        peer: PeerId,
        identity: &str,
        permissions: Permissions,
    ) -> Self {
        Self {
            id,
            peer,
            identity: identity.into(),
            permissions: Arc::new(permissions),
            upload: Arc::new(Semaphore::new(1)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            traffic: Arc::default(),
            withdrawals: Arc::default(),
        }
    }

    /// What it moved so far.
    pub(super) fn traffic(&self) -> ModelTraffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ModelTraffic {
            fetched: read(&self.traffic.fetched),
            uploaded: read(&self.traffic.uploaded),
        }
    }

    /// How often it took back its consents so far.
    pub fn withdrawals(&self) -> Withdrawals {
        *self.withdrawals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has not taken back the consent for a source since.
    pub fn agrees(&self, source: Source, since: Withdrawals) -> bool {
        self.withdrawals().of(source) == since.of(source)
    }

    pub(super) fn take_back(&self, source: Source) {
        self.withdrawals.lock().unwrap_or_else(PoisonError::into_inner).add(source);
    }

    /// Counts bytes of a body that were handed to the connection.
    pub fn count_fetched(&self, bytes: usize) {
        self.traffic.fetched.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes of a body that it sent.
    pub fn count_uploaded(&self, bytes: usize) {
        self.traffic.uploaded.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Withdrawals {
    /// Those of models of a source: there are none but of microphones and cameras.
    pub(super) const fn of(self, source: Source) -> u32 {
        match source {
            Source::Microphone => self.microphone,
            _ => self.camera,
        }
    }

    const fn add(&mut self, source: Source) {
        match source {
            Source::Microphone => self.microphone += 1,
            Source::Camera => self.camera += 1,
            Source::Screen | Source::ScreenAudio => {}
        }
    }
}
