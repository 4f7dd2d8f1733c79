//! People in model form, and the same people raw, in turn.
//!
//! ```text
//!  round 1: node, crowd in model form ─ settle ─ measure │ node, crowd raw ─ settle ─ measure
//!  round 2: the same again                                      … and so on
//!  Figures: of all model phases together; cost: median of the rounds, of both forms
//! ```

mod args;
mod budgets;
mod figures;
mod phase;
mod table;

pub use args::BundleArgs;
pub use budgets::{Budget, budgets_of};
pub use figures::{BundleReport, Figures};
pub use phase::{Phase, measure};

use crate::crowd::Measured;

/// Rounds of both forms.
const ROUNDS: usize = 3;

/// Numbers of people and flush intervals of a sweep.
const SWEEP: ([u32; 3], [u64; 3]) = ([1, 9, 25], [20, 40, 80]);

/// Measures what the arguments ask for.
///
/// # Errors
/// What kept it from being measured, in words.
pub async fn run(args: &BundleArgs) -> Result<BundleReport, String> {
    if !args.sweep {
        return Ok(BundleReport::One(Box::new(one(args, args.people, args.flush_ms).await?)));
    }
    let (people, intervals) = SWEEP;
    let mut rows = Vec::new();
    for people in people {
        for flush_ms in intervals {
            rows.push(one(args, people, flush_ms).await?);
        }
    }
    Ok(BundleReport::Sweep(rows))
}

async fn one(args: &BundleArgs, people: u32, flush_ms: u64) -> Result<Figures, String> {
    let plan = args.plan(people);
    let (mut models, mut raws) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for measured in [Measured::Model, Measured::Raw] {
            let phase = measure(args, &plan, flush_ms, measured, ROUNDS);
            let phase = phase.await.map_err(|error| format!("{measured:?}: {error}"))?;
            if measured == Measured::Model { models.push(phase) } else { raws.push(phase) }
        }
    }
    Ok(Figures::of(args, &plan, flush_ms, &models, &raws))
}
