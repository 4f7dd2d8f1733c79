//! One phase: a fresh node, a crowd, a while in which nothing changes.

use std::time::Duration;

use sotto_core::signal::ModelTransport;
use sotto_tests::{
    client::{
        Report,
        models::{BundlesReport, EntriesReport, Lateness},
    },
    node::Node,
};
use tokio::time::{Instant, sleep};

use super::BundleArgs;
use crate::{
    crowd::{Crowd, CrowdError, CrowdPlan, Measured},
    processor::{MediaThreads, ProcessorError},
};

/// What is not measured at the beginning: uploads, fetches, overlapping forms, an estimate that rises.
const SETTLE: Duration = Duration::from_secs(2);
/// What is waited for at the end: payloads that are still to come.
const DRAIN: Duration = Duration::from_millis(1_300);

/// What was counted in one phase.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    /// How long it was.
    pub length: Duration,
    /// Processor time of the media thread.
    pub used: Duration,
    /// Payloads that each watcher was to get.
    pub sent: u64,
    /// What the watchers got, all together.
    pub entries: EntriesReport,
    /// The bundles of all watchers together.
    pub bundles: BundlesReport,
    /// How late payloads came.
    pub lateness: Lateness,
    /// Datagrams to all watchers together, and their bytes.
    pub datagrams: (u64, u64),
    /// Packets of raw media that all watchers together got, and how many were sent to one.
    pub raw: (u64, u64),
}

/// Why a phase was not measured.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// Nobody to measure.
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    /// Nothing to measure with.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
}

/// Measures one of `rounds` phases.
///
/// # Errors
/// [`PhaseError`].
pub async fn measure(
    args: &BundleArgs,
    plan: &CrowdPlan,
    flush_ms: u64,
    measured: Measured,
    rounds: usize,
) -> Result<Phase, PhaseError> {
    let node = Node::start_with(|config| {
        config.media.congestion_control = !args.no_congestion_control;
        config.models.bundle_interval = Some(Duration::from_millis(flush_ms));
    })
    .await;
    let crowd = plan.gather(&node, measured).await?;
    let threads = MediaThreads::find()?;
    sleep(SETTLE).await;
    let (start, before, used) = (Instant::now(), Sums::of(&crowd), threads.used()?);
    sleep(Duration::from_secs_f64(args.seconds / 2.0 / rounds as f64)).await;
    let (length, used) = (start.elapsed(), threads.used()? - used);
    let after = Sums::of(&crowd);
    sleep(DRAIN).await;
    let drained = Sums::of(&crowd);
    drop(crowd);
    node.stop().await;
    Ok(after.since(&before, &drained, length, used))
}

/// Sums over everybody at one moment.
#[derive(Clone, Debug, Default)]
struct Sums {
    sent: u64,
    raw_sent: u64,
    entries: EntriesReport,
    bundles: BundlesReport,
    lateness: Lateness,
    datagrams: (u64, u64),
    raw: u64,
}

impl Sums {
    fn of(crowd: &Crowd) -> Self {
        let mut sums = Self::default();
        for person in &crowd.people {
            person.look(|report| sums.add_person(report));
        }
        for watcher in &crowd.watchers {
            watcher.look(|report| sums.add_watcher(report));
        }
        sums
    }

    fn add_person(&mut self, report: &Report) {
        self.sent += report.models.sent.iter().map(|(_, sent)| u64::from(*sent)).sum::<u64>();
        self.raw_sent += report.sent.iter().map(|sent| u64::from(sent.packets)).sum::<u64>();
    }

    fn add_watcher(&mut self, report: &Report) {
        self.entries = self.entries.plus(&report.models.total());
        self.bundles = self.bundles.plus(&report.models.bundles);
        self.lateness.merge(&report.models.lateness);
        self.datagrams.0 += report.datagrams.0;
        self.datagrams.1 += report.datagrams.1;
        self.raw += report.slots.iter().map(|slot| slot.packets).sum::<u64>();
    }

    fn since(self, before: &Self, drained: &Self, length: Duration, used: Duration) -> Phase {
        // What is lost is known a second later: over a time that is as long, but begins later.
        let mut entries = self.entries.since(&before.entries);
        entries.lost = drained.entries.lost - before.entries.lost;
        entries.misattributed = drained.entries.misattributed;
        Phase {
            length,
            used,
            sent: self.sent - before.sent,
            entries,
            bundles: self.bundles.since(&before.bundles),
            lateness: self.lateness.since(&before.lateness),
            datagrams: (
                self.datagrams.0 - before.datagrams.0,
                self.datagrams.1 - before.datagrams.1,
            ),
            raw: (self.raw - before.raw, self.raw_sent - before.raw_sent),
        }
    }
}

/// Whether a transport is one whose losses the node can repair.
pub(super) const fn is_repaired(transport: ModelTransport) -> bool {
    matches!(transport, ModelTransport::Rtp)
}
