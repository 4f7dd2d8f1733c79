//! Tones there and back, what is heard of a fault, and the gate.

use std::f32::consts::TAU;

use super::*;
use crate::{
    EncodeError, FRAME_SAMPLES, LearnError, MediaError, Raw, SOUND_RATE, Sound, SoundDecoder,
    SoundEncoder, Verdict,
};

/// Samples of a tone.
fn tone(frequency: f32, len: usize) -> Vec<f32> {
    let step = TAU * frequency / SOUND_RATE as f32;
    (0..len).map(|at| 0.5 * (step * at as f32 + 1.0).sin()).collect()
}

fn learned(sound: &[f32]) -> Vec<u8> {
    let mut learner = Tone.learner();
    learner.push(&Raw::Sound(Sound::new(sound))).expect("sound at the right rate");
    learner.finish().expect("enough of a tone")
}

fn model(frequency: f32) -> Box<dyn Model> {
    let body = learned(&tone(frequency, 8 * FRAME_SAMPLES));
    Tone.model(&body).expect("what was learned can be read")
}

fn encoder(model: &dyn Model) -> Box<dyn SoundEncoder> {
    match model.encoder() {
        Encoder::Sound(encoder) => encoder,
        Encoder::Picture(_) => panic!("a tone is sound"),
    }
}

fn decoder(model: &dyn Model) -> Box<dyn SoundDecoder> {
    match model.decoder() {
        Decoder::Sound(decoder) => decoder,
        Decoder::Picture(_) => panic!("a tone is sound"),
    }
}

fn encoded(model: &dyn Model, sound: &[f32]) -> Vec<Vec<u8>> {
    let mut encoder = encoder(model);
    sound
        .chunks_exact(FRAME_SAMPLES)
        .map(|block| {
            let mut payload = Vec::new();
            encoder.push(&Sound::new(block)).expect("one block");
            encoder.flush(&mut payload).expect("a whole block");
            payload
        })
        .collect()
}

fn decoded<'a>(model: &dyn Model, payloads: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<f32> {
    let mut decoder = decoder(model);
    let mut out = [0.0; FRAME_SAMPLES];
    let mut sound = Vec::new();
    for payload in payloads {
        decoder.decode(payload, &mut out).expect("a payload of this model");
        sound.extend_from_slice(&out);
    }
    sound
}

/// The largest step from one sample to the next, of what a tone at full level may have at most.
fn roughness(sound: &[f32], frequency: f32) -> f32 {
    let steepest = 0.5 * TAU * frequency / SOUND_RATE as f32;
    let step = sound.array_windows().map(|[a, b]| (b - a).abs()).fold(0.0, f32::max);
    step / steepest
}

#[test]
fn a_tone_is_the_same_behind_encoder_and_decoder() {
    let source = tone(213.0, 10 * FRAME_SAMPLES);
    let model = model(200.0);
    let payloads = encoded(&*model, &source);
    assert!(payloads.iter().all(|payload| payload.len() == PAYLOAD_LEN));
    let sound = decoded(&*model, &payloads);
    // The first 5 ms fade in.
    let error = source[80..].iter().zip(&sound[80..]).map(|(a, b)| (a - b).abs());
    let error = error.fold(0.0, f32::max);
    assert!(error < 0.01, "{error}");
    assert!(roughness(&sound, 213.0) < 1.05);
}

#[test]
fn payloads_are_counted_and_know_their_model() {
    let model = model(200.0);
    let payloads = encoded(&*model, &tone(213.0, 4 * FRAME_SAMPLES));
    let frames: Vec<_> = payloads.iter().map(|payload| Frame::read(payload)).collect();
    for (counter, frame) in (0..).zip(&frames) {
        assert_eq!(frame.map(|frame| frame.counter), Ok(counter));
    }
    let mut other = decoder(&*self::model(300.0));
    let mut out = [0.0; FRAME_SAMPLES];
    assert_eq!(other.decode(&payloads[0], &mut out), Err(FrameError::OtherModel));
    assert_eq!(other.decode(&payloads[0][1..], &mut out), Err(FrameError::Malformed));
}

#[test]
fn a_payload_left_out_is_heard_as_a_click() {
    let model = model(200.0);
    // 80 ms are no whole number of periods.
    let payloads = encoded(&*model, &tone(205.0, 6 * FRAME_SAMPLES));
    let whole = decoded(&*model, &payloads);
    let holed =
        decoded(&*model, payloads.iter().enumerate().filter(|(at, _)| *at != 3).map(|p| p.1));
    let twice = decoded(&*model, payloads.iter().chain(&payloads[5..]));
    assert!(roughness(&whole, 205.0) < 1.05);
    assert!(roughness(&holed, 205.0) > 3.0);
    assert!(roughness(&twice, 205.0) > 3.0);
}

#[test]
fn what_is_concealed_goes_on_and_gets_quieter() {
    let model = model(200.0);
    let payloads = encoded(&*model, &tone(205.0, 6 * FRAME_SAMPLES));
    let mut decoder = decoder(&*model);
    let mut sound = vec![0.0; 6 * FRAME_SAMPLES];
    for (at, (payload, out)) in
        payloads.iter().zip(sound.chunks_exact_mut(FRAME_SAMPLES)).enumerate()
    {
        match out.first_chunk_mut() {
            Some(out) if at != 3 => decoder.decode(payload, out).expect("a payload of this model"),
            _ => decoder.conceal(out),
        }
    }
    assert!(roughness(&sound, 205.0) < 1.1, "no click before, in or behind the gap");
    let mut gap = vec![0.0; 8 * FRAME_SAMPLES];
    decoder.conceal(&mut gap);
    assert!(Sound::new(&gap[7 * FRAME_SAMPLES..]).level() >= 7);
}

