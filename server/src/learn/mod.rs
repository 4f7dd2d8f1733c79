//! Models learned on the node, from raw media that publishers send: of those who agreed, and whose
//! devices do not learn themselves.
//!
//! ```text
//!  shard ─ Tap::packet (droppable) ─► Course ═ pipes ═► sotto learner, a process for each job
//!                                        ▲          Intake ─► Opus ───────────► voice learner ─┐
//!                                        │                └─► frames ═ ffmpeg ─► face learner ─┤
//!  Report ◄──────────────────────────────┴────────────────────── models, progress ◄────────────┘
//! ```
//!
//! Learning is never on a media thread: a tap copies packets into a bounded queue, and drops them where
//! that is full. What strangers send is decoded in a child process with limits (address space, processor
//! time, no files), behind everything else in priority: one that crashes, hangs or writes garbage costs
//! its own job. Where [`crate::config::Isolation::Thread`] is chosen a thread does the same work over the
//! same pipes, without limits and without being killed.

mod course;
pub mod depacketise;
mod face;
mod ffmpeg;
pub mod intake;
mod job;
mod learner;
mod lessons;
mod limits;
mod pictures;
mod pool;
mod queue;
pub mod reorder;
mod stats;
mod submission;
mod tap;
mod voice;
pub mod wire;
mod work;

pub use ffmpeg::Decoders;
pub use job::{FailedReason, Job, JobKey, RefusedReason, Report};
pub use learner::SUBCOMMAND;
pub use pool::{Learners, Reporter};
pub use sotto_core::output::Worth;
pub use stats::LearnerStats;
pub use tap::Tap;
pub use work::{WorkError, run};

use std::time::{Duration, Instant};

/// Whether something that is not to be done more often may be done again.
fn is_time(last: Option<Instant>, interval: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now.duration_since(last) >= interval)
}
