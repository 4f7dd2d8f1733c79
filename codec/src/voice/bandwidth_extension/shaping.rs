//! An envelope over time that a signal is multiplied by: what its own envelope and the condition
//! ask for.

use super::CONDITION;
use crate::voice::{
    nnet::{Float, History, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Places of its own envelope that the network sees of 5 ms, and their mean.
const PLACES: usize = 20;
const ENVELOPE: usize = PLACES + 1;
/// Added to magnitudes before their logarithm is taken: half a step of 16 bits.
const FLOOR: f32 = 1.0 / 65_536.0;
/// Slope of the activation below 0.
const LEAK: f32 = 0.2;

/// Layers by name: of the condition, of the envelope, and of both.
type Layers = [&'static str; 3];
/// Those at 32 kHz.
pub(super) const LOWER: Layers =
    ["bbwenet_tdshape1_alpha1_f", "bbwenet_tdshape1_alpha1_t", "bbwenet_tdshape1_alpha2"];
/// Those at 48 kHz.
pub(super) const UPPER: Layers =
    ["bbwenet_tdshape2_alpha1_f", "bbwenet_tdshape2_alpha1_t", "bbwenet_tdshape2_alpha2"];

/// The weights for `FRAME` samples: `HIDDEN`, half as many, logarithms of gains, each of two steps
/// (`WINDOW`) of layers below.
#[derive(Debug)]
pub(super) struct Shaping<const FRAME: usize, const HIDDEN: usize, const WINDOW: usize> {
    condition: Quantised,
    envelope: Float,
    gains: Float,
}

/// The step before, as each layer saw it, and its last logarithm.
#[derive(Debug, Default)]
pub(super) struct ShapingMemory<const WINDOW: usize> {
    condition: History<{ 2 * CONDITION }>,
    envelope: History<{ 2 * ENVELOPE }>,
    hidden: History<WINDOW>,
    last: f32,
}

impl<const FRAME: usize, const HIDDEN: usize, const WINDOW: usize> Shaping<FRAME, HIDDEN, WINDOW> {
    pub(super) fn new(tensors: &Tensors<'_>, layers: Layers) -> Result<Self, WeightsError> {
        const {
            assert!(FRAME.is_multiple_of(PLACES) && FRAME == 2 * HIDDEN && WINDOW == 2 * HIDDEN);
        }
        let [condition, envelope, gains] = layers;
        Ok(Self {
            condition: tensors.quantised(condition, 2 * CONDITION, HIDDEN)?,
            envelope: tensors.float(envelope, 2 * ENVELOPE, HIDDEN)?,
            gains: tensors.float(gains, WINDOW, HIDDEN)?,
        })
    }

    /// Shapes the next 5 ms.
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut ShapingMemory<WINDOW>,
        condition: &[f32; CONDITION],
        signal: &mut [f32; FRAME],
    ) {
        let (mut hidden, mut of_envelope) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        let envelope = envelope_of(kernels, signal);
        self.condition.apply(kernels, memory.condition.push(condition), &mut hidden);
        self.envelope.apply(kernels, memory.envelope.push(&envelope), &mut of_envelope);
        for (hidden, of_envelope) in hidden.iter_mut().zip(&of_envelope) {
            let sum = *hidden + of_envelope;
            *hidden = if sum >= 0.0 { sum } else { LEAK * sum };
        }
        let mut logarithms = [0.0; HIDDEN];
        self.gains.apply(kernels, memory.hidden.push(&hidden), &mut logarithms);

        let mut gains = [0.0; FRAME];
        let (pairs, _) = gains.as_chunks_mut();
        for (pair, &logarithm) in pairs.iter_mut().zip(&logarithms) {
            *pair = [0.5 * (memory.last + logarithm), logarithm];
            memory.last = logarithm;
        }
        kernels.exp(&mut gains);
        for (sample, gain) in signal.iter_mut().zip(&gains) {
            *sample *= gain;
        }
    }
}

/// Logarithms of the magnitude at each place, relative to their mean, and the mean.
fn envelope_of(kernels: Kernels, signal: &[f32]) -> [f32; ENVELOPE] {
    let mut envelope = [0.0; ENVELOPE];
    let (places, mean) = envelope.split_at_mut(PLACES);
    let pool = signal.len() / PLACES;
    for (place, samples) in places.iter_mut().zip(signal.chunks_exact(pool)) {
        let sum: f32 = samples.iter().map(|sample| sample.abs()).sum();
        *place = sum / pool as f32 + FLOOR;
    }
    kernels.ln(places);
    mean[0] = places.iter().sum::<f32>() / PLACES as f32;
    places.iter_mut().for_each(|place| *place -= mean[0]);
    envelope
}
