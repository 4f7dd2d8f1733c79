//! Forwarding 1 → 50 and 1 → 500 through real loopback sockets, against the bare floor in the same run.
//!
//! A publisher sends packets of 1,172 bytes; the shard's own turn receives, opens, selects, rewrites,
//! seals and sends them to the subscribers. The floor does only what cannot be left out: copy the
//! packet, seal it with the same AES-GCM, hand it to the kernel by the same system call in batches of
//! the same shape, to the same sockets. Both take turns, so that whatever else the machine does hits
//! both. Processor time is that of the thread, which on loopback includes what the kernel does to
//! deliver to the receiving sockets.
//!
//! Some shapes are measured a second time, with subscribers that negotiate transport-wide feedback as
//! browsers do: every packet is then numbered and remembered until feedback tells of it, and that
//! feedback is part of what is measured. These packets are sound, which never waits: pictures at such
//! a rate would be held back by the pace, and the timer would be measured.
//!
//! And some with a rest between two bursts, as in a meeting: other programs have used the caches
//! meanwhile, and both the node and the floor pay for that.
//!
//! `cargo bench -p sotto-server --bench forwarding [-- --json]`

#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(unsafe_code, reason = "the processor time of a thread has no safe door")]

#[path = "../tests/shard/support.rs"]
mod support;

use std::time::{Duration, Instant};

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sotto_core::{
    bandwidth::TransportFeedbackBuilder,
    id::{ExtensionId, SeqNo, Ssrc},
    signal::Source,
    time::Time,
};
use sotto_server::shard::{
    socket::{Batching, Outbox, Socket, SocketConfig},
    transport::Path,
};
use support::{Client, MIC, OPUS, Offering, Rig, TRANSPORT_ID, packet, vp8_packet};

/// RTP header and payload of the publisher's packets.
const RTP_HEADER: usize = 12;
const PACKET: usize = 1_172;

/// What the node adds: the CSRC, and an extension block with the transport-wide number.
const CSRC: usize = 4;
const NUMBER: usize = 8;

/// Packets that warm the caches and are not counted.
const WARM_UP: usize = 2_000;
const TAG: usize = 16;

const ROUNDS: usize = 40;
const TURNS_PER_ROUND: usize = 16;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let figures: Vec<Figure> = shapes().iter().map(measure).collect();
    if json {
        let lines: Vec<String> = figures.iter().map(Figure::json).collect();
        println!("[{}]", lines.join(",\n "));
        return;
    }
    println!("forwarding 1 -> N, {PACKET}-byte RTP, AES-128-GCM on both legs, loopback");
    println!(
        "{:>5} {:<8} {:<9} {:>5} {:>7} {:>11} {:>11} {:>6} {:>12} {:>9}",
        "N",
        "peers",
        "path",
        "burst",
        "rest ms",
        "ns/packet",
        "floor ns",
        "ratio",
        "packets/s",
        "run length"
    );
    for figure in &figures {
        println!(
            "{:>5} {:<8} {:<9} {:>5} {:>7} {:>11.0} {:>11.0} {:>6.2} {:>12.0} {:>9.1}",
            figure.shape.subscribers,
            figure.peers(),
            figure.shape.path(),
            figure.shape.burst,
            figure.shape.rest.as_millis(),
            figure.forward,
            figure.floor,
            figure.ratio,
            figure.per_second(),
            figure.run_length,
        );
    }
    println!("processor time of the shard's thread; packets/s is for one core of it");
}

/// What is measured.
#[derive(Clone, Copy)]
struct Shape {
    offering: Offering,
    batching: Batching,
    subscribers: usize,
    /// Packets that the publisher sends between two turns.
    burst: usize,
    /// Before each burst.
    rest: Duration,
}

fn shapes() -> Vec<Shape> {
    const REST: Duration = Duration::from_millis(5);
    let plain = |batching, subscribers, burst| Shape {
        offering: Offering::default(),
        batching,
        subscribers,
        burst,
        rest: Duration::ZERO,
    };
    let numbered =
        |shape: Shape| Shape { offering: Offering { feedback: true, repair: false }, ..shape };
    let rested = |shape: Shape| Shape { rest: REST, ..shape };
    let (messages, segments) = (Batching::Messages, Batching::Segments);
    vec![
        plain(messages, 50, 8),
        plain(segments, 50, 1),
        plain(segments, 50, 4),
        plain(segments, 50, 8),
        plain(segments, 50, 16),
        numbered(plain(messages, 50, 8)),
        numbered(plain(segments, 50, 8)),
        rested(plain(messages, 50, 3)),
        rested(plain(segments, 50, 3)),
        plain(messages, 500, 8),
        plain(segments, 500, 8),
        rested(plain(segments, 500, 3)),
    ]
}

impl Shape {
    fn path(&self) -> &'static str {
        match self.batching {
            Batching::Segments => "gso",
            Batching::Messages => "sendmmsg",
            Batching::Single => "send",
        }
    }

    /// Turns of a round: as many packets with more subscribers.
    fn turns_per_round(&self) -> usize {
        (TURNS_PER_ROUND * 50 / self.subscribers).max(2)
    }
}

