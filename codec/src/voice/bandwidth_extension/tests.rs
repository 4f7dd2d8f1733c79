//! The extension against libopus (`tools/voice-golden.c` made the golden vectors), and against
//! everything that may come in.

use std::{f32::consts::TAU, sync::Arc};

use super::{BandwidthExtension, DELAY, EXTENDED_HOP};
use crate::{
    EXTENDED_RATE, EXTENDED_SAMPLES, FRAME_SAMPLES, SOUND_RATE, SoundExtension, Upsampling,
    voice::{features::HOP, nnet::kernels::Kernels, tests::input, weights::ExtensionWeights},
};

/// Golden are the frames from this one on.
const FIRST: usize = 40;
/// libopus delays the result by so many samples more, to be in time with its other ways to 48 kHz.
const LATER: usize = 21;
/// Of the golden sound, whose peak is 0.6: -52 dB of it, twice what libopus differs from itself with
/// other instructions of the processor. What is almost halfway between two steps of 8 bits is rounded
/// to either.
const WITHIN: f32 = 1.5e-3;

fn extension() -> BandwidthExtension {
    BandwidthExtension::new(&ExtensionWeights::shared())
}

fn extend(extension: &mut BandwidthExtension, sound: &[f32]) -> Vec<f32> {
    let (frames, _) = sound.as_chunks::<HOP>();
    let extended = frames.iter().map(|frame| {
        let mut out = [f32::NAN; EXTENDED_HOP];
        extension.frame(frame, &mut out);
        out
    });
    extended.flatten().collect()
}

fn bits(sound: &[f32]) -> Vec<u32> {
    sound.iter().map(|sample| sample.to_bits()).collect()
}

fn power(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32
}

/// Power of a band, in Hz, by the strength of frequencies across it.
fn power_between(sound: &[f32], frequencies: std::ops::Range<usize>) -> f32 {
    let strength = |frequency: usize| {
        let step = TAU * frequency as f32 / EXTENDED_RATE as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (at, &sample) in sound.iter().enumerate() {
            let (sin, cos) = (step * at as f32).rem_euclid(TAU).sin_cos();
            (re, im) = (re + sample * cos, im + sample * sin);
        }
        (re * re + im * im) / sound.len() as f32
    };
    frequencies.clone().step_by(97).map(strength).sum::<f32>() / frequencies.len() as f32 * 97.0
}

#[test]
fn sound_is_that_of_libopus() {
    let ours = extend(&mut extension(), &input());
    let (theirs, _) = include_bytes!("../golden/extended.s16").as_chunks();
    assert_eq!(theirs.len(), 30 * EXTENDED_HOP);
    let ours = &ours[FIRST * EXTENDED_HOP - LATER..];
    let mut largest = 0.0_f32;
    for (ours, &theirs) in ours.iter().zip(theirs) {
        let theirs = f32::from(i16::from_le_bytes(theirs)) / 32_768.0;
        largest = largest.max((ours - theirs).abs());
    }
    assert!(largest < WITHIN, "{largest}");
}

/// A payload as the tests of the plug-in decode it, and what it was extended to here: the tests of the
/// browser library hold the build for browsers against the same.
static DECODED: &[u8] = include_bytes!("../golden/decoded.f32");
static DECODED_EXTENDED: &[u8] = include_bytes!("../golden/decoded_extended.s16");

#[test]
fn decoded_sound_is_extended_the_same_everywhere() {
    let (decoded, _) = DECODED.as_chunks();
    let decoded: Vec<f32> = decoded.iter().map(|&four| f32::from_le_bytes(four)).collect();
    let extended = extend(&mut extension(), &decoded);
    let (expected, _) = DECODED_EXTENDED.as_chunks();
    assert_eq!(extended.len(), expected.len());
    let loudest = extended.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    for (at, (sample, &expected)) in extended.iter().zip(expected).enumerate() {
        let expected = f32::from(i16::from_le_bytes(expected)) / 32_768.0;
        assert!((sample - expected).abs() < 0.003 * loudest, "{at}: {sample}, not {expected}");
    }
}

