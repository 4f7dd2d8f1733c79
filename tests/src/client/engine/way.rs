//! The line between a participant and the node, inside this process: losses, a bottleneck, delay.
//!
//! It carries every datagram, and nothing of websocket and HTTP. Lengths are those of UDP payloads.

use std::time::Instant;

use crate::link::{Direction, Shape};

/// Both ways of a line.
#[derive(Debug)]
pub(super) struct Way {
    began: Instant,
    up: Direction,
    down: Direction,
}

impl Way {
    /// A line of these shapes to and from the node. What is lost follows from the seed.
    pub(super) fn new(now: Instant, up: Shape, down: Shape, seed: u64) -> Self {
        Self { began: now, up: Direction::new(up, seed), down: Direction::new(down, !seed) }
    }

    /// A datagram begins its way to the node.
    pub(super) fn send(&mut self, now: Instant, datagram: &[u8]) {
        self.up.offer(now - self.began, datagram.to_vec());
    }

    /// A datagram begins its way from the node.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.down.offer(now - self.began, datagram.to_vec());
    }

    /// The next datagram that has reached the node.
    pub(super) fn sent(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.up.take(now - self.began)
    }

    /// The next datagram that has reached us.
    pub(super) fn received(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.down.take(now - self.began)
    }

    /// When the next one comes out at either end.
    pub(super) fn due(&self) -> Option<Instant> {
        let next = self.up.next_at().into_iter().chain(self.down.next_at()).min();
        next.map(|at| self.began + at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_datagram_comes_out_after_the_delay_of_its_way() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let delay = |delay_ms| Shape { delay_ms, ..Shape::default() };
        let mut way = Way::new(start, delay(30.0), delay(70.0), 1);
        way.send(start, &[1]);
        way.receive(start, &[2]);
        assert_eq!(way.due(), Some(ms(30)));
        assert_eq!((way.sent(ms(29)), way.sent(ms(30))), (None, Some(vec![1])));
        assert_eq!((way.received(ms(69)), way.received(ms(70))), (None, Some(vec![2])));
        assert_eq!(way.due(), None);
    }
}
