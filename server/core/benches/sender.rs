//! What the congestion controller costs per packet: noting that one was sent, and reading of its
//! arrival. The best of several rounds, in nanoseconds per packet.
#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sotto_core::{
    Time,
    bandwidth::{PacketClass, Sender, TransportFeedback, TransportFeedbackBuilder},
    id::{SeqNo, Ssrc},
};

/// Packets between two messages of feedback: 2 Mbit/s, 100 ms.
const PER_MESSAGE: u32 = 21;
const MESSAGES: u32 = 2_000;
const BYTES: usize = 1_200;
const ROUNDS: usize = 9;

fn main() {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    let packets = f64::from(PER_MESSAGE * MESSAGES);
    let best = |part: fn(&[Duration; 3]) -> Duration| {
        let least = rounds.iter().map(part).min().unwrap_or(Duration::MAX);
        least.as_nanos() as f64 / packets
    };
    println!("congestion control, {PER_MESSAGE} packets per message of feedback, ns per packet");
    println!("  asking and noting that it was sent:  {:5.1}", best(|times| times[0]));
    println!("  reading of its arrival, all in:      {:5.1}", best(|times| times[1]));
    println!("  receiver: noting it, and telling:    {:5.1}", best(|times| times[2]));
}

/// Time spent sending, reading feedback, and writing it.
fn round() -> [Duration; 3] {
    let mut now = Time::from_micros(1_000_000_000);
    let mut sender = Sender::new(now);
    let mut receiver = TransportFeedbackBuilder::new(Ssrc(1));
    let mut message = Vec::new();
    let mut times = [Duration::ZERO; 3];
    let mut seq = SeqNo(0);
    for _ in 0..MESSAGES {
        let start = Instant::now();
        for _ in 0..PER_MESSAGE {
            now = now + Duration::from_micros(4_800);
            black_box(sender.may_send(now, PacketClass::Video));
            sender.sent(now, BYTES, PacketClass::Video);
        }
        times[0] += start.elapsed();
        let start = Instant::now();
        let mut arrival = now - Duration::from_micros(4_800) * PER_MESSAGE;
        for _ in 0..PER_MESSAGE {
            arrival = arrival + Duration::from_micros(4_800);
            receiver.received(arrival, seq, Ssrc(2), BYTES);
            seq = seq.next();
        }
        message.clear();
        let told = receiver.poll(now + Duration::from_millis(250), &mut message);
        times[2] += start.elapsed();
        assert!(told, "there is something to tell");
        let start = Instant::now();
        let feedback = TransportFeedback::parse(&message).expect("the receiver writes it well");
        sender.feedback(now + Duration::from_millis(25), &feedback);
        times[1] += start.elapsed();
    }
    black_box(sender.estimate());
    times
}
