//! A model that goes on being learned while it is in use.

use std::time::Duration;

use sotto_codec::{Learner, Model, Picture, Plugin, Raw};
use sotto_frame::{Container, Delta, Epoch};

use super::{
    learning::{Learned, NotLearned, model},
    video::Format,
};
use crate::voice::cpu::timed;

/// Seconds from the picture that a refinement was made at until everybody has it.
const ACKNOWLEDGED: f64 = 1.0;

/// A model from the picture on from which it is used.
pub(crate) struct Use {
    pub from: usize,
    pub model: Box<dyn Model>,
}

/// Which of these a picture is coded with.
pub(super) fn used(uses: &[Use], picture: usize) -> usize {
    uses.partition_point(|one| one.from <= picture).saturating_sub(1)
}

/// Models of one speaker, one after the other.
pub(crate) struct Growth<'a> {
    plugin: &'a dyn Plugin,
    learner: Option<Box<dyn Learner>>,
    body: Vec<u8>,
    uses: Vec<Use>,
    /// Bytes of what the refinements changed.
    pub bytes: usize,
    /// Processor time of learning on.
    pub time: Duration,
}

impl<'a> Growth<'a> {
    /// From what was learned on; with `grow`, its learner goes on.
    ///
    /// # Errors
    /// [`NotLearned::Model`].
    pub(crate) fn new(
        plugin: &'a dyn Plugin,
        learned: &mut Learned,
        grow: bool,
    ) -> Result<Self, NotLearned> {
        let uses = vec![Use { from: 0, model: model(plugin, &learned.body)? }];
        let learner = learned.learner.take().filter(|_| grow);
        let body = learned.body.clone();
        Ok(Self { plugin, learner, body, uses, bytes: 0, time: Duration::ZERO })
    }

    /// The models, and from when on they are used.
    pub(super) fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// Shows the learner a picture of the video that is coded, and whether the model in use misses it.
    ///
    /// # Errors
    /// [`NotLearned`].
    pub(super) fn watch(
        &mut self,
        at: usize,
        planes: &[u8],
        format: Format,
        is_missed: bool,
    ) -> Result<(), NotLearned> {
        let Some(learner) = &mut self.learner else { return Ok(()) };
        let raw = Raw::Picture(Picture::packed_i420(format.width, format.height, planes)?);
        let progress = timed(&mut self.time, || learner.push(&raw))?;
        if is_missed {
            timed(&mut self.time, || learner.push_missed(&raw))?;
        }
        if !progress.refined {
            return Ok(());
        }
        // One that does not fit yet may fit later.
        let Ok(body) = timed(&mut self.time, || learner.finish()) else { return Ok(()) };
        if body == self.body {
            return Ok(());
        }
        self.bytes += self.changed(&body);
        let from = at + 1 + format.count(ACKNOWLEDGED);
        self.uses.push(Use { from, model: model(self.plugin, &body)? });
        self.body = body;
        Ok(())
    }

    /// Bytes of the difference from the model before to this one.
    fn changed(&self, body: &[u8]) -> usize {
        let container = |body, epoch| {
            let container = Container {
                plugin: self.plugin.id(),
                plugin_version: self.plugin.version(),
                epoch: Epoch(epoch),
                created_at_ms: 0,
                body,
            };
            container.write().expect("a learner's body fits into a container").0
        };
        let epoch = self.uses.len() as u32;
        let (base, target) = (container(&self.body, epoch), container(body, epoch + 1));
        Delta::between(&base, &target).map_or(target.len(), |delta| delta.len())
    }
}
