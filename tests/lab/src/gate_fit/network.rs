//! A network of one hidden layer, trained by Adam (Kingma and Ba, "Adam: A Method for Stochastic
//! Optimization", ICLR 2015) on the cross-entropy; the same examples give the same network.

use sotto_codec::voice::gate::MEASURES;

use super::scenes::Kind;
use crate::Rng;

/// Hidden units, as `voice/gate/fitted.rs` has them.
const UNITS: usize = 32;
/// Deviations from its mean beyond which a measure says nothing more.
const REACH: f64 = 6.0;
const EPOCHS: usize = 40;
const BATCH: usize = 256;
const RATE: f64 = 3e-3;
/// Pull of every weight towards 0.
const DECAY: f64 = 3e-4;
const MOMENTS: [f64; 2] = [0.9, 0.999];

/// What all examples of a kind weigh together.
const fn weight_of(kind: Kind) -> f64 {
    match kind {
        Kind::Clean => 3.0,
        Kind::Quiet => 0.8,
        Kind::Noise => 1.5,
        Kind::Two => 1.8,
        Kind::Music => 1.2,
    }
}

/// A measured second, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) measures: [f64; MEASURES],
    pub(super) kind: Kind,
    pub(super) scene: String,
    pub(super) fold: usize,
}

/// From measures to a score.
#[derive(Clone, Debug)]
pub(super) struct Network {
    centre: [f64; MEASURES],
    spread: [f64; MEASURES],
    /// `[unit][measure]`, then the units' biases, their weights in the score, and its bias.
    parameters: Vec<f64>,
}

const BIASES: usize = UNITS * MEASURES;
const OUTPUT: usize = BIASES + UNITS;
const PARAMETERS: usize = OUTPUT + UNITS + 1;

impl Network {
    pub(super) fn train(examples: &[&Example]) -> Self {
        let mut network = Self::untrained(examples);
        let inputs: Vec<_> = examples.iter().map(|e| network.inputs(&e.measures)).collect();
        let weights = weights(examples);
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut rng = Rng::new(3);
        let mut moments = [vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]];
        let mut step = 0;
        for epoch in 0..EPOCHS {
            for at in (1..order.len()).rev() {
                order.swap(at, rng.next() as usize % (at + 1));
            }
            let rate = RATE * (1.0 - epoch as f64 / EPOCHS as f64);
            for batch in order.chunks(BATCH) {
                let all: f64 = batch.iter().map(|&at| weights[at]).sum();
                let mut gradient: Vec<f64> = network.parameters.iter().map(|p| DECAY * p).collect();
                for &at in batch {
                    let wanted = f64::from(u8::from(is_other(examples[at].kind)));
                    network.learn(&inputs[at], wanted, weights[at] / all, &mut gradient);
                }
                step += 1;
                let correction = MOMENTS.map(|keep| 1.0 - keep.powi(step));
                let [first, second] = &mut moments;
                let all = network.parameters.iter_mut().zip(&gradient).zip(first).zip(second);
                for (((parameter, slope), first), second) in all {
                    *first += (1.0 - MOMENTS[0]) * (slope - *first);
                    *second += (1.0 - MOMENTS[1]) * (slope * slope - *second);
                    let scale = (*second / correction[1]).sqrt() + 1e-8;
                    *parameter -= rate * *first / correction[0] / scale;
                }
            }
        }
        network
    }

    /// How surely it is something else than one voice: a log-odds ratio.
    pub(super) fn score(&self, measures: &[f64; MEASURES]) -> f64 {
        let inputs = self.inputs(measures);
        let units = self.units(&inputs);
        let output = &self.parameters[OUTPUT..];
        units.iter().zip(output).map(|(unit, weight)| unit * weight).sum::<f64>() + output[UNITS]
    }

    /// Centres, spreads, parameters: f32, little-endian.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.centre.iter().chain(&self.spread).chain(&self.parameters);
        numbers.flat_map(|number| (*number as f32).to_le_bytes()).collect()
    }

    fn untrained(examples: &[&Example]) -> Self {
        let clean: Vec<_> = examples.iter().filter(|e| e.kind == Kind::Clean).collect();
        let mean = |value: &dyn Fn(&Example) -> f64| {
            clean.iter().map(|example| value(example)).sum::<f64>() / clean.len().max(1) as f64
        };
        let centre: [f64; MEASURES] = std::array::from_fn(|at| mean(&|e| e.measures[at]));
        let spread = std::array::from_fn(|at| {
            mean(&|e| (e.measures[at] - centre[at]).powi(2)).sqrt().max(1e-6)
        });
        let mut rng = Rng::new(2);
        let scale = |at: usize| match at {
            0..BIASES => 1.0 / (MEASURES as f64).sqrt(),
            OUTPUT.. if at < PARAMETERS - 1 => 1.0 / (UNITS as f64).sqrt(),
            _ => 0.0,
        };
        let parameters = (0..PARAMETERS).map(|at| scale(at) * 3.4 * (rng.unit() - 0.5)).collect();
        Self { centre, spread, parameters }
    }

    fn inputs(&self, measures: &[f64; MEASURES]) -> [f64; MEASURES] {
        std::array::from_fn(|at| {
            ((measures[at] - self.centre[at]) / self.spread[at]).clamp(-REACH, REACH)
        })
    }

    fn units(&self, inputs: &[f64; MEASURES]) -> [f64; UNITS] {
        std::array::from_fn(|unit| {
            let weights = &self.parameters[unit * MEASURES..][..MEASURES];
            let sum: f64 = weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum();
            (sum + self.parameters[BIASES + unit]).tanh()
        })
    }

    /// Adds the slopes of one example's cross-entropy.
    fn learn(&self, inputs: &[f64; MEASURES], wanted: f64, weight: f64, gradient: &mut [f64]) {
        let units = self.units(inputs);
        let output = &self.parameters[OUTPUT..];
        let score = units.iter().zip(output).map(|(unit, weight)| unit * weight).sum::<f64>()
            + output[UNITS];
        let error = weight * (1.0 / (1.0 + (-score).exp()) - wanted);
        gradient[PARAMETERS - 1] += error;
        for (unit, value) in units.iter().enumerate() {
            gradient[OUTPUT + unit] += error * value;
            let slope = error * output[unit] * (1.0 - value * value);
            gradient[BIASES + unit] += slope;
            let row = &mut gradient[unit * MEASURES..][..MEASURES];
            for (gradient, input) in row.iter_mut().zip(inputs) {
                *gradient += slope * input;
            }
        }
    }
}

/// Whether it is something else than one voice.
const fn is_other(kind: Kind) -> bool {
    matches!(kind, Kind::Noise | Kind::Two | Kind::Music)
}

/// Of each example, so that each kind weighs what it should.
fn weights(examples: &[&Example]) -> Vec<f64> {
    let count = |kind| examples.iter().filter(|example| example.kind == kind).count();
    let kinds = [Kind::Clean, Kind::Quiet, Kind::Noise, Kind::Two, Kind::Music];
    let counts = kinds.map(|kind| (kind, count(kind)));
    let of = |kind: Kind| counts.iter().find(|(of, _)| *of == kind).map_or(1, |(_, count)| *count);
    examples.iter().map(|example| weight_of(example.kind) / of(example.kind) as f64).collect()
}
