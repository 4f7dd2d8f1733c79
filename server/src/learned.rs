//! Between the node's learners and all else: jobs come from the shards; models go to the store, what
//! else is said to the shard of the speaker.
//!
//! ```text
//!  shard ─► begin ─► learner
//!  learner's thread ─► reporter ─► queue ─► Delivery ─┬ Model: ModelStore, for the speaker alone ─┐
//!                                         └ all else ─────────────────────────────────┴─► shard
//! ```

use std::{sync::Arc, time::Duration};

use sotto_core::{
    id::PeerId,
    input::{LearnerReport, ModelHeader},
    output::Worth,
    signal::Source,
};
use tokio::{sync::mpsc, task, time};

use crate::{
    http::MediaPlane,
    learn::{FailedReason, Job, JobKey, Learners, RefusedReason, Report, Reporter, Tap},
    models::{ModelStore, NotHeld},
    shard::{BeginLearning, Command, MediaTap, Undelivered},
};

/// Reports that may wait here. Learners make a few a second.
pub const QUEUE: usize = 1_024;

/// Pause before a command that must not be lost is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A report of a learner.
#[derive(Clone, PartialEq)]
pub struct Told {
    /// Whose source it learns.
    pub peer: PeerId,
    /// Microphone or camera.
    pub source: Source,
    /// Which job of that.
    pub number: u32,
    /// How often the speaker had taken back the consent when the job began.
    pub consent: u32,
    /// What it says.
    pub said: Said,
}

/// What a learner says.
#[derive(Clone, PartialEq)]
pub enum Said {
    /// Anything but a model.
    Report(LearnerReport),
    /// A container.
    Model(Vec<u8>),
}

impl MediaTap for Tap {
    fn packet(&mut self, rtp: &[u8]) {
        Self::packet(self, rtp);
    }

    fn set_worth(&mut self, worth: Worth) {
        Self::set_worth(self, worth);
    }
}

/// Begins the jobs of a shard.
pub fn begin(learners: Learners) -> BeginLearning {
    Box::new(move |peer, source, job| {
        let key = JobKey { peer, source, generation: job.number, consent: job.consent };
        let (format, first_epoch, worth) = (job.format, job.first_epoch, job.worth);
        Box::new(learners.begin(Job { key, format, first_epoch, worth }))
    })
}

/// Queues what learners say, from their threads.
pub fn reporter(queue: mpsc::Sender<Told>) -> Reporter {
    Arc::new(move |key, report| {
        let JobKey { peer, source, generation, consent } = key;
        let Some(said) = said(report) else { return };
        let told = Told { peer, source, number: generation, consent, said };
        // Full: the node is behind by minutes. A learner does not wait for it; its next word may pass.
        if queue.try_send(told).is_err() {
            tracing::warn!(peer = peer.0, ?source, "a report of a learner was lost");
        }
    })
}

/// A report in the words of the core; `None`: of no use to it.
fn said(report: Report) -> Option<Said> {
    Some(Said::Report(match report {
        Report::Model { container, .. } => return Some(Said::Model(container)),
        // It goes on: nothing has changed.
        Report::Unfit => return None,
        Report::Waiting => LearnerReport::Waiting,
        Report::Running => LearnerReport::Running,
        Report::Progress(share) => {
            LearnerReport::Progress { per_mille: (share.clamp(0.0, 1.0) * 1_000.0) as u16 }
        }
        Report::KeyframeWanted => LearnerReport::KeyframeWanted,
        Report::Refused(RefusedReason::QueueFull) => LearnerReport::Full,
        Report::Refused(RefusedReason::Disabled | RefusedReason::NoDecoder)
        | Report::Failed(FailedReason::Decoder) => LearnerReport::Refused,
        Report::Failed(
            FailedReason::NotStarted
            | FailedReason::Crashed
            | FailedReason::Hung
            | FailedReason::Garbage,
        ) => LearnerReport::Failed,
    }))
}

/// Takes what learners say to where it belongs.
pub struct Delivery {
    store: Arc<ModelStore>,
    media: Arc<dyn MediaPlane>,
}

impl Delivery {
    /// Between these.
    pub fn new(store: Arc<ModelStore>, media: Arc<dyn MediaPlane>) -> Self {
        Self { store, media }
    }

    /// Delivers until nobody is left who could say anything.
    pub async fn run(self, mut told: mpsc::Receiver<Told>) {
        while let Some(told) = told.recv().await {
            self.deliver(told).await;
        }
    }

    /// Delivers one report. A model whose speaker has left or thought better of it goes nowhere.
    pub async fn deliver(&self, told: Told) {
        let Told { peer, source, number, consent, said } = told;
        let report = match said {
            Said::Report(report) => report,
            Said::Model(container) => match self.hold(peer, source, consent, container).await {
                Ok(model) => LearnerReport::Model(model),
                Err(NotHeld::Gone | NotHeld::Withdrawn) => return,
                Err(error) => {
                    tracing::warn!(peer = peer.0, ?source, %error, "a learned model is not used");
                    return;
                }
            },
        };
        loop {
            match self.media.try_send(peer, Command::Learner { peer, source, number, report }) {
                // Full: how far it is can wait for the next word; all else is tried again.
                Err(Undelivered::Full) if !matches!(report, LearnerReport::Progress { .. }) => {
                    time::sleep(RETRY_PAUSE).await;
                }
                Ok(()) | Err(Undelivered::Full | Undelivered::Stopped) => return,
            }
        }
    }

    /// Holds a model for its speaker, not on a thread that serves others.
    async fn hold(
        &self,
        peer: PeerId,
        source: Source,
        consent: u32,
        container: Vec<u8>,
    ) -> Result<ModelHeader, NotHeld> {
        let store = self.store.clone();
        let held = move || store.hold_learned(peer, source, consent, container);
        task::spawn_blocking(held).await.unwrap_or(Err(NotHeld::Gone))
    }
}
