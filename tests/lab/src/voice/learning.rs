//! Models of the speakers of a set.

use std::time::Duration;

use sotto_codec::{LearnError, MediaError, Model, Plugin, Raw, Sound};

use super::cpu::timed;

/// Samples that a learner is given at a time: 20 ms, as decoders give them.
const PIECE: usize = 320;

/// What was learned of one speaker.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    /// Body of the last model.
    pub body: Vec<u8>,
    /// Models made, the last one included, and samples until then: one whenever the learner says
    /// that it is worth it, and one at the end.
    pub epochs: Vec<(Vec<u8>, usize)>,
    /// All of learning.
    pub time: Duration,
}

/// Why there is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLearned {
    /// The learner has none.
    #[error(transparent)]
    Learner(#[from] LearnError),
    /// The learner refuses sound that it must take.
    #[error("sound refused: {0}")]
    Media(#[from] MediaError),
}

/// Learns from a sound as it goes on, epoch by epoch.
///
/// # Errors
/// [`NotLearned`].
pub(crate) fn learn(plugin: &dyn Plugin, training: &[f32]) -> Result<Learned, NotLearned> {
    let mut learner = plugin.learner();
    let mut time = Duration::ZERO;
    let (mut epochs, mut heard) = (Vec::new(), 0);
    for piece in training.chunks(PIECE) {
        heard += piece.len();
        let progress = timed(&mut time, || learner.push(&Raw::Sound(Sound::new(piece))))?;
        if progress.usable && progress.refined {
            // One that does not fit yet may fit later.
            let body = timed(&mut time, || learner.finish());
            epochs.extend(body.ok().map(|body| (body, heard)));
        }
    }
    let body = timed(&mut time, || learner.finish())?;
    epochs.push((body.clone(), heard));
    Ok(Learned { body, epochs, time })
}

/// The model of a body that this plug-in's learner wrote.
///
/// # Panics
/// Where the plug-in cannot read what it writes.
pub(crate) fn model(plugin: &dyn Plugin, learned: &Learned) -> Box<dyn Model> {
    plugin.model(&learned.body).expect("a plug-in reads the models that it learns")
}
