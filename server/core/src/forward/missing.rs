//! Packets of a published layer that have not come, and when to ask the publisher for them.

use std::{collections::VecDeque, time::Duration};

use super::Received;
use crate::{id::SeqNo, media::Kind, time::Time};

/// Round trip that is assumed until one was measured.
pub(crate) const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(100);

/// How long a packet may be overtaken by others before it is taken for lost: an eighth of a round
/// trip, at least and at most this. Longer and the repair comes late; shorter and a path that swaps
/// packets is asked for what is on its way.
const REORDER: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(30));

/// Shortest time between two requests for one packet, however short the round trip.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// Most packets of one layer that are asked for at a time: half of what is known of the latest
/// numbers, and more than a second of video at 2 Mbit/s.
const MAX_GAPS: usize = 512;

/// What is worth asking for.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// A packet that is missing for longer comes too late for a decoder.
    age: Duration,
    /// Requests for one packet.
    tries: u8,
    /// Longest run of packets that is asked for: what is longer was an outage, and is over.
    run: u64,
}

impl Limits {
    const fn of(kind: Kind) -> Self {
        match kind {
            // A frame that comes a second late still saves a keyframe, which is ten times its size.
            Kind::Video => Self { age: Duration::from_secs(1), tries: 10, run: 256 },
            // No jitter buffer waits longer; half a second in packets of 20 ms.
            Kind::Audio => Self { age: Duration::from_millis(400), tries: 4, run: 25 },
        }
    }
}

/// The gaps of one layer.
///
/// Full (512 packets, or a run longer than is worth it): all gaps are given up at once, and
/// [`Self::handle_timeout`] says so. A new epoch and a keyframe behind a gap end it silently.
#[derive(Clone, Debug)]
pub struct Missing {
    limits: Limits,
    epoch: u32,
    highest: Option<u64>,
    /// Ascending.
    gaps: VecDeque<Gap>,
    given_up: bool,
    /// At or before the earliest time in `gaps`.
    due: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    seq: u64,
    since: Time,
    next: Time,
    tries: u8,
}

impl Missing {
    /// A layer of which nothing has come yet.
    pub const fn new(kind: Kind) -> Self {
        Self {
            limits: Limits::of(kind),
            epoch: 0,
            highest: None,
            gaps: VecDeque::new(),
            given_up: false,
            due: None,
        }
    }

    /// Takes note of a packet that came. `round_trip` is the publisher's, where known.
    #[inline]
    pub fn received(&mut self, received: &Received, round_trip: Option<Duration>) {
        let expected = match self.highest {
            Some(highest) if received.epoch == self.epoch => highest + 1,
            _ => {
                self.clear();
                self.epoch = received.epoch;
                received.seq
            }
        };
        if received.seq < expected {
            return self.found(received.seq);
        }
        self.highest = Some(received.seq);
        if received.starts_keyframe {
            // Nobody needs what was before it.
            self.clear_gaps();
        } else if received.seq > expected {
            self.lost(expected..received.seq, received.at, round_trip);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` while nothing is missing.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Appends the packets that are to be asked for now, ascending, and says whether some were given
    /// up since the last call: a decoder then needs a keyframe.
    #[must_use]
    pub fn handle_timeout(
        &mut self,
        now: Time,
        round_trip: Option<Duration>,
        ask: &mut Vec<SeqNo>,
    ) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        let Limits { age, tries, .. } = self.limits;
        let before = self.gaps.len();
        self.gaps.retain(|gap| now.saturating_since(gap.since) < age && gap.tries < tries);
        let given_up = std::mem::take(&mut self.given_up) || self.gaps.len() < before;
        // A quarter more than the round trip: the answer may have met a queue.
        let interval = (round_trip.unwrap_or(UNKNOWN_ROUND_TRIP) * 5 / 4).max(MIN_INTERVAL);
        for gap in self.gaps.iter_mut().filter(|gap| gap.next <= now) {
            ask.push(SeqNo(gap.seq as u16));
            gap.tries += 1;
            gap.next = now + interval;
        }
        self.due = self.gaps.iter().map(|gap| gap.next).min();
        given_up
    }

    /// Forgets every gap: nobody wants the layer, or it has ended.
    pub fn clear(&mut self) {
        self.highest = None;
        self.clear_gaps();
    }

    /// Whether this packet is missing and not given up.
    pub fn contains(&self, epoch: u32, seq: u64) -> bool {
        epoch == self.epoch && self.gaps.binary_search_by_key(&seq, |gap| gap.seq).is_ok()
    }

    /// Packets that are missing and not given up.
    pub fn len(&self) -> usize {
        self.gaps.len()
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    fn clear_gaps(&mut self) {
        self.gaps.clear();
        self.given_up = false;
        self.due = None;
    }

    fn found(&mut self, seq: u64) {
        if let Ok(at) = self.gaps.binary_search_by_key(&seq, |gap| gap.seq) {
            self.gaps.remove(at);
            if self.gaps.is_empty() && !self.given_up {
                self.due = None;
            }
        }
    }

    #[cold]
    fn lost(&mut self, run: std::ops::Range<u64>, now: Time, round_trip: Option<Duration>) {
        let count = run.end - run.start;
        if count > self.limits.run || self.gaps.len() + count as usize > MAX_GAPS {
            self.gaps.clear();
            self.given_up = true;
            self.due = Some(now);
            return;
        }
        let (least, most) = REORDER;
        let reorder = (round_trip.unwrap_or(UNKNOWN_ROUND_TRIP) / 8).clamp(least, most);
        let next = now + reorder;
        self.gaps.extend(run.map(|seq| Gap { seq, since: now, next, tries: 0 }));
        self.due = Some(self.due.map_or(next, |due| due.min(next)));
    }
}
