//! Probes: short bursts at a higher rate, padding where media does not suffice, to learn what the
//! way carries beyond what is sent.

use std::{collections::VecDeque, time::Duration};

use super::arrival::Arrival;
use crate::time::Time;

/// Length of a probe: at least this time at its rate, and so many packets. Long enough for the
/// 250 us of feedback to be noise, short enough that a probe at twice the capacity makes a queue of
/// no more than its own length. Longer by a multiple of the jitter, up to the second.
const LENGTH: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(100));
const LENGTH_JITTERS: u32 = 6;
const PACKETS: u32 = 6;
/// Bytes of a padding packet on the wire: headers and tag, and at most 255 of padding, which is
/// what RTP allows.
const PADDING_BYTES: (u64, u64) = (90, 330);
/// Share of a probe that must arrive for it to count, and what suffices when the rest is known to
/// be lost.
const ARRIVED: f64 = 0.8;
const ARRIVED_OF_LOSSY: f64 = 0.4;
/// A probe that could not be sent within its length and this is given up: there is nothing to pad
/// with, or time stood still.
const GIVE_UP: Duration = Duration::from_millis(150);
/// When a probe could not be sent at all, the next try.
const NO_PADDING: Duration = Duration::from_secs(10);
/// Feedback about a probe is awaited for so long.
const AWAIT: Duration = Duration::from_secs(2);
/// Probes of which feedback is awaited. Full: the oldest is forgotten.
const AWAITED: usize = 4;
/// Time between probes that are made on demand: after one that found something, and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(1_500), Duration::from_millis(5_000));
/// A probe that arrives slower than this share of its rate has met the limit, and the limit counts
/// by the second share, so that the queue which the probe made can drain.
const MET_LIMIT: f64 = 0.9;
const UTILISATION: f64 = 0.95;
/// Arrivals that are faster than they were sent by more than this were held up on the way.
const IMPLAUSIBLE: f64 = 2.0;

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Bits per second that the way carries, at least.
    pub(super) carries: u64,
    /// Whether that is all that the probe tried: there may be more.
    pub(super) all: bool,
}

/// Plans probes, counts their packets, and reads their feedback.
#[derive(Clone, Debug)]
pub(super) struct Prober {
    number: u16,
    /// Rate of a probe that is to be sent as soon as it may.
    planned: Option<u64>,
    sending: Option<Probe>,
    awaited: VecDeque<Probe>,
    /// No probe on demand before this.
    next: Time,
    wait: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    number: u16,
    rate: u64,
    length: Duration,
    began: Time,
    sent_packets: u32,
    sent_bytes: u64,
    /// First and last packet that arrived, by our clock and by the receiver's.
    sent: Option<(Arrival, Arrival)>,
    arrived: Option<(Arrival, Arrival)>,
    arrived_packets: u32,
    arrived_bytes: u64,
    lost_packets: u32,
}

impl Prober {
    /// Begins with a probe at `first` bits per second.
    pub(super) fn new(now: Time, first: u64) -> Self {
        Self {
            number: 0,
            planned: Some(first),
            sending: None,
            awaited: VecDeque::with_capacity(AWAITED),
            next: now,
            wait: WAIT.0,
        }
    }

    /// Plans a probe for as soon as possible.
    pub(super) const fn plan(&mut self, rate: u64) {
        self.planned = Some(rate);
    }

    /// Forgets what is planned or being sent, and plans nothing for `pause`: there is a queue.
    pub(super) fn pause(&mut self, now: Time, pause: Duration) {
        self.planned = None;
        self.sending = None;
        self.next = self.next.max(now + pause);
    }

    /// Begins what is planned, or what is wanted and due. `wanted` is its rate, `jitter` what the
    /// delay varies by.
    pub(super) fn begin(&mut self, now: Time, wanted: Option<u64>, jitter: Duration) {
        if self.sending.is_some() {
            return;
        }
        let due = if now >= self.next { wanted } else { None };
        let Some(rate) = self.planned.take().or(due) else { return };
        self.number = self.number.wrapping_add(1).max(1);
        self.next = now + self.wait;
        self.sending = Some(Probe::new(self.number, rate, jitter, now));
    }

