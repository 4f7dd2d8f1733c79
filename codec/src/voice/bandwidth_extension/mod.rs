//! Speech at 48 kHz of speech at 16 kHz: what is above 8 kHz is made up of what is below.
//!
//! ```text
//!  10 ms at 16 kHz ─► features ─► conditioning ─► 2 conditions, each for 5 ms of sound:
//!
//!            ┌► doubling ───────────► ┐            ┌► 3/2 ───────────► ┐
//!  sound ─► filters ─► doubling ─► shaping ─► filters ─► 3/2 ─► shaping ─► filter ─► sound
//!            └► doubling ─► log-sine ► ┘            └► 3/2 ─► log-sine ► ┘
//! ```
//!
//! The network and its weights are those of libopus 1.6.1, "BBWENet" (Büthe and Valin, "A
//! Lightweight and Robust Method for Blind Wideband-to-Fullband Extension of Speech", 2024). Shaping
//! gives noise the envelope that it must have; the log-sine, `x sin(c ln |x|)`, folds the spectrum
//! of a voice up. All filters, and the shape, are what the condition of the moment says.
//!
//! Cost: 0.8 % of a core with AVX2, 2.9 % without vectors.

mod conditioning;
mod features;
mod filter;
mod resampling;
mod shaping;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use conditioning::{CONDITION, Conditioning, ConditioningMemory};
use features::SpectralFeatures;
use filter::{AdaptiveFilter, FilterMemory};
use resampling::{Doubling, ThreeHalves};
use shaping::{Shaping, ShapingMemory};

use super::{
    features::HOP,
    nnet::kernels::Kernels,
    weights::{ExtensionWeights, Tensors, WeightsError},
};
use crate::{EXTENDED_SAMPLES, EXTENSION_FACTOR, FRAME_SAMPLES, SoundExtension};

/// Samples at 48 kHz of a frame of [`HOP`] samples at 16 kHz: 10 ms.
pub const EXTENDED_HOP: usize = EXTENSION_FACTOR * HOP;
/// Samples at 48 kHz by which the sound comes out late: 0.3 ms.
pub const DELAY: usize = 13;

/// Signals that are made side by side.
const CHANNELS: usize = 3;
/// Of these, the one that is shaped, and the one that is folded.
const SHAPED: usize = 1;
const FOLDED: usize = 2;
/// Samples of 5 ms at 16, 32 and 48 kHz.
const AT_16: usize = HOP / 2;
const AT_32: usize = 2 * AT_16;
const AT_48: usize = EXTENSION_FACTOR * AT_16;
/// Frames of known sound after which all is as if it had always run: 100 ms.
const FRAMES_BEFORE: usize = 10;

/// The weights.
#[derive(Debug)]
pub(super) struct ExtensionNetwork {
    conditioning: Conditioning,
    splitting: AdaptiveFilter<1, CHANNELS, 16, AT_16>,
    lower_shaping: Shaping<AT_32, 80, 160>,
    mixing: AdaptiveFilter<CHANNELS, CHANNELS, 32, AT_32>,
    upper_shaping: Shaping<AT_48, 120, 240>,
    joining: AdaptiveFilter<CHANNELS, 1, 16, AT_48>,
}

/// Extends a running signal.
#[derive(Debug)]
pub struct BandwidthExtension {
    weights: Arc<ExtensionWeights>,
    features: SpectralFeatures,
    memory: Memory,
}

/// What was until now: some 6 KB.
#[derive(Debug, Default)]
struct Memory {
    conditioning: ConditioningMemory,
    splitting: FilterMemory<1, CHANNELS, 16>,
    doubling: [Doubling; CHANNELS],
    lower_shaping: ShapingMemory<160>,
    mixing: FilterMemory<CHANNELS, CHANNELS, 32>,
    three_halves: [ThreeHalves; CHANNELS],
    upper_shaping: ShapingMemory<240>,
    joining: FilterMemory<CHANNELS, 1, 16>,
}

