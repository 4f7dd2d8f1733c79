//! What people do, in random order.

use std::time::Duration;

use sotto_core::signal::{Source, ViewMode};

use super::{
    link::{CLEAN, Conditions},
    rng::Rng,
};

/// The people. Each is one identity; more of them than a grid has slots.
pub(crate) const PEOPLE: usize = 7;

/// The rooms they move between.
pub(crate) const ROOMS: [&str; 2] = ["blue", "red"];

/// Something that a person, or the world, does. People are numbers below [`PEOPLE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Joins, or joins again: takes the place that it has, wherever that is.
    Join {
        who: usize,
        room: usize,
    },
    /// Says goodbye.
    Leave {
        who: usize,
    },
    /// Its connection is lost for good.
    Lose {
        who: usize,
    },
    /// Nothing of it arrives for a while.
    Outage {
        who: usize,
        span: Duration,
    },
    Publish {
        who: usize,
        source: Source,
        muted: bool,
    },
    Unpublish {
        who: usize,
        source: Source,
    },
    Mute {
        who: usize,
        source: Source,
        muted: bool,
    },
    /// Its encoder starts anew.
    Restart {
        who: usize,
        source: Source,
    },
    /// Its camera's encoder makes other simulcast layers from now on; at least one.
    Encode {
        who: usize,
        layers: [bool; 3],
    },
    Pin {
        who: usize,
        whom: Vec<usize>,
    },
    Hide {
        who: usize,
        whom: Vec<usize>,
    },
    Mode {
        who: usize,
        mode: ViewMode,
    },
    Tiles {
        who: usize,
        tiles: Option<u16>,
    },
    Offset {
        who: usize,
        offset: u16,
    },
    /// Offers again, with other slots.
    Slots {
        who: usize,
        audio: usize,
        video: usize,
    },
    /// Speaks alone for a moment, then is silent.
    Talk {
        who: usize,
    },
    /// Asks for keyframes of all that it sees.
    AskForKeyframes {
        who: usize,
    },
    /// Everybody sends.
    Flow {
        span: Duration,
    },
    /// Nobody sends, time goes on.
    Wait {
        span: Duration,
    },
    /// From now on everybody's link is like this.
    Link {
        conditions: Conditions,
    },
}

/// The sequence of a seed.
pub(crate) fn sequence(seed: u64, len: usize) -> Vec<Op> {
    let mut rng = Rng::new(seed);
    let arrivals = (0..4).flat_map(|who| {
        [
            Op::Join { who, room: 0 },
            Op::Publish { who, source: Source::Camera, muted: false },
            Op::Publish { who, source: Source::Microphone, muted: false },
        ]
    });
    let mut ops: Vec<Op> = arrivals.collect();
    ops.extend((0..len).map(|_| next(&mut rng)));
    ops
}

fn next(rng: &mut Rng) -> Op {
    let who = rng.below(PEOPLE as u64) as usize;
    let source = rng.pick(&[
        Source::Camera,
        Source::Camera,
        Source::Microphone,
        Source::Microphone,
        Source::Screen,
        Source::ScreenAudio,
    ]);
    let span = Duration::from_millis(20 * (1 + rng.below(40)));
    match rng.below(100) {
        0..12 => Op::Join { who, room: usize::from(rng.happens(200)) },
        12..15 => Op::Leave { who },
        15..18 => Op::Lose { who },
        18..21 => Op::Outage { who, span },
        21..38 => Op::Publish { who, source, muted: rng.happens(200) },
        38..43 => Op::Unpublish { who, source },
        43..53 => Op::Mute { who, source, muted: rng.happens(500) },
        53..55 => Op::Restart { who, source },
        55 => Op::Encode { who, layers: encoded(rng) },
        56..61 => Op::Pin { who, whom: some(rng) },
        61..65 => Op::Hide { who, whom: some(rng) },
        65..69 => Op::Mode { who, mode: rng.pick(&[ViewMode::Grid, ViewMode::Speaker]) },
        69..73 => Op::Tiles { who, tiles: rng.pick(&[None, None, Some(0), Some(1), Some(3)]) },
        73..75 => Op::Offset { who, offset: rng.pick(&[0, 0, 1, 3]) },
        75..77 => Op::Slots { who, audio: rng.below(4) as usize, video: rng.below(5) as usize },
        77..81 => Op::Talk { who },
        81..84 => Op::AskForKeyframes { who },
        84..94 => Op::Flow { span },
        94..97 => Op::Wait { span: span * 4 },
        _ => Op::Link { conditions: conditions(rng) },
    }
}

fn encoded(rng: &mut Rng) -> [bool; 3] {
    let bits = 1 + rng.below(7);
    [0, 1, 2].map(|layer| bits & (1 << layer) != 0)
}

fn some(rng: &mut Rng) -> Vec<usize> {
    (0..rng.below(3)).map(|_| rng.below(PEOPLE as u64) as usize).collect()
}

fn conditions(rng: &mut Rng) -> Conditions {
    if rng.happens(400) {
        return CLEAN;
    }
    Conditions {
        loss: rng.pick(&[0, 10, 50, 200]),
        duplication: rng.pick(&[0, 20]),
        delay: Duration::from_millis(rng.below(80)),
        jitter: Duration::from_millis(rng.pick(&[0, 5, 40])),
    }
}
