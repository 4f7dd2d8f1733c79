//! A bottleneck: a queue that a varying capacity empties, then a way that delays and loses.

use std::collections::VecDeque;

use super::profile::{Loss, Profile};
use crate::Rng;

/// What travels, by whom it was sent, and what it needs to be told apart at the far end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// Index of the flow.
    pub(super) flow: usize,
    /// The flow's number of it.
    pub(super) number: u64,
    /// On the wire.
    pub(super) bytes: u32,
    /// When it came to the bottleneck, in microseconds.
    pub(super) at_us: u64,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub(super) packet: Packet,
    /// When it arrives at the far end, in microseconds.
    pub(super) arrival_us: u64,
    /// How long it waited for others, in microseconds.
    pub(super) queued_us: u64,
}

/// The bottleneck. Its queue is full at so many bytes: the newest packet is dropped.
#[derive(Debug)]
pub(super) struct Link<'a> {
    profile: &'a Profile,
    rng: Rng,
    queue: VecDeque<Packet>,
    queued_bytes: u64,
    /// Bits of the first packet that have left.
    served_bits: f64,
    now_us: u64,
    /// Packets of a burst of losses that are still to be lost.
    burst: u32,
    last_arrival_us: u64,
    pub(super) delivered: VecDeque<Delivery>,
    pub(super) dropped: VecDeque<Packet>,
}

impl<'a> Link<'a> {
    pub(super) fn new(profile: &'a Profile, seed: u64) -> Self {
        Self {
            profile,
            rng: Rng::new(seed),
            queue: VecDeque::new(),
            queued_bytes: 0,
            served_bits: 0.0,
            now_us: 0,
            burst: 0,
            last_arrival_us: 0,
            delivered: VecDeque::new(),
            dropped: VecDeque::new(),
        }
    }

    /// A packet comes to the bottleneck.
    pub(super) fn push(&mut self, packet: Packet) {
        let limit = self.profile.queue_bytes(packet.at_us);
        let fits = self.queued_bytes + u64::from(packet.bytes) <= limit || self.queue.is_empty();
        if self.loses() || !fits {
            self.dropped.push_back(packet);
            return;
        }
        self.queued_bytes += u64::from(packet.bytes);
        self.queue.push_back(packet);
    }

    /// Time passes up to `to_us`, over which the capacity is constant.
    pub(super) fn advance(&mut self, to_us: u64) {
        let capacity = self.profile.capacity(self.now_us) as f64;
        let mut at_us = self.now_us as f64;
        while let Some(&packet) = self.queue.front() {
            at_us = at_us.max(packet.at_us as f64);
            let left_bits = f64::from(packet.bytes) * 8.0 - self.served_bits;
            let done_us = at_us + left_bits * 1e6 / capacity.max(1.0);
            if done_us > to_us as f64 {
                self.served_bits += (to_us as f64 - at_us).max(0.0) * capacity / 1e6;
                break;
            }
            at_us = done_us;
            self.served_bits = 0.0;
            self.queue.pop_front();
            self.queued_bytes -= u64::from(packet.bytes);
            self.deliver(packet, done_us as u64, capacity);
        }
        self.now_us = to_us;
    }

    fn deliver(&mut self, packet: Packet, done_us: u64, capacity: f64) {
        let own_us = (f64::from(packet.bytes) * 8e6 / capacity.max(1.0)) as u64;
        let queued_us = (done_us - packet.at_us).saturating_sub(own_us);
        let noise_us = match self.profile.jitter_ms {
            0 => 0.0,
            // Mostly little, sometimes much: exponential, cut off at eight times the mean.
            mean => (-self.rng.unit().max(1e-9).ln()).min(8.0) * f64::from(mean) * 1e3,
        };
        let arrival_us = done_us + u64::from(self.profile.delay_ms) * 1_000 + noise_us as u64;
        // Radio repairs in order: a late packet holds up those behind it.
        self.last_arrival_us = self.last_arrival_us.max(arrival_us);
        let arrival_us = self.last_arrival_us;
        self.delivered.push_back(Delivery { packet, arrival_us, queued_us });
    }

    fn loses(&mut self) -> bool {
        match self.profile.loss {
            Loss::None => false,
            Loss::Random { share } => self.rng.unit() < share,
            Loss::Bursts { share, length } => {
                if self.burst == 0 && self.rng.unit() < share / f64::from(length) {
                    self.burst = length;
                }
                let lost = self.burst > 0;
                self.burst = self.burst.saturating_sub(1);
                lost
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bandwidth::PROFILES;

    #[test]
    fn a_link_serves_its_capacity_and_drops_what_its_queue_cannot_hold() {
        let profile = Profile { capacity: &[(0.0, 1_000)], queue_ms: 100, ..PROFILES[0] };
        let mut link = Link::new(&profile, 1);
        for number in 0..100 {
            link.push(Packet { flow: 0, number, bytes: 1_250, at_us: 0 });
        }
        link.advance(1_000_000);
        assert_eq!((link.delivered.len(), link.dropped.len()), (10, 90));
        let last = link.delivered[9];
        assert_eq!(last.arrival_us, 100_000 + u64::from(profile.delay_ms) * 1_000);
        assert_eq!(last.queued_us, 90_000);
    }

    #[test]
    fn losses_come_at_their_share_alone_and_in_bursts() {
        for loss in [Loss::Random { share: 0.05 }, Loss::Bursts { share: 0.05, length: 10 }] {
            let profile = Profile { loss, ..PROFILES[0] };
            let mut link = Link::new(&profile, 3);
            let lost = (0..100_000).filter(|_| link.loses()).count();
            assert!((4_000..6_000).contains(&lost), "{loss:?}: {lost}");
        }
    }
}
