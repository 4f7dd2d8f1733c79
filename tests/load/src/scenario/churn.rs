//! People who come and go for long: whether anything of them stays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    Failure, Reels, Target,
    args::{ChurnArgs, seconds},
    plan::passer_by,
    run::bar,
};
use crate::{fleet::Fleet, server::Usage};

/// Readings of the server over a run.
const READINGS: u32 = 20;
/// How long the server has to be rid of the last ones: its own time-outs are shorter.
const SETTLING: Duration = Duration::from_secs(5);

/// What a churning crowd has left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChurnFigures {
    /// What was played.
    pub scenario: &'static str,
    /// People who came and went.
    pub cycles: u32,
    /// People who did not get in.
    pub failed: u32,
    /// The first reason, where there was one.
    pub reason: Option<String>,
    /// Seconds that it took.
    pub seconds: f64,
    /// Resident memory over the run, in bytes, evenly spread.
    pub rss_bytes: Vec<u64>,
    /// How much more was resident at the end than when half of them were gone, in percent of that.
    pub rss_growth_last_half_pct: f64,
    /// Open files that were not there before anybody came.
    pub leaked_files: i64,
    /// The same of threads.
    pub leaked_threads: i64,
    /// Both together; below zero counts as none.
    pub leaked: i64,
    /// Packets of another room: a failure.
    pub wrong_room: u64,
}

impl ChurnFigures {
    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain numbers and text")
    }

    /// A line to read.
    pub fn to_table(&self) -> String {
        let megabytes = |bytes: Option<&u64>| bytes.map_or(0.0, |bytes| *bytes as f64 / 1e6);
        format!(
            "churn: {} came and went in {:.0} s, {} did not get in; resident {:.1} -> {:.1} MB, \
             {:+.2} % over the last half; {} files and {} threads more than before",
            self.cycles,
            self.seconds,
            self.failed,
            megabytes(self.rss_bytes.first()),
            megabytes(self.rss_bytes.last()),
            self.rss_growth_last_half_pct,
            self.leaked_files,
            self.leaked_threads,
        )
    }
}

/// Lets people come and go.
///
/// # Errors
/// [`Failure`]; also where the process of the node is not known.
pub(super) async fn play(
    target: Arc<Target>,
    args: &ChurnArgs,
    reels: &Reels,
) -> Result<ChurnFigures, Failure> {
    let fleet = Arc::new(Fleet::new()?);
    let usage = || target.usage()?.ok_or(Failure::NoProcess);
    let began = std::time::Instant::now();
    let next = Arc::new(AtomicU32::new(0));
    let mut lanes = JoinSet::new();
    // What the first ones bring into being for all of those behind them is not theirs.
    let before = warm_up(&target, &fleet, args, reels).await.and(usage())?;
    for lane in 0..args.at_once.max(1) {
        let (target, fleet, next) = (target.clone(), fleet.clone(), next.clone());
        let (args, reels) = (args.clone(), reels.clone());
        lanes.spawn(async move { come_and_go(&target, &fleet, &next, &args, &reels, lane).await });
    }
    let bar = bar(args.cycles.into(), "churning");
    let mut rss_bytes = vec![before.resident];
    let mut figures = ChurnFigures { scenario: "churn", cycles: args.cycles, ..Default::default() };
    let step = (args.cycles / READINGS).max(1);
    let mut watch = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            lane = lanes.join_next() => match lane {
                Some(Ok(lane)) => {
                    figures.failed += lane.failed;
                    figures.reason = figures.reason.or(lane.reason);
                }
                Some(Err(error)) => figures.reason = Some(error.to_string()),
                None => break,
            },
            _ = watch.tick() => {
                let done = next.load(Ordering::Relaxed).min(args.cycles);
                bar.set_position(done.into());
                if done >= step * rss_bytes.len() as u32 {
                    rss_bytes.push(usage()?.resident);
                }
            }
        }
    }
    bar.finish_and_clear();
    figures.seconds = began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLING).await;
    let after: Usage = usage()?;
    rss_bytes.push(after.resident);
    let half = rss_bytes[rss_bytes.len() / 2].max(1) as f64;
    figures.rss_growth_last_half_pct = (after.resident as f64 / half - 1.0) * 100.0;
    figures.rss_bytes = rss_bytes;
    figures.leaked_files = after.files as i64 - before.files as i64;
    figures.leaked_threads = after.threads as i64 - before.threads as i64;
    figures.leaked = figures.leaked_files.max(0) + figures.leaked_threads.max(0);
    figures.wrong_room = fleet.tally().await?.wrong_room;
    Ok(figures)
}

/// What became of the people of one lane.
#[derive(Default)]
struct Lane {
    failed: u32,
    reason: Option<String>,
}

async fn warm_up(
    target: &Target,
    fleet: &Arc<Fleet>,
    args: &ChurnArgs,
    reels: &Reels,
) -> Result<(), Failure> {
    let guest = passer_by(&args.common, reels, u32::MAX, usize::MAX);
    let seat = target.join(fleet.clone(), guest).await?;
    seat.leave(fleet).await;
    Ok(())
}

async fn come_and_go(
    target: &Target,
    fleet: &Arc<Fleet>,
    next: &AtomicU32,
    args: &ChurnArgs,
    reels: &Reels,
    number: u32,
) -> Lane {
    let mut random = SmallRng::seed_from_u64(args.common.seed ^ u64::from(number) << 32);
    let mut lane = Lane::default();
    loop {
        let cycle = next.fetch_add(1, Ordering::Relaxed);
        if cycle >= args.cycles {
            return lane;
        }
        let room = cycle / args.participants.max(1);
        let guest = passer_by(&args.common, reels, room, cycle as usize);
        match target.join(fleet.clone(), guest).await {
            Ok(seat) => {
                tokio::time::sleep(seconds(args.stay * random.random_range(0.5..1.0))).await;
                seat.leave(fleet).await;
            }
            Err(not_in) => {
                lane.failed += 1;
                lane.reason.get_or_insert(not_in.to_string());
            }
        }
    }
}
