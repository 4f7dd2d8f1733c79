//! Forwarding 1 → 50 through real loopback sockets, against the bare floor in the same run.
//!
//! A publisher sends packets of 1,172 bytes; the shard's own turn receives, opens, selects, rewrites,
//! seals and sends them to 50 subscribers. The floor does only what cannot be left out: copy the
//! packet, seal it with the same AES-GCM, hand it to the kernel by the same system call in batches of
//! the same shape, to the same sockets. Both take turns, so that whatever else the machine does hits
//! both. Processor time is that of the thread, which on loopback includes what the kernel does to
//! deliver to the receiving sockets.
//!
//! `cargo bench -p sotto-server --bench forwarding [-- --json]`

#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(unsafe_code, reason = "the processor time of a thread has no safe door")]

#[path = "../tests/shard/support.rs"]
mod support;

use std::time::Duration;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sotto_core::signal::Source;
use sotto_server::shard::{
    socket::{Batching, Outbox, Socket, SocketConfig},
    transport::Path,
};
use support::{Client, Rig, vp8_packet};

const SUBSCRIBERS: usize = 50;

/// RTP header and payload of the publisher's packets.
const RTP_HEADER: usize = 12;
const PACKET: usize = 1_172;

/// What the node adds: the CSRC.
const CSRC: usize = 4;
const TAG: usize = 16;

const ROUNDS: usize = 40;
const TURNS_PER_ROUND: usize = 16;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let shapes = [
        ("sendmmsg", Batching::Messages, 8),
        ("gso", Batching::Segments, 1),
        ("gso", Batching::Segments, 4),
        ("gso", Batching::Segments, 8),
        ("gso", Batching::Segments, 16),
    ];
    let figures: Vec<Figure> =
        shapes.into_iter().map(|(path, batching, burst)| measure(path, batching, burst)).collect();
    if json {
        let lines: Vec<String> = figures.iter().map(Figure::json).collect();
        println!("[{}]", lines.join(",\n "));
        return;
    }
    println!(
        "forwarding 1 -> {SUBSCRIBERS}, {PACKET}-byte RTP, AES-128-GCM on both legs, loopback"
    );
    println!(
        "{:<9} {:>5} {:>11} {:>11} {:>6} {:>12} {:>9}",
        "path", "burst", "ns/packet", "floor ns", "ratio", "packets/s", "run length"
    );
    for figure in &figures {
        println!(
            "{:<9} {:>5} {:>11.0} {:>11.0} {:>6.2} {:>12.0} {:>9.1}",
            figure.path,
            figure.burst,
            figure.forward,
            figure.floor,
            figure.ratio,
            figure.per_second(),
            figure.run_length,
        );
    }
    println!("processor time of the shard's thread; packets/s is for one core of it");
}

/// One line of the result.
struct Figure {
    path: &'static str,
    /// Packets that the publisher sends between two turns.
    burst: usize,
    /// Nanoseconds of processor time per forwarded packet.
    forward: f64,
    floor: f64,
    /// Median of the ratios of the rounds.
    ratio: f64,
    run_length: f64,
}

impl Figure {
    fn per_second(&self) -> f64 {
        1e9 / self.forward
    }

    fn json(&self) -> String {
        format!(
            "{{\"bench\":\"forwarding\",\"subscribers\":{SUBSCRIBERS},\"packet_bytes\":{PACKET},\
             \"path\":\"{}\",\"burst\":{},\"ns_per_packet\":{:.1},\"floor_ns_per_packet\":{:.1},\
             \"ratio\":{:.3},\"packets_per_second_and_core\":{:.0},\"run_length\":{:.2}}}",
            self.path,
            self.burst,
            self.forward,
            self.floor,
            self.ratio,
            self.per_second(),
            self.run_length,
        )
    }
}

