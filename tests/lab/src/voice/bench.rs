//! One plug-in on its bench: the models of all speakers, and what is measured with them.

use std::{collections::BTreeMap, sync::Arc};

use sotto_codec::{LearnError, Model, Plugin, SOUND_RATE, voice::weights::Weights};

use super::{
    Arguments, ModelKind, Subject,
    coded::{CodeError, Coded, code},
    learning::{Learned, NotLearned, learn, model},
    metrics::{ScoreError, Scorer},
    mix::{babble, pink_noise},
    set::{Set, Speaker},
};
use crate::sound::Clip;

/// Talkers of a babble.
const BABBLE: usize = 6;
/// As long as noise is before it repeats.
const NOISE_SECONDS: usize = 20;

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The plug-in breaks its promises.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The learner breaks its own.
    #[error(transparent)]
    Learn(#[from] NotLearned),
    /// libopus does.
    #[error("opus: {0}")]
    Opus(#[from] opus::Error),
    /// Python does.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// There is no model of the kind asked for.
    #[error("no {0:?} model for {1}")]
    NoModel(ModelKind, String),
}

/// A plug-in and all that it is measured with.
pub(super) struct Bench<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) arguments: &'a Arguments,
    pub(super) set: &'a Set,
    pub(super) scorer: Option<&'a Scorer>,
    pub(super) weights: Arc<Weights>,
    /// By the names of the speakers.
    learned: BTreeMap<&'a str, Result<Learned, LearnError>>,
}

impl<'a> Bench<'a> {
    /// Learns all speakers.
    pub(super) fn new(
        subject: &'a dyn Subject,
        arguments: &'a Arguments,
        set: &'a Set,
        scorer: Option<&'a Scorer>,
    ) -> Result<Self, MeasureError> {
        let plugin = subject.plugin(arguments.step, arguments.redundancy);
        let mut learned = BTreeMap::new();
        for speaker in &set.speakers {
            let result = match learn(&*plugin, &speaker.training) {
                Ok(model) => Ok(model),
                Err(NotLearned::Learner(reason)) => Err(reason),
                Err(fault) => return Err(fault.into()),
            };
            learned.insert(&*speaker.name, result);
        }
        Ok(Self {
            subject,
            arguments,
            set,
            scorer,
            weights: Arc::new(Weights::embedded()),
            learned,
        })
    }

    /// What was learned of a speaker of the set.
    pub(super) fn learned(&self, speaker: &Speaker) -> Result<&Learned, LearnError> {
        self.learned[&*speaker.name].as_ref().map_err(|&reason| reason)
    }

    /// Other people of whom there are models, beginning with the one who comes next in the set.
    pub(super) fn strangers(
        &self,
        speaker: &Speaker,
    ) -> impl Iterator<Item = (&Speaker, &Learned)> {
        let speakers = &self.set.speakers;
        let own = speakers.iter().position(|other| other.name == speaker.name).unwrap_or(0);
        let name = speaker.name.clone();
        speakers[own..]
            .iter()
            .chain(&speakers[..own])
            .filter(move |other| !self.arguments.is_same_person(&other.name, &name))
            .filter_map(|other| Some((other, self.learned(other).ok()?)))
    }

    /// The model of the kind that the arguments ask for; the generic one for whom nothing was
    /// learned of.
    pub(super) fn chosen_model(
        &self,
        plugin: &dyn Plugin,
        speaker: &Speaker,
        learned: Option<&Learned>,
    ) -> Result<Box<dyn Model>, MeasureError> {
        let kind = self.arguments.model;
        let stranger = || self.strangers(speaker).next().map(|(_, theirs)| theirs);
        let chosen = match (kind, learned) {
            (ModelKind::Own, Some(learned)) => Some(model(plugin, learned)),
            (ModelKind::Own, None) | (ModelKind::Generic, _) => plugin.generic(),
            (ModelKind::Wrong, _) => stranger().map(|theirs| model(plugin, theirs)),
        };
        chosen.ok_or_else(|| MeasureError::NoModel(kind, speaker.name.clone()))
    }

    pub(super) fn code(&self, model: &dyn Model, source: &[f32]) -> Result<Coded, CodeError> {
        code(model, source, self.subject.delay(), |fidelity| self.subject.red_now(fidelity))
    }

    /// All kinds of noise that a speaker is mixed with.
    pub(super) fn noises(&self, speaker: &Speaker) -> Vec<Clip> {
        let len = NOISE_SECONDS * SOUND_RATE as usize;
        let pink = pink_noise(len, self.arguments.seed);
        let mut noises = vec![Clip { name: "pink".into(), samples: pink }];
        let others = self.strangers(speaker).take(BABBLE).map(|(other, _)| &*other.training);
        let samples = babble(others);
        if !samples.is_empty() {
            noises.push(Clip { name: "babble".into(), samples });
        }
        noises.extend(self.set.noise.iter().cloned());
        noises
    }
}