    /// When something is to be done, if `wanted` says that more is of use.
    pub(super) fn due(&self, now: Time, wanted: bool) -> Option<Time> {
        match self.sending {
            Some(probe) => Some(probe.given_up_at()),
            None if self.planned.is_some() => Some(now),
            None => wanted.then_some(self.next),
        }
    }

    /// Bytes on the wire of a packet of padding for the probe that is being sent: small where the
    /// rate is, so that the probe is no longer than it has to be.
    pub(super) fn padding_bytes(&self) -> usize {
        let bytes = self.sending.map_or(0, |probe| probe.length_bytes());
        (bytes / u64::from(PACKETS)).clamp(PADDING_BYTES.0, PADDING_BYTES.1) as usize
    }

    /// Rate of the probe that is being sent.
    pub(super) fn rate(&self) -> Option<u64> {
        self.sending.map(|probe| probe.rate)
    }

    /// Gives up a probe that could not be sent in time.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        let Some(probe) = self.sending else { return };
        if now >= probe.given_up_at() {
            self.sending = None;
            if probe.sent_packets == 0 {
                self.next = now + NO_PADDING;
            }
        }
    }

    /// A packet leaves; the number of the probe that it is part of, or zero.
    pub(super) fn sent(&mut self, bytes: u32) -> u16 {
        let Some(probe) = &mut self.sending else { return 0 };
        probe.sent_packets += 1;
        probe.sent_bytes += u64::from(bytes);
        let number = probe.number;
        let length_bytes = probe.length_bytes();
        if probe.sent_packets >= PACKETS && probe.sent_bytes >= length_bytes {
            if self.awaited.len() == AWAITED {
                self.awaited.pop_front();
            }
            self.awaited.extend(self.sending.take());
        }
        number
    }

    /// A packet of a probe arrived. What the probe found, once enough of it did.
    pub(super) fn arrived(&mut self, now: Time, number: u16, packet: Arrival) -> Option<Finding> {
        self.awaited.retain(|probe| now.saturating_since(probe.began) < AWAIT);
        let place = self.awaited.iter().position(|probe| probe.number == number)?;
        self.awaited[place].count(packet);
        self.finish(place)
    }

    /// A packet of a probe was lost. What the probe found, if nothing more is to be known of it.
    pub(super) fn lost(&mut self, number: u16) -> Option<Finding> {
        let place = self.awaited.iter().position(|probe| probe.number == number)?;
        self.awaited[place].lost_packets += 1;
        self.finish(place)
    }

    fn finish(&mut self, place: usize) -> Option<Finding> {
        let probe = &self.awaited[place];
        let share = f64::from(probe.arrived_packets) / f64::from(probe.sent_packets);
        let all = probe.arrived_packets + probe.lost_packets >= probe.sent_packets;
        if share < ARRIVED && !all {
            return None;
        }
        let finding = if share < ARRIVED_OF_LOSSY { None } else { probe.finding() };
        self.awaited.remove(place);
        finding
    }

    /// Sets the pace of probes on demand: soon again while they find something.
    pub(super) fn found(&mut self, now: Time, something: bool) {
        self.wait = if something { WAIT.0 } else { (self.wait * 3 / 2).min(WAIT.1) };
        self.next = now + self.wait;
    }
}

impl Probe {
    fn new(number: u16, rate: u64, jitter: Duration, began: Time) -> Self {
        Self {
            number,
            rate,
            length: (LENGTH.0 + jitter * LENGTH_JITTERS).min(LENGTH.1),
            began,
            sent_packets: 0,
            sent_bytes: 0,
            sent: None,
            arrived: None,
            arrived_packets: 0,
            arrived_bytes: 0,
            lost_packets: 0,
        }
    }

