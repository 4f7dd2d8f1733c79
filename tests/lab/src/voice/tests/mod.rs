//! The harness itself: what it measures of sounds that are known exactly.

mod models;
mod signals;
mod tables;

use std::f32::consts::TAU;

use sotto_codec::SOUND_RATE;

/// A tone, 0.1 of full scale.
fn tone(hertz: f32, seconds: f32) -> Vec<f32> {
    let len = (seconds * SOUND_RATE as f32) as usize;
    (0..len).map(|at| 0.1 * (TAU * hertz * at as f32 / SOUND_RATE as f32).sin()).collect()
}

fn silence(seconds: f32) -> Vec<f32> {
    vec![0.0; (seconds * SOUND_RATE as f32) as usize]
}