#[test]
fn every_set_of_kernels_makes_the_same_sound() {
    let made = [Kernels::fastest(), Kernels::reference()].map(|kernels| {
        let weights = Arc::new(ExtensionWeights::embedded_for(kernels));
        bits(&extend(&mut BandwidthExtension::new(&weights), &input()))
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn it_is_late_by_what_it_says() {
    let sound = input();
    let extended = extend(&mut extension(), &sound);
    let mut plain = Vec::new();
    let mut upsampling = Upsampling::new();
    for frame in sound.as_chunks::<FRAME_SAMPLES>().0 {
        let mut out = [0.0; EXTENDED_SAMPLES];
        upsampling.extend(frame, &mut out);
        plain.extend(out);
    }
    // The vowels, where most is below 8 kHz.
    let likeness = |later: usize| -> f32 {
        (6_000..22_000)
            .chain(34_000..50_000)
            .map(|at| extended[at + later] * plain[at + Upsampling::DELAY])
            .sum()
    };
    let best = (0..60).max_by(|&one, &other| likeness(one).total_cmp(&likeness(other)));
    assert_eq!(best, Some(DELAY));
}

#[test]
fn noise_gets_what_is_above_8_khz_and_a_low_tone_hardly_any() {
    let extended = extend(&mut extension(), &input());
    let noise = &extended[8_200 * 3..9_600 * 3];
    let (below, above) = (power_between(noise, 4_000..7_500), power_between(noise, 9_000..15_000));
    assert!(above > 0.001 * below, "{above} above, {below} below");
    let hum: Vec<f32> = (0..100 * HOP)
        .map(|at| 0.3 * (TAU * 150.0 * at as f32 / SOUND_RATE as f32).sin())
        .collect();
    let hum = &extend(&mut extension(), &hum)[50 * EXTENDED_HOP..];
    assert!(power_between(hum, 9_000..15_000) < 1e-5 * power(hum));
}

#[test]
fn silence_is_silent_also_behind_sound() {
    let mut extension = extension();
    let silence = extend(&mut extension, &[0.0; 10 * HOP]);
    assert!(silence.iter().all(|sample| sample.abs() < 1e-6));
    extend(&mut extension, &input());
    let silence = extend(&mut extension, &[0.0; 10 * HOP]);
    assert!(silence[EXTENDED_HOP..].iter().all(|sample| sample.abs() < 1e-6));
}

#[test]
fn whatever_comes_in_what_comes_out_is_within_full_scale_and_it_recovers() {
    let mut extension = extension();
    let hostile = [
        0.0,
        1.0,
        -1.0,
        1e-30,
        f32::MIN_POSITIVE / 8.0,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    for a in hostile {
        for b in hostile {
            for width in [1, 7, 80, 160] {
                let sound: Vec<f32> =
                    (0..HOP).map(|at| if (at / width) % 2 == 0 { a } else { b }).collect();
                let out = extend(&mut extension, &sound);
                assert!(out.iter().all(|sample| sample.abs() <= 1.0), "{a} {b} {width}: {out:?}");
            }
        }
    }
    let after = extend(&mut extension, &[input(), input()].concat());
    let fresh = extend(&mut self::extension(), &[input(), input()].concat());
    let from = fresh.len() / 2;
    let difference: Vec<f32> =
        after[from..].iter().zip(&fresh[from..]).map(|(a, b)| a - b).collect();
    let ratio = power(&difference) / power(&fresh[from..]);
    assert!(ratio < 1e-3, "{ratio}");
}

#[test]
fn it_begins_anew_after_a_reset_and_goes_on_from_what_it_is_restarted_with() {
    let sound = input();
    let mut extension = extension();
    let whole = extend(&mut extension, &sound);
    extension.reset();
    assert_eq!(bits(&extend(&mut extension, &sound)), bits(&whole));

    let middle = 30 * HOP; // in the first vowel
    extension.restart(&sound[..middle]);
    let resumed = extend(&mut extension, &sound[middle..]);
    let expected = &whole[3 * middle..];
    let steps = |sound: &[f32]| sound.windows(2).map(|s| (s[1] - s[0]).abs()).fold(0.0, f32::max);
    let step = (resumed[0] - whole[3 * middle - 1]).abs();
    assert!(step <= steps(&whole), "{step}, elsewhere {}", steps(&whole));
    let difference: Vec<f32> = resumed.iter().zip(expected).map(|(a, b)| a - b).collect();
    let ratio = power(&difference) / power(expected);
    assert!(ratio < 1e-2, "{ratio}");
}

#[test]
fn payloads_are_extended_like_frames() {
    let sound = input();
    let (payloads, _) = sound.as_chunks::<FRAME_SAMPLES>();
    let (mut in_payloads, mut extension) = (Vec::new(), extension());
    for payload in payloads {
        let mut out = [f32::NAN; EXTENDED_SAMPLES];
        extension.extend(payload, &mut out);
        in_payloads.extend(out);
    }
    let in_frames = extend(&mut self::extension(), &sound);
    assert_eq!(bits(&in_payloads), bits(&in_frames));
}

#[test]
fn a_long_run_sounds_like_a_short_one() {
    let rounds = if cfg!(debug_assertions) { 10 } else { 500 };
    let sound = input();
    let mut extension = extension();
    let loudness = |extension: &mut BandwidthExtension| power(&extend(extension, &sound));
    loudness(&mut extension);
    let early = loudness(&mut extension);
    for round in 0..rounds {
        let change = loudness(&mut extension) / early;
        assert!((0.99..1.01).contains(&change), "round {round}: {change}");
    }
}
