//! The model of the person in a clip.

use std::time::Duration;

use sotto_codec::{LearnError, Learner, MediaError, Model, ModelError, Picture, Plugin, Raw};

use super::video::{Video, VideoError};
use crate::voice::cpu::timed;

/// What was learned.
pub(crate) struct Learned {
    /// What can learn on, until somebody takes it.
    pub learner: Option<Box<dyn Learner>>,
    /// Body of the last model.
    pub body: Vec<u8>,
    /// Models made, the last one included, and pictures until then: one whenever the learner says
    /// that it is worth it, and one at the end.
    pub epochs: Vec<(Vec<u8>, usize)>,
    /// All of learning.
    pub time: Duration,
}

impl Learned {
    /// The first model there was: its bytes, and pictures until then.
    pub(super) fn first(&self) -> (usize, usize) {
        self.epochs.first().map_or((self.body.len(), 0), |(body, at)| (body.len(), *at))
    }
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum NotLearned {
    /// The learner has none.
    #[error(transparent)]
    Learner(#[from] LearnError),
    /// The learner refuses pictures that it must take.
    #[error("picture refused: {0}")]
    Media(#[from] MediaError),
    /// The plug-in does not read what its learner writes.
    #[error("own model refused: {0}")]
    Model(#[from] ModelError),
    /// There are no pictures.
    #[error(transparent)]
    Video(#[from] VideoError),
}

/// Learns from the first pictures of a video as they come, epoch by epoch.
///
/// # Errors
/// [`NotLearned`].
pub(crate) fn learn(
    plugin: &dyn Plugin,
    video: &Video,
    pictures: usize,
) -> Result<Learned, NotLearned> {
    let mut learner = plugin.learner();
    let (mut time, mut epochs) = (Duration::ZERO, Vec::new());
    let format = video.format();
    for at in 0..pictures {
        let planes = video.picture(at)?;
        let picture = Picture::packed_i420(format.width, format.height, &planes)?;
        let progress = timed(&mut time, || learner.push(&Raw::Picture(picture)))?;
        // One that does not fit yet may fit later.
        if progress.usable
            && progress.refined
            && let Ok(body) = timed(&mut time, || learner.finish())
        {
            epochs.push((body, at + 1));
        }
    }
    let body = timed(&mut time, || learner.finish())?;
    epochs.push((body.clone(), pictures));
    Ok(Learned { learner: Some(learner), body, epochs, time })
}

/// The model of a body that this plug-in's learner wrote.
///
/// # Errors
/// [`NotLearned::Model`].
pub(super) fn model(plugin: &dyn Plugin, body: &[u8]) -> Result<Box<dyn Model>, NotLearned> {
    Ok(plugin.model(body)?)
}
