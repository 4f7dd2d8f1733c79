use std::{
    f32::consts::{FRAC_PI_2, TAU},
    sync::Arc,
};

use sotto_codec::voice::weights::Weights;

use super::{
    super::{
        activity::Activity,
        cepstrum::mel_cepstral_distance,
        labels::Labels,
        mix::{babble, mix, pink_noise},
        pitch::pitch_error,
    },
    silence, tone,
};

const SECOND: usize = 16_000;

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
}

fn db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

#[test]
fn the_active_level_does_not_count_pauses() {
    let speech = [tone(200.0, 2.0), silence(6.0), tone(200.0, 2.0)].concat();
    let activity = Activity::of(&speech);
    let off = db(activity.mean_square() / power(&tone(200.0, 2.0)));
    assert!(off.abs() < 0.7, "{off} dB");
    assert!(activity.speaks(SECOND..2 * SECOND) && activity.speaks(9 * SECOND..10 * SECOND));
    assert!(!activity.speaks(4 * SECOND..5 * SECOND));
    let spoken = activity.spoken() as f64 / SECOND as f64;
    assert!((4.0..5.0).contains(&spoken), "{spoken} s");
}

#[test]
fn a_loud_click_does_not_silence_speech() {
    let mut speech = tone(200.0, 20.0);
    speech[SECOND..SECOND + 800].fill(1.0);
    let spoken = Activity::of(&speech).spoken();
    assert!(spoken > 19 * SECOND, "{spoken}");
}

#[test]
fn silence_and_nothing_are_no_speech() {
    for samples in [Vec::new(), silence(1.0)] {
        let activity = Activity::of(&samples);
        assert_eq!((activity.spoken(), activity.mean_square()), (0, 0.0));
        assert!(!activity.speaks(0..100) && !activity.speaks(0..0));
        assert_eq!(activity.position_after(1), samples.len());
    }
}

#[test]
fn some_seconds_of_speech_end_where_they_were_spoken() {
    let speech = [tone(200.0, 1.0), silence(3.0), tone(200.0, 3.0)].concat();
    let activity = Activity::of(&speech);
    let end = activity.position_after(2 * SECOND);
    let spoken = Activity::of(&speech[..end]).spoken();
    assert!(spoken.abs_diff(2 * SECOND) < SECOND / 100, "{spoken}");
    assert!((4 * SECOND..6 * SECOND).contains(&end), "{end}");
}

#[test]
fn noise_is_mixed_at_the_ratio_asked_for_to_speech_without_its_pauses() {
    let speech = [tone(200.0, 2.0), silence(2.0)].concat();
    let noise = pink_noise(SECOND, 1);
    for below in [20.0, 0.0] {
        let noisy = mix(&speech, &noise, below);
        let added: Vec<_> = noisy.iter().zip(&speech).map(|(noisy, clean)| noisy - clean).collect();
        let ratio = db(power(&speech[..2 * SECOND]) / power(&added));
        assert!((ratio - below).abs() < 1.0, "{ratio} dB for {below}");
    }
    assert_eq!(mix(&speech, &silence(1.0), 0.0), speech);
}

#[test]
fn a_second_talker_is_mixed_at_the_level_at_which_it_talks() {
    let (first, second) = (tone(200.0, 4.0), [tone(300.0, 1.0), silence(3.0)].concat());
    let both = mix(&first, &second, 10.0);
    let added: Vec<_> = both.iter().zip(&first).map(|(both, first)| both - first).collect();
    let ratio = db(power(&first) / power(&added[..SECOND]));
    // The hangover counts as talking.
    assert!((ratio - 10.0).abs() < 1.5, "{ratio} dB");
}

#[test]
fn a_babble_has_all_talkers_at_one_level() {
    let quiet: Vec<f32> = tone(300.0, 1.0).iter().map(|sample| sample / 100.0).collect();
    let loud = tone(200.0, 2.0);
    let both = babble([&*loud, &*quiet].into_iter());
    assert_eq!(both.len(), 2 * SECOND);
    let ratio = power(&both[..SECOND]) / power(&both[SECOND..]);
    assert!((ratio - 2.0).abs() < 0.2, "{ratio}");
    assert!(babble([&*silence(1.0)].into_iter()).is_empty());
}

