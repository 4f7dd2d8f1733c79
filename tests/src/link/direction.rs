//! One way of a line: what is lost, what waits for the bottleneck, and when the rest comes out.

use std::{collections::VecDeque, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// What one way of a line does to packets. The default does nothing to them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Shape {
    /// Bits of IP packets per second; none: as fast as the machine is.
    pub rate: Option<u64>,
    /// Bytes of IP packets that wait for the bottleneck; what comes on top is dropped.
    pub queue: usize,
    /// Time on the way behind the bottleneck, in milliseconds.
    pub delay_ms: f64,
    /// Share of packets that are lost before the bottleneck, 0 to 1.
    pub loss: f64,
    /// Packets that are lost one after the other, at least 1: a burst.
    pub burst: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { rate: None, queue: 100_000, delay_ms: 0.0, loss: 0.0, burst: 1 }
    }
}

/// What happened since it was asked for last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Packets that came in.
    pub packets: u64,
    /// Packets lost before the bottleneck.
    pub lost: u64,
    /// Packets dropped because the queue was full.
    pub overflowed: u64,
    /// Packets that left the bottleneck.
    pub passed: u64,
    /// Their bytes.
    pub passed_bytes: u64,
    /// Milliseconds that half of them waited for the bottleneck at most.
    pub queue_ms_p50: u32,
    /// The same of 95 %.
    pub queue_ms_p95: u32,
    /// The longest wait, in milliseconds.
    pub queue_ms_max: u32,
}

/// Longest wait that is told apart, in milliseconds.
const LONGEST_MS: usize = 10_000;

/// One way. Times are those of a clock that never goes back, from any start.
#[derive(Debug)]
pub struct Direction {
    shape: Shape,
    random: StdRng,
    /// Packets of a burst that are still to be lost.
    in_burst: u32,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// When the first of those that wait has passed the bottleneck.
    head_done: Duration,
    flying: VecDeque<(Duration, Vec<u8>)>,
    counted: Counted,
    waits: Vec<u32>,
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    packet: Vec<u8>,
}

