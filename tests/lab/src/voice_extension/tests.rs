use super::{bands::BandPowers, report};
use crate::{Rng, sound::Clip};

/// Noise in syllables, at 48 kHz.
fn noise(seconds: usize, mut filter: impl FnMut(f32) -> f32) -> Vec<f32> {
    let mut random = Rng::new(1);
    (0..seconds * 48_000)
        .map(|at| {
            let loud = if at / 9_600 % 2 == 0 { 0.2 } else { 0.002 };
            loud * filter(random.unit() as f32 - 0.5)
        })
        .collect()
}

#[test]
fn a_sound_is_as_near_as_can_be_to_itself_and_off_by_its_gain() {
    let sound = noise(2, |sample| sample);
    let powers = BandPowers::of(&sound);
    let same = powers.compare(&powers).expect("somebody speaks");
    assert!(same.rms_db.iter().all(|&error| error == 0.0));
    assert!(same.correlation.iter().all(|&likeness| (likeness - 1.0).abs() < 1e-9));
    let quieter: Vec<f32> = sound.iter().map(|sample| 0.5 * sample).collect();
    let halved = powers.compare(&BandPowers::of(&quieter)).expect("somebody speaks");
    assert!(halved.bias_db.iter().all(|bias| (bias + 6.02).abs() < 0.1), "{halved:?}");
}

#[test]
fn a_recording_with_nothing_up_to_16_khz_is_told_apart() {
    let wide = noise(2, |sample| sample);
    assert!(BandPowers::of(&wide).is_fullband());
    let narrow = crate::sound::resample(&wide, 48_000, 16_000);
    let narrow = crate::sound::resample(&narrow, 16_000, 48_000);
    assert!(!BandPowers::of(&narrow).is_fullband());
}

#[test]
fn silence_says_nothing() {
    assert!(BandPowers::of(&[]).compare(&BandPowers::of(&[])).is_none());
    assert!(!BandPowers::of(&[0.0; 48_000]).is_fullband());
}

#[test]
fn an_extended_voice_is_nearer_to_the_recording_than_an_interpolated_one() {
    let mut last = 0.0;
    // A hiss as of an s: more of it the higher.
    let samples = noise(3, |sample| sample - 0.9 * std::mem::replace(&mut last, sample));
    let recording = Clip { name: "hiss".to_owned(), samples };
    let report = report(&[recording]).expect("it can be coded");
    let [without, with] = report.means().expect("it has something up to 16 kHz");
    for band in 2..6 {
        assert!(with.rms_db[band] < without.rms_db[band] - 5.0, "{band}: {with:?} {without:?}");
    }
    assert!(report.extension_rtf > 0.0);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("it is JSON");
    assert_eq!(json["files"][0]["name"], "hiss");
    assert_eq!(json["with"]["rms_db"].as_array().map(Vec::len), Some(7));
    assert!(report.to_table().contains("hiss"));
}
