//! 2.5 ms of sound at a time, from what was a period ago and what was just before.
//!
//! ```text
//!  condition, a period ago, before ─► conv ─► gate ─┬─► GRU ─► gate ─┬─► GRU ─► gate ─┬─► GRU ─► gate ─┐
//!                                                   │                │                │                │
//!                                                   └────────────────┴────────────────┴─► dense ─► gate ┴─► dense ─► sound
//! ```
//! Each GRU and the dense layer behind them also take what was a period ago, as loud as a gate of
//! their own lets it be, and what was before. Everything inside is relative to one gain.

use std::mem;

use super::conditioning::CONDITION;
use crate::voice::{
    features::pitch::MAX_PERIOD,
    nnet::{Float, Gru, History, Quantised, kernels::Kernels},
    weights::{Tensors, WeightsError},
};

/// Samples of a subframe.
pub(super) const SUBFRAME: usize = 40;

/// Samples before and behind a subframe, a period ago, that are seen too.
const MARGIN: usize = 2;
const WIDE: usize = SUBFRAME + 2 * MARGIN;
const INPUT: usize = CONDITION + WIDE + SUBFRAME;
/// Two subframes at a time.
const WINDOW: usize = 2 * INPUT;
const FIRST: usize = 192;
const UNITS: [usize; 3] = [160, 128, 128];
const MAX_UNITS: usize = UNITS[0];
const JOINED: usize = 128;
/// What was a period ago and what was before, beside what a layer before gives.
const PAST: usize = 2 * SUBFRAME;
const ALL: usize = UNITS[0] + UNITS[1] + UNITS[2] + FIRST + PAST;
/// Each GRU's and the last layer's share of what was a period ago.
const SHARES: usize = 4;
/// Most that a gain may be, as a logarithm, in any direction: far beyond what sound needs.
const MAX_LOG_GAIN: f32 = 30.0;
/// Keeps a gain of zero out of a division.
const FLOOR: f32 = 1e-5;

/// Which layers with weights of 8 bits take inputs that are rounded to 8 bits, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::voice) enum Rounding {
    /// All of them, as in libopus.
    #[cfg(test)]
    Everywhere,
    /// All but the last one, whose sums are sound: rounding its inputs is heard as noise. Over four
    /// speakers PESQ-WB is 0.10 to 0.36 higher without, for some thousandth of a core.
    BeforeSound,
}

/// The weights.
#[derive(Debug)]
pub(super) struct Signal {
    gain: Float,
    first: Quantised,
    first_gate: Quantised,
    shares: Float,
    units: [Gru; 3],
    unit_gates: [Quantised; 3],
    joined: Quantised,
    joined_gate: Quantised,
    sound: Sound,
}

/// The last layer.
#[derive(Debug)]
enum Sound {
    #[cfg(test)]
    Rounded(Quantised),
    Exact(Float),
}

/// What was until now.
#[derive(Clone, Debug)]
pub(super) struct SignalMemory {
    /// The last samples, before de-emphasis.
    past: [f32; MAX_PERIOD],
    window: History<WINDOW>,
    /// Of each GRU, behind which the array may be longer.
    states: [[f32; MAX_UNITS]; UNITS.len()],
}

impl Signal {
    pub(super) fn new(tensors: &Tensors<'_>, rounding: Rounding) -> Result<Self, WeightsError> {
        let sound = tensors.quantised("sig_net_sig_dense_out", JOINED, SUBFRAME)?;
        let gru = |[input, recurrent]: [&'static str; 2], columns, units| {
            let input = tensors.unbiased(input, columns, 3 * units)?;
            Ok(Gru::new(input, tensors.unbiased(recurrent, units, 3 * units)?))
        };
        Ok(Self {
            gain: tensors.float("sig_net_cond_gain_dense", CONDITION, 1)?,
            first: tensors.quantised("sig_net_fwc0_conv", WINDOW, FIRST)?,
            first_gate: tensors.quantised("sig_net_fwc0_glu_gate", FIRST, FIRST)?,
            shares: tensors.float("sig_net_gain_dense_out", FIRST, SHARES)?,
            units: [
                gru(["sig_net_gru1_input", "sig_net_gru1_recurrent"], FIRST + PAST, UNITS[0])?,
                gru(["sig_net_gru2_input", "sig_net_gru2_recurrent"], UNITS[0] + PAST, UNITS[1])?,
                gru(["sig_net_gru3_input", "sig_net_gru3_recurrent"], UNITS[1] + PAST, UNITS[2])?,
            ],
            unit_gates: [
                tensors.quantised("sig_net_gru1_glu_gate", UNITS[0], UNITS[0])?,
                tensors.quantised("sig_net_gru2_glu_gate", UNITS[1], UNITS[1])?,
                tensors.quantised("sig_net_gru3_glu_gate", UNITS[2], UNITS[2])?,
            ],
            joined: tensors.quantised("sig_net_skip_dense", ALL, JOINED)?,
            joined_gate: tensors.quantised("sig_net_skip_glu_gate", JOINED, JOINED)?,
            sound: match rounding {
                #[cfg(test)]
                Rounding::Everywhere => Sound::Rounded(sound),
                Rounding::BeforeSound => Sound::Exact(sound.exact()),
            },
        })
    }

