//! What the features of a frame, and of those before it, ask of its two halves.

use super::features::FEATURES;
use crate::voice::{
    nnet::{Float, Gru, History, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Numbers that say how 5 ms are to sound, each within -1 to 1.
pub(super) const CONDITION: usize = 128;
/// Halves of a frame.
const HALVES: usize = 2;
/// Three frames at a time.
const FRAMES: usize = 3;

/// The weights.
#[derive(Debug)]
pub(super) struct Conditioning {
    first: Float,
    second: Quantised,
    halves: Quantised,
    unit: Gru,
}

/// The two frames before, as each layer saw them, and the state.
#[derive(Debug)]
pub(super) struct ConditioningMemory {
    first: History<{ FRAMES * FEATURES }>,
    second: History<{ FRAMES * CONDITION }>,
    state: [f32; CONDITION],
}

impl Default for ConditioningMemory {
    /// Nothing was before.
    fn default() -> Self {
        Self { first: History::default(), second: History::default(), state: [0.0; CONDITION] }
    }
}

impl Conditioning {
    pub(super) fn new(tensors: &Tensors<'_>) -> Result<Self, WeightsError> {
        let gru = |layer| tensors.quantised(layer, CONDITION, 3 * CONDITION);
        Ok(Self {
            first: tensors.float("bbwenet_fnet_conv1", FRAMES * FEATURES, CONDITION)?,
            second: tensors.quantised("bbwenet_fnet_conv2", FRAMES * CONDITION, CONDITION)?,
            halves: tensors.quantised("bbwenet_fnet_tconv", CONDITION, HALVES * CONDITION)?,
            unit: Gru::new(gru("bbwenet_fnet_gru_input")?, gru("bbwenet_fnet_gru_recurrent")?),
        })
    }

    /// Of the next frame.
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut ConditioningMemory,
        features: &[f32; FEATURES],
    ) -> [[f32; CONDITION]; HALVES] {
        let (mut first, mut second) = ([0.0; CONDITION], [0.0; CONDITION]);
        self.first.apply(kernels, memory.first.push(features), &mut first);
        kernels.tanh(&mut first);
        self.second.tanh(kernels, memory.second.push(&first), &mut second);
        let mut halves = [[0.0; CONDITION]; HALVES];
        self.halves.tanh(kernels, &second, halves.as_flattened_mut());
        halves.map(|half| {
            self.unit.step(kernels, &half, &mut memory.state);
            memory.state
        })
    }
}