    fn given_up_at(&self) -> Time {
        let packets = PADDING_BYTES.1 * 8 * u64::from(PACKETS) * 1_000_000 / self.rate.max(1);
        self.began + self.length + GIVE_UP + Duration::from_micros(packets)
    }

    const fn length_bytes(&self) -> u64 {
        self.rate * self.length.as_millis() as u64 / 8_000
    }

    fn count(&mut self, packet: Arrival) {
        self.arrived_packets += 1;
        self.arrived_bytes += u64::from(packet.bytes);
        let (first, last) = self.sent.get_or_insert((packet, packet));
        if packet.sent_us < first.sent_us {
            *first = packet;
        }
        if packet.sent_us >= last.sent_us {
            *last = packet;
        }
        let (first, last) = self.arrived.get_or_insert((packet, packet));
        if packet.arrival_us < first.arrival_us {
            *first = packet;
        }
        if packet.arrival_us >= last.arrival_us {
            *last = packet;
        }
    }

    fn finding(&self) -> Option<Finding> {
        let (first_sent, last_sent) = self.sent?;
        let (first, last) = self.arrived?;
        // The last packet takes its time after the interval of sending, the first one took its time
        // before that of arriving.
        let sent_bytes = self.arrived_bytes - u64::from(last_sent.bytes);
        let arrived_bytes = self.arrived_bytes - u64::from(first.bytes);
        let sent = rate(sent_bytes, last_sent.sent_us - first_sent.sent_us)?;
        let arrived = rate(arrived_bytes, last.arrival_us - first.arrival_us)?;
        if arrived > sent * IMPLAUSIBLE {
            return None;
        }
        let all = arrived >= sent * MET_LIMIT;
        let carries = if all { sent.min(arrived) } else { arrived * UTILISATION };
        Some(Finding { carries: carries as u64, all })
    }
}

/// Bits per second.
fn rate(bytes: u64, us: i64) -> Option<f64> {
    (us > 0).then(|| bytes as f64 * 8e6 / us as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a probe at 1 Mbit/s finds if its packets of 330 bytes arrive `gap_us` apart.
    fn found(gap_us: i64, lost: u32) -> Option<Finding> {
        let start = Time::from_micros(1_000_000);
        let mut prober = Prober::new(start, 1_000_000);
        prober.begin(start, None, Duration::ZERO);
        let mut sent = 0;
        while prober.rate().is_some() {
            assert_eq!(prober.sent(330), 1);
            sent += 1;
        }
        (0..sent - lost).find_map(|n| {
            let n = i64::from(n);
            let packet = Arrival { sent_us: n * 2_640, arrival_us: 9_000 + n * gap_us, bytes: 330 };
            prober.arrived(start, 1, packet)
        })
    }

    #[test]
    fn a_probe_finds_its_own_rate_or_the_limit_that_it_met() {
        let Finding { carries, all } = found(2_640, 0).unwrap();
        assert!(all && carries.abs_diff(1_000_000) < 10_000, "{carries}");
        let Finding { carries, all } = found(5_280, 0).unwrap();
        assert!(!all && carries.abs_diff(475_000) < 10_000, "{carries}");
    }

    #[test]
    fn too_few_packets_or_a_burst_out_of_a_buffer_find_nothing() {
        assert_eq!(found(2_640, 3), None);
        assert_eq!(found(100, 0), None);
    }

    #[test]
    fn without_anything_to_pad_with_a_probe_is_given_up_for_long() {
        let start = Time::from_micros(1_000_000);
        let mut prober = Prober::new(start, 1_000_000);
        prober.begin(start, None, Duration::ZERO);
        let end = prober.due(start, true).unwrap();
        assert!(end < start + Duration::from_millis(300));
        prober.handle_timeout(end);
        assert_eq!((prober.rate(), prober.due(end, true)), (None, Some(end + NO_PADDING)));
    }
}
