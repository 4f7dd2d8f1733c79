//! The same traffic through Sotto and through Janus' videoroom, in turn, on the same core.
//!
//! ```text
//!  webinar plan ─┬─ Sotto, a fresh process ─┐
//!                └─ Janus, a fresh process ─┴─► µs of processor time a forwarded packet, and their ratio
//!  entrance  Janus' websocket protocol      sdp  what it wants to be offered and answered
//! ```
//!
//! Janus runs in its strongest mode (one thread for all peers, AES-GCM); both forward to clients that
//! neither ask again nor tell of arrivals.

mod entrance;
mod process;
mod sdp;

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde::Serialize;

pub use entrance::JanusEntrance;
pub use process::Janus;

use crate::scenario::{
    Common, Failure, Figures, Limits, Plan, Reels, Target, WebinarArgs, number, play_at,
};

/// What to compare.
#[derive(Args, Clone, Debug)]
pub struct JanusArgs {
    /// Subscribers of the one publisher.
    #[arg(long, default_value_t = 50)]
    pub subscribers: u32,
    /// What he sends.
    #[arg(long, value_enum, default_values = ["video", "audio"])]
    pub media: Vec<Sent>,
    /// Times that both are measured, one after the other.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Threads of Janus for all peers together; 0: one for each.
    #[arg(long, default_value_t = 1)]
    pub event_loops: u32,
    /// Where, how long, and with which media.
    #[command(flatten)]
    pub common: Common,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Sent {
    /// A camera.
    Video,
    /// A voice.
    Audio,
}

/// What both have shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Subscribers.
    pub subscribers: u32,
    /// Of each medium.
    pub media: Vec<OfMedium>,
}

/// What both have shown with one medium.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfMedium {
    /// The medium.
    pub sent: Sent,
    /// Every round of Sotto.
    pub sotto: Vec<Figures>,
    /// Every round of Janus.
    pub janus: Vec<Figures>,
    /// Median of the rounds' ratios: how many times less processor time a forwarded packet takes.
    pub cpu_ratio: Option<f64>,
}

/// Compares.
///
/// # Errors
/// [`Failure`]; also where Janus is not installed.
pub async fn compare(args: &JanusArgs) -> Result<Comparison, Failure> {
    let common = Common { feedback_ms: 0, ..args.common.clone() };
    let reels = Reels::of(&common)?;
    let mut media = Vec::new();
    for &sent in &args.media {
        let seen = u32::from(sent == Sent::Video);
        let plan = Plan::webinar(
            &WebinarArgs {
                video_publishers: seen,
                audio_publishers: 1 - seen,
                subscribers: args.subscribers,
                common: common.clone(),
            },
            &reels,
        );
        let mut of = OfMedium { sent, sotto: Vec::new(), janus: Vec::new(), cpu_ratio: None };
        for _ in 0..args.rounds.max(1) {
            let target = Target::open(&common, Limits::Wide).await?;
            of.sotto.push(play_at(target, &common, &plan).await?);
            let janus = Janus::start(args.event_loops, common.server_cpu).await?;
            of.janus.push(play_at(Target::of_janus(janus), &common, &plan).await?);
        }
        of.cpu_ratio = of.ratio();
        media.push(of);
    }
    Ok(Comparison { subscribers: args.subscribers, media })
}

impl OfMedium {
    fn ratio(&self) -> Option<f64> {
        let cost = |figures: &Figures| figures.server_cpu_us_per_packet;
        let both = self.sotto.iter().zip(&self.janus);
        let mut ratios: Vec<f64> =
            both.filter_map(|(sotto, janus)| Some(cost(janus)? / cost(sotto)?)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }
}

impl Comparison {
    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain numbers and text")
    }

    /// Lines to read.
    pub fn to_table(&self) -> String {
        let mut out = String::new();
        for of in &self.media {
            let _ = writeln!(out, "{:?}, 1 -> {}", of.sent, self.subscribers);
            for (name, rounds) in [("sotto", &of.sotto), ("janus", &of.janus)] {
                for figures in rounds {
                    let _ = writeln!(
                        out,
                        "  {name}  {:>6} us a packet, {:>5} of a core, {:6.0} packets/s, p99 {:>5} ms, \
                         loss {:.2} %, {:>4} KB a participant, join p95 {:>4} ms; in {} of {}",
                        number(figures.server_cpu_us_per_packet, 2),
                        number(figures.server_cpu_share, 3),
                        figures.packets_out as f64 / figures.seconds,
                        number(figures.added_ms.p99, 1),
                        figures.loss * 100.0,
                        number(figures.rss_per_participant.map(|bytes| bytes / 1e3), 0),
                        number(figures.join_ms.p95, 0),
                        figures.joined,
                        figures.arrivals,
                    );
                    for (reason, times) in &figures.reasons {
                        let _ = writeln!(out, "  NOT IN {times} times: {reason}");
                    }
                }
            }
            match of.cpu_ratio {
                Some(ratio) => writeln!(out, "  janus : sotto = {ratio:.2}"),
                None => writeln!(out, "  no ratio"),
            }
            .expect("writing to a string does not fail");
        }
        out.truncate(out.trim_end().len());
        out
    }
}
