//! What is heard beside a speaker.

use super::activity::Activity;
use crate::Rng;

/// Speech with something else under it that is `below_db` quieter: than the active level of the
/// speech, in the mean square of the other where that sounds at all. What is shorter is repeated.
pub(crate) fn mix(speech: &[f32], other: &[f32], below_db: f64) -> Vec<f32> {
    let speech_power = Activity::of(speech).mean_square();
    let other_power = power(other);
    if other_power <= 0.0 {
        return speech.to_vec();
    }
    let gain = (speech_power / other_power * 10_f64.powf(-below_db / 10.0)).sqrt() as f32;
    speech.iter().zip(other.iter().cycle()).map(|(speech, other)| speech + gain * other).collect()
}

/// Mean square of a noise; of a talker, while it speaks.
pub(crate) fn power(samples: &[f32]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let mean = energy / samples.len().max(1) as f64;
    mean.max(Activity::of(samples).mean_square())
}

/// Talkers all at once, at one active level, as long as the longest.
pub(crate) fn babble<'a>(talkers: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum = Vec::new();
    for talker in talkers {
        let level = Activity::of(talker).mean_square().sqrt() as f32;
        if level <= 0.0 {
            continue;
        }
        sum.resize(sum.len().max(talker.len()), 0.0);
        for (sum, sample) in sum.iter_mut().zip(talker) {
            *sum += sample / level;
        }
    }
    sum
}

/// Noise whose power falls by 3 dB an octave (Paul Kellet's filter, good to 0.05 dB above 10 Hz at
/// 44.1 kHz; at 16 kHz the fall ends a little earlier).
pub(crate) fn pink_noise(len: usize, seed: u64) -> Vec<f32> {
    const POLES: [f64; 6] = [0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616];
    const GAINS: [f64; 6] = [0.0555179, 0.0750759, 0.1538520, 0.3104856, 0.5329522, -0.0168980];
    const DIRECT: f64 = 0.5362;
    const DELAYED: f64 = 0.115926;
    let mut rng = Rng::new(seed);
    let mut state = [0.0; POLES.len()];
    let mut before = 0.0;
    (0..len)
        .map(|_| {
            let white = 2.0 * rng.unit() - 1.0;
            for ((state, pole), gain) in state.iter_mut().zip(POLES).zip(GAINS) {
                *state = pole * *state + gain * white;
            }
            let pink = state.iter().sum::<f64>() + DELAYED * before + DIRECT * white;
            before = white;
            (pink * 0.05) as f32
        })
        .collect()
}