impl Direction {
    /// A way whose losses follow from `seed`.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            random: StdRng::seed_from_u64(seed),
            in_burst: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            head_done: Duration::ZERO,
            flying: VecDeque::new(),
            counted: Counted::default(),
            waits: vec![0; LONGEST_MS + 1],
        }
    }

    /// Changes what it does from `now` on; the packet that is in the bottleneck leaves as it would
    /// have.
    pub fn reshape(&mut self, now: Duration, shape: Shape) {
        self.advance(now);
        self.shape = shape;
    }

    /// A packet goes in.
    pub fn offer(&mut self, now: Duration, packet: Vec<u8>) {
        self.advance(now);
        self.counted.packets += 1;
        if self.loses() {
            self.counted.lost += 1;
            return;
        }
        // Full: the newest goes, as in every drop-tail queue.
        if !self.waiting.is_empty() && self.waiting_bytes + packet.len() > self.shape.queue {
            self.counted.overflowed += 1;
            return;
        }
        if self.waiting.is_empty() {
            self.head_done = now + self.time_in_bottleneck(packet.len());
        }
        self.waiting_bytes += packet.len();
        self.waiting.push_back(Waiting { since: now, packet });
        self.advance(now);
    }

    /// When [`Self::take`] has something next.
    pub fn next_at(&self) -> Option<Duration> {
        let head = (!self.waiting.is_empty()).then_some(self.head_done);
        self.flying.front().map(|(at, _)| *at).into_iter().chain(head).min()
    }

    /// The next packet that has come out.
    pub fn take(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.advance(now);
        let (at, _) = self.flying.front()?;
        if *at > now {
            return None;
        }
        self.flying.pop_front().map(|(_, packet)| packet)
    }

    /// Tells what happened since the last call, and counts anew.
    pub fn count(&mut self) -> Counted {
        let mut counted = std::mem::take(&mut self.counted);
        let passed = counted.passed;
        let within = |share: f64| {
            let wanted = (passed as f64 * share).ceil() as u64;
            let mut sum = 0;
            self.waits.iter().position(|count| {
                sum += u64::from(*count);
                sum >= wanted && sum > 0
            })
        };
        counted.queue_ms_p50 = within(0.5).unwrap_or(0) as u32;
        counted.queue_ms_p95 = within(0.95).unwrap_or(0) as u32;
        counted.queue_ms_max = within(1.0).unwrap_or(0) as u32;
        self.waits.fill(0);
        counted
    }

    fn advance(&mut self, now: Duration) {
        while self.head_done <= now
            && let Some(Waiting { since, packet }) = self.waiting.pop_front()
        {
            self.waiting_bytes -= packet.len();
            self.counted.passed += 1;
            self.counted.passed_bytes += packet.len() as u64;
            let waited = self.head_done.saturating_sub(since).as_millis() as usize;
            self.waits[waited.min(LONGEST_MS)] += 1;
            let exit = self.head_done + Duration::from_secs_f64(self.shape.delay_ms / 1_000.0);
            // A line does not reorder: a delay that shrinks waits for those on the way.
            let exit = self.flying.back().map_or(exit, |(last, _)| exit.max(*last));
            self.flying.push_back((exit, packet));
            if let Some(next) = self.waiting.front() {
                self.head_done += self.time_in_bottleneck(next.packet.len());
            }
        }
    }

    fn time_in_bottleneck(&self, bytes: usize) -> Duration {
        let bits = bytes as f64 * 8.0;
        self.shape
            .rate
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bits / rate.max(1) as f64))
    }

    fn loses(&mut self) -> bool {
        let Shape { loss, burst, .. } = self.shape;
        if loss <= 0.0 {
            return false;
        }
        if self.in_burst == 0 {
            // Between bursts; the packets of a burst draw no lots.
            let begins = loss / (f64::from(burst.max(1)) * (1.0 - loss).max(f64::EPSILON) + loss);
            if self.random.random::<f64>() >= begins {
                return false;
            }
            self.in_burst = burst.max(1);
        }
        self.in_burst -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn outcome(direction: &mut Direction, until: Duration) -> Vec<Duration> {
        let mut times = Vec::new();
        while let Some(at) = direction.next_at().filter(|at| *at <= until) {
            if direction.take(at).is_some() {
                times.push(at);
            }
        }
        times
    }

    #[test]
    fn packets_leave_at_the_rate_and_come_after_the_delay() {
        let shape = Shape { rate: Some(80_000), delay_ms: 50.0, ..Shape::default() };
        let mut way = Direction::new(shape, 1);
        for _ in 0..3 {
            way.offer(ms(0), vec![0; 100]);
        }
        assert_eq!(outcome(&mut way, ms(1_000)), [ms(60), ms(70), ms(80)]);
        let counted = way.count();
        assert_eq!((counted.queue_ms_p50, counted.queue_ms_max), (20, 30));
        assert_eq!(way.count(), Counted::default(), "counted anew");
    }

    #[test]
    fn what_the_queue_cannot_hold_is_dropped() {
        let shape = Shape { rate: Some(80_000), queue: 250, ..Shape::default() };
        let mut way = Direction::new(shape, 1);
        for _ in 0..10 {
            way.offer(ms(0), vec![0; 100]);
        }
        assert_eq!(outcome(&mut way, ms(1_000)).len(), 2);
        assert_eq!(way.count().overflowed, 8);
    }

    #[test]
    fn a_new_rate_holds_for_those_that_already_wait() {
        let slow = Shape { rate: Some(8_000), ..Shape::default() };
        let mut way = Direction::new(slow, 1);
        for _ in 0..3 {
            way.offer(ms(0), vec![0; 100]);
        }
        way.reshape(ms(50), Shape { rate: Some(80_000), ..Shape::default() });
        assert_eq!(outcome(&mut way, ms(1_000)), [ms(100), ms(110), ms(120)]);
    }

    #[test]
    fn losses_are_as_many_and_as_long_as_wanted() {
        for burst in [1, 10] {
            let mut way = Direction::new(Shape { loss: 0.05, burst, ..Shape::default() }, 7);
            let lost: Vec<bool> = (0..200_000).map(|_| way.loses()).collect();
            let count = lost.iter().filter(|lost| **lost).count();
            assert!((9_000..11_000).contains(&count), "{count} of 200,000 with {burst}");
            let runs = lost.chunk_by(|a, b| a == b).filter(|run| run[0]);
            assert!(runs.map(<[bool]>::len).all(|length| length % burst as usize == 0));
        }
    }
}
