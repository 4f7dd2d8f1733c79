//! People in model form, and the same number of people raw.
//!
//! ```text
//!  stage of models: node, crowd, settled    ┐ window │        │ window │        … drain
//!  stage of raw media: node, crowd, muted   ┘        │ window │        │ window
//!  Figures: of all windows of models together; cost: median of the windows, of both forms
//! ```
//!
//! Each stage has a node of its own, whose media thread is measured alone.

mod args;
mod budgets;
mod figures;
mod stage;
mod table;
mod window;

pub use args::BundleArgs;
pub use budgets::{Budget, budgets_of};
pub use figures::{BundleReport, Figures, Overhead};
pub use stage::{Stage, StageError};
pub use window::{Sums, Window};

use crate::crowd::{CrowdPlan, Measured};

/// Windows of each form.
const ROUNDS: usize = 5;

/// Numbers of people and intervals of a sweep.
const SWEEP: ([u32; 3], [u64; 3]) = ([1, 9, 25], [20, 40, 80]);

/// Measures what the arguments ask for.
///
/// # Errors
/// [`StageError`].
pub async fn run(args: &BundleArgs) -> Result<BundleReport, StageError> {
    if !args.sweep {
        let figures = one(args, &args.plan(args.people), args.flush_ms).await?;
        return Ok(BundleReport::One(Box::new(figures)));
    }
    let (people, intervals) = SWEEP;
    let mut rows = Vec::new();
    for people in people {
        for flush_ms in intervals {
            rows.push(one(args, &args.plan(people), flush_ms).await?);
        }
    }
    Ok(BundleReport::Sweep(rows))
}

async fn one(args: &BundleArgs, plan: &CrowdPlan, flush_ms: u64) -> Result<Figures, StageError> {
    let length = args.window(ROUNDS);
    let mut models = Stage::set(args, plan, flush_ms, Measured::Model).await?;
    let mut raw = Stage::set(args, plan, flush_ms, Measured::Raw).await?;
    raw.hush(true).await;
    let before = models.sums();
    let (mut of_models, mut of_raw) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_models.push(models.measure(length).await?);
        raw.hush(false).await;
        of_raw.push(raw.measure(length).await?);
        raw.hush(true).await;
    }
    let all = models.drained().await.since(&before);
    models.strike().await;
    raw.strike().await;
    Ok(Figures::of(args, plan, flush_ms, &all, &of_models, &of_raw))
}
