//! What the node's learners say, on its way: models to the store, the rest to the shard of their
//! speaker.
//!
//! ```text
//!  learner's thread ─► queue ─► Delivery ─┬ Model: ModelStore, for the speaker alone ─┐
//!                                         └ all else ─────────────────────────────────┴─► shard
//! ```

use std::{sync::Arc, time::Duration};

use sotto_core::{id::PeerId, input::LearnerReport, signal::Source};
use tokio::{sync::mpsc, task, time};

use crate::{
    http::MediaPlane,
    models::{ModelStore, NotHeld},
    shard::{Command, Undelivered},
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
    ) -> Result<sotto_core::input::ModelHeader, NotHeld> {
        let store = self.store.clone();
        let held = move || store.hold_learned(peer, source, consent, container);
        task::spawn_blocking(held).await.unwrap_or(Err(NotHeld::Gone))
    }
}
