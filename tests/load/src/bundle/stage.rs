//! A node with a crowd in one form.

use std::time::Duration;

use sotto_core::signal::Source;
use sotto_tests::{client::Unmet, node::Node};
use tokio::time::{Instant, sleep};

use super::{
    BundleArgs,
    window::{Sums, Window},
};
use crate::{
    crowd::{Crowd, CrowdError, CrowdPlan, Measured},
    processor::{MediaThreads, ProcessorError},
};

/// How long a node may take to stop raw media that nobody needs: it waits ten seconds itself.
const STOPPING: Duration = Duration::from_secs(20);
/// What is not measured behind a change: pictures that begin anew, an estimate that rises.
const SETTLING: Duration = Duration::from_millis(1_500);
/// What is waited for at the end: payloads that are still to come.
const DRAIN: Duration = Duration::from_millis(1_300);

/// A node and its crowd.
pub struct Stage {
    node: Node,
    crowd: Crowd,
    measured: Measured,
    threads: MediaThreads,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Nobody to measure.
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    /// The node goes on to ask for raw media.
    #[error(transparent)]
    Unmet(#[from] Box<Unmet>),
    /// Nothing to measure with.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
}

impl Stage {
    /// Starts a node, brings a crowd into it, and waits until nothing changes any more.
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn set(
        args: &BundleArgs,
        plan: &CrowdPlan,
        flush_ms: u64,
        measured: Measured,
    ) -> Result<Self, StageError> {
        let others = MediaThreads::find()?;
        let node = Node::start_with(|config| {
            config.media.congestion_control = !args.no_congestion_control;
            config.models.bundle_interval = Some(Duration::from_millis(flush_ms));
        })
        .await;
        let mut crowd = plan.gather(&node, measured).await?;
        // Its thread has its name by now.
        let threads = MediaThreads::find()?.without(&others)?;
        if measured == Measured::Model {
            for person in &mut crowd.people {
                let stopped = person.within(STOPPING, "raw media are stopped", |report| {
                    report.sent.iter().all(|sent| !sent.wanted)
                });
                stopped.await.map_err(Box::new)?;
            }
        }
        sleep(SETTLING).await;
        Ok(Self { node, crowd, measured, threads })
    }

    /// Lets everybody be silent and dark, or no longer so.
    pub async fn hush(&self, hushed: bool) {
        for person in &self.crowd.people {
            for source in [Source::Camera, Source::Microphone] {
                person.mute(source, hushed).await;
            }
        }
        sleep(SETTLING).await;
    }

    /// Counts for so long.
    ///
    /// # Errors
    /// [`ProcessorError`].
    pub async fn measure(&mut self, length: Duration) -> Result<Window, StageError> {
        let (start, used, before) = (Instant::now(), self.threads.used()?, self.sums());
        sleep(length).await;
        let (length, used) = (start.elapsed(), self.threads.used()? - used);
        Ok(Window { length, used, sums: self.sums().since(&before) })
    }

    /// What was counted so far.
    pub fn sums(&self) -> Sums {
        Sums::of(&self.crowd, self.measured)
    }

    /// What was counted so far, with what of it comes late: what was lost is known then.
    pub async fn drained(&self) -> Sums {
        let now = self.sums();
        sleep(DRAIN).await;
        let mut drained = self.sums();
        (drained.due, drained.came) = (now.due, now.came);
        drained
    }

    /// Ends everything.
    pub async fn strike(self) {
        drop(self.crowd);
        self.node.stop().await;
    }
}
