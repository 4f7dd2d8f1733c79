use std::f32::consts::TAU;

use super::*;

#[test]
fn a_tone_keeps_its_pitch_level_and_place_at_another_rate() {
    for from in [8_000, 16_000, 22_050, 44_100, 48_000] {
        let tone = |rate: u32| -> Vec<f32> {
            (0..rate).map(|at| 0.5 * (TAU * 700.0 * at as f32 / rate as f32).sin()).collect()
        };
        let made = resample(&tone(from), from, SOUND_RATE);
        let wanted = tone(SOUND_RATE);
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
    let loudest = resample(&tone, 48_000, SOUND_RATE)[1000..15_000]
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
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("b.wav"), &[0.0, 0.5, -0.5, 2.0]).unwrap();
    write(&folder.path().join("a.wav"), &[0.25]).unwrap();
    let clips = read_folder(folder.path()).unwrap();
    assert_eq!(clips[0].name, "a");
    assert_eq!(clips[1].samples, [0.0, 0.5, -0.5, 32_767.0 / 32_768.0]);
}

#[test]
fn channels_are_mixed_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.wav");
    let spec = WavSpec {
        channels: 2,
        sample_rate: SOUND_RATE,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    for sample in [0.5_f32, 0.1, -0.5, 0.5] {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    assert_eq!(read(&path).unwrap(), [0.3, 0.0]);
}

#[test]
fn a_folder_without_sounds_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");
    assert!(read_folder(&folder.path().join("none")).is_err());
}

#[test]
fn flac_is_read_as_wav_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("constant.flac"), constant_flac(16, 0x4000)).unwrap();
    assert_eq!(read_folder(directory.path()).unwrap()[0].samples, [0.5; 16]);
    fs::write(directory.path().join("broken.flac"), b"fLaC, or so it says").unwrap();
    assert!(read_folder(directory.path()).is_err());
}

/// One frame of one channel and 16 bits at [`SOUND_RATE`], all samples the same (RFC 9639).
fn constant_flac(len: u8, sample: u16) -> Vec<u8> {
    let mut bytes = b"fLaC".to_vec();
    bytes.extend([0x80, 0, 0, 34]); // the last block of metadata: what the stream is like
    bytes.extend([0, 16, 0, 16, 0, 0, 0, 0, 0, 0]); // sizes of blocks and frames
    let layout = u64::from(SOUND_RATE) << 44 | 15 << 36 | u64::from(len); // rate, channels, bits, length
    bytes.extend(layout.to_be_bytes());
    bytes.extend([0; 16]); // no digest
    let mut frame = vec![0xff, 0xf8, 0x60, 0x08, 0, len - 1];
    frame.push(crc(&frame, 8, 0x07) as u8);
    frame.push(0); // a constant
    frame.extend(sample.to_be_bytes());
    frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
    bytes.extend(frame);
    bytes
}

fn crc(bytes: &[u8], width: u32, polynomial: u32) -> u32 {
    let step = |sum: u32| (sum << 1) ^ if sum >> (width - 1) & 1 == 1 { polynomial } else { 0 };
    bytes.iter().fold(0, |sum, &byte| {
        let sum = sum ^ u32::from(byte) << (width - 8);
        (0..8).fold(sum, |sum, _| step(sum)) & ((1 << width) - 1)
    })
}
