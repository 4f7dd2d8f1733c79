//! Filters whose taps a condition gives anew every 5 ms.

use std::f64::consts::PI;

use super::{AT_48, CONDITION};
use crate::voice::{
    nnet::{Float, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Most that a gain is, in either direction, as a logarithm: 12 dB.
const MAX_LOG_GAIN: f32 = 1.381_551;
/// Keeps a length of zero out of a division.
const FLOOR: f32 = 1e-6;
/// Most taps.
const MAX_TAPS: usize = 32;
/// Longest input with what was before it.
const LONGEST: usize = MAX_TAPS + AT_48;

/// The weights of `OUT` filters over `IN` channels of `FRAME` samples: `TAPS` each, causal.
#[derive(Debug)]
pub(super) struct AdaptiveFilter<
    const IN: usize,
    const OUT: usize,
    const TAPS: usize,
    const FRAME: usize,
> {
    taps: Quantised,
    gains: Float,
    /// Share of the filter before, over the first half of a frame.
    falling: Box<[f32]>,
}

/// What the filter did until now.
#[derive(Debug)]
pub(super) struct FilterMemory<const IN: usize, const OUT: usize, const TAPS: usize> {
    /// The end of the input before.
    before: [[f32; TAPS]; IN],
    taps: Taps<IN, OUT, TAPS>,
}

/// `[out][in][tap, oldest sample first]`.
type Taps<const IN: usize, const OUT: usize, const TAPS: usize> = [[[f32; TAPS]; IN]; OUT];

impl<const IN: usize, const OUT: usize, const TAPS: usize> Default for FilterMemory<IN, OUT, TAPS> {
    /// Nothing was before, and nothing was let through.
    fn default() -> Self {
        Self { before: [[0.0; TAPS]; IN], taps: [[[0.0; TAPS]; IN]; OUT] }
    }
}

impl<const IN: usize, const OUT: usize, const TAPS: usize, const FRAME: usize>
    AdaptiveFilter<IN, OUT, TAPS, FRAME>
{
    pub(super) fn new(
        tensors: &Tensors<'_>,
        taps: &'static str,
        gains: &'static str,
    ) -> Result<Self, WeightsError> {
        const { assert!(TAPS <= MAX_TAPS && FRAME <= AT_48) };
        let overlap = FRAME / 2;
        let falling = |at| 0.5 + 0.5 * (PI * (at as f64 + 0.5) / overlap as f64).cos();
        Ok(Self {
            taps: tensors.quantised(taps, CONDITION, OUT * IN * TAPS)?,
            gains: tensors.float(gains, CONDITION, OUT)?,
            falling: (0..overlap).map(|at| falling(at) as f32).collect(),
        })
    }

    /// The next 5 ms: half of it is faded over from the filter before.
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut FilterMemory<IN, OUT, TAPS>,
        condition: &[f32; CONDITION],
        input: &[[f32; FRAME]; IN],
    ) -> [[f32; FRAME]; OUT] {
        let taps = self.taps_for(kernels, condition);
        let mut out = [[0.0; FRAME]; OUT];
        for (channel, (before, input)) in memory.before.iter_mut().zip(input).enumerate() {
            let mut longer = [0.0; LONGEST];
            longer[..TAPS].copy_from_slice(before);
            longer[TAPS..TAPS + FRAME].copy_from_slice(input);
            let longer = &longer[..TAPS + FRAME];
            for ((out, old), new) in out.iter_mut().zip(&memory.taps).zip(&taps) {
                self.add_filtered(kernels, [&old[channel], &new[channel]], &longer[1..], out);
            }
            before.copy_from_slice(&longer[FRAME..]);
        }
        memory.taps = taps;
        out
    }

    fn add_filtered(
        &self,
        kernels: Kernels,
        [old, new]: [&[f32; TAPS]; 2],
        input: &[f32],
        out: &mut [f32; FRAME],
    ) {
        let (mut fresh, mut fading) = ([0.0; FRAME], [0.0; FRAME]);
        let fading = &mut fading[..self.falling.len()];
        kernels.correlate(new, input, &mut fresh);
        kernels.correlate(old, input, fading);
        for ((fresh, fading), falling) in fresh.iter_mut().zip(fading).zip(&self.falling) {
            *fresh = falling * *fading + (1.0 - falling) * *fresh;
        }
        for (out, fresh) in out.iter_mut().zip(&fresh) {
            *out += fresh;
        }
    }

    /// Each filter as long, over all its channels, as its gain says.
    fn taps_for(&self, kernels: Kernels, condition: &[f32; CONDITION]) -> Taps<IN, OUT, TAPS> {
        let (mut taps, mut gains) = ([[[0.0; TAPS]; IN]; OUT], [0.0; OUT]);
        self.taps.apply(kernels, condition, taps.as_flattened_mut().as_flattened_mut());
        self.gains.apply(kernels, condition, &mut gains);
        kernels.tanh(&mut gains);
        gains = gains.map(|gain| MAX_LOG_GAIN * gain);
        kernels.exp(&mut gains);
        for (taps, gain) in taps.iter_mut().zip(gains) {
            let taps = taps.as_flattened_mut();
            let energy: f32 = taps.iter().map(|tap| tap * tap).sum();
            // Weights may be anything finite: what no length can be had of lets nothing through.
            if energy.is_finite() {
                let factor = gain / (FLOOR + energy.sqrt());
                taps.iter_mut().for_each(|tap| *tap *= factor);
            } else {
                taps.fill(0.0);
            }
        }
        taps
    }
}