/// One line of the result.
struct Figure {
    shape: Shape,
    /// Nanoseconds of processor time per forwarded packet.
    forward: f64,
    floor: f64,
    /// Median of the ratios of the rounds.
    ratio: f64,
    run_length: f64,
}

impl Figure {
    fn peers(&self) -> &'static str {
        if self.shape.offering.feedback { "numbered" } else { "plain" }
    }

    fn per_second(&self) -> f64 {
        1e9 / self.forward
    }

    fn json(&self) -> String {
        format!(
            "{{\"bench\":\"forwarding\",\"subscribers\":{},\"packet_bytes\":{PACKET},\
             \"peers\":\"{}\",\"path\":\"{}\",\"burst\":{},\"rest_ms\":{},\"ns_per_packet\":{:.1},\"floor_ns_per_packet\":{:.1},\
             \"ratio\":{:.3},\"packets_per_second_and_core\":{:.0},\"run_length\":{:.2}}}",
            self.shape.subscribers,
            self.peers(),
            self.shape.path(),
            self.shape.burst,
            self.shape.rest.as_millis(),
            self.forward,
            self.floor,
            self.ratio,
            self.per_second(),
            self.run_length,
        )
    }
}

fn measure(shape: &Shape) -> Figure {
    let &Shape { offering, batching, subscribers, burst, rest } = shape;
    let count = subscribers;
    let mut rig = Rig::new(batching);
    let mut publisher = rig.client_offering(offering, "room", 1, 1);
    let subscribers = (0..count).map(|_| rig.client_offering(offering, "room", 1, 1));
    let mut subscribers: Vec<Client> = subscribers.collect();
    let (mid, published) = match offering.feedback {
        true => ("mic", Source::Microphone),
        false => ("cam", Source::Camera),
    };
    publisher.publish(&mut rig, mid, published);
    check(offering, &mut rig, &mut publisher, &mut subscribers);
    let mut floor = Floor::new(offering, batching, &subscribers);
    let mut receivers = Receivers::new(offering, &subscribers);
    let mut seq = 1_u16;
    let mut turn = |rig: &mut Rig, subscribers: &mut [Client]| {
        std::thread::sleep(rest);
        for _ in 0..burst {
            publisher.send_rtp(&source(offering, seq));
            seq = seq.wrapping_add(1);
        }
        let time = processor_time(|| rig.turn());
        (time, receivers.take(subscribers))
    };
    for _ in 0..WARM_UP * 50 / count / burst {
        turn(&mut rig, &mut subscribers);
    }
    let mut rounds = Vec::new();
    let before = rig.stats();
    for _ in 0..ROUNDS {
        let (mut forward_time, mut floor_time) = (Duration::ZERO, Duration::ZERO);
        let mut packets = 0;
        for _ in 0..shape.turns_per_round() {
            let (time, received) = turn(&mut rig, &mut subscribers);
            forward_time += time;
            packets += received;
            std::thread::sleep(rest);
            floor_time += processor_time(|| floor.turn(burst));
            drain(&subscribers);
        }
        let floor_packets = shape.turns_per_round() * burst * count;
        rounds.push((
            forward_time.as_nanos() as f64 / packets as f64,
            floor_time.as_nanos() as f64 / floor_packets as f64,
        ));
    }
    let after = rig.stats();
    let forwarded = after.counters.forwarded - before.counters.forwarded;
    let expected = (ROUNDS * shape.turns_per_round() * burst * count) as u64;
    // On a busy machine a burst may come a turn late.
    assert!(forwarded * 100 >= expected * 95, "{forwarded} of {expected}");
    assert_eq!(after.counters.drops().count(), 0, "{:?}", after.counters);
    let messages = after.counters.sent.messages - before.counters.sent.messages;
    assert!(subscribers.iter().all(|subscriber| !subscriber.events.is_closed()));
    Figure {
        shape: *shape,
        forward: median(rounds.iter().map(|round| round.0)),
        floor: median(rounds.iter().map(|round| round.1)),
        ratio: median(rounds.iter().map(|round| round.0 / round.1)),
        run_length: forwarded as f64 / messages as f64,
    }
}

/// What the subscribers do with what they get.
struct Receivers {
    /// Feedback of each; none where it was not negotiated.
    feedback: Vec<TransportFeedbackBuilder>,
    start: Instant,
    message: Vec<u8>,
}

impl Receivers {
    fn new(offering: Offering, subscribers: &[Client]) -> Self {
        let fresh = |_: &Client| TransportFeedbackBuilder::new(Ssrc(9));
        let feedback = subscribers.iter().filter(|_| offering.feedback).map(fresh).collect();
        Self { feedback, start: Instant::now(), message: Vec::new() }
    }

