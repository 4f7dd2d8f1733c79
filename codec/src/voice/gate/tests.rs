//! The gate over signals that are made here: what is really said of it comes from `sotto-lab voice`.

use std::{f32::consts::TAU, sync::Arc};

use sotto_frame::ModelHash;

use super::{Judge, VoiceGate, Window, fitted};
use crate::{
    FRAME_SAMPLES, Gate, MediaError, Raw, SOUND_RATE, Sound, Verdict,
    voice::{DELAY, weights::Weights},
};

/// Harmonics of a gliding pitch, louder and quieter three times a second.
fn voice(len: usize) -> Vec<f32> {
    let mut phase = 0.0;
    (0..len)
        .map(|at| {
            let time = at as f32 / SOUND_RATE as f32;
            phase += (120.0 + 20.0 * (TAU * 0.7 * time).sin()) / SOUND_RATE as f32;
            let loud = (0.5 - 0.5 * (TAU * 3.0 * time).cos()).powi(2);
            let sum: f32 = (1..20).map(|n| (TAU * phase * n as f32).sin() / n as f32).sum();
            0.1 * loud * sum
        })
        .collect()
}

/// Of the file whose making `PROVENANCE.md` tells.
const HASH: &str = "a56dce6ee366e99d49e8a6392198d77a0c957cdd680fb213768daa68bf913586";

#[test]
fn what_was_fitted_is_that_of_its_provenance() {
    assert_eq!(ModelHash::of(include_bytes!("fitted.bin")).to_string(), HASH);
    assert!(fitted::amber() < fitted::red() && fitted::red() < fitted::sudden());
}

fn late(samples: &[f32]) -> Vec<f32> {
    std::iter::repeat_n(0.0, DELAY).chain(samples.iter().copied()).take(samples.len()).collect()
}

fn measured(source: &[f32], decoded: &[f32]) -> Option<super::Measures> {
    let mut window = Window::new(&Arc::new(Weights::embedded()));
    let mut last = None;
    for (source, decoded) in
        source.chunks_exact(FRAME_SAMPLES).zip(decoded.chunks_exact(FRAME_SAMPLES))
    {
        last = window.push(source, decoded).expect("both are 80 ms");
    }
    last
}

fn of(name: &str, measures: &super::Measures) -> f32 {
    let at = super::NAMES.iter().position(|known| *known == name).expect("a measure");
    measures[at]
}

#[test]
fn the_same_sound_later_is_alike_in_all_that_is_compared() {
    let source = voice(2 * SOUND_RATE as usize);
    let measures = measured(&source, &late(&source)).expect("two seconds are enough");
    for (name, expected) in
        [("envelope", 1.0), ("distance", 0.0), ("likeness", 1.0), ("filling", 0.0), ("deeper", 0.0)]
    {
        let found = of(name, &measures);
        assert!((found - expected).abs() < 1e-3, "{name}: {found}");
    }
}

#[test]
fn noise_between_harmonics_fills_valleys() {
    let source = voice(2 * SOUND_RATE as usize);
    let mut state = 1_u32;
    let noisy: Vec<f32> = source
        .iter()
        .map(|sample| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sample + 0.02 * (state as f32 / u32::MAX as f32 - 0.5)
        })
        .collect();
    let clean = measured(&source, &late(&source)).expect("two seconds are enough");
    let measures = measured(&noisy, &late(&source)).expect("two seconds are enough");
    assert!(of("filling", &measures) > of("filling", &clean) + 0.2);
    assert!(of("likeness", &measures) < of("likeness", &clean) - 0.1);
    assert!(of("range", &measures) < of("range", &clean));
}

#[test]
fn silence_is_not_measured_and_changes_no_verdict() {
    let silence = vec![0.0; 2 * SOUND_RATE as usize];
    assert_eq!(measured(&silence, &silence), None);
    let mut judge = Judge::default();
    assert_eq!(judge.take(None), Verdict::Green);
    assert_eq!(judge.take(Some(fitted::sudden())), Verdict::Red);
    assert_eq!(judge.take(None), Verdict::Red);
}

/// A score so far below amber that a single one outweighs any other in the mean.
fn green() -> f32 {
    fitted::amber() - 36.0 * (fitted::sudden() - fitted::amber()).abs() - 36.0
}

#[test]
fn red_comes_at_once_and_goes_after_two_seconds_of_green() {
    let mut judge = Judge::default();
    assert_eq!(judge.take(Some(green())), Verdict::Green);
    assert_eq!(judge.take(Some(fitted::sudden())), Verdict::Red);
    let verdicts: Vec<Verdict> = (0..25).map(|_| judge.take(Some(green()))).collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Red).count(), 24);
    assert_eq!(verdicts.last(), Some(&Verdict::Green));
}

#[test]
fn what_is_a_little_red_is_amber_first_and_red_when_it_lasts() {
    let mut judge = Judge::default();
    for _ in 0..36 {
        assert_eq!(judge.take(Some(fitted::amber() - 0.1)), Verdict::Green);
    }
    let little = f32::midpoint(fitted::red(), fitted::sudden());
    let verdicts: Vec<Verdict> = (0..36).map(|_| judge.take(Some(little))).collect();
    assert_eq!(verdicts[0], Verdict::Amber);
    assert_eq!(verdicts[35], Verdict::Red);
}

#[test]
fn amber_does_not_count_towards_green() {
    let mut judge = Judge::default();
    assert_eq!(judge.take(Some(fitted::sudden())), Verdict::Red);
    for _ in 0..20 {
        assert_eq!(judge.take(Some(green())), Verdict::Red);
    }
    assert_eq!(judge.take(Some(fitted::red())), Verdict::Red);
    for _ in 0..24 {
        assert_eq!(judge.take(Some(green())), Verdict::Red);
    }
    assert_eq!(judge.take(Some(green())), Verdict::Green);
}

#[test]
fn sound_of_another_length_or_rate_is_refused_and_the_gate_goes_on() {
    let mut gate = VoiceGate::new(&Arc::new(Weights::embedded()));
    let frame = [0.0; FRAME_SAMPLES];
    let whole = Raw::Sound(Sound::new(&frame));
    let short = Raw::Sound(Sound::new(&frame[1..]));
    let other = Raw::Sound(Sound { rate: 48_000, samples: &frame });
    assert_eq!(gate.observe(&whole, &short), Err(MediaError::Amount));
    assert_eq!(gate.observe(&short, &whole), Err(MediaError::Amount));
    assert_eq!(gate.observe(&other, &whole), Err(MediaError::Rate));
    assert!(gate.observe(&whole, &whole).is_ok());
}

#[test]
fn no_sound_makes_scores_that_are_no_numbers() {
    let mut gate = VoiceGate::new(&Arc::new(Weights::embedded()));
    for value in [f32::NAN, f32::INFINITY, -1e30, 1.0, 0.0, f32::MIN_POSITIVE] {
        let frame = [value; FRAME_SAMPLES];
        for _ in 0..14 {
            let raw = Raw::Sound(Sound::new(&frame));
            let fidelity = gate.observe(&raw, &raw).expect("80 ms of sound");
            assert!(fidelity.scores.iter().all(|score| (0.0..=1.0).contains(score)));
        }
    }
}
