//! The receiving side: what arrived, and when to tell the sender.

use std::{collections::VecDeque, time::Duration};

use super::{MAX_PACKETS, write::Writer};
use crate::{
    id::{SeqNo, Ssrc},
    rtp::Unwrapper,
    time::Time,
};

/// How long one may wait for feedback, and how long before one knows the rate. The same as
/// libwebrtc's, so that a sender meets no receiver that it does not know.
const LONGEST_INTERVAL: Duration = Duration::from_millis(250);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);
const FIRST_INTERVAL: Duration = Duration::from_millis(100);
/// Share of the received rate that feedback may take, as a divisor: 5 %.
const RATE_DIVISOR: u64 = 20;
/// A usual message on the wire in bytes: IP, UDP, SRTCP and 30 bytes of statuses.
const MESSAGE_BYTES: u64 = 68;
/// How long an arrival that was told of is kept, for the case that an earlier packet comes late.
const KEEP: Duration = Duration::from_millis(500);

/// Records the arrivals of one connection, and writes them down from time to time: every 50 to
/// 250 ms, so often that feedback takes 5 % of the rate that arrives; the first after 100 ms.
#[derive(Clone, Debug)]
pub struct TransportFeedbackBuilder {
    ours: Ssrc,
    media: Ssrc,
    numbers: Unwrapper,
    /// Arrivals from `first` on. Holds at most [`MAX_PACKETS`]: what is older is forgotten.
    arrivals: VecDeque<Option<Time>>,
    first: u64,
    /// Where the next message begins.
    untold: u64,
    due: Option<Time>,
    interval: Duration,
    /// Since when `bytes` are counted.
    since: Option<Time>,
    bytes: u64,
    messages: u8,
    writer: Writer,
}

impl TransportFeedbackBuilder {
    /// A receiver that names itself `ours`.
    pub fn new(ours: Ssrc) -> Self {
        Self {
            ours,
            media: ours,
            numbers: Unwrapper::new(),
            arrivals: VecDeque::new(),
            first: 0,
            untold: 0,
            due: None,
            interval: FIRST_INTERVAL,
            since: None,
            bytes: 0,
            messages: 0,
            writer: Writer::default(),
        }
    }

    /// Notes that a packet of `wire_bytes` (IP and UDP headers included) arrived. A number that was
    /// noted before keeps its first arrival; one that is far behind is too late to be told of.
    pub fn received(&mut self, now: Time, seq: SeqNo, media: Ssrc, wire_bytes: usize) {
        self.media = media;
        self.bytes += wire_bytes as u64;
        self.since.get_or_insert(now);
        let number = self.numbers.unwrap(u32::from(seq.0), 16);
        let limit = u64::from(MAX_PACKETS);
        if self.arrivals.is_empty() {
            self.first = number;
            self.untold = number;
        } else if number < self.first {
            // Before everything that is remembered: only a little earlier, or it is not worth it.
            let by = self.first - number;
            if by + self.arrivals.len() as u64 > limit {
                return;
            }
            for _ in 0..by {
                self.arrivals.push_front(None);
            }
            self.first = number;
        } else if number - self.first >= limit {
            // A jump over everything that fits: what lies before it is forgotten.
            let keep_from = number + 1 - limit;
            let drop = (keep_from - self.first).min(self.arrivals.len() as u64);
            self.arrivals.drain(..drop as usize);
            self.first = if self.arrivals.is_empty() { number } else { keep_from };
            self.untold = self.untold.max(self.first);
        }
        let index = (number - self.first) as usize;
        if self.arrivals.len() <= index {
            self.arrivals.resize(index + 1, None);
        }
        let slot = &mut self.arrivals[index];
        if slot.is_some() {
            return;
        }
        *slot = Some(now);
        self.untold = self.untold.min(number);
        self.due.get_or_insert(now + self.interval);
    }

