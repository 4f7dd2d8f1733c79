//! The only place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sotto_core::Time;

/// A monotonic clock anchored to the wall clock once, so that its times never go back and can
/// still be written into sender reports.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    anchor_time: Time,
}

impl Clock {
    /// Reads the wall clock and starts.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
        Self { anchor: Instant::now(), anchor_time: Time::from_micros(micros) }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// An instant of this process as the core's time.
    pub fn time(&self, instant: Instant) -> Time {
        self.anchor_time + instant.saturating_duration_since(self.anchor)
    }

    /// The core's time as an instant of this process.
    pub fn instant(&self, time: Time) -> Instant {
        self.anchor + time.saturating_since(self.anchor_time)
    }
}
