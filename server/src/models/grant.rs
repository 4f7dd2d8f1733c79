//! Leave to fetch one model, at one rate.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use sotto_core::{id::ParticipantId, signal::Source};
use tokio::sync::watch;

use super::pace::Pace;

/// A grant as the connection holds it. Dropped, it is revoked, and downloads under it end.
#[derive(Debug)]
pub(super) struct Granted {
    /// For whose models: two people may have uploaded the same one.
    pub(super) of: Vec<(ParticipantId, Source)>,
    bitrate: watch::Sender<u64>,
    pace: Arc<Mutex<Pace>>,
}

/// A grant as a download holds it.
#[derive(Clone, Debug)]
pub struct Grant {
    bitrate: watch::Receiver<u64>,
    pace: Arc<Mutex<Pace>>,
}

impl Granted {
    pub(super) fn new(bitrate: u64) -> Self {
        Self { of: Vec::new(), bitrate: watch::Sender::new(bitrate), pace: Arc::default() }
    }

    /// At which rate, from now on.
    pub(super) fn set_bitrate(&self, bitrate: u64) {
        self.bitrate.send_replace(bitrate);
    }

    pub(super) fn grant(&self) -> Grant {
        Grant { bitrate: self.bitrate.subscribe(), pace: self.pace.clone() }
    }
}

impl Grant {
    /// Bits per second; `None`: revoked.
    pub fn bitrate(&self) -> Option<u64> {
        self.bitrate.has_changed().ok()?;
        Some(*self.bitrate.borrow())
    }

    /// Comes when the grant is revoked.
    pub async fn revoked(&mut self) {
        while self.bitrate.changed().await.is_ok() {}
    }

    /// When a piece of so many bytes on the wire may leave, at `bitrate` bits per second.
    pub fn pace(&self, now: Instant, wire_bytes: u64, bitrate: u64) -> Instant {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.take(now, wire_bytes, bitrate)
    }
}
