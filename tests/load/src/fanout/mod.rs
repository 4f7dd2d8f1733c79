//! The packet path alone at full speed: one publisher, many subscribers, real sockets, real keys.
//!
//! The media thread of a node is turned by hand, between bursts of the publisher, and only its turns are
//! measured: receive, open, choose, rewrite, seal, send. Handshakes and signalling are real and lie
//! before that. On loopback a turn includes what the kernel does to deliver to the receiving sockets.

mod stage;
mod thread_time;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::Serialize;
use sotto_server::shard::socket::Batching;

use stage::Stage;
pub use stage::StageError;
use thread_time::thread_time;

/// Packets that warm the caches and are not counted, where it is time that is measured.
const WARM_UP: u32 = 2_000;

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct FanoutArgs {
    /// Subscribers of the one publisher.
    #[arg(long, default_value_t = 50)]
    pub subscribers: u32,
    /// Seconds of wall clock, of which the turns are a part.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Turns to measure, in place of seconds.
    #[arg(long, conflicts_with = "seconds")]
    pub turns: Option<u32>,
    /// Packets that the publisher sends between two turns: as many are the most that leave in one
    /// message.
    #[arg(long, default_value_t = 8)]
    pub burst: u32,
    /// Bytes of an RTP packet, at least 64.
    #[arg(long, default_value_t = 1_172)]
    pub packet_bytes: usize,
    /// How datagrams cross into the kernel.
    #[arg(long, value_enum, default_value = "gso")]
    pub path: Path,
    /// Negotiate transport-wide feedback, as browsers do: each packet is numbered and remembered.
    #[arg(long)]
    pub feedback: bool,
    /// Print JSON instead of a line.
    #[arg(long)]
    pub json: bool,
}

/// How datagrams cross into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Many messages a call, one packet each.
    Sendmmsg,
    /// Many messages a call, each of which the kernel cuts.
    Gso,
}

impl Path {
    fn batching(self) -> Batching {
        match self {
            Self::Sendmmsg => Batching::Messages,
            Self::Gso => Batching::Segments,
        }
    }
}

/// What the packet path has shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FanoutFigures {
    /// Subscribers.
    pub subscribers: u32,
    /// Bytes of an RTP packet of the publisher.
    pub packet_bytes: usize,
    /// Packets between two turns.
    pub burst: u32,
    /// How they crossed into the kernel.
    pub path: Path,
    /// Whether transport-wide feedback was negotiated.
    pub feedback: bool,
    /// Packets that were forwarded.
    pub forwarded: u64,
    /// Those of them that reached a subscriber's socket.
    pub received: u64,
    /// Processor time of the turns, in seconds.
    pub cpu_s: f64,
    /// Nanoseconds of it for each forwarded packet.
    pub ns_per_packet: f64,
    /// Packets a second and core.
    pub forwarded_pps_per_core: f64,
    /// Allocations of the media thread for each forwarded packet.
    pub allocs_per_packet: f64,
    /// Packets that left in one message, on average.
    pub run_length: f64,
}

impl FanoutFigures {
    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain numbers and text")
    }

    /// A line to read.
    pub fn to_table(&self) -> String {
        format!(
            "1 -> {}, {} bytes, {:?}, bursts of {}: {:.0} ns a packet, {:.0} packets/s and core, \
             {:.1} packets a message, {:.4} allocations a packet, {} of {} received",
            self.subscribers,
            self.packet_bytes,
            self.path,
            self.burst,
            self.ns_per_packet,
            self.forwarded_pps_per_core,
            self.run_length,
            self.allocs_per_packet,
            self.received,
            self.forwarded,
        )
    }
}

/// Measures. `allocations` tells how many the calling thread has made so far.
///
/// # Errors
/// [`StageError`].
pub fn run(args: &FanoutArgs, allocations: fn() -> u64) -> Result<FanoutFigures, StageError> {
    let mut stage = Stage::set(args)?;
    let warm_up = args.turns.map_or(WARM_UP / args.burst.max(1), |_| 0);
    for _ in 0..warm_up {
        stage.send();
        stage.turn()?;
        stage.take();
    }
    let before = stage.stats()?;
    let (mut cpu, mut allocated, mut received) = (Duration::ZERO, 0, 0);
    let until = Instant::now() + Duration::try_from_secs_f64(args.seconds).unwrap_or_default();
    let goes_on = |turn| args.turns.map_or_else(|| Instant::now() < until, |turns| turn < turns);
    for _ in (0..).take_while(|turn| goes_on(*turn)) {
        stage.send();
        let (began, allocated_before) = (thread_time(), allocations());
        stage.turn()?;
        cpu += thread_time() - began;
        allocated += allocations() - allocated_before;
        received += stage.take();
    }
    let after = stage.stats()?;
    let forwarded = after.counters.forwarded - before.counters.forwarded;
    let messages = after.counters.sent.messages - before.counters.sent.messages;
    let packets = forwarded.max(1) as f64;
    let cpu_s = cpu.as_secs_f64();
    Ok(FanoutFigures {
        subscribers: args.subscribers,
        packet_bytes: args.packet_bytes,
        burst: args.burst,
        path: args.path,
        feedback: args.feedback,
        forwarded,
        received,
        cpu_s,
        ns_per_packet: cpu_s * 1e9 / packets,
        forwarded_pps_per_core: forwarded as f64 / cpu_s.max(1e-9),
        allocs_per_packet: allocated as f64 / packets,
        run_length: forwarded as f64 / messages.max(1) as f64,
    })
}
