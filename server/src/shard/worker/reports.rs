//! When receiver reports go out.

use std::time::{Duration, Instant};

use super::engine::{Engine, REPORT_TIMER};
use crate::shard::{demux::PeerIndex, peers::Control, transport::Transport};

/// Each publisher gets a report once in this many ticks …
const PHASES: u32 = 10;

/// … of this length: about one a second, and not all peers at the same moment.
const TICK: Duration = Duration::from_millis(100);

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct ReportClock {
    phase: u32,
}

impl<T: Transport> Engine<T> {
    /// Starts the clock of the reports, if it does not run.
    pub(super) fn start_reports(&mut self, now: Instant) {
        self.wheel.set(REPORT_TIMER, now + TICK);
    }

    /// Queues the reports of this tick.
    pub(super) fn reports_due(&mut self, now: Instant) {
        let phase = self.report_clock.phase;
        self.report_clock.phase = (phase + 1) % PHASES;
        for index in (phase..self.peers.places()).step_by(PHASES as usize) {
            let peer = self.peers.get(PeerIndex(index));
            if peer.is_some_and(|peer| peer.connected && peer.receptions.is_due()) {
                self.enqueue_control(PeerIndex(index), Control::ReceiverReport);
            }
        }
        self.wheel.set(REPORT_TIMER, now + TICK);
    }
}