    /// When to call [`Self::poll`]; `None` while there is nothing to tell.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Appends what is due to `out`, one RTCP packet at a time. Call it until it says `false`.
    pub fn poll(&mut self, now: Time, out: &mut Vec<u8>) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        let from = (self.untold - self.first) as usize;
        let skip = self.arrivals.range(from..).position(Option::is_some);
        let Some((from, first)) =
            skip.and_then(|skip| Some((from + skip, self.arrivals[from + skip]?)))
        else {
            self.next_interval(now);
            return false;
        };
        // Missing packets before the first arrival belong to the message.
        let base = self.untold;
        self.writer.begin(SeqNo(base as u16), first);
        let start = (base - self.first) as usize;
        let mut taken = 0;
        for (index, &arrival) in self.arrivals.range(start..).enumerate() {
            if !self.writer.push(arrival) {
                break;
            }
            taken = index + 1;
        }
        debug_assert!(start + taken > from, "a message reaches its first arrival");
        self.writer.finish(self.ours, self.media, self.messages, out);
        self.messages = self.messages.wrapping_add(1);
        self.untold = base + taken as u64;
        if self.untold == self.first + self.arrivals.len() as u64 {
            self.next_interval(now);
            self.forget(now);
        }
        true
    }

    fn next_interval(&mut self, now: Time) {
        self.due = None;
        let Some(since) = self.since else { return };
        let passed = now.saturating_since(since);
        let rate = self.bytes * 8 * 1_000_000 / (passed.as_micros() as u64).max(1);
        let micros = MESSAGE_BYTES * 8 * 1_000_000 * RATE_DIVISOR / rate.max(1);
        self.interval = Duration::from_micros(micros).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        self.since = Some(now);
        self.bytes = 0;
    }

    /// Forgets what was told of long ago.
    fn forget(&mut self, now: Time) {
        let old = now - KEEP;
        while self.first < self.untold
            && self.arrivals.len() > 1
            && self.arrivals.front().is_some_and(|arrival| arrival.is_none_or(|at| at < old))
        {
            self.arrivals.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::TransportFeedback, *};

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::from_micros(1_000_000_000) + MS * ms
    }

    /// What the messages due at `now` say, in order.
    fn told(builder: &mut TransportFeedbackBuilder, now: Time) -> Vec<(u16, bool)> {
        let mut statuses = Vec::new();
        loop {
            let mut bytes = Vec::new();
            if !builder.poll(now, &mut bytes) {
                return statuses;
            }
            let message = TransportFeedback::parse(&bytes).unwrap();
            statuses.extend(message.packets().map(|p| (p.seq.0, p.arrival_us.is_some())));
        }
    }

    #[test]
    fn the_first_message_comes_after_100_ms_and_later_ones_by_the_rate() {
        let mut builder = TransportFeedbackBuilder::new(Ssrc(1));
        builder.received(at(0), SeqNo(65_535), Ssrc(2), 20_000);
        builder.received(at(20), SeqNo(1), Ssrc(2), 20_000);
        assert_eq!(told(&mut builder, at(99)), []);
        assert_eq!(builder.poll_timeout(), Some(at(100)));
        assert_eq!(told(&mut builder, at(100)), [(65_535, true), (0, false), (1, true)]);
        assert_eq!(builder.poll_timeout(), None);
        builder.received(at(101), SeqNo(2), Ssrc(2), 100);
        assert_eq!(builder.poll_timeout(), Some(at(101) + SHORTEST_INTERVAL));
        assert_eq!(told(&mut builder, at(200)), [(2, true)]);
        // 8 kbit/s came: no more than four messages a second.
        builder.received(at(201), SeqNo(3), Ssrc(2), 100);
        assert_eq!(builder.poll_timeout(), Some(at(201) + LONGEST_INTERVAL));
    }

    #[test]
    fn a_packet_that_comes_late_is_told_of_again_with_what_followed() {
        let mut builder = TransportFeedbackBuilder::new(Ssrc(1));
        builder.received(at(0), SeqNo(5), Ssrc(2), 100);
        builder.received(at(1), SeqNo(7), Ssrc(2), 100);
        assert_eq!(told(&mut builder, at(100)), [(5, true), (6, false), (7, true)]);
        builder.received(at(110), SeqNo(6), Ssrc(2), 100);
        assert_eq!(told(&mut builder, at(400)), [(6, true), (7, true)]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut builder = TransportFeedbackBuilder::new(Ssrc(1));
        let mut seq = SeqNo(0);
        for step in 0..200_000_u32 {
            builder.received(at(0), seq, Ssrc(2), 100);
            seq = SeqNo(seq.0.wrapping_add((step % 700) as u16));
        }
        assert!(builder.arrivals.len() <= usize::from(MAX_PACKETS));
        let statuses = told(&mut builder, at(100));
        assert!(statuses.len() <= usize::from(MAX_PACKETS));
        assert_eq!(builder.poll_timeout(), None);
    }
}
