//! Ways that are away for a while: a tunnel, a cable that was pulled, another network.
//!
//! Losing all of it for seconds is not congestion. The rate falls as it does for any silence, but when
//! the way is there again, it starts as that of a new connection does, and not from the bottom.

use super::{
    FIRST_PROBE, MIN_BITRATE, START_BITRATE, Sender, arrival::Bursts, control::RateControl,
    loss::Losses, probe::Prober, queue::Queue, rival::Rival, throughput::Throughput, trend::Trend,
};
use crate::time::Time;

/// The rate was halved so often in a row without any feedback between: the way is away. A queue that
/// is merely long lets something through.
const HALVINGS: u32 = 2;

/// Feedback stays away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// The rate before it, in bits per second.
    pub(super) before: u64,
    /// How often the rate was halved since.
    pub(super) halvings: u32,
}

impl Sender {
    /// Whether nothing has come back for so long that the way is taken to be away.
    pub fn is_away(&self) -> bool {
        self.silence.is_some_and(|silence| silence.halvings >= HALVINGS)
    }

    /// Something else than feedback shows that the way is there, such as an authentic connectivity
    /// check: where it was away, it is looked into at once.
    pub fn reachable(&mut self, now: Time) {
        let Some(Silence { before, .. }) = self.silence.filter(|_| self.is_away()) else { return };
        self.silence = None;
        // What was sent meanwhile says nothing, and it may be another way.
        self.history.give_up();
        self.bursts = Bursts::default();
        self.trend = Trend::default();
        self.queue = Queue::default();
        self.rival = Rival::default();
        self.throughput = Throughput::default();
        self.losses = Losses::new(now);
        self.draining = None;
        let rate = (before / 2).clamp(MIN_BITRATE, START_BITRATE);
        self.control = RateControl::new(now, rate);
        self.prober = Prober::new(now, before.clamp(MIN_BITRATE, START_BITRATE * FIRST_PROBE));
        self.set_pace(now);
    }
}
