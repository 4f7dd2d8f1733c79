//! The network that tells the pitch (Subramani, Valin, Büthe, Smaragdis, Goodwin, "Noise-Robust
//! DSP-Assisted Neural Pitch Estimation with Very Low Complexity", ICASSP 2024).
//!
//! ```text
//!  turning of 29 bins ─► dense ─► dense ──────────┐
//!  correlation at 224 lags ─► conv 3x3 ─► conv 3x3 ┴─► dense ─► GRU ─► dense ─► 180 pitches
//! ```

use crate::voice::{
    nnet::{Conv3x3, Gru, Plane, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Lags at which the residual is correlated.
pub(super) const LAGS: usize = super::MAX_PERIOD - super::MIN_PERIOD;
/// Numbers that tell of the turning of bins.
pub(super) const TURNS: usize = 88;

const PADDED: usize = LAGS + 2;
const HIDDEN: usize = 64;
const CHANNELS: usize = 4;
/// Pitches that are told apart, of the outputs; 60 to an octave.
const PITCHES: usize = 180;
const OUTPUTS: usize = 192;
const PER_OCTAVE: f32 = 60.0;
/// What is taken off so that pitches lie around 0.
const CENTRE: f32 = 1.5;
/// Pitches on either side of the likeliest that have a say in what is between them.
const NEIGHBOURS: usize = 2;

/// The weights.
#[derive(Debug)]
pub(in crate::voice) struct PitchNetwork {
    turns: [Quantised; 2],
    correlations: (Conv3x3<1, CHANNELS>, Conv3x3<CHANNELS, 1>),
    joined: Quantised,
    memory: Gru,
    pitches: Quantised,
}

/// What the network remembers of the steps before.
#[derive(Debug)]
pub(super) struct PitchMemory {
    correlations: [Plane<1, PADDED>; 3],
    filtered: [Plane<CHANNELS, PADDED>; 3],
    state: [f32; HIDDEN],
}

impl PitchNetwork {
    pub(in crate::voice) fn new(tensors: &Tensors<'_>) -> Result<Self, WeightsError> {
        let conv = |layer, len, channels| {
            let weights = tensors.floats(layer, "weight_float", len)?;
            Ok((weights, tensors.floats(layer, "bias", channels)?))
        };
        let (first, first_bias) = conv("conv2d_1", CHANNELS * 9, CHANNELS)?;
        let (second, second_bias) = conv("conv2d_2", CHANNELS * 9, 1)?;
        Ok(Self {
            turns: [
                tensors.quantised("dense_if_upsampler_1", TURNS, HIDDEN)?,
                tensors.quantised("dense_if_upsampler_2", HIDDEN, HIDDEN)?,
            ],
            correlations: (Conv3x3::new(first, &first_bias), Conv3x3::new(second, &second_bias)),
            joined: tensors.quantised("dense_downsampler", LAGS + HIDDEN, HIDDEN)?,
            memory: Gru::new(
                tensors.quantised("gru_1_input", HIDDEN, 3 * HIDDEN)?,
                tensors.quantised("gru_1_recurrent", HIDDEN, 3 * HIDDEN)?,
            ),
            pitches: tensors.quantised("dense_final_upsampler", HIDDEN, OUTPUTS)?,
        })
    }

    /// The pitch of the next step in octaves below 62.5 Hz times 2^1.5, negative; see
    /// [`super::period_of`].
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut PitchMemory,
        turns: &[f32; TURNS],
        correlations: &[f32; LAGS],
    ) -> f32 {
        let mut joined = [0.0; LAGS + HIDDEN];
        let (filtered, hidden) = joined.split_at_mut(LAGS);
        let mut first = [0.0; HIDDEN];
        self.turns[0].tanh(kernels, turns, &mut first);
        self.turns[1].tanh(kernels, &first, hidden);

        memory.correlations.rotate_left(1);
        memory.correlations[2][0][1..PADDED - 1].copy_from_slice(correlations);
        memory.filtered.rotate_left(1);
        self.correlations.0.tanh(kernels, memory.correlations.each_ref(), &mut memory.filtered[2]);
        let mut plane = [[0.0; PADDED]];
        self.correlations.1.tanh(kernels, memory.filtered.each_ref(), &mut plane);
        filtered.copy_from_slice(&plane[0][1..PADDED - 1]);

        let mut reduced = [0.0; HIDDEN];
        self.joined.tanh(kernels, &joined, &mut reduced);
        self.memory.step(kernels, &reduced, &mut memory.state);
        let mut outputs = [0.0; OUTPUTS];
        self.pitches.apply(kernels, &memory.state, &mut outputs);
        between(&outputs[..PITCHES]) / PER_OCTAVE - CENTRE
    }
}

impl PitchMemory {
    pub(super) fn new() -> Self {
        Self {
            correlations: [[[0.0; PADDED]; 1]; 3],
            filtered: [[[0.0; PADDED]; CHANNELS]; 3],
            state: [0.0; HIDDEN],
        }
    }
}

/// Place of the highest peak, between places by the likelihoods around it.
fn between(outputs: &[f32]) -> f32 {
    let mut peak = (0, -1.0); // what is lower than -1 everywhere counts as the lowest pitch
    for (place, &output) in outputs.iter().enumerate() {
        if output > peak.1 {
            peak = (place, output);
        }
    }
    let first = peak.0.saturating_sub(NEIGHBOURS);
    let last = (peak.0 + NEIGHBOURS).min(outputs.len() - 1);
    let (mut sum, mut total) = (0.0, 0.0);
    for (place, &output) in outputs.iter().enumerate().take(last + 1).skip(first) {
        let likelihood = (output - peak.1).exp();
        sum += likelihood * place as f32;
        total += likelihood;
    }
    let mean = sum / total;
    if mean.is_finite() { mean } else { peak.0 as f32 }
}
