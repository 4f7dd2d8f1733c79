//! What is played, to whom, and what it shows.
//!
//! ```text
//!  args ─► Plan: guests in their order ─► run: join, settle, window, leave ─► Figures ─► table, JSON
//!             ▲                             │
//!          Reels                            └─ Target: a node that runs, or one of our own
//!  churn    people who come and go: what stays of them
//!  capacity more and more of them, until a bound breaks; chart: a page of that
//! ```

mod args;
mod capacity;
mod chart;
mod churn;
mod figures;
mod plan;
mod run;
mod table;
mod target;

use std::{io, path::PathBuf, sync::Arc};

use sotto_tests::media::ClipError;

pub use args::{AudioArgs, ChurnArgs, Common, Layout, MeetArgs, StormArgs, WebinarArgs};
pub use capacity::{Bound, Capacity, CapacityArgs, CostModel, Scene, Step, capacity};
pub use churn::ChurnFigures;
pub use figures::{Figures, Quantiles};
pub use plan::{Plan, Reels};
pub(crate) use table::number;
pub use target::{Limits, Target, TargetError};

use crate::{entrance::NotIn, fleet::FleetError, server::ServerError};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No node.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No clients.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// No media.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// The server cannot be measured.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The first one did not get in.
    #[error(transparent)]
    NotIn(#[from] NotIn),
    /// What is asked for is a figure of the server's process.
    #[error("what stays of people is told by the node's process: --pid names it")]
    NoProcess,
    /// The page cannot be written.
    #[error("{path}: {source}", path = path.display())]
    Html {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Rooms of people who all see and hear each other.
///
/// # Errors
/// [`Failure`].
pub async fn meet(args: &MeetArgs) -> Result<Figures, Failure> {
    let reels = Reels::of(&args.common)?;
    play(&args.common, Limits::Wide, &Plan::meet(args, &reels)).await
}

/// Some who send, many who watch.
///
/// # Errors
/// [`Failure`].
pub async fn webinar(args: &WebinarArgs) -> Result<Figures, Failure> {
    let reels = Reels::of(&args.common)?;
    play(&args.common, Limits::Wide, &Plan::webinar(args, &reels)).await
}

/// One room of voices.
///
/// # Errors
/// [`Failure`].
pub async fn audio(args: &AudioArgs) -> Result<Figures, Failure> {
    let reels = Reels::of(&args.common)?;
    play(&args.common, Limits::Wide, &Plan::audio(args, &reels)).await
}

/// People who arrive fast.
///
/// # Errors
/// [`Failure`].
pub async fn join_storm(args: &StormArgs) -> Result<Figures, Failure> {
    let reels = Reels::of(&args.common)?;
    let limits = if args.default_limits { Limits::Default } else { Limits::Wide };
    play(&args.common, limits, &Plan::storm(args, &reels)).await
}

/// People who come and go.
///
/// # Errors
/// [`Failure`].
pub async fn churn(args: &ChurnArgs) -> Result<ChurnFigures, Failure> {
    let reels = Reels::of(&args.common)?;
    let target = Arc::new(Target::open(&args.common, Limits::Wide).await?);
    let figures = churn::play(target.clone(), args, &reels).await;
    // Every lane has ended, and its share of the target with it.
    if let Some(target) = Arc::into_inner(target) {
        target.close().await;
    }
    figures
}

/// Plays any plan.
///
/// # Errors
/// [`Failure`].
pub async fn play(common: &Common, limits: Limits, plan: &Plan) -> Result<Figures, Failure> {
    play_at(Target::open(common, limits).await?, common, plan).await
}

/// Plays any plan at a server, which ends behind it if it was started for it.
///
/// # Errors
/// [`Failure`].
pub async fn play_at(target: Target, common: &Common, plan: &Plan) -> Result<Figures, Failure> {
    let figures = run::play(&target, common, plan).await;
    target.close().await;
    figures
}
