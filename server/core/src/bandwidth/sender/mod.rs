//! The congestion controller of one connection: how much may be sent, and when.
//!
//! ```text
//!  sent ──► history ─┐
//!                    ├─► feedback ─► round trip, estimate ─► poll_estimate
//!  TransportFeedback ┘                     │
//!  may_send, poll_padding, poll_timeout ◄─ pacer
//! ```

mod history;
mod pacer;
mod round_trip;

use std::time::Duration;

use self::{
    history::{Fate, History, SentPacket},
    pacer::Pacer,
    round_trip::RoundTrip,
};
use super::{Demand, Estimate, PacketClass, TransportFeedback};
use crate::{id::SeqNo, time::Time};

/// What is assumed of a way of which nothing is known, in bits per second.
pub const START_BITRATE: u64 = 600_000;
/// The estimate stays between these, in bits per second: less carries no voice, more no meeting
/// needs.
pub const MIN_BITRATE: u64 = 30_000;
/// See [`MIN_BITRATE`].
pub const MAX_BITRATE: u64 = 20_000_000;

/// Longest queue that what is under way may make, feedback interval included.
const QUEUE: Duration = Duration::from_millis(400);
/// Without feedback for so long, there is none to expect.
const SILENCE: Duration = Duration::from_secs(1);

/// Finds out what the way to one peer carries, and spreads what is sent on it. Sans-IO: the owner
/// tells it what it sends and what the peer reports, asks before it sends, and comes back at
/// [`Self::poll_timeout`].
///
/// For connections that negotiated transport-wide feedback; others have nothing to feed it with.
///
/// ```text
///  for each waiting packet, most urgent class first:
///      if sender.may_send(now, class) { seq = sender.sent(now, bytes, class); write seq; send }
///      else { wait until sender.poll_timeout(); break }
///  when nothing waits: while let Some(bytes) = sender.poll_padding(now) { send padding }
/// ```
#[derive(Clone, Debug)]
pub struct Sender {
    history: History,
    pacer: Pacer,
    round_trip: RoundTrip,
    demand: Demand,
    queued: usize,
    bitrate: u64,
    told: Option<Estimate>,
}

impl Sender {
    /// A connection that can carry media from `now` on.
    pub fn new(now: Time) -> Self {
        Self {
            history: History::default(),
            pacer: Pacer::new(now, START_BITRATE * 2),
            round_trip: RoundTrip::default(),
            demand: Demand::default(),
            queued: 0,
            bitrate: START_BITRATE,
            told: None,
        }
    }

    /// Whether a packet of this class may leave now. Audio always may; if others may not,
    /// [`Self::poll_timeout`] says when to ask again.
    pub fn may_send(&mut self, now: Time, class: PacketClass) -> bool {
        class == PacketClass::Audio || (self.pacer.ready_at() <= now && !self.window_is_full(now))
    }

    /// Notes that a packet leaves now, and numbers it. `wire_bytes` counts the IP and UDP headers
    /// and the authentication tag.
    pub fn sent(&mut self, now: Time, wire_bytes: usize, class: PacketClass) -> SeqNo {
        let bytes = u32::try_from(wire_bytes).unwrap_or(u32::MAX);
        self.pacer.sent(now, bytes);
        let packet = SentPacket { sent: now, bytes, class, fate: Fate::InFlight, probe: 0 };
        self.history.push(packet)
    }

    /// The number that the next packet gets from [`Self::sent`]: it is written and sealed with it
    /// before it is known to leave.
    pub fn next_seq(&self) -> SeqNo {
        self.history.next_seq()
    }

    /// Tells how many bytes wait to be sent, after each change.
    pub fn queued(&mut self, now: Time, bytes: usize) {
        self.queued = bytes;
        self.pacer.set_rate(now, self.bitrate * 2);
    }

    /// Takes what the peer says of the packets that it was sent.
    pub fn feedback(&mut self, now: Time, feedback: &TransportFeedback<'_>) {
        let mut newest = None;
        for status in feedback.packets() {
            let Some(number) = self.history.number(status.seq) else { continue };
            if status.arrival_us.is_none() {
                self.history.resolve(number, Fate::Missing);
            } else {
                let packet = self.history.resolve(number, Fate::Arrived);
                newest = Some((number, packet.sent));
            }
        }
        if let Some((number, sent)) = newest {
            self.history.reach(number);
            self.round_trip.sample(now, now.saturating_since(sent));
        }
    }

    /// A round trip that was measured in another way, such as by a receiver report (RFC 3550
    /// section 6.4.1).
    pub fn round_trip(&mut self, now: Time, round_trip: Duration) {
        self.round_trip.sample(now, round_trip);
    }

    /// What the rooms would send if they could.
    pub fn demand(&mut self, _now: Time, demand: Demand) {
        self.demand = demand;
    }

    /// Bytes on the wire of a padding packet that shall leave now, if any: a probe, for which no
    /// media needs to flow. To be asked again until it says `None`, when nothing else waits. The
    /// packet may be somewhat shorter or longer; [`Self::sent`] hears of it as of any other.
    pub fn poll_padding(&mut self, _now: Time) -> Option<usize> {
        None
    }

    /// When to call [`Self::handle_timeout`], and to ask again for what may be sent.
    pub fn poll_timeout(&self) -> Option<Time> {
        (self.queued > 0).then(|| self.pacer.ready_at())
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// The estimate, if it changed enough since the last call to act upon.
    pub fn poll_estimate(&mut self) -> Option<Estimate> {
        let estimate = self.estimate();
        if self.told.is_some_and(|told| told.bitrate == estimate.bitrate) {
            return None;
        }
        self.told = Some(estimate);
        Some(estimate)
    }

    /// Whether more is under way than the path and a short queue hold. Feedback that stays away for
    /// long says nothing of a queue.
    fn window_is_full(&self, now: Time) -> bool {
        let silent = self.history.oldest_unreached().is_some_and(|at| at + SILENCE < now);
        let time = self.round_trip.smallest().unwrap_or(SILENCE) + QUEUE;
        let window = self.bitrate * time.as_millis() as u64 / 8_000;
        !silent && self.history.in_flight_bytes() > window
    }

    /// What the way carries, as far as is known.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            bitrate: self.bitrate.clamp(MIN_BITRATE, MAX_BITRATE),
            round_trip: self.round_trip.smoothed(),
            loss_per_mille: 0,
        }
    }
}
