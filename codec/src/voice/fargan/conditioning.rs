//! What the features of a frame, and of those around it, ask of its subframes.

use super::SUBFRAMES;
use crate::voice::{
    features::{FEATURES, Features, pitch::MAX_PERIOD, pitch::MIN_PERIOD},
    nnet::{Float, History, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Numbers that say how one subframe is to sound.
pub(super) const CONDITION: usize = 80;
/// Numbers that a period is known by.
const EMBEDDING: usize = 12;
const HIDDEN: usize = 64;
/// Three frames at a time.
const WINDOW: usize = 3 * HIDDEN;
const JOINED: usize = 128;

/// One frame's worth.
pub(super) type Conditions = [[f32; CONDITION]; SUBFRAMES];

/// The weights.
#[derive(Debug)]
pub(super) struct Conditioning {
    /// `[period - MIN_PERIOD]`.
    periods: Box<[[f32; EMBEDDING]]>,
    frame: Float,
    around: Quantised,
    subframes: Quantised,
}

/// The two frames before.
pub(super) type ConditioningMemory = History<WINDOW>;

impl Conditioning {
    pub(super) fn new(tensors: &Tensors<'_>) -> Result<Self, WeightsError> {
        let periods = MAX_PERIOD - MIN_PERIOD;
        let numbers = tensors.floats("cond_net_pembed", "weights_float", periods * EMBEDDING)?;
        Ok(Self {
            periods: numbers.as_chunks().0.into(),
            frame: tensors.float("cond_net_fdense1", FEATURES + EMBEDDING, HIDDEN)?,
            around: tensors.quantised("cond_net_fconv1", WINDOW, JOINED)?,
            subframes: tensors.quantised("cond_net_fdense2", JOINED, SUBFRAMES * CONDITION)?,
        })
    }

    /// Of the next frame, whose period is known.
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut ConditioningMemory,
        features: &Features,
        period: usize,
    ) -> Conditions {
        let mut input = [0.0; FEATURES + EMBEDDING];
        let place = (period - MIN_PERIOD).min(self.periods.len() - 1);
        input[..FEATURES].copy_from_slice(features);
        input[FEATURES..].copy_from_slice(&self.periods[place]);
        let mut frame = [0.0; HIDDEN];
        self.frame.apply(kernels, &input, &mut frame);
        kernels.tanh(&mut frame);
        let mut joined = [0.0; JOINED];
        self.around.tanh(kernels, memory.push(&frame), &mut joined);
        let mut conditions = [[0.0; CONDITION]; SUBFRAMES];
        self.subframes.tanh(kernels, &joined, conditions.as_flattened_mut());
        conditions
    }
}