    /// Takes what has come and says what is due. Gives the packets that came.
    fn take(&mut self, subscribers: &mut [Client]) -> usize {
        if self.feedback.is_empty() {
            return drain(subscribers);
        }
        let mut received = 0;
        let mut buffer = [0; 2_000];
        for (subscriber, feedback) in subscribers.iter_mut().zip(&mut self.feedback) {
            let now = Time::from_micros(self.start.elapsed().as_micros() as u64);
            while let Ok(len) = subscriber.socket.recv(&mut buffer) {
                if (192..224).contains(&buffer[1]) {
                    continue;
                }
                feedback.received(now, transport_number(&buffer[..len]), Ssrc(1), len + 28);
                // What is not padding.
                received += usize::from(buffer[0] & 0x20 == 0);
            }
            self.message.clear();
            while feedback.poll(now, &mut self.message) {
                subscriber.send_rtcp(&self.message);
                self.message.clear();
            }
        }
        received
    }
}

/// The number in the header of a sealed packet: header extensions are not encrypted.
fn transport_number(packet: &[u8]) -> SeqNo {
    let block = 12 + 4 * usize::from(packet[0] & 0x0f);
    assert_eq!(packet[block + 4] >> 4, TRANSPORT_ID.0);
    SeqNo(u16::from_be_bytes([packet[block + 5], packet[block + 6]]))
}

/// What is about to be measured does what it should: everyone can read the first packet.
fn check(offering: Offering, rig: &mut Rig, publisher: &mut Client, subscribers: &mut [Client]) {
    publisher.send_rtp(&source(offering, 0));
    rig.turn();
    for subscriber in subscribers {
        subscriber.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2_000];
        // It may wait behind what probes the way.
        let len = rig.until(|| {
            let len = subscriber.socket.recv(&mut buffer).ok()?;
            let is_media = !(192..224).contains(&buffer[1]) && buffer[0] & 0x20 == 0;
            is_media.then_some(len)
        });
        let opened = subscriber.opener.open_rtp(&mut buffer[..len]);
        assert_eq!(opened, Ok(PACKET + added(offering)));
    }
}

/// What the publisher sends: a picture, or sound of the same length.
fn source(offering: Offering, seq: u16) -> Vec<u8> {
    let payload_len = PACKET - RTP_HEADER;
    if !offering.feedback {
        return vp8_packet(seq, payload_len);
    }
    let level: (_, &[u8]) = (ExtensionId(1), &[0x80 | 20]);
    packet(MIC, OPUS, seq, u32::from(seq) * 960, &[level], &vec![7; payload_len])
}

/// Bytes by which a packet grows.
fn added(offering: Offering) -> usize {
    if offering.feedback { CSRC + NUMBER } else { CSRC }
}

/// Copy, seal, send, and nothing else.
struct Floor {
    socket: Socket,
    outbox: Outbox,
    source: Vec<u8>,
    to: Vec<(Path, LessSafeKey)>,
    count: u64,
    added: usize,
}

impl Floor {
    fn new(offering: Offering, batching: Batching, subscribers: &[Client]) -> Self {
        let config = SocketConfig {
            bind: ([127, 0, 0, 1], 0).into(),
            receive_buffer: 4 << 20,
            send_buffer: 4 << 20,
            batching,
        };
        let socket = Socket::bind(&config).unwrap();
        let local = socket.local();
        let to = subscribers.iter().map(|subscriber| {
            let remote = subscriber.socket.local_addr().unwrap();
            let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap();
            (Path { local, remote }, LessSafeKey::new(key))
        });
        let to = to.collect();
        let outbox = Outbox::new(socket.segments());
        let source = vp8_packet(1, PACKET - RTP_HEADER);
        Self { socket, outbox, source, to, count: 0, added: added(offering) }
    }

    fn turn(&mut self, burst: usize) {
        for (path, key) in &self.to {
            self.outbox.address(*path);
            for _ in 0..burst {
                if self.outbox.is_full() {
                    self.socket.send(&mut self.outbox);
                }
                let room = self.outbox.tail();
                // As long as what the node sends.
                let len = PACKET + self.added;
                room[self.added..len].copy_from_slice(&self.source);
                self.count += 1;
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&self.count.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                let (header, payload) = room[..len].split_at_mut(RTP_HEADER + self.added);
                let tag =
                    key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload).unwrap();
                room[len..len + TAG].copy_from_slice(tag.as_ref());
                self.outbox.commit(len + TAG);
            }
        }
        self.socket.send(&mut self.outbox);
    }
}

/// Empties the subscribers' sockets, so that the kernel never drops for want of room. Gives the RTP
/// packets that came.
fn drain(subscribers: &[Client]) -> usize {
    let mut buffer = [0; 2_000];
    let mut received = 0;
    for subscriber in subscribers {
        while subscriber.socket.recv(&mut buffer).is_ok() {
            received += usize::from(!(192..224).contains(&buffer[1]));
        }
    }
    received
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Processor time of this thread that `work` takes.
fn processor_time(work: impl FnOnce()) -> Duration {
    let before = thread_time();
    work();
    thread_time() - before
}

fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "this clock exists");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