    /// The next subframe, before de-emphasis.
    pub(super) fn step(
        &self,
        kernels: Kernels,
        memory: &mut SignalMemory,
        condition: &[f32; CONDITION],
        period: usize,
    ) -> [f32; SUBFRAME] {
        let mut gain = [0.0];
        self.gain.apply(kernels, condition, &mut gain);
        let gain = if gain[0].is_nan() { 0.0 } else { gain[0] }; // weights may be anything finite
        let gain = f64::from(gain.clamp(-MAX_LOG_GAIN, MAX_LOG_GAIN)).exp() as f32;
        let ago = memory.a_period_ago(period, gain);
        let before = memory.before(gain);

        let mut input = [0.0; INPUT];
        input[..CONDITION].copy_from_slice(condition);
        input[CONDITION..CONDITION + WIDE].copy_from_slice(&ago);
        input[CONDITION + WIDE..].copy_from_slice(&before);
        let mut first = [0.0; FIRST];
        self.first.tanh(kernels, memory.window.push(&input), &mut first);
        self.first_gate.gate(kernels, &mut first);

        let mut shares = [0.0; SHARES];
        self.shares.apply(kernels, &first, &mut shares);
        kernels.sigmoid(&mut shares);
        let past = shares.map(|share| past_of(share, &ago, &before));

        // What the layer behind takes: the three GRUs, the first layer, the past.
        let mut all = [0.0; ALL];
        let mut rest = &mut all[..];
        let mut below = &first[..];
        for (at, state) in memory.states.each_mut().into_iter().enumerate() {
            let units = UNITS[at];
            let mut input = [0.0; FIRST + PAST];
            let input = &mut input[..below.len() + PAST];
            input[..below.len()].copy_from_slice(below);
            input[below.len()..].copy_from_slice(&past[at]);
            self.units[at].step(kernels, input, &mut state[..units]);
            let (out, behind) = mem::take(&mut rest).split_at_mut(units);
            out.copy_from_slice(&state[..units]);
            self.unit_gates[at].gate(kernels, out);
            (below, rest) = (out, behind);
        }
        rest[..FIRST].copy_from_slice(&first);
        rest[FIRST..].copy_from_slice(&past[UNITS.len()]);

        let mut joined = [0.0; JOINED];
        self.joined.tanh(kernels, &all, &mut joined);
        self.joined_gate.gate(kernels, &mut joined);
        let mut sound = [0.0; SUBFRAME];
        match &self.sound {
            #[cfg(test)]
            Sound::Rounded(layer) => layer.apply(kernels, &joined, &mut sound),
            Sound::Exact(layer) => layer.apply(kernels, &joined, &mut sound),
        }
        kernels.tanh(&mut sound);
        let sound = sound.map(|sample| sample * gain);
        memory.push(&sound);
        sound
    }
}

impl SignalMemory {
    /// Silence before.
    pub(super) fn new() -> Self {
        Self {
            past: [0.0; MAX_PERIOD],
            window: History::default(),
            states: [[0.0; MAX_UNITS]; UNITS.len()],
        }
    }

    /// Puts other samples in place of the last ones, before de-emphasis.
    pub(super) fn replace(&mut self, samples: &[f32]) {
        self.past[MAX_PERIOD - samples.len()..].copy_from_slice(samples);
    }

    fn push(&mut self, sound: &[f32; SUBFRAME]) {
        self.past.copy_within(SUBFRAME.., 0);
        self.replace(sound);
    }

    /// What a period before the subframe was, and a margin, relative to the gain; what has not been
    /// yet is that of two periods ago.
    fn a_period_ago(&self, period: usize, gain: f32) -> [f32; WIDE] {
        let factor = relative(gain);
        let first = MAX_PERIOD - period;
        std::array::from_fn(|at| {
            let wanted = first + at;
            let wrapped = if wanted < MARGIN { 0 } else { wrap(wanted - MARGIN, period) };
            (self.past[wrapped] * factor).clamp(-1.0, 1.0)
        })
    }

    /// The subframe before, relative to the gain.
    fn before(&self, gain: f32) -> [f32; SUBFRAME] {
        let factor = relative(gain);
        std::array::from_fn(|at| (self.past[MAX_PERIOD - SUBFRAME + at] * factor).clamp(-1.0, 1.0))
    }
}

/// A place in the past: one that is not past yet, a period before that, or two.
fn wrap(place: usize, period: usize) -> usize {
    let mut place = place;
    while place >= MAX_PERIOD {
        place -= period;
    }
    place
}

fn relative(gain: f32) -> f32 {
    1.0 / (FLOOR + gain)
}

/// What was a period ago, as loud as that, and what was before.
fn past_of(share: f32, ago: &[f32; WIDE], before: &[f32; SUBFRAME]) -> [f32; PAST] {
    let mut past = [0.0; PAST];
    for (past, ago) in past.iter_mut().zip(&ago[MARGIN..MARGIN + SUBFRAME]) {
        *past = share * ago;
    }
    past[SUBFRAME..].copy_from_slice(before);
    past
}
