use std::f32::consts::TAU;

use super::*;

#[test]
fn a_tone_keeps_its_pitch_level_and_place_at_another_rate() {
    for from in [8_000, 16_000, 22_050, 44_100, 48_000] {
        let tone = |rate: u32| -> Vec<f32> {
            (0..rate).map(|at| 0.5 * (TAU * 700.0 * at as f32 / rate as f32).sin()).collect()
        };
        let made = resample(&tone(from), from, RATE);
        let wanted = tone(RATE);
        assert_eq!(made.len(), wanted.len(), "from {from}");
        let error = made[1000..15_000]
            .iter()
            .zip(&wanted[1000..15_000])
            .fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(error < 2e-3, "from {from}: {error}");
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_left_out() {
    let tone: Vec<f32> =
        (0..48_000).map(|at| (TAU * 9.0 * (at % 16) as f32 / 48.0).sin()).collect();
    let loudest = resample(&tone, 48_000, RATE)[1000..15_000]
        .iter()
        .fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    assert!(loudest < 1e-3, "{loudest}");
}

#[test]
fn little_or_no_sound_is_resampled_too() {
    assert!(resample(&[], 48_000, 16_000).is_empty());
    assert_eq!(resample(&[1.0], 48_000, 16_000).len(), 1);
}

#[test]
fn what_is_written_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("b.wav"), &[0.0, 0.5, -0.5, 2.0]).unwrap();
    write(&directory.path().join("a.wav"), &[0.25]).unwrap();
    let clips = folder(directory.path()).unwrap();
    assert_eq!(clips[0].name, "a");
    assert_eq!(clips[1].samples, [0.0, 0.5, -0.5, 32_767.0 / 32_768.0]);
}

#[test]
fn channels_are_mixed_to_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("two.wav");
    let spec = WavSpec {
        channels: 2,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    for sample in [0.5_f32, 0.1, -0.5, 0.5] {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    assert_eq!(folder(directory.path()).unwrap()[0].samples, [0.3, 0.0]);
}

#[test]
fn a_folder_without_sounds_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let error = folder(directory.path()).unwrap_err().to_string();
    assert!(error.contains(&*directory.path().to_string_lossy()), "{error}");
    assert!(folder(&directory.path().join("none")).is_err());
}
