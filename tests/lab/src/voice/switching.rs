//! Whether it can be heard when a voice changes between raw and model form.

use std::f32::consts::PI;

use serde::Serialize;
use sotto_codec::{FRAME_SAMPLES, Model, SOUND_RATE};

use super::{
    activity::Activity,
    coded::{CodeError, decoder},
};

/// Payloads between two changes: half a second.
const PERIOD: usize = 6;
/// Raw sound that the decoder is told before a change to the model form: 100 ms.
const TOLD: usize = SOUND_RATE as usize / 10;
/// Length of the cross-fade back: 20 ms.
const FADE: usize = SOUND_RATE as usize / 50;
/// How far from a change is looked: 20 ms.
const NEAR: usize = SOUND_RATE as usize / 50;
/// What the ear takes for one moment: 5 ms.
const MOMENT: usize = SOUND_RATE as usize / 200;

/// What was found around the changes in the midst of speech, against what raw sound and decoded
/// sound without a change have at the same places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SwitchingFigures {
    /// Changes looked at.
    pub changes: usize,
    /// Largest step from sample to sample over the largest of the signals themselves: the worst
    /// change, and the worst of 19 in 20.
    pub step_ratio_worst: f64,
    /// See `step_ratio_worst`.
    pub step_ratio_p95: f64,
    /// High frequencies (of the second difference, +12 dB an octave) in the loudest 5 ms over those
    /// of the signals themselves, in dB: the worst change, and the worst of 19 in 20.
    pub splash_db_worst: f64,
    /// See `splash_db_worst`.
    pub splash_db_p95: f64,
}

/// Changes the form of a sound every half second. `None` where nobody spoke at any of the changes.
///
/// # Errors
/// [`CodeError`].
pub(super) fn switching_figures(
    model: &dyn Model,
    source: &[f32],
    payloads: &[Vec<u8>],
    delay: usize,
    activity: &Activity,
) -> Result<Option<SwitchingFigures>, CodeError> {
    let raw = delayed(source, delay, payloads.len() * FRAME_SAMPLES);
    let decoded = decode_all(model, payloads)?;
    let heard = switched(model, &raw, payloads)?;
    let (mut steps, mut splashes) = (Vec::new(), Vec::new());
    for change in (PERIOD..payloads.len()).step_by(PERIOD) {
        let at = change * FRAME_SAMPLES;
        let near = at - NEAR..(at + NEAR).min(heard.len());
        if !activity.speaks(near.start.saturating_sub(delay)..near.end.saturating_sub(delay)) {
            continue;
        }
        let over = |measure: fn(&[f32]) -> f64| {
            let own = measure(&raw[near.clone()]).max(measure(&decoded[near.clone()]));
            measure(&heard[near.clone()]) / own.max(1e-6)
        };
        steps.push(over(largest_step));
        splashes.push(10.0 * over(largest_splash).max(1e-6).log10());
    }
    steps.sort_by(f64::total_cmp);
    splashes.sort_by(f64::total_cmp);
    let share = |sorted: &[f64], share: f64| {
        sorted.get(((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied()
    };
    let figures = || {
        Some(SwitchingFigures {
            changes: steps.len(),
            step_ratio_worst: share(&steps, 1.0)?,
            step_ratio_p95: share(&steps, 0.95)?,
            splash_db_worst: share(&splashes, 1.0)?,
            splash_db_p95: share(&splashes, 0.95)?,
        })
    };
    Ok(figures())
}

/// Raw, then decoded, then raw, and so on.
fn switched(model: &dyn Model, raw: &[f32], payloads: &[Vec<u8>]) -> Result<Vec<f32>, CodeError> {
    let mut decoder = decoder(model)?;
    let mut heard = Vec::with_capacity(raw.len());
    let is_raw = |frame: usize| (frame / PERIOD).is_multiple_of(2);
    for (frame, payload) in payloads.iter().enumerate() {
        let raw = &raw[frame * FRAME_SAMPLES..][..FRAME_SAMPLES];
        let was_raw = frame == 0 || is_raw(frame - 1);
        if is_raw(frame) && was_raw {
            heard.extend_from_slice(raw);
            continue;
        }
        if was_raw {
            decoder.prime(&heard[heard.len().saturating_sub(TOLD)..]);
        }
        let mut out = [0.0; FRAME_SAMPLES];
        decoder.decode(payload, &mut out)?;
        if is_raw(frame) {
            cross_fade(&mut out, raw);
        }
        heard.extend_from_slice(&out);
    }
    Ok(heard)
}

fn cross_fade(sound: &mut [f32; FRAME_SAMPLES], into: &[f32]) {
    for (at, (sound, into)) in sound.iter_mut().zip(into).enumerate() {
        let turn = (at as f32 + 0.5) / FADE as f32;
        let share = 0.5 - 0.5 * (PI * turn.min(1.0)).cos();
        *sound += share * (into - *sound);
    }
}

fn decode_all(model: &dyn Model, payloads: &[Vec<u8>]) -> Result<Vec<f32>, CodeError> {
    let mut decoder = decoder(model)?;
    let mut sound = Vec::with_capacity(payloads.len() * FRAME_SAMPLES);
    for payload in payloads {
        let mut out = [0.0; FRAME_SAMPLES];
        decoder.decode(payload, &mut out)?;
        sound.extend_from_slice(&out);
    }
    Ok(sound)
}

fn delayed(source: &[f32], delay: usize, len: usize) -> Vec<f32> {
    let mut raw = vec![0.0; delay];
    raw.extend_from_slice(source);
    raw.resize(len, 0.0);
    raw
}

fn largest_step(sound: &[f32]) -> f64 {
    sound.windows(2).fold(0.0, |largest, pair| f64::from((pair[1] - pair[0]).abs()).max(largest))
}

/// Energy of the second difference in the loudest moment.
fn largest_splash(sound: &[f32]) -> f64 {
    let highs: Vec<f64> = sound
        .windows(3)
        .map(|three| f64::from(three[0] - 2.0 * three[1] + three[2]).powi(2))
        .collect();
    highs
        .windows(MOMENT)
        .step_by(MOMENT / 2)
        .fold(0.0, |loudest, moment| moment.iter().sum::<f64>().max(loudest))
}
