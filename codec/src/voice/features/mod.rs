//! What is measured in a voice: the features of LPCNet (Valin and Skoglund, "LPCNet: Improving
//! Neural Speech Synthesis Through Linear Prediction", ICASSP 2019), 20 for each 10 ms, with the
//! pitch of a network.
//!
//! ```text
//!  samples ─► pre-emphasis ─► window of 20 ms ─► bands ─► cepstrum (18)
//!                 │                 │                       │
//!                 │                 └► turning of bins ─┐   └► prediction
//!                 └► around the middle ─► residual ◄────┼──────┘
//!                                            └► correlations ─► network ─► pitch, correlation
//! ```

mod bands;
mod fft;
mod lpc;
pub(super) mod pitch;

use std::{f64::consts::FRAC_PI_2, sync::Arc};

pub(super) use bands::{BANDS, BandTables, Bands};
pub(super) use fft::{Complex, Fft};
use lpc::Correlations;
use pitch::Pitch;
pub(super) use pitch::PitchNetwork;

use super::weights::Weights;

/// Numbers that a frame is described by: 18 cepstra, pitch, correlation.
pub const FEATURES: usize = 20;
/// Where the pitch is: -1.5 for 62.5 Hz to 1.48 for 490 Hz, 1 per octave.
pub const PITCH: usize = BANDS;
/// Where the correlation at that pitch is: -0.5 for none to 0.5 for a pure tone.
pub const CORRELATION: usize = BANDS + 1;
/// The features of a frame, in the scale that networks were trained for.
pub type Features = [f32; FEATURES];
/// Samples from one frame to the next, at 16 kHz.
pub const HOP: usize = 160;

/// Samples of a window, and bins from 0 Hz to half the sampling rate.
const SIZE: usize = 2 * HOP;
const BINS: usize = SIZE / 2 + 1;
/// The bins of a window, divided by its samples.
type Spectrum = [Complex; BINS];

/// Share of the sample before that pre-emphasis takes off.
const EMPHASIS: f32 = 0.85;
/// The scale of samples inside.
const FULL_SCALE: f32 = 32_768.0;

/// Features of a running signal.
///
/// The window of a frame is the 10 ms given and the 10 ms before, and its middle lies between them:
/// the features describe the moment at which the samples given begin.
#[derive(Debug)]
pub struct Analysis {
    weights: Arc<Weights>,
    fft: Fft<SIZE>,
    bands: BandTables,
    correlations: Correlations,
    /// The rising half.
    window: [f32; HOP],
    /// The sample before, scaled.
    last: f32,
    /// The frame before, emphasised.
    before: [f32; HOP],
    pitch: Pitch,
}

impl Analysis {
    /// An analysis to which silence came before.
    pub fn new(weights: &Arc<Weights>) -> Self {
        Self {
            weights: Arc::clone(weights),
            fft: Fft::new(),
            bands: BandTables::new(),
            correlations: Correlations::new(),
            window: window(),
            last: 0.0,
            before: [0.0; HOP],
            pitch: Pitch::new(),
        }
    }

    /// Features of the next 10 ms, -1 to 1. What is beyond is clipped, what is no number silent;
    /// the features are finite for any samples.
    pub fn frame(&mut self, samples: &[f32; HOP]) -> Features {
        let frame = self.emphasise(samples);
        let spectrum = self.fft.spectrum(&self.windowed(&frame));
        let cepstrum = self.bands.cepstrum(&bands::energies(&spectrum));
        let predictor = self.correlations.predictor(&self.bands.density(&cepstrum));

        let mut middle = [0.0; HOP];
        let (earlier, later) = middle.split_at_mut(HOP / 2);
        earlier.copy_from_slice(&self.before[HOP / 2..]);
        later.copy_from_slice(&frame[..HOP / 2]);
        let (kernels, network) = (self.weights.kernels, &self.weights.pitch);
        let (pitch, correlation) =
            self.pitch.step(kernels, network, &spectrum, &predictor, &middle);

        self.before = frame;
        let mut features = [0.0; FEATURES];
        features[..BANDS].copy_from_slice(&cepstrum);
        features[PITCH] = pitch;
        features[CORRELATION] = correlation;
        features
    }

    fn emphasise(&mut self, samples: &[f32; HOP]) -> [f32; HOP] {
        samples.map(|sample| {
            let sample = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) * FULL_SCALE };
            let emphasised = sample - EMPHASIS * self.last;
            self.last = sample;
            emphasised
        })
    }

    fn windowed(&self, frame: &[f32; HOP]) -> [f32; SIZE] {
        let mut windowed = [0.0; SIZE];
        let (rising, falling) = windowed.split_at_mut(HOP);
        for ((out, sample), factor) in rising.iter_mut().zip(&self.before).zip(&self.window) {
            *out = sample * factor;
        }
        for ((out, sample), factor) in falling.iter_mut().zip(frame).zip(self.window.iter().rev()) {
            *out = sample * factor;
        }
        windowed
    }
}

/// The window of Vorbis, whose squares add up to 1 where halves overlap.
fn window() -> [f32; HOP] {
    std::array::from_fn(|at| {
        let sine = (FRAC_PI_2 * (at as f64 + 0.5) / HOP as f64).sin();
        (FRAC_PI_2 * sine * sine).sin() as f32
    })
}
