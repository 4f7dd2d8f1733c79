//! The congestion controller of one connection: how much may be sent, and when. After Google
//! Congestion Control (draft-ietf-rmcat-gcc-02), with what its published descendants learned since.
//!
//! ```text
//!  sent ──► history ─┐
//!                    ├─► arrivals ─┬─► bursts ─► trend ─► usage ─┐
//!  TransportFeedback ┘             ├─► queue (does one stand?) ──┤
//!                                  ├─► throughput ───────────────┼─► control ─► estimate
//!                                  ├─► losses, missing ──────────┤                │
//!                                  └─► probes ───────────────────┘                ▼
//!  may_send, poll_padding, poll_timeout ◄──────────────────────── pacer, window of what is under way
//! ```

mod arrival;
mod control;
mod explore;
mod follow;
mod history;
mod loss;
mod missing;
mod outage;
mod pacer;
mod probe;
mod queue;
mod rival;
mod round_trip;
mod throughput;
mod told;
mod trend;

#[cfg(test)]
mod tests;

use std::time::Duration;

use self::{
    arrival::Bursts,
    control::RateControl,
    follow::CALM,
    history::{Fate, History, SentPacket},
    loss::Losses,
    missing::Missing,
    outage::Silence,
    pacer::Pacer,
    probe::Prober,
    queue::Queue,
    rival::Rival,
    round_trip::RoundTrip,
    throughput::Throughput,
    told::differs,
    trend::Trend,
};
use super::{Demand, Estimate, PacketClass};
use crate::{id::SeqNo, rtp::Unwrapper, time::Time};

/// What is assumed of a way of which nothing is known, in bits per second: a first probe at three
/// times as much goes out at once.
pub const START_BITRATE: u64 = 300_000;
/// The estimate stays between these, in bits per second: less carries no voice, more no meeting
/// needs.
pub const MIN_BITRATE: u64 = 30_000;
/// See [`MIN_BITRATE`].
pub const MAX_BITRATE: u64 = 20_000_000;

/// Rate of the first probe over [`START_BITRATE`].
const FIRST_PROBE: u64 = 3;

/// Media leaves at this multiple of the estimate, in per cent: frames are bursts.
const PACE: u64 = 120;
/// What waits shall be gone after this, at most at the multiple below: a keyframe must not grow old
/// while further pictures come behind it.
const DRAIN_WAITING: Duration = Duration::from_millis(400);
const LARGEST_PACE: u64 = 200;
/// While the queue that overuse made drains: less than the way carries.
const DRAIN_PACE: u64 = 60;
/// Before any feedback, so that a first picture is not held back on a way that may well be wide: at
/// this rate, until the window is full.
const FIRST_PACE: u64 = 3_000_000;

/// Longest queue that what is under way may make, feedback interval included.
const QUEUE: Duration = Duration::from_millis(250);
/// What may always be under way, in bytes: a few packets.
const SMALLEST_WINDOW: u64 = 6_000;
/// Without feedback for this and three round trips, what was sent is taken for lost, and the rate is
/// halved.
const SILENCE: Duration = Duration::from_secs(1);
/// Fewer packets than this may all be lost, and mean nothing.
const SILENT_PACKETS: u64 = 5;

/// Finds out what the way to one peer carries, and spreads what is sent on it. Sans-IO: the owner
/// tells it what it sends and what the peer reports, asks before it sends, and comes back at
/// [`Self::poll_timeout`].
///
/// For connections that negotiated transport-wide feedback; others have nothing to feed it with.
///
/// ```text
///  for each waiting packet, most urgent class first:
///      if sender.may_send(now, class) { write it with sender.next_seq(); send;
///                                       sender.sent(now, bytes, class) }
///      else { wait until sender.poll_timeout(); break }
///  when nothing waits: while let Some(bytes) = sender.poll_padding(now) { send padding }
/// ```
#[derive(Clone, Debug)]
pub struct Sender {
    history: History,
    references: Unwrapper,
    bursts: Bursts,
    trend: Trend,
    queue: Queue,
    rival: Rival,
    throughput: Throughput,
    losses: Losses,
    missing: Missing,
    control: RateControl,
    prober: Prober,
    pacer: Pacer,
    round_trip: RoundTrip,
    demand: Demand,
    queued: usize,
    /// By class, in the order of [`PacketClass`].
    sent_bytes: [u64; 4],
    /// Until when a queue of ours drains.
    draining: Option<Time>,
    /// Whether feedback came yet.
    heard: bool,
    /// The rate was halved for want of feedback, and none came since.
    silence: Option<Silence>,
    told: Option<Estimate>,
}

