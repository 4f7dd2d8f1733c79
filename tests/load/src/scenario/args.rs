//! The command line of every scenario.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

/// Where, how long, and with which media.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The websocket of the node to measure, `ws://host:port/v1/signal`. Without it a node is started
    /// for this run, with congestion control and limits that do not stop it.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The process of that node, to tell what it uses; of a node on another machine that stays unknown.
    #[arg(long, requires = "url")]
    pub pid: Option<u32>,
    /// The key that its tokens are signed with, base64. Without it that of development.
    #[arg(long, env = "SOTTO_AUTH_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// The program that is started. Without it `sotto` beside this program.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub sotto: Option<PathBuf>,
    /// Processor that the started node stays on.
    #[arg(long, value_name = "N", conflicts_with = "url")]
    pub server_cpu: Option<usize>,
    /// Processor that the clients stay on.
    #[arg(long, value_name = "N")]
    pub client_cpu: Option<usize>,
    /// Seconds that are measured once everybody is in.
    #[arg(long, default_value_t = 20.0)]
    pub duration: f64,
    /// Seconds before that in which nothing is measured.
    #[arg(long, default_value_t = 3.0)]
    pub settle: f64,
    /// People who arrive each second.
    #[arg(long, default_value_t = 50.0)]
    pub num_per_second: f64,
    /// Seed of everything that is random: when sources begin, who comes when.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What cameras send: IVF with VP8, or a video of any format that ffmpeg reads (360p, 500 kbit/s, a
    /// keyframe each second). Without it pictures of that rate that no encoder made.
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,
    /// Bits a second of pictures that no encoder made.
    #[arg(long, default_value_t = 500_000)]
    pub video_bitrate: u32,
    /// What microphones send: Ogg with Opus, or speech of any format that ffmpeg reads (24 kbit/s,
    /// 20 ms). Without it packets of that rate that no encoder made.
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Who is silent sends a packet each 400 ms (DTX), not each 20.
    #[arg(long)]
    pub dtx: bool,
    /// Milliseconds between two messages of transport-wide feedback of a client; 0: none is negotiated,
    /// and the node does not estimate what lines carry.
    #[arg(long, default_value_t = 100)]
    pub feedback_ms: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Common {
    pub(super) fn window(&self) -> Duration {
        seconds(self.duration).max(Duration::from_millis(100))
    }

    pub(super) fn settling(&self) -> Duration {
        seconds(self.settle)
    }

    pub(super) fn feedback(&self) -> Option<Duration> {
        (self.feedback_ms > 0).then(|| Duration::from_millis(self.feedback_ms))
    }
}

/// Bounded by what a clock can count to; what is no number is nothing.
pub(super) fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number.clamp(0.0, 1e6)).unwrap_or_default()
}

/// How many pictures a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// One.
    Speaker,
    /// Nine.
    #[value(name = "3x3")]
    Three,
    /// Sixteen.
    #[value(name = "4x4")]
    Four,
    /// Twenty-five.
    #[value(name = "5x5")]
    Five,
}

impl Layout {
    pub(super) const fn slots(self) -> u16 {
        match self {
            Self::Speaker => 1,
            Self::Three => 9,
            Self::Four => 16,
            Self::Five => 25,
        }
    }
}

/// Rooms of people who all see and hear each other.
#[derive(Args, Clone, Debug)]
pub struct MeetArgs {
    /// Rooms.
    #[arg(long, default_value_t = 5)]
    pub rooms: u32,
    /// People in each.
    #[arg(long, default_value_t = 6)]
    pub participants: u32,
    /// Share of them whose camera is on, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub cameras: f64,
    /// People who talk at a time, in turns of four seconds.
    #[arg(long, default_value_t = 1)]
    pub talkers: u32,
    /// Pictures that everybody shows.
    #[arg(long, value_enum, default_value = "3x3")]
    pub layout: Layout,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// One room: some who send, many who watch.
#[derive(Args, Clone, Debug)]
pub struct WebinarArgs {
    /// People who are seen.
    #[arg(long, default_value_t = 1)]
    pub video_publishers: u32,
    /// People who are heard.
    #[arg(long, default_value_t = 1)]
    pub audio_publishers: u32,
    /// People who watch.
    #[arg(long, default_value_t = 50)]
    pub subscribers: u32,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// One room whose people all have their microphone on.
#[derive(Args, Clone, Debug)]
pub struct AudioArgs {
    /// People.
    #[arg(long, default_value_t = 100)]
    pub participants: u32,
    /// People who talk at a time, in turns of four seconds.
    #[arg(long, default_value_t = 3)]
    pub talkers: u32,
    /// Voices that everybody can hear at a time.
    #[arg(long, default_value_t = 3)]
    pub audio_slots: u16,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// People who arrive as fast as is said, until the node refuses or everybody is there.
#[derive(Args, Clone, Debug)]
pub struct StormArgs {
    /// People in all.
    #[arg(long, default_value_t = 1_000)]
    pub arrivals: u32,
    /// People in each room.
    #[arg(long, default_value_t = 10)]
    pub participants: u32,
    /// Keep the limits of the started node as they are by default.
    #[arg(long)]
    pub default_limits: bool,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// People who come and go.
#[derive(Args, Clone, Debug)]
pub struct ChurnArgs {
    /// Joins and leaves.
    #[arg(long, default_value_t = 1_000)]
    pub cycles: u32,
    /// People who are on their way in, or inside, at a time.
    #[arg(long, default_value_t = 20)]
    pub at_once: u32,
    /// People in each room.
    #[arg(long, default_value_t = 5)]
    pub participants: u32,
    /// Seconds that each of them stays, at most; half of it at least.
    #[arg(long, default_value_t = 0.4)]
    pub stay: f64,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}
