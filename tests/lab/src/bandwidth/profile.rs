//! The links.

use super::source::wanted;

/// How packets are lost on the way, apart from full queues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Not at all.
    None,
    /// Each by itself, with this probability.
    Random {
        /// 0 to 1.
        share: f64,
    },
    /// So many in a row, so often that this share of all is lost.
    Bursts {
        /// 0 to 1.
        share: f64,
        /// Packets in a row.
        length: u32,
    },
}

/// One link and what is sent over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it stands for.
    pub what: &'static str,
    /// From which second on how many kbit/s pass; the first entry is that of second 0.
    pub capacity: &'static [(f64, u64)],
    /// Length of the queue, as milliseconds at the capacity of the moment.
    pub queue_ms: u32,
    /// One way without a queue, in milliseconds.
    pub delay_ms: u32,
    /// Mean of what is added to the delay, exponential, in milliseconds.
    pub jitter_ms: u32,
    /// Losses of the way.
    pub loss: Loss,
    /// Seconds during which a TCP flow (CUBIC) competes.
    pub tcp: Option<(u32, u32)>,
    /// Cameras that the source would send.
    pub cameras: usize,
    /// Length of the run in seconds.
    pub seconds: u32,
}

const BASE: Profile = Profile {
    name: "steady",
    what: "2 Mbit/s, 300 ms of queue",
    capacity: &[(0.0, 2_000)],
    queue_ms: 300,
    delay_ms: 25,
    jitter_ms: 0,
    loss: Loss::None,
    tcp: None,
    cameras: 6,
    seconds: 60,
};

/// Links that people have.
pub const PROFILES: [Profile; 13] = [
    BASE,
    Profile {
        name: "drop",
        what: "2 Mbit/s to 300 kbit/s and back",
        capacity: &[(0.0, 2_000), (30.0, 300), (60.0, 2_000)],
        seconds: 100,
        ..BASE
    },
    Profile {
        name: "ramp",
        what: "1 Mbit/s down to 500 kbit/s and up again in steps of 10 %",
        capacity: &[
            (0.0, 1_000),
            (20.0, 900),
            (22.0, 800),
            (24.0, 700),
            (26.0, 600),
            (28.0, 500),
            (45.0, 550),
            (47.0, 600),
            (49.0, 700),
            (51.0, 800),
            (53.0, 900),
            (55.0, 1_000),
        ],
        seconds: 80,
        ..BASE
    },
    Profile {
        name: "wifi",
        what: "3 Mbit/s, jitter of 8 ms on average and up to 64",
        capacity: &[(0.0, 3_000)],
        jitter_ms: 8,
        ..BASE
    },
    Profile {
        name: "loss",
        what: "2 Mbit/s, 5 % lost at random",
        loss: Loss::Random { share: 0.05 },
        delay_ms: 40,
        ..BASE
    },
    Profile {
        name: "bursts",
        what: "2 Mbit/s, 5 % lost in bursts of 10",
        loss: Loss::Bursts { share: 0.05, length: 10 },
        delay_ms: 40,
        ..BASE
    },
    Profile {
        name: "lte",
        what: "1 to 4 Mbit/s, another rate every 4 s, 40 ms one way, jitter of 4 ms",
        capacity: &[
            (0.0, 2_000),
            (8.0, 4_000),
            (12.0, 2_500),
            (16.0, 1_000),
            (20.0, 1_800),
            (24.0, 3_200),
            (28.0, 2_000),
            (32.0, 1_200),
            (36.0, 4_000),
            (40.0, 1_000),
            (44.0, 2_500),
            (52.0, 2_000),
        ],
        queue_ms: 500,
        delay_ms: 40,
        jitter_ms: 4,
        seconds: 75,
        ..BASE
    },
    Profile {
        name: "dsl",
        what: "300 kbit/s, 30 ms one way, 500 ms of queue",
        capacity: &[(0.0, 300)],
        queue_ms: 500,
        delay_ms: 30,
        cameras: 2,
        ..BASE
    },
    Profile {
        name: "bufferbloat",
        what: "1.5 Mbit/s to 700 kbit/s and back, a queue of one second",
        capacity: &[(0.0, 1_500), (30.0, 700), (50.0, 1_500)],
        queue_ms: 1_000,
        seconds: 80,
        ..BASE
    },
    Profile {
        name: "shallow",
        what: "1 Mbit/s and a queue of 20 ms",
        capacity: &[(0.0, 1_000)],
        queue_ms: 20,
        ..BASE
    },
    Profile {
        name: "narrow",
        what: "64 kbit/s, room for a voice only",
        capacity: &[(0.0, 64)],
        queue_ms: 600,
        delay_ms: 50,
        cameras: 1,
        ..BASE
    },
    Profile {
        name: "satellite",
        what: "2 Mbit/s, 600 ms round trip",
        delay_ms: 300,
        seconds: 90,
        ..BASE
    },
    Profile {
        name: "fast",
        what: "50 Mbit/s, ten cameras",
        capacity: &[(0.0, 50_000)],
        queue_ms: 100,
        delay_ms: 10,
        cameras: 10,
        ..BASE
    },
];

/// A TCP flow comes beside ours after 15 s, for a minute, on queues of these milliseconds.
pub(super) const BESIDE_TCP: [Profile; 4] =
    [beside_tcp(50), beside_tcp(200), beside_tcp(500), beside_tcp(1_000)];

const fn beside_tcp(queue_ms: u32) -> Profile {
    Profile {
        name: "beside-tcp",
        what: "3 Mbit/s, TCP beside it from second 15 on",
        capacity: &[(0.0, 3_000)],
        queue_ms,
        tcp: Some((15, 75)),
        seconds: 80,
        ..BASE
    }
}

impl Profile {
    /// Bits per second that pass at a time.
    pub fn capacity(&self, at_us: u64) -> u64 {
        let seconds = at_us as f64 / 1e6;
        let now = self.capacity.iter().rev().find(|(from, _)| *from <= seconds);
        now.map_or(0, |(_, kbits)| kbits * 1_000)
    }

    /// Bits per second of a capacity that can be of use: no more than every camera in its best layer.
    pub(super) fn reach(&self, capacity: u64) -> f64 {
        capacity.min(wanted(self.cameras)) as f64
    }

    /// Bytes that the queue holds at a time: a packet at least.
    pub fn queue_bytes(&self, at_us: u64) -> u64 {
        (self.capacity(at_us) * u64::from(self.queue_ms) / 8_000).max(1_500)
    }
}