impl Sender {
    /// A connection that can carry media from `now` on.
    pub fn new(now: Time) -> Self {
        Self {
            history: History::default(),
            references: Unwrapper::new(),
            bursts: Bursts::default(),
            trend: Trend::default(),
            queue: Queue::default(),
            rival: Rival::default(),
            throughput: Throughput::default(),
            losses: Losses::new(now),
            missing: Missing::new(),
            control: RateControl::new(now, START_BITRATE),
            prober: Prober::new(now, START_BITRATE * FIRST_PROBE),
            pacer: Pacer::new(now, FIRST_PACE),
            round_trip: RoundTrip::default(),
            demand: Demand::default(),
            queued: 0,
            sent_bytes: [0; 4],
            draining: None,
            heard: false,
            silence: None,
            told: None,
        }
    }

    /// Whether a packet of this class may leave now. Audio always may; if others may not,
    /// [`Self::poll_timeout`] says when to ask again.
    pub fn may_send(&mut self, now: Time, class: PacketClass) -> bool {
        class == PacketClass::Audio || (self.pacer.ready_at() <= now && !self.window_is_full())
    }

    /// The number that the next packet gets.
    pub fn next_seq(&self) -> SeqNo {
        self.history.next_seq()
    }

    /// Notes that a packet leaves now, and numbers it. `wire_bytes` counts the IP and UDP headers
    /// and the authentication tag.
    pub fn sent(&mut self, now: Time, wire_bytes: usize, class: PacketClass) -> SeqNo {
        let bytes = u32::try_from(wire_bytes).unwrap_or(u32::MAX);
        let probe = self.prober.sent(bytes);
        self.pacer.sent(now, bytes);
        if probe != 0 && self.prober.rate().is_none() {
            self.set_pace(now);
        }
        self.sent_bytes[class as usize] += u64::from(bytes);
        self.history.push(SentPacket { sent: now, bytes, fate: Fate::InFlight, probe })
    }

    /// Notes that a packet which was sent before leaves once more, byte by byte, so with its old
    /// number: when that number arrives, it says nothing of a delay.
    pub fn resent(&mut self, now: Time, seq: SeqNo, wire_bytes: usize) {
        self.pacer.sent(now, u32::try_from(wire_bytes).unwrap_or(u32::MAX));
        if let Some(number) = self.history.number(seq) {
            self.history.resolve(number, Fate::Resent);
        }
    }

    /// Tells how many bytes wait to be sent, after each change.
    pub fn queued(&mut self, now: Time, bytes: usize) {
        if self.queued != bytes {
            self.queued = bytes;
            self.set_pace(now);
        }
    }

    /// Bytes of a class that were sent so far, for whoever watches.
    pub const fn sent_bytes(&self, class: PacketClass) -> u64 {
        self.sent_bytes[class as usize]
    }

    /// A round trip that was measured in another way, such as by a receiver report (RFC 3550
    /// section 6.4.1).
    pub fn round_trip(&mut self, now: Time, round_trip: Duration) {
        self.round_trip.sample(now, round_trip);
    }

    /// What the rooms would send if they could.
    pub const fn demand(&mut self, _now: Time, demand: Demand) {
        self.demand = demand;
    }

    /// Bytes on the wire of a padding packet that shall leave now, if any: a probe, for which no
    /// media needs to flow. To be asked again until it says `None`, when nothing else waits. The
    /// packet may be somewhat shorter or longer; [`Self::sent`] hears of it as of any other. If
    /// there is nothing to pad with, nothing needs to be said: the probe is given up.
    pub fn poll_padding(&mut self, now: Time) -> Option<usize> {
        self.begin_probe(now);
        self.prober.rate()?;
        (self.pacer.ready_at() <= now).then(|| self.prober.padding_bytes())
    }

