//! Analysis and vocoder against libopus (`tools/voice-golden.c` made the golden vectors), and
//! against everything that may come in.

use std::sync::Arc;

use super::{
    fargan::{BEFORE, FRAMES_BEFORE, Vocoder},
    features::{Analysis, Features, HOP},
    nnet::kernels::Kernels,
    weights::Weights,
};

const FRAMES: usize = 120;
/// The golden vocoder goes on from the input before this frame.
const FIRST: usize = 20;
const RENDERED: usize = 30;

fn golden(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
}

fn golden_features() -> Vec<Features> {
    golden(include_bytes!("golden/features.f32")).as_chunks().0.to_vec()
}

fn weights() -> Arc<Weights> {
    Arc::new(Weights::embedded())
}

/// The input of `tools/voice-golden.c`, sample for sample.
pub(super) fn input() -> Vec<f32> {
    const A: [[f64; 2]; 3] = [[1.88848, -0.96907], [1.78769, -0.96527], [1.12323, -0.95397]];
    const I: [[f64; 2]; 3] = [[1.96548, -0.97671], [1.21776, -0.95772], [0.739, -0.95023]];
    let (mut memory, mut phase, mut noise) = ([[0.0; 2]; 3], 0.0, 1_u32);
    let sample = |n: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = f64::from(noise >> 16) / 32_768.0 - 1.0;
        let (start, formants, pitch, glide, pulse) = match n {
            1_600..8_000 => (1_600, A, 90.0, 130.0, 0.06),
            10_400..16_800 => (10_400, I, 220.0, -90.0, 0.04),
            _ => {
                memory = [[0.0; 2]; 3];
                return match n {
                    8_000..9_600 => 0.2 * hiss,
                    16_800.. => 0.01 * hiss,
                    _ => 0.0,
                };
            }
        };
        let through = (n - start) as f64 / 6_400.0;
        phase += (pitch + glide * through) / 16_000.0;
        let mut sample = 0.001 * hiss;
        if phase >= 1.0 {
            phase -= 1.0;
            sample += pulse;
        }
        for (memory, poles) in memory.iter_mut().zip(formants) {
            let resonance = sample + poles[0] * memory[0] + poles[1] * memory[1];
            *memory = [resonance, memory[0]];
            sample = resonance * 0.5;
        }
        sample
    };
    let scaled = (0..FRAMES * HOP).map(sample).map(|sample| (0.5 + 32_768.0 * sample).floor());
    scaled.map(|sample| sample.clamp(-32_768.0, 32_767.0) as f32 / 32_768.0).collect()
}

fn analyse(weights: &Arc<Weights>, samples: &[f32]) -> Vec<Features> {
    let mut analysis = Analysis::new(weights);
    samples.as_chunks().0.iter().map(|frame| analysis.frame(frame)).collect()
}

fn vocode(weights: &Arc<Weights>, features: &[Features]) -> Vec<[f32; HOP]> {
    let mut vocoder = Vocoder::new(weights);
    let mut sound = vec![[0.0; HOP]; features.len()];
    for (out, features) in sound.iter_mut().zip(features) {
        vocoder.frame(features, out);
    }
    sound
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
}

/// Features of the golden input within a tenth of a percent of their range: three times what a
/// sum in another order costs.
const FEATURES_WITHIN: f32 = 1e-3;
/// Of sound, -100 dB: where the exponential function is the same, there is no difference at all.
const SOUND_WITHIN: f32 = 1e-5;

#[test]
fn features_are_those_of_libopus() {
    let (ours, theirs) = (analyse(&weights(), &input()), golden_features());
    assert_eq!(ours.len(), theirs.len());
    for (frame, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let difference = largest_difference(ours, theirs);
        assert!(difference < FEATURES_WITHIN, "frame {frame}: {difference}");
    }
}

