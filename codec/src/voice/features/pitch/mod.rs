//! The pitch and how much of it there is: what a network makes of the residual's correlations and of
//! the turning of low bins, then the correlation of the low-passed residual at that very period.

mod network;
mod turning;

pub(in crate::voice) use network::PitchNetwork;
use network::{LAGS, PitchMemory, TURNS};
use turning::Turning;

use super::{HOP, Spectrum, lpc};
use crate::voice::nnet::kernels::Kernels;

/// Shortest period in samples: 500 Hz.
pub(in crate::voice) const MIN_PERIOD: usize = 32;
/// Longest period in samples: 62.5 Hz.
pub(in crate::voice) const MAX_PERIOD: usize = 256;

/// Of the sample before, added to the residual: it was whitened too much.
const TILT: f32 = 0.7;
/// How fast a correlation saturates towards 0 and 1.
const SHARPNESS: f32 = 5.0;

/// The period in samples that a pitch feature stands for; of any feature, a period that there is.
pub(in crate::voice) fn period_of(pitch: f32) -> usize {
    let samples = (0.5 + 256.0 / (f64::from(pitch) + 1.5).exp2()).floor();
    (samples as usize).clamp(MIN_PERIOD, MAX_PERIOD)
}

/// Pitch of a running signal.
#[derive(Debug)]
pub(super) struct Pitch {
    turning: Turning,
    memory: PitchMemory,
    /// The last samples of the frame before.
    before: [f32; lpc::ORDER],
    /// The residual, tilted.
    residual: Past,
    last_residual: f32,
    /// The residual below 1.2 kHz.
    low: Past,
    low_pass: LowPass,
}

/// The frame behind as many samples as a period may have.
type Past = [f32; MAX_PERIOD + HOP];

impl Pitch {
    pub(super) fn new() -> Self {
        Self {
            turning: Turning::new(),
            memory: PitchMemory::new(),
            before: [0.0; lpc::ORDER],
            residual: [0.0; MAX_PERIOD + HOP],
            last_residual: 0.0,
            low: [0.0; MAX_PERIOD + HOP],
            low_pass: LowPass::default(),
        }
    }

    /// Pitch and correlation features of the next frame, of which there are the spectrum, the
    /// prediction that whitens it and the samples around its middle.
    pub(super) fn step(
        &mut self,
        kernels: Kernels,
        network: &PitchNetwork,
        spectrum: &Spectrum,
        predictor: &lpc::Predictor,
        frame: &[f32; HOP],
    ) -> (f32, f32) {
        let turns = self.turning.step(spectrum);
        self.whiten(predictor, frame);
        let correlations = correlations(kernels, &self.residual);
        let pitch = network.step(kernels, &mut self.memory, &turns, &correlations);
        (pitch, voicing(&self.low, period_of(pitch)) - 0.5)
    }

    fn whiten(&mut self, predictor: &lpc::Predictor, frame: &[f32; HOP]) {
        let mut samples = [0.0; lpc::ORDER + HOP];
        samples[..lpc::ORDER].copy_from_slice(&self.before);
        samples[lpc::ORDER..].copy_from_slice(frame);
        self.before.copy_from_slice(&frame[HOP - lpc::ORDER..]);
        self.residual.copy_within(HOP.., 0);
        self.low.copy_within(HOP.., 0);
        let (residual, low) = (&mut self.residual[MAX_PERIOD..], &mut self.low[MAX_PERIOD..]);
        for ((tilted, low), samples) in
            residual.iter_mut().zip(low).zip(samples.windows(lpc::ORDER + 1))
        {
            let residual = lpc::residual(predictor, samples);
            *tilted = residual + TILT * self.last_residual;
            *low = self.low_pass.step(residual);
            self.last_residual = residual;
        }
    }
}

/// Correlation of the frame with what was each lag before it, longest lag first, -1 to 1.
fn correlations(kernels: Kernels, residual: &Past) -> [f32; LAGS] {
    let mut out = [0.0; LAGS];
    let frame = &residual[MAX_PERIOD..];
    kernels.correlate(frame, &residual[..LAGS + HOP], &mut out);
    let energy = dot(frame, frame);
    let mut energy_before = f64::from(dot(&residual[..HOP], &residual[..HOP]));
    for (lag, correlation) in out.iter_mut().enumerate() {
        *correlation = 2.0 * *correlation / (1.0 + energy + energy_before as f32);
        let [gone, come] = [lag, lag + HOP].map(|at| f64::from(residual[at]));
        energy_before += come * come - gone * gone;
    }
    out
}

/// How alike the frame and the one a period before are: 0 not at all, 1 the same.
fn voicing(low: &Past, period: usize) -> f32 {
    let (now, before) = (&low[MAX_PERIOD..], &low[MAX_PERIOD - period..][..HOP]);
    let correlation = dot(now, before) / (1.0 + dot(now, now) * dot(before, before)).sqrt();
    (SHARPNESS * correlation).exp().ln_1p() / SHARPNESS.exp().ln_1p()
}

/// Inner product.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// Elliptic low-pass of second order at 1.2 kHz, with 2 dB of ripple and 20 dB of attenuation.
#[derive(Debug, Default)]
struct LowPass([f32; 2]);

impl LowPass {
    const ZEROS: [f32; 2] = [-0.849_46, 1.0];
    const POLES: [f32; 2] = [-1.542_2, 0.707_81];
    /// Keeps what fades away out of the range of denormal numbers, which are slow.
    const BIAS: f32 = 1e-30;

    fn step(&mut self, value: f32) -> f32 {
        let [first, second] = self.0;
        self.0 = [
            (Self::ZEROS[0] - Self::POLES[0]) * value + second - Self::POLES[0] * first,
            (Self::ZEROS[1] - Self::POLES[1]) * value + Self::BIAS - Self::POLES[1] * first,
        ];
        value + first
    }
}
