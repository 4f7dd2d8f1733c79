//! `sotto-link`: a line between two TUN devices, shaped over its standard input.
//!
//! Reads `shape {"down": {…}, "up": {…}}` (either may be left out: it stays) and `count`; answers
//! each with a line of JSON. Ends with its standard input.

use std::{
    io,
    io::BufRead,
    process::ExitCode,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use serde::Deserialize;
use serde_json::{Value, json};
use sotto_tests::link::{Direction, Shape, Tun};

/// A line between two TUN devices.
#[derive(Parser)]
struct Options {
    /// Device on the node's side.
    #[arg(long)]
    near: String,
    /// Device on the client's side; the one who starts the line moves it to its namespace.
    #[arg(long)]
    far: String,
    /// What decides the losses.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

enum Event {
    /// Came out of the near or the far device.
    Packet {
        from: usize,
        packet: Vec<u8>,
    },
    Command(String),
    Ended,
}

/// Packets between the readers and the line. When it is full the readers wait, and the devices'
/// own queues drop.
const EVENTS: usize = 1_024;
const LARGEST: usize = 65_536;
/// Longest time between two looks at the queues.
const IDLE: Duration = Duration::from_secs(1);
const NEAR: usize = 0;
const FAR: usize = 1;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&json!({ "event": "failed", "why": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let mut devices = [Tun::open(&options.near)?, Tun::open(&options.far)?];
    let (events, inbox) = sync_channel(EVENTS);
    for (from, device) in devices.iter().enumerate() {
        let (device, events) = (device.try_clone()?, events.clone());
        thread::spawn(move || read_device(device, from, &events));
    }
    thread::spawn(move || read_commands(&events));
    say(&json!({ "event": "ready" }));
    // The way of what comes out of the near device, and of what comes out of the far one.
    let mut ways = [options.seed, !options.seed].map(|seed| Direction::new(Shape::default(), seed));
    carry(&mut devices, &mut ways, &inbox)
}

fn carry(
    devices: &mut [Tun; 2],
    ways: &mut [Direction; 2],
    inbox: &Receiver<Event>,
) -> io::Result<()> {
    let began = Instant::now();
    loop {
        let now = began.elapsed();
        for (from, way) in ways.iter_mut().enumerate() {
            while let Some(packet) = way.take(now) {
                devices[1 - from].write(&packet)?;
            }
        }
        let next = ways.iter().filter_map(Direction::next_at).min();
        let wait = next.map_or(IDLE, |at| at.saturating_sub(began.elapsed()));
        match inbox.recv_timeout(wait) {
            Ok(Event::Packet { from, packet }) => ways[from].offer(began.elapsed(), packet),
            Ok(Event::Command(line)) => say(&obey(&line, ways, began.elapsed())),
            Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shapes {
    down: Option<Shape>,
    up: Option<Shape>,
}

fn obey(line: &str, ways: &mut [Direction; 2], now: Duration) -> Value {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("count", "") => {
            json!({ "event": "counted", "down": ways[NEAR].count(), "up": ways[FAR].count() })
        }
        ("shape", shapes) => match serde_json::from_str::<Shapes>(shapes) {
            Ok(Shapes { down, up }) => {
                for (way, shape) in ways.iter_mut().zip([down, up]) {
                    shape.into_iter().for_each(|shape| way.reshape(now, shape));
                }
                json!({ "event": "shaped" })
            }
            Err(error) => json!({ "event": "refused", "why": error.to_string() }),
        },
        _ => json!({ "event": "refused", "why": "neither shape nor count" }),
    }
}

fn read_device(mut device: Tun, from: usize, events: &SyncSender<Event>) {
    let mut buffer = vec![0; LARGEST];
    while let Ok(length) = device.read(&mut buffer) {
        let packet = buffer[..length].to_vec();
        if events.send(Event::Packet { from, packet }).is_err() {
            return;
        }
    }
    // The line has ended when nobody listens any more: nobody is left to be told.
    events.send(Event::Ended).unwrap_or_default();
}

fn read_commands(events: &SyncSender<Event>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if events.send(Event::Command(line)).is_err() {
            return;
        }
    }
    events.send(Event::Ended).unwrap_or_default();
}

#[expect(clippy::print_stdout, reason = "what it says is its output")]
fn say(value: &Value) {
    println!("{value}");
}
