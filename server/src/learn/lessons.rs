//! A codec's learner, and when its models are handed out: the same as in a browser
//! (`web-client/src/sdk/models/lessons.ts`).

use std::time::{Duration, Instant};

use sotto_codec::{LearnError, Learner, MediaError, Progress, Raw, Registry};
use sotto_frame::{Container, Epoch, PluginId};

use super::{is_time, wire::FromLearner};
use crate::models::since_1970;

/// Least time between two models: each is fetched by everybody. Also between two attempts.
const REFINE_INTERVAL: Duration = Duration::from_secs(10);
/// How often progress is told.
const TELL_INTERVAL: Duration = Duration::from_millis(500);

/// Learns one speaker.
pub(super) struct Lessons {
    registry: Registry,
    plugin: PluginId,
    learner: Box<dyn Learner>,
    /// Of the next model.
    epoch: Epoch,
    /// When a model was made last, or could not be.
    tried: Option<Instant>,
    told: Option<Instant>,
}

/// This build has no such plug-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no plug-in {0}")]
pub(super) struct NoPlugin(PluginId);

impl Lessons {
    pub(super) fn new(plugin: PluginId, first_epoch: Epoch) -> Result<Self, NoPlugin> {
        let registry = Registry::standard();
        let learner = registry.get(plugin).ok_or(NoPlugin(plugin))?.learner();
        Ok(Self { registry, plugin, learner, epoch: first_epoch, tried: None, told: None })
    }

    /// Takes the next piece of media, and says what comes of it. Making a model takes as long as it
    /// takes: up to 13 s of a core for a face.
    ///
    /// # Errors
    /// The media are of the wrong kind or size, which is a fault of the caller.
    pub(super) fn take(
        &mut self,
        raw: &Raw<'_>,
        now: Instant,
        mut say: impl FnMut(&FromLearner<'_>),
    ) -> Result<(), MediaError> {
        let progress = self.learner.push(raw)?;
        if is_time(self.told, TELL_INTERVAL, now) {
            self.told = Some(now);
            say(&FromLearner::Progress(progress.per_mille.min(1_000)));
        }
        if self.is_due(progress, now) {
            self.tried = Some(now);
            say(&FromLearner::Progress(progress.per_mille.min(1_000)));
            self.finish(say);
        }
        Ok(())
    }

    /// Forgets the speaker: another one, or the same in another shape, is learned from here on. Epochs
    /// go on.
    pub(super) fn restart(&mut self) {
        if let Some(plugin) = self.registry.get(self.plugin) {
            self.learner = plugin.learner();
            self.tried = None;
        }
    }

    /// The first model is made as soon as there can be one, the others when they are worth it. One that
    /// did not fit is tried again when the learner sees a chance.
    fn is_due(&self, progress: Progress, now: Instant) -> bool {
        match self.tried {
            None => progress.usable,
            tried => progress.refined && is_time(tried, REFINE_INTERVAL, now),
        }
    }

    fn finish(&mut self, mut say: impl FnMut(&FromLearner<'_>)) {
        let body = match self.learner.finish() {
            Ok(body) => body,
            Err(LearnError::Unfit) => return say(&FromLearner::Unfit),
            // It is asked only once it says that it is ready.
            Err(LearnError::TooLittle) => return,
        };
        let Some(plugin) = self.registry.get(self.plugin) else { return };
        let epoch = self.epoch;
        let container = Container {
            plugin: self.plugin,
            plugin_version: plugin.version(),
            epoch,
            created_at_ms: u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX),
            body: &body,
        };
        // A body that is too long for a container is none of ours: 160 KB at most.
        if let Ok((container, _)) = container.write() {
            self.epoch = Epoch(epoch.0.wrapping_add(1));
            say(&FromLearner::Model { epoch, container: &container });
        }
    }
}
