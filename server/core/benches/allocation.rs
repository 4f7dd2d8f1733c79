//! What it costs to decide who gets what, and how restless the result is: one room of 200 people with
//! cameras in three layers, of whom each sees 25, over lines that carry between 300 kbit/s and
//! 8 Mbit/s and change all the time, while now the one speaks and now the other. Through the whole
//! core, in virtual time. `--json` prints the figures for programs.
#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "what does not work ends the bench")]

#[path = "allocation/room.rs"]
mod room;

use std::{hint::black_box, time::Instant};

use room::{Figures, PEOPLE, Room, VISIBLE};
use sotto_core::{
    bandwidth::{
        Allocator, Budget, Candidate, Current, Importance, Ladder, LayerState, Preference,
    },
    forward::LayerChoice,
    id::LayerIndex,
};

/// Seconds until everybody has joined, estimates have settled and the layers have been measured.
const WARM_UP: u64 = 15;

/// Seconds that are measured, once with lines that change and once with steady ones.
const SPAN: u64 = 30;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let alone = division();
    let mut room = Room::new();
    room.run(WARM_UP);
    let changing = measure(&mut room);
    room.restless = false;
    room.run(WARM_UP);
    let steady = measure(&mut room);
    if json {
        println!(
            "{{\"people\":{PEOPLE},\"visible\":{VISIBLE},\"division_ns\":{alone:.0},\
             \"changing_lines\":{},\"steady_lines\":{}}}",
            changing.to_json(),
            steady.to_json()
        );
        return;
    }
    println!(
        "{PEOPLE} people with cameras in three layers, {VISIBLE} visible to each, {SPAN} s each"
    );
    println!("  division alone: {alone:.0} ns for {VISIBLE} slots");
    println!("{:<34}{:>16}{:>16}", "", "changing lines", "steady lines");
    let row = |name: &str, unit: &str, value: fn(&Measured) -> f64| {
        println!("  {name:<32}{:>16.2}{:>16.2} {unit}", value(&changing), value(&steady));
    };
    row("allocations", "/s", |m| m.per_second);
    row("each, with all that goes with it", "ns", |m| m.cost);
    row("share of one core", "%", |m| m.share);
    row("changes of quality", "a minute and subscriber", |m| m.quality);
    row("changes of people", "a minute and subscriber", |m| m.people);
    row("changes of the stage", "a minute", |m| m.stages);
    row("publishers asked", "/s, all together", |m| m.asked);
    row("one forward beside it", "ns", |m| m.forward);
}

/// What a minute came to.
struct Measured {
    per_second: f64,
    cost: f64,
    share: f64,
    quality: f64,
    people: f64,
    stages: f64,
    asked: f64,
    forward: f64,
}

impl Measured {
    fn to_json(&self) -> String {
        let Self { per_second, cost, share, quality, people, stages, asked, forward } = self;
        format!(
            "{{\"decisions_per_s\":{per_second:.1},\"decision_ns\":{cost:.0},\
             \"core_percent\":{share:.3},\"quality_changes_per_subscriber_min\":{quality:.2},\
             \"slot_changes_per_subscriber_min\":{people:.2},\
             \"stage_changes_per_min\":{stages:.1},\"publisher_demands_per_s\":{asked:.2},\
             \"forward_ns\":{forward:.1}}}"
        )
    }
}

fn measure(room: &mut Room) -> Measured {
    room.figures = Figures::default();
    let before = room.sfu.census().allocations;
    room.run(SPAN);
    let decisions = (room.sfu.census().allocations - before) as f64;
    let Figures { deciding, forwarding, forwards, told, pointed, stages, demands } = room.figures;
    let minutes = SPAN as f64 / 60.0;
    Measured {
        per_second: decisions / SPAN as f64,
        cost: deciding.as_nanos() as f64 / decisions,
        share: deciding.as_secs_f64() / SPAN as f64 * 100.0,
        quality: told as f64 / PEOPLE as f64 / minutes,
        people: pointed as f64 / PEOPLE as f64 / minutes,
        stages: stages as f64 / minutes,
        asked: demands as f64 / SPAN as f64,
        forward: forwarding.as_nanos() as f64 / forwards as f64,
    }
}

/// Nanoseconds of one division over [`VISIBLE`] slots, the best of several rounds.
fn division() -> f64 {
    let layer = |height, kbps: u64| LayerState {
        height,
        bitrate: kbps * 1_000,
        spatial: 1,
        temporal: 3,
        available: true,
        shares: None,
    };
    let layers = [layer(180, 150), layer(360, 500), layer(720, 1_700)];
    let ladder = Ladder::new(&layers, Preference::Motion);
    let candidates: Vec<Candidate<'_>> = (0..VISIBLE)
        .map(|n| Candidate {
            ladder: &ladder,
            importance: if n == 0 { Importance::Stage } else { Importance::Tile },
            shown: if n == 0 { 720 } else { 180 },
            current: Current::At(LayerChoice::whole(LayerIndex(0))),
        })
        .collect();
    let mut allocator = Allocator::default();
    let rounds = 2_000;
    let best = (0..20).map(|_| {
        let start = Instant::now();
        for round in 0..rounds {
            let budget = 1_000_000 + round * 3_000;
            let budget = Budget { keep: budget, improve: budget };
            black_box(allocator.allocate(budget, black_box(&candidates)));
        }
        start.elapsed()
    });
    best.min().unwrap_or_default().as_nanos() as f64 / rounds as f64
}