impl ExtensionNetwork {
    pub(super) fn new(tensors: &Tensors<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            conditioning: Conditioning::new(tensors)?,
            splitting: AdaptiveFilter::new(tensors, "bbwenet_af1_kernel", "bbwenet_af1_gain")?,
            lower_shaping: Shaping::new(tensors, shaping::LOWER)?,
            mixing: AdaptiveFilter::new(tensors, "bbwenet_af2_kernel", "bbwenet_af2_gain")?,
            upper_shaping: Shaping::new(tensors, shaping::UPPER)?,
            joining: AdaptiveFilter::new(tensors, "bbwenet_af3_kernel", "bbwenet_af3_gain")?,
        })
    }

    /// 5 ms.
    fn step(
        &self,
        kernels: Kernels,
        memory: &mut Memory,
        condition: &[f32; CONDITION],
        sound: &[f32; AT_16],
    ) -> [f32; AT_48] {
        let split = self.splitting.step(
            kernels,
            &mut memory.splitting,
            condition,
            std::array::from_ref(sound),
        );
        let mut at_32 = [[0.0; AT_32]; CHANNELS];
        for ((doubling, split), out) in memory.doubling.iter_mut().zip(&split).zip(&mut at_32) {
            doubling.run(split, out);
        }
        self.lower_shaping.step(kernels, &mut memory.lower_shaping, condition, &mut at_32[SHAPED]);
        kernels.log_sine(&mut at_32[FOLDED]);

        let mixed = self.mixing.step(kernels, &mut memory.mixing, condition, &at_32);
        let mut at_48 = [[0.0; AT_48]; CHANNELS];
        for ((filter, mixed), out) in memory.three_halves.iter_mut().zip(&mixed).zip(&mut at_48) {
            filter.run(mixed, out);
        }
        self.upper_shaping.step(kernels, &mut memory.upper_shaping, condition, &mut at_48[SHAPED]);
        kernels.log_sine(&mut at_48[FOLDED]);

        let [joined] = self.joining.step(kernels, &mut memory.joining, condition, &at_48);
        joined
    }
}

impl BandwidthExtension {
    /// An extension to which silence came before.
    pub fn new(weights: &Arc<ExtensionWeights>) -> Self {
        Self {
            weights: Arc::clone(weights),
            features: SpectralFeatures::new(),
            memory: Memory::default(),
        }
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {
        self.features.reset();
        self.memory = Memory::default();
    }

    /// The next 10 ms, -1 to 1, late by [`DELAY`]; where it would be beyond clipped. What is beyond
    /// in `sound` is clipped, what is no number silent; the result is finite for any samples.
    pub fn frame(&mut self, sound: &[f32; HOP], out: &mut [f32; EXTENDED_HOP]) {
        let sound = sound.map(within_full_scale);
        let ExtensionWeights { network, kernels } = &*self.weights;
        let features = self.features.frame(*kernels, &sound);
        let conditions =
            network.conditioning.step(*kernels, &mut self.memory.conditioning, &features);
        let (halves, _) = sound.as_chunks();
        let (outs, _) = out.as_chunks_mut::<AT_48>();
        for ((condition, half), out) in conditions.iter().zip(halves).zip(outs) {
            *out = network.step(*kernels, &mut self.memory, condition, half).map(within_full_scale);
        }
    }
}

impl SoundExtension for BandwidthExtension {
    fn delay(&self) -> usize {
        DELAY
    }

    fn extend(&mut self, sound: &[f32; FRAME_SAMPLES], out: &mut [f32; EXTENDED_SAMPLES]) {
        let ((frames, _), (outs, _)) = (sound.as_chunks(), out.as_chunks_mut());
        for (frame, out) in frames.iter().zip(outs) {
            self.frame(frame, out);
        }
    }

    fn restart(&mut self, before: &[f32]) {
        self.reset();
        let (_, frames) = before.as_rchunks();
        for frame in &frames[frames.len().saturating_sub(FRAMES_BEFORE)..] {
            self.frame(frame, &mut [0.0; EXTENDED_HOP]);
        }
    }
}

const _: () = assert!(FRAME_SAMPLES.is_multiple_of(HOP));

fn within_full_scale(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}