#[test]
fn sound_is_that_of_libopus() {
    let (features, before) = (golden_features(), input());
    let mut vocoder = Vocoder::new(&Arc::new(Weights::as_in_libopus()));
    let before: &[f32; BEFORE] = before[FIRST * HOP - BEFORE..].first_chunk().expect("long enough");
    vocoder.prime(before, features[FIRST - FRAMES_BEFORE..].first_chunk().expect("long enough"));
    let theirs = golden(include_bytes!("golden/vocoder.f32"));
    let theirs = theirs.as_chunks::<HOP>().0;
    assert_eq!(theirs.len(), RENDERED);
    for (frame, theirs) in theirs.iter().enumerate() {
        let mut ours = [0.0; HOP];
        vocoder.frame(&features[FIRST + frame], &mut ours);
        let difference = largest_difference(&ours, theirs);
        assert!(difference < SOUND_WITHIN, "frame {frame}: {difference}");
    }
}

#[test]
fn every_set_of_kernels_makes_the_same_sound() {
    let made = [Kernels::fastest(), Kernels::reference()].map(|kernels| {
        let weights = Arc::new(Weights::embedded_for(kernels));
        let features = analyse(&weights, &input());
        let sound = vocode(&weights, &features);
        let numbers = features.as_flattened().iter().chain(sound.as_flattened());
        numbers.map(|number| number.to_bits()).collect::<Vec<_>>()
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn whatever_comes_in_what_comes_out_is_finite() {
    let weights = weights();
    let (mut analysis, mut vocoder) = (Analysis::new(&weights), Vocoder::new(&weights));
    let hostile = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e-30,
        f32::MIN_POSITIVE / 8.0,
        1e30,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let check = |what: &str, numbers: &[f32], most: f32| {
        assert!(numbers.iter().all(|number| number.abs() <= most), "{what}: {numbers:?}");
    };
    for (round, &a) in hostile.iter().enumerate() {
        for &b in &hostile {
            for width in [1, 7, 80, 160] {
                let at = |place: usize| if (place / width).is_multiple_of(2) { a } else { b };
                let features = analysis.frame(&std::array::from_fn(at));
                check("features", &features, 25.0);
                let mut sound = [0.0; HOP];
                vocoder.frame(&features, &mut sound);
                check("sound of features", &sound, 1.0);
                vocoder.frame(&std::array::from_fn(at), &mut sound);
                check("sound of anything", &sound, 1.0);
            }
        }
        vocoder.prime(&[a; BEFORE], &[std::array::from_fn(|at| hostile[(at + round) % 12]); 5]);
    }
    let mut analysed = [[0.0; 20]; 2_000];
    analysed.fill_with(|| analysis.frame(&[0.0; HOP]));
    let fresh = Analysis::new(&weights).frame(&[0.0; HOP]);
    let difference = largest_difference(&analysed[1_999][..18], &fresh[..18]);
    assert!(difference < 1e-3, "silence is what it was before: {difference}");
}

#[test]
fn a_long_run_sounds_like_a_short_one() {
    let minutes = if cfg!(debug_assertions) { 0.5 } else { 10.0 };
    let (weights, features) = (weights(), golden_features());
    let loudness = |sound: &[[f32; HOP]]| {
        let energy: f32 = sound.as_flattened().iter().map(|sample| sample * sample).sum();
        10.0 * (energy / (sound.len() * HOP) as f32).log10()
    };
    let rounds = (minutes * 60.0 * 100.0) as usize / FRAMES;
    let fresh = loudness(&vocode(&weights, &features));
    let (mut vocoder, mut analysis) = (Vocoder::new(&weights), Analysis::new(&weights));
    let mut settled = None;
    for round in 0..rounds {
        let mut sound = vec![[0.0; HOP]; FRAMES];
        for (out, features) in sound.iter_mut().zip(&features) {
            vocoder.frame(features, out);
        }
        let louder = (loudness(&sound) - fresh).abs();
        assert!(louder < 1.0, "round {round}: {louder} dB");
        let heard: f32 = sound.iter().map(|frame| analysis.frame(frame)[0]).sum();
        let heard = heard / FRAMES as f32;
        if round > 0 {
            let drift = (heard - *settled.get_or_insert(heard)).abs();
            assert!(drift < 0.3, "round {round}: {drift} of the mean of the first cepstrum");
        }
    }
}
