//! One connection: source, queue and Sender on one side, the receiver on the other.

use std::{collections::VecDeque, time::Duration};

use sotto_core::{
    Time,
    bandwidth::{Estimate, PacketClass, Sender, TransportFeedback, TransportFeedbackBuilder},
    id::{SeqNo, Ssrc},
};

use super::source::{MediaPacket, Source};

/// Where virtual time begins.
const EPOCH_US: u64 = 1_000_000_000;
/// The receiver's clock is another one.
const RECEIVER_EPOCH_US: u64 = 77_000_123;
/// Pictures that waited for longer are dropped, as the shell does it.
const PATIENCE_US: u64 = 500_000;
/// RTCP transport feedback is told by this source.
const RECEIVER: Ssrc = Ssrc(1);

/// A packet that leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    pub(super) number: u64,
    pub(super) bytes: u32,
    pub(super) class: PacketClass,
    /// How long it waited for its turn, in microseconds.
    pub(super) waited_us: u64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Flow {
    sender: Sender,
    receiver: TransportFeedbackBuilder,
    source: Source,
    fresh: Vec<MediaPacket>,
    waiting: VecDeque<(MediaPacket, u64)>,
    waiting_bytes: usize,
    number: u64,
    /// Feedback on its way back, with its arrival in microseconds.
    feedback: VecDeque<(u64, Vec<u8>)>,
    /// Bytes of pictures that were dropped because they had waited for too long.
    pub(super) given_up_bytes: u64,
}

impl Flow {
    pub(super) fn new(cameras: usize, seed: u64) -> Self {
        Self {
            sender: Sender::new(sender_time(0)),
            receiver: TransportFeedbackBuilder::new(RECEIVER),
            source: Source::new(cameras, seed),
            fresh: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            number: 0,
            feedback: VecDeque::new(),
            given_up_bytes: 0,
        }
    }

    /// What the sender holds the way for.
    pub(super) fn estimate(&self) -> Estimate {
        self.sender.estimate()
    }

    /// Does what is due, and says what leaves.
    pub(super) fn step(&mut self, now_us: u64, out: &mut Vec<Departure>) {
        let now = sender_time(now_us);
        while self.feedback.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
            let Some((_, bytes)) = self.feedback.pop_front() else { break };
            let feedback = TransportFeedback::parse(&bytes).expect("the receiver writes it well");
            self.sender.feedback(now, &feedback);
        }
        if self.sender.poll_timeout().is_some_and(|at| at <= now) {
            self.sender.handle_timeout(now);
        }
        self.sender.poll_estimate();
        if let Some(demand) = self.source.allocate(now_us, self.sender.estimate().bitrate) {
            self.sender.demand(now, demand);
        }
        self.source.packets(now_us, &mut self.fresh);
        for packet in std::mem::take(&mut self.fresh) {
            if packet.class == PacketClass::Audio {
                out.push(self.send(now, packet, 0));
            } else {
                self.waiting_bytes += packet.bytes as usize;
                self.waiting.push_back((packet, now_us));
            }
        }
        self.give_up(now_us);
        while let Some(&(packet, since_us)) = self.waiting.front()
            && self.sender.may_send(now, packet.class)
        {
            self.waiting.pop_front();
            self.waiting_bytes -= packet.bytes as usize;
            out.push(self.send(now, packet, now_us - since_us));
        }
        self.sender.queued(now, self.waiting_bytes);
        while self.waiting.is_empty()
            && let Some(bytes) = self.sender.poll_padding(now)
        {
            let class = PacketClass::Padding;
            out.push(self.send(now, MediaPacket { bytes: bytes as u32, class, camera: 0 }, 0));
        }
    }

    /// A packet arrives at the far end.
    pub(super) fn arrived(&mut self, now_us: u64, number: u64, bytes: u32) {
        let now = Time::from_micros(RECEIVER_EPOCH_US + now_us);
        self.receiver.received(now, SeqNo(number as u16), Ssrc(2), bytes as usize);
    }

    /// The far end tells what is due; it is back after `delay_us`.
    pub(super) fn report(&mut self, now_us: u64, delay_us: u64) {
        let now = Time::from_micros(RECEIVER_EPOCH_US + now_us);
        if self.receiver.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        let mut bytes = Vec::new();
        while self.receiver.poll(now, &mut bytes) {
            self.feedback.push_back((now_us + delay_us, std::mem::take(&mut bytes)));
        }
    }

    fn send(&mut self, now: Time, packet: MediaPacket, waited_us: u64) -> Departure {
        let seq = self.sender.sent(now, packet.bytes as usize, packet.class);
        let number = self.number;
        debug_assert_eq!(seq, SeqNo(number as u16), "the sender numbers from zero");
        self.number += 1;
        Departure { number, bytes: packet.bytes, class: packet.class, waited_us }
    }

    /// Drops the pictures of a camera that wait for too long.
    fn give_up(&mut self, now_us: u64) {
        while let Some(&(packet, since_us)) = self.waiting.front()
            && since_us + PATIENCE_US < now_us
        {
            let before = self.waiting_bytes;
            self.waiting.retain(|(other, _)| other.camera != packet.camera);
            self.waiting_bytes = self.waiting.iter().map(|(p, _)| p.bytes as usize).sum();
            self.given_up_bytes += (before - self.waiting_bytes) as u64;
            self.source.restart(packet.camera);
        }
    }
}

fn sender_time(us: u64) -> Time {
    Time::from_micros(EPOCH_US) + Duration::from_micros(us)
}