    /// When to call [`Self::handle_timeout`], and to ask again for what may be sent. `None` while
    /// nothing waits, nothing is under way and nothing more is wanted.
    pub fn poll_timeout(&self) -> Option<Time> {
        let ready = self.pacer.ready_at();
        // A full window opens by feedback, or by its silence.
        let media = (self.queued > 0 && !self.window_is_full()).then_some(ready);
        let padding = self.prober.rate().map(|_| ready);
        let probe = match self.draining {
            Some(until) => self.probe_rate().map(|_| until + SILENCE),
            // The first probe does not come before the first packets.
            None if !self.heard && self.queued > 0 => None,
            None => self.prober.due(ready, self.probe_rate().is_some()),
        };
        let silence = self.silent_at();
        [media, padding, probe, silence].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.prober.handle_timeout(now);
        if self.heard {
            // What waits is part of a probe as padding is.
            self.begin_probe(now);
        }
        if self.silent_at().is_some_and(|at| now >= at) && self.history.give_up() >= SILENT_PACKETS
        {
            let before = self.control.rate();
            let silence = self.silence.get_or_insert(Silence { before, halvings: 0 });
            silence.halvings += 1;
            self.control.set(now, (before / 2).max(MIN_BITRATE));
            self.prober.pause(now, CALM);
        }
        self.set_pace(now);
    }

    /// The number of the next packet that feedback has come to miss, each once: those that were sent
    /// again before are not named, nor those that were given up because feedback stayed away. It may
    /// still come late. To be asked after each feedback until it says `None`; 256 wait, then the
    /// oldest is dropped.
    pub fn poll_lost(&mut self) -> Option<SeqNo> {
        self.missing.pop()
    }

    /// How many numbers [`Self::poll_lost`] never told, because too many waited, since this was last
    /// asked.
    pub const fn take_untold_losses(&mut self) -> u64 {
        self.missing.take_overflowed()
    }

    /// The estimate, if it changed enough since the last call to act upon: its rate, the round trip,
    /// or the losses.
    pub fn poll_estimate(&mut self) -> Option<Estimate> {
        let estimate = self.estimate();
        if self.told.is_some_and(|told| !differs(&told, &estimate)) {
            return None;
        }
        self.told = Some(estimate);
        Some(estimate)
    }

    /// What the way carries, as far as is known.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            bitrate: self.control.rate().clamp(MIN_BITRATE, MAX_BITRATE),
            round_trip: self.round_trip.smoothed(),
            loss_per_mille: (self.losses.share() * 1e3) as u16,
            away: self.is_away(),
        }
    }

    fn set_pace(&mut self, now: Time) {
        let rate = self.control.rate().max(MIN_BITRATE);
        let pace = match (self.prober.rate(), self.draining) {
            (Some(probe), _) => probe,
            (None, Some(_)) => rate * DRAIN_PACE / 100,
            (None, None) => {
                let waiting = self.queued as u64 * 8_000 / DRAIN_WAITING.as_millis() as u64;
                waiting.clamp(rate * PACE / 100, rate * LARGEST_PACE / 100)
            }
        };
        let pace = if self.heard { pace } else { pace.max(FIRST_PACE) };
        self.pacer.set_rate(now, pace);
    }

    /// When feedback will have stayed away for too long.
    fn silent_at(&self) -> Option<Time> {
        let oldest = self.history.oldest_unreached()?;
        let round_trip = self.round_trip.smoothed().unwrap_or(SILENCE);
        Some(oldest + SILENCE + round_trip * 3)
    }

    /// Whether more is under way than the path and a short queue hold. If feedback stays away, what
    /// is under way says nothing of a queue.
    fn window_is_full(&self) -> bool {
        let round_trip = match self.rival.is_there() {
            true => self.round_trip.smoothed(),
            false => self.round_trip.smallest(),
        };
        let time = round_trip.unwrap_or(SILENCE) + QUEUE;
        let window = self.control.rate() * time.as_millis() as u64 / 8_000;
        self.silence.is_none()
            && self.prober.rate().is_none()
            && self.history.in_flight_bytes() > window.max(SMALLEST_WINDOW)
    }
}
