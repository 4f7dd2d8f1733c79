//! Convolutions over time, causal: what came before is remembered, what comes after is not waited
//! for.

use super::kernels::Kernels;

/// The last `WINDOW` values of a sequence of steps, which a layer over several steps takes as its
/// input, oldest first.
#[derive(Clone, Debug)]
pub struct History<const WINDOW: usize>([f32; WINDOW]);

impl<const WINDOW: usize> Default for History<WINDOW> {
    /// Nothing was before.
    fn default() -> Self {
        Self([0.0; WINDOW])
    }
}

impl<const WINDOW: usize> History<WINDOW> {
    /// Takes the values of the next step, and gives those of all steps that are within the window.
    pub fn push(&mut self, step: &[f32]) -> &[f32; WINDOW] {
        self.0.copy_within(step.len().., 0);
        self.0[WINDOW - step.len()..].copy_from_slice(step);
        &self.0
    }
}

/// Channels of one step of a plane `WIDTH` high and `CHANNELS` deep, with a zero at both ends.
pub type Plane<const CHANNELS: usize, const PADDED: usize> = [[f32; PADDED]; CHANNELS];

/// A convolution over 3 steps and 3 places of `IN` channels.
#[derive(Debug)]
pub struct Conv3x3<const IN: usize, const OUT: usize> {
    /// `[out][in][step, oldest first][place]`.
    weights: Box<[f32]>,
    bias: [f32; OUT],
}

impl<const IN: usize, const OUT: usize> Conv3x3<IN, OUT> {
    /// # Panics
    /// When lengths do not fit.
    pub fn new(weights: Box<[f32]>, bias: &[f32]) -> Self {
        assert_eq!(weights.len(), OUT * IN * 9);
        Self { weights, bias: bias.try_into().expect("one per channel") }
    }

    /// `tanh` of the convolution of three steps, oldest first. The ends of `out` stay as they are.
    pub fn tanh<const PADDED: usize>(
        &self,
        kernels: Kernels,
        steps: [&Plane<IN, PADDED>; 3],
        out: &mut Plane<OUT, PADDED>,
    ) {
        for ((out, weights), &bias) in
            out.iter_mut().zip(self.weights.chunks_exact(IN * 9)).zip(&self.bias)
        {
            let out = &mut out[1..PADDED - 1];
            out.fill(bias);
            let (weights, _) = weights.as_chunks::<3>();
            for (channel, weights) in weights.chunks_exact(3).enumerate() {
                for (step, weights) in steps.iter().zip(weights) {
                    kernels.add_filtered(weights, &step[channel], out);
                }
            }
            kernels.tanh(out);
        }
    }
}
