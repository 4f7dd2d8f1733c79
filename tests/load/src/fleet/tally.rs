//! What a fleet has counted.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::line::Received;

/// Longest delay that is told apart from longer ones, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Counters of a whole fleet, seen from the server: what comes out of it is what members receive.
/// Bytes are those of IP packets.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Members that there are.
    pub members: u64,
    /// Members who have been connected so far.
    pub connected: u64,
    /// RTP packets that members sent.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams that members received: RTP, RTCP, and some for checks and handshakes.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// RTP packets on lines of members.
    pub received: u64,
    /// RTP packets that should have been there, by their numbers.
    pub expected: u64,
    /// Whole pictures.
    pub pictures: u64,
    /// Pictures that came late, as W3C's `freezeCount` counts them.
    pub freezes: u64,
    /// How long they were late together.
    pub frozen: Duration,
    /// Packets that were sent in another room.
    pub wrong_room: u64,
    /// Datagrams that were not authentic.
    pub rejected: u64,
    /// Packets of sources that nobody announced.
    pub strays: u64,
    /// Datagrams that this machine did not take.
    pub unsent: u64,
    /// Members with lines on none of which anything ever came.
    pub unserved: u64,
    /// From sender to receiver, in microseconds.
    pub delays: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            members: 0,
            connected: 0,
            packets_in: 0,
            bytes_in: 0,
            packets_out: 0,
            bytes_out: 0,
            received: 0,
            expected: 0,
            pictures: 0,
            freezes: 0,
            frozen: Duration::ZERO,
            wrong_room: 0,
            rejected: 0,
            strays: 0,
            unsent: 0,
            unserved: 0,
            delays: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are constants"),
        }
    }

    pub(super) fn delay(&mut self, took: Duration) {
        self.delays.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub(super) fn add(&mut self, line: Received) {
        self.received += line.packets;
        self.expected += line.expected;
        self.pictures += line.pictures;
        self.freezes += line.freezes;
        self.frozen += line.frozen;
    }

    /// What was counted since `before`. Members and who is unserved are those of now.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut delays = self.delays.clone();
        delays.subtract(&before.delays).expect("a later histogram holds the earlier one");
        Self {
            members: self.members,
            connected: self.connected - before.connected,
            packets_in: self.packets_in - before.packets_in,
            bytes_in: self.bytes_in - before.bytes_in,
            packets_out: self.packets_out - before.packets_out,
            bytes_out: self.bytes_out - before.bytes_out,
            received: self.received.saturating_sub(before.received),
            expected: self.expected.saturating_sub(before.expected),
            pictures: self.pictures.saturating_sub(before.pictures),
            freezes: self.freezes.saturating_sub(before.freezes),
            frozen: self.frozen.saturating_sub(before.frozen),
            wrong_room: self.wrong_room - before.wrong_room,
            rejected: self.rejected - before.rejected,
            strays: self.strays - before.strays,
            unsent: self.unsent - before.unsent,
            unserved: self.unserved,
            delays,
        }
    }

    /// Share of the packets of all lines that did not come, 0 to 1.
    pub fn loss(&self) -> f64 {
        let lost = self.expected.saturating_sub(self.received);
        if self.expected == 0 { 0.0 } else { lost as f64 / self.expected as f64 }
    }

    /// The delay that this share of the packets did not exceed, in milliseconds; none where none came.
    pub fn delay_ms(&self, share: f64) -> Option<f64> {
        (!self.delays.is_empty()).then(|| self.delays.value_at_quantile(share) as f64 / 1e3)
    }
}
