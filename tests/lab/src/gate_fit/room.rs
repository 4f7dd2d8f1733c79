//! Microphones and rooms as people have them.

use sotto_codec::SOUND_RATE;

use crate::Rng;

/// Echoes of a room.
const ECHOES: usize = 48;
/// Time until echoes are 60 dB quieter, s, from to.
const REVERBERATION: [f64; 2] = [0.15, 0.5];
/// All echoes together below what comes straight, dB, from to.
const BELOW_DB: [f64; 2] = [6.0, 18.0];
/// By how much a microphone tilts a spectrum at most: a pole at this share of the circle.
const TILT: f64 = 0.35;

/// A voice over some microphone in some room: one tilt, and scattered echoes that die away.
pub(super) fn heard_in_a_room(voice: &[f32], rng: &mut Rng) -> Vec<f32> {
    let within = |[from, to]: [f64; 2], rng: &mut Rng| from + (to - from) * rng.unit();
    let (time, below) = (within(REVERBERATION, rng), within(BELOW_DB, rng));
    let tilt = TILT * (2.0 * rng.unit() - 1.0);
    let echoes: Vec<(usize, f64)> = (0..ECHOES)
        .map(|_| {
            let delay = 0.003 + time * rng.unit().powi(2);
            let gain = 10.0_f64.powf(-3.0 * delay / time) * (2.0 * rng.unit() - 1.0);
            ((delay * f64::from(SOUND_RATE)) as usize, gain)
        })
        .collect();
    let energy: f64 = echoes.iter().map(|(_, gain)| gain * gain).sum();
    let scale = (10.0_f64.powf(-below / 10.0) / energy.max(1e-9)).sqrt();
    let mut before = 0.0;
    (0..voice.len())
        .map(|at| {
            let late = echoes.iter().filter_map(|(delay, gain)| {
                Some(scale * gain * f64::from(voice[at.checked_sub(*delay)?]))
            });
            let sound = f64::from(voice[at]) + late.sum::<f64>();
            let tilted = sound - tilt * before;
            before = sound;
            tilted as f32
        })
        .collect()
}