#[test]
fn pink_noise_falls_by_three_decibels_an_octave() {
    let noise = pink_noise(8 * SECOND, 3);
    // Power of a tone's band by correlation with it, averaged over tenths of a second.
    let band = |hertz: f32| -> f64 {
        let turn = TAU * hertz / SECOND as f32;
        let pieces = noise.chunks_exact(SECOND / 10);
        pieces
            .map(|piece| {
                let dot = |phase: f32| -> f32 {
                    let wave = |at: usize| (turn * at as f32 + phase).cos();
                    piece.iter().enumerate().map(|(at, sample)| sample * wave(at)).sum()
                };
                f64::from(dot(0.0)).powi(2) + f64::from(dot(FRAC_PI_2)).powi(2)
            })
            .sum()
    };
    let low: f64 = (0..20).map(|at| band(200.0 + 10.0 * at as f32)).sum();
    let high: f64 = (0..20).map(|at| band(800.0 + 40.0 * at as f32)).sum();
    let fall = db(low / high);
    assert!((fall - 6.0).abs() < 1.5, "{fall} dB over two octaves");
}

#[test]
fn a_sound_is_no_distance_from_itself_at_any_level() {
    let sound: Vec<_> = pink_noise(SECOND, 5).iter().map(|sample| sample * 4.0).collect();
    let louder: Vec<_> = sound.iter().map(|sample| sample * 2.0).collect();
    let activity = Activity::of(&sound);
    let distance = |other: &[f32]| mel_cepstral_distance(&sound, other, &activity).unwrap();
    assert!(distance(&sound) < 1e-9);
    assert!(distance(&louder) < 0.2, "{}", distance(&louder));
    assert!(distance(&tone(200.0, 1.0)) > 5.0);
    assert_eq!(mel_cepstral_distance(&sound, &sound, &Activity::of(&silence(1.0))), None);
}

#[test]
fn a_pitch_that_is_a_semitone_higher_is_100_cents_off() {
    let weights = Arc::new(Weights::embedded());
    let buzz = |hertz: f32| -> Vec<f32> {
        let (mut phase, mut sample) = (0.0, 0.0);
        let next = |_| {
            phase += hertz / SECOND as f32;
            if phase >= 1.0 {
                phase -= 1.0;
                sample = 0.5;
            }
            sample *= 0.9;
            sample
        };
        (0..SECOND).map(next).collect()
    };
    let low = buzz(150.0);
    let activity = Activity::of(&low);
    let error = pitch_error(&weights, &low, &buzz(150.0 * 2_f32.powf(1.0 / 12.0)), &activity);
    let error = error.unwrap();
    assert!((error.cents - 100.0).abs() < 15.0 && error.gross < 0.1, "{error:?}");
    assert_eq!(pitch_error(&weights, &low, &low, &activity).unwrap().cents, 0.0);
    assert_eq!(pitch_error(&weights, &silence(1.0), &low, &activity), None);
}

#[test]
fn turns_that_lie_over_each_other_are_overlaps() {
    let mut labels = Labels::default();
    labels.add(
        "SPEAKER dev00 1 0.0 2.0 <NA> <NA> A <NA> <NA>\n\
         SPEAKER dev00 1 1.0 3.0 <NA> <NA> B <NA> <NA>\n\
         SPEAKER dev00 1 1.5 0.25 <NA> <NA> C <NA> <NA>\n\
         SPEAKER dev00 1 4.0 1.0 <NA> <NA> A <NA> <NA>\n\
         SPEAKER dev00 1 4.5 0.25 <NA> <NA> B <NA> <NA>\n\
         SPKR-INFO dev00\n\nSPEAKER dev01 1 x\nSPEAKER dev01 1 0 1 A",
    );
    assert_eq!(labels.overlaps("ami-dev00"), Some(vec![SECOND..2 * SECOND, 72_000..76_000]));
    assert_eq!(labels.overlaps("ami-dev01"), Some(vec![]));
    assert_eq!(labels.overlaps("dev00-part"), None);
}