fn measure(path: &'static str, batching: Batching, burst: usize) -> Figure {
    let mut rig = Rig::new(batching);
    let mut publisher = rig.client("room", 0, 1);
    let mut subscribers: Vec<Client> = (0..SUBSCRIBERS).map(|_| rig.client("room", 0, 1)).collect();
    publisher.publish(&mut rig, "cam", Source::Camera);
    check(&mut rig, &mut publisher, &mut subscribers);
    let mut floor = Floor::new(batching, &subscribers);
    let mut seq = 1_u16;
    let mut rounds = Vec::new();
    let mut before = rig.stats();
    for round in 0..ROUNDS + 2 {
        // The first rounds warm the caches and are not counted.
        if round == 2 {
            rounds.clear();
            before = rig.stats();
        }
        let (mut forward_time, mut floor_time) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..TURNS_PER_ROUND {
            for _ in 0..burst {
                publisher.send_rtp(&vp8_packet(seq, PACKET - RTP_HEADER));
                seq = seq.wrapping_add(1);
            }
            forward_time += processor_time(|| rig.turn());
            drain(&subscribers);
            floor_time += processor_time(|| floor.turn(burst));
            drain(&subscribers);
        }
        let packets = (TURNS_PER_ROUND * burst * SUBSCRIBERS) as f64;
        rounds.push((
            forward_time.as_nanos() as f64 / packets,
            floor_time.as_nanos() as f64 / packets,
        ));
    }
    let after = rig.stats();
    let forwarded = after.counters.forwarded - before.counters.forwarded;
    assert_eq!(forwarded as usize, ROUNDS * TURNS_PER_ROUND * burst * SUBSCRIBERS);
    assert_eq!(after.counters.drops().count(), 0, "{:?}", after.counters);
    let messages = after.counters.sent.messages - before.counters.sent.messages;
    assert!(subscribers.iter().all(|subscriber| !subscriber.events.is_closed()));
    Figure {
        path,
        burst,
        forward: median(rounds.iter().map(|round| round.0)),
        floor: median(rounds.iter().map(|round| round.1)),
        ratio: median(rounds.iter().map(|round| round.0 / round.1)),
        run_length: forwarded as f64 / messages as f64,
    }
}

/// What is about to be measured does what it should: everyone can read the first packet.
fn check(rig: &mut Rig, publisher: &mut Client, subscribers: &mut [Client]) {
    publisher.send_rtp(&vp8_packet(0, PACKET - RTP_HEADER));
    rig.turn();
    for subscriber in subscribers {
        let mut buffer = [0; 2_000];
        let len = subscriber.socket.recv(&mut buffer).unwrap();
        assert_eq!(subscriber.opener.open_rtp(&mut buffer[..len]), Ok(PACKET + CSRC));
        subscriber.socket.set_nonblocking(true).unwrap();
    }
}

/// Copy, seal, send, and nothing else.
struct Floor {
    socket: Socket,
    outbox: Outbox,
    source: Vec<u8>,
    to: Vec<(Path, LessSafeKey)>,
    count: u64,
}

impl Floor {
    fn new(batching: Batching, subscribers: &[Client]) -> Self {
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
        Self { socket, outbox, source: vp8_packet(1, PACKET - RTP_HEADER), to, count: 0 }
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
                let len = PACKET + CSRC;
                room[CSRC..len].copy_from_slice(&self.source);
                self.count += 1;
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&self.count.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                let (header, payload) = room[..len].split_at_mut(RTP_HEADER + CSRC);
                let tag =
                    key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload).unwrap();
                room[len..len + TAG].copy_from_slice(tag.as_ref());
                self.outbox.commit(len + TAG);
            }
        }
        self.socket.send(&mut self.outbox);
    }
}

/// Empties the subscribers' sockets, so that the kernel never drops for want of room.
fn drain(subscribers: &[Client]) {
    let mut buffer = [0; 2_000];
    for subscriber in subscribers {
        while subscriber.socket.recv(&mut buffer).is_ok() {}
    }
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
