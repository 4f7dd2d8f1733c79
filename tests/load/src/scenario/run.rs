//! Plays a plan.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::{JoinError, JoinSet};

use super::{
    Failure, Figures, Plan, Quantiles, Target,
    args::{Common, seconds},
};
use crate::{
    entrance::{NotIn, Seat},
    fleet::{Fleet, Tally},
    server::{Process, Usage},
};

/// A crowd that is in.
pub(super) struct Crowd {
    pub(super) fleet: Arc<Fleet>,
    pub(super) seats: Vec<Seat>,
    /// What the joining has shown.
    pub(super) figures: Figures,
}

/// What was read at one time.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    at: Instant,
    server: Option<Usage>,
    clients: Usage,
    tally: Tally,
}

impl Reading {
    pub(super) async fn take(target: &Target, fleet: &Fleet) -> Result<Self, Failure> {
        Ok(Self {
            tally: fleet.tally().await?,
            server: target.usage()?,
            clients: Process { pid: std::process::id() }.usage()?,
            at: Instant::now(),
        })
    }
}

impl Figures {
    /// Enters what happened between two readings; `empty` was taken before anybody came.
    pub(super) fn between(&mut self, empty: &Reading, begin: &Reading, end: &Reading) {
        let window = end.at - begin.at;
        self.count(window, &end.tally.since(&begin.tally));
        if let (Some(empty), Some(begin), Some(end)) = (empty.server, begin.server, end.server) {
            self.charge(empty, begin, end);
        }
        let clients = end.clients.processor.saturating_sub(begin.clients.processor);
        self.client_cpu_share = clients.as_secs_f64() / window.as_secs_f64();
    }
}

/// Brings everybody in, measures, lets everybody go.
///
/// # Errors
/// [`Failure`]. People who do not get in are figures, not errors.
pub(super) async fn play(
    target: &Target,
    common: &Common,
    plan: &Plan,
) -> Result<Figures, Failure> {
    let fleet = Arc::new(Fleet::new()?);
    let empty = Reading::take(target, &fleet).await?;
    let mut crowd = gather(target, common, plan, fleet).await;
    tokio::time::sleep(common.settling()).await;
    let begin = Reading::take(target, &crowd.fleet).await?;
    wait(common.window(), "measuring").await;
    let end = Reading::take(target, &crowd.fleet).await?;
    crowd.figures.between(&empty, &begin, &end);
    let figures = crowd.figures.clone();
    crowd.disperse().await;
    Ok(figures)
}

/// Brings everybody in, as fast as they are to come.
pub(super) async fn gather(
    target: &Target,
    common: &Common,
    plan: &Plan,
    fleet: Arc<Fleet>,
) -> Crowd {
    let bar = bar(plan.guests.len() as u64, "joining");
    let between = seconds(1.0 / common.num_per_second.max(1e-3));
    let began = Instant::now();
    let mut coming = JoinSet::new();
    let mut figures = Figures {
        scenario: plan.scenario,
        arrivals: plan.guests.len() as u64,
        ..Figures::default()
    };
    let mut seats = Vec::new();
    let mut enter = |came: Result<Seat, NotIn>| {
        bar.inc(1);
        match came {
            Ok(seat) => {
                figures.joined += 1;
                seats.push(seat);
            }
            Err(not_in) => {
                let refused = matches!(not_in, NotIn::Refused { .. });
                figures.refused += u64::from(refused);
                figures.failed += u64::from(!refused);
                *figures.reasons.entry(not_in.to_string()).or_default() += 1;
            }
        }
    };
    let broken = |error: JoinError| Err(NotIn::Failed(error.to_string()));
    for (i, guest) in plan.guests.iter().cloned().enumerate() {
        let due = began + between * i as u32;
        tokio::time::sleep_until(due.into()).await;
        coming.spawn(target.join(fleet.clone(), guest));
        while let Some(came) = coming.try_join_next() {
            enter(came.unwrap_or_else(broken));
        }
    }
    while let Some(came) = coming.join_next().await {
        enter(came.unwrap_or_else(broken));
    }
    bar.finish_and_clear();
    figures.join_s = began.elapsed().as_secs_f64();
    let times =
        seats.iter().map(|seat: &Seat| seat.joined.first_packet.unwrap_or(seat.joined.connected));
    figures.join_ms = Quantiles::of_times(times);
    Crowd { fleet, seats, figures }
}

impl Crowd {
    /// Everybody leaves.
    pub(super) async fn disperse(self) {
        let mut leaving = JoinSet::new();
        for seat in self.seats {
            let fleet = self.fleet.clone();
            leaving.spawn(async move { seat.leave(&fleet).await });
        }
        leaving.join_all().await;
    }
}

pub(super) async fn wait(time: Duration, what: &'static str) {
    let bar = bar(time.as_millis() as u64, what);
    let began = Instant::now();
    while began.elapsed() < time {
        let left = time.saturating_sub(began.elapsed());
        tokio::time::sleep(left.min(Duration::from_millis(250))).await;
        bar.set_position(began.elapsed().as_millis() as u64);
    }
    bar.finish_and_clear();
}

/// A bar on standard error, where that is a terminal.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>10} [{bar:40}] {pos}/{len} {eta}");
    ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}
