//! The vocoder: FARGAN (Valin, Mustafa, Büthe, "Very Low Complexity Speech Synthesis Using Framewise
//! Autoregressive GAN (FARGAN) with Pitch Prediction", 2024).
//!
//! ```text
//!  features ─► conditioning, over three frames ─► 4 conditions ─► subframe ─► de-emphasis ─► sound
//!                                                     the last sounds ┘ ▲ │
//!                                                              └────────┴─┘
//! ```
//!
//! Features of samples that begin at some time give the sound from 15 ms to 5 ms before that time: an
//! analysis and a vocoder one behind the other delay sound by 15 ms beside the 10 ms of a frame
//! (240 samples, where resynthesised speech is most like its original).

mod conditioning;
mod subframe;

use std::sync::Arc;

use conditioning::{Conditioning, ConditioningMemory};
pub(super) use subframe::Rounding;
use subframe::{SUBFRAME, Signal, SignalMemory};

use super::{
    features::{FEATURES, Features, HOP, PITCH, pitch::period_of},
    nnet::History,
    weights::{Tensors, Weights, WeightsError},
};

/// Subframes of a frame.
const SUBFRAMES: usize = HOP / SUBFRAME;
/// Samples of known sound that a vocoder goes on from: 20 ms.
pub const BEFORE: usize = 2 * HOP;
/// Frames that the known sound is the end of.
pub const FRAMES_BEFORE: usize = 5;
/// Share of the sample before that de-emphasis adds.
const EMPHASIS: f32 = 0.85;
/// Most that a feature is, in any direction: twice what any sound has.
const MAX_FEATURE: f32 = 50.0;

/// The weights.
#[derive(Debug)]
pub(super) struct VocoderNetwork {
    conditioning: Conditioning,
    signal: Signal,
}

/// Makes a voice of features.
#[derive(Debug)]
pub struct Vocoder {
    weights: Arc<Weights>,
    memory: Option<Memory>,
}

/// What was until now.
#[derive(Debug)]
struct Memory {
    conditioning: ConditioningMemory,
    signal: SignalMemory,
    /// Of the frame before, which is what a frame is made with.
    period: usize,
    /// The sample before.
    last: f32,
}

impl VocoderNetwork {
    pub(super) fn new(tensors: &Tensors<'_>, rounding: Rounding) -> Result<Self, WeightsError> {
        let conditioning = Conditioning::new(tensors)?;
        Ok(Self { conditioning, signal: Signal::new(tensors, rounding)? })
    }
}

impl Vocoder {
    /// A vocoder that nothing was heard from; unless it is primed, it begins as if silence had been
    /// before, with the features of its first frame.
    pub fn new(weights: &Arc<Weights>) -> Self {
        Self { weights: Arc::clone(weights), memory: None }
    }

    /// Goes on from 20 ms of sound, -1 to 1, and the features of the five frames that end with it,
    /// whatever was before. The next frame is the one behind the last of them.
    pub fn prime(&mut self, before: &[f32; BEFORE], features: &[Features; FRAMES_BEFORE]) {
        let mut memory = Memory {
            conditioning: History::default(),
            signal: SignalMemory::new(),
            period: period_of(0.0),
            last: 0.0,
        };
        let mut period = memory.period;
        let Weights { kernels, vocoder, .. } = &*self.weights;
        let mut conditions = [[0.0; conditioning::CONDITION]; SUBFRAMES];
        for features in features {
            let features = bounded(features, MAX_FEATURE);
            memory.period = period;
            period = period_of(features[PITCH]);
            conditions =
                vocoder.conditioning.step(*kernels, &mut memory.conditioning, &features, period);
        }
        let before = bounded(before, 1.0);
        let emphasised = emphasise(&before);
        let (earlier, later) = emphasised.split_at(HOP);
        memory.signal.replace(earlier);
        for (condition, known) in conditions.iter().zip(later.chunks_exact(SUBFRAME)) {
            vocoder.signal.step(*kernels, &mut memory.signal, condition, memory.period);
            memory.signal.replace(known);
        }
        memory.last = before[BEFORE - 1];
        self.memory = Some(memory);
    }

    /// The next 10 ms, -1 to 1, where it would be beyond clipped. It is finite for any features;
    /// what is no number in them counts as 0.
    pub fn frame(&mut self, features: &Features, out: &mut [f32; HOP]) {
        let features = bounded(features, MAX_FEATURE);
        if self.memory.is_none() {
            self.prime(&[0.0; BEFORE], &[features; FRAMES_BEFORE]);
        }
        let memory = self.memory.as_mut().expect("it was primed just now");
        let Weights { kernels, vocoder, .. } = &*self.weights;
        let period = period_of(features[PITCH]);
        let conditions =
            vocoder.conditioning.step(*kernels, &mut memory.conditioning, &features, period);
        for (condition, out) in conditions.iter().zip(out.chunks_exact_mut(SUBFRAME)) {
            let sound = vocoder.signal.step(*kernels, &mut memory.signal, condition, memory.period);
            for (out, sample) in out.iter_mut().zip(sound) {
                memory.last = sample + EMPHASIS * memory.last;
                *out = memory.last.clamp(-1.0, 1.0);
            }
        }
        memory.period = period;
    }
}

/// Every sample without its share of the one before; of the first, that is not known.
fn emphasise(sound: &[f32; BEFORE]) -> [f32; BEFORE] {
    std::array::from_fn(|at| if at == 0 { 0.0 } else { sound[at] - EMPHASIS * sound[at - 1] })
}

/// Numbers up to a bound as they are, and 0 for what is no number.
fn bounded<const LEN: usize>(numbers: &[f32; LEN], bound: f32) -> [f32; LEN] {
    numbers.map(|number| if number.is_nan() { 0.0 } else { number.clamp(-bound, bound) })
}

const _: () = assert!(PITCH < FEATURES && SUBFRAMES * SUBFRAME == HOP);