#[test]
fn a_primed_decoder_goes_on_from_raw_sound() {
    let source = tone(205.0, 5 * FRAME_SAMPLES);
    let model = model(200.0);
    let payloads = encoded(&*model, &source);
    let mut decoder = decoder(&*model);
    let mut out = [0.0; FRAME_SAMPLES];
    let raw = &source[..3 * FRAME_SAMPLES];
    decoder.prime(&raw[raw.len() - 320..]);
    decoder.decode(&payloads[3], &mut out).expect("a payload of this model");
    let sound = [raw, &out].concat();
    assert!(roughness(&sound, 205.0) < 1.05, "{}", roughness(&sound, 205.0));
}

#[test]
fn silence_is_an_empty_payload() {
    let model = model(200.0);
    let mut encoder = encoder(&*model);
    let mut payload = Vec::new();
    encoder.push(&Sound::new(&[0.0; FRAME_SAMPLES])).expect("one block");
    let activity = encoder.flush(&mut payload).expect("a whole block");
    assert_eq!((activity.level, activity.talking, payload.len()), (15, false, 0));
    let sound = decoded(&*model, [&payload]);
    assert_eq!(sound, [0.0; FRAME_SAMPLES]);
}

#[test]
fn an_encoder_takes_one_block_in_pieces() {
    let model = model(200.0);
    let mut encoder = encoder(&*model);
    let block = tone(200.0, FRAME_SAMPLES);
    let mut out = Vec::new();
    encoder.push(&Sound::new(&block[..500])).expect("a piece");
    assert_eq!(encoder.flush(&mut out), Err(EncodeError::TooLittle));
    assert_eq!(encoder.push(&Sound::new(&block)), Err(MediaError::Amount));
    let fast = Sound { rate: 48_000, samples: &block };
    assert_eq!(encoder.push(&fast), Err(MediaError::Rate));
    encoder.push(&Sound::new(&block[500..])).expect("the other piece");
    assert!(encoder.flush(&mut out).is_ok_and(|activity| activity.talking));
}

#[test]
fn a_learner_refines_what_it_gave_and_learns_nothing_of_noise() {
    let mut learner = Tone.learner();
    let sound = tone(150.0, 12 * FRAME_SAMPLES);
    let (first, second) = sound.split_at(6 * FRAME_SAMPLES + 9);
    let push = |learner: &mut dyn Learner, samples: &[f32]| {
        learner.push(&Raw::Sound(Sound::new(samples))).expect("sound at the right rate")
    };
    let nothing = push(&mut *learner, &noise(6 * FRAME_SAMPLES));
    assert_eq!(nothing, crate::Progress::default());
    assert_eq!(learner.finish(), Err(LearnError::TooLittle));
    let progress = push(&mut *learner, first);
    assert!(progress.usable && progress.refined && progress.per_mille == 240);
    let body = learner.finish().expect("enough of a tone");
    assert!(!push(&mut *learner, &[]).refined, "nothing new");
    assert!(push(&mut *learner, second).refined);
    let refined = learner.finish().expect("enough of a tone");
    assert!(refined.starts_with(&body) && refined.len() > body.len());
    let speakers = (Speaker::read(&body), Speaker::read(&refined));
    let (Ok(before), Ok(after)) = speakers else { panic!("what was learned can be read") };
    assert!((before.pitch - 150.0).abs() < 0.01 && (after.pitch - 150.0).abs() < 0.01);
    assert_ne!(before.tag, after.tag);
}

#[test]
fn a_body_that_no_learner_wrote_is_refused() {
    for body in [&[][..], &[0; 5], &[0; 6], &[0xff; 6], &[1; RECORD_LEN * (MAX_RECORDS + 1)]] {
        assert_eq!(Tone.model(body).err(), Some(ModelError::Malformed));
    }
}

#[test]
fn the_gate_is_red_for_noise_two_tones_strangers_and_wrong_frames() {
    let model = model(200.0);
    let mut gate = model.gate();
    let mut check = |source: &[f32], heard: &[f32]| {
        let (source, heard) = (Raw::Sound(Sound::new(source)), Raw::Sound(Sound::new(heard)));
        gate.observe(&source, &heard).map(|fidelity| fidelity.verdict)
    };
    let through = |source: &[f32]| decoded(&*model, &encoded(&*model, source));
    let own = tone(210.0, FRAME_SAMPLES);
    let two: Vec<f32> =
        own.iter().zip(tone(330.0, FRAME_SAMPLES)).map(|(a, b)| 0.5 * (a + b)).collect();
    let stranger = tone(400.0, FRAME_SAMPLES);
    let noise = noise(FRAME_SAMPLES);
    let silence = [0.0; FRAME_SAMPLES];
    assert_eq!(check(&own, &through(&own)), Ok(Verdict::Green));
    assert_eq!(check(&silence, &through(&silence)), Ok(Verdict::Green));
    assert_eq!(check(&two, &through(&two)), Ok(Verdict::Red));
    assert_eq!(check(&noise, &through(&noise)), Ok(Verdict::Red));
    assert_eq!(check(&stranger, &through(&stranger)), Ok(Verdict::Red));
    assert_eq!(check(&own, &through(&tone(220.0, FRAME_SAMPLES))), Ok(Verdict::Red));
    assert_eq!(check(&own, &silence), Ok(Verdict::Red));
    assert_eq!(check(&own, &own[1..]), Err(MediaError::Amount));
}

fn noise(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    std::iter::repeat_with(next).take(len).collect()
}
