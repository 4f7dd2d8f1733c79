//! The plug-in behind its traits, over a voice that is made here.

use std::f32::consts::TAU;

use super::{Settings, Voice};
use crate::{
    Decoder, EncodeError, Encoder, FRAME_SAMPLES, FrameError, LearnError, Learner, MediaError,
    Model, Plugin, Raw, SOUND_RATE, Sound, SoundDecoder, SoundEncoder,
};

/// Syllables of a gliding pitch and two resonances that move, or silence, by the 80 ms.
struct Speaker {
    phase: f32,
    at: usize,
}

impl Speaker {
    const fn new() -> Self {
        Self { phase: 0.0, at: 0 }
    }

    fn speak(&mut self) -> [f32; FRAME_SAMPLES] {
        std::array::from_fn(|_| {
            let time = self.at as f32 / SOUND_RATE as f32;
            self.at += 1;
            let pitch = 130.0 + 30.0 * (TAU * 0.6 * time).sin();
            self.phase = (self.phase + pitch / SOUND_RATE as f32).fract();
            let loud = (0.5 - 0.5 * (TAU * 3.0 * time).cos()).powi(2);
            let formants = [500.0 + 200.0 * (TAU * 1.1 * time).sin(), 1500.0];
            let sum: f32 = (1..30)
                .map(|harmonic| {
                    let frequency = pitch * harmonic as f32;
                    let near = |formant: f32| (-((frequency - formant) / 200.0).powi(2)).exp();
                    let gain = 0.02 + near(formants[0]) + 0.5 * near(formants[1]);
                    gain * (TAU * self.phase * harmonic as f32).sin()
                })
                .sum();
            0.2 * loud * sum
        })
    }
}

fn coders(model: &dyn Model) -> (Box<dyn SoundEncoder>, Box<dyn SoundDecoder>) {
    match (model.encoder(), model.decoder()) {
        (Encoder::Sound(encoder), Decoder::Sound(decoder)) => (encoder, decoder),
        _ => panic!("voices are sound"),
    }
}

fn generic(settings: Settings) -> Box<dyn Model> {
    Voice::new(settings).generic().expect("voices have a generic model")
}

fn encode(encoder: &mut dyn SoundEncoder, sound: &[f32]) -> (Vec<u8>, bool) {
    let mut payload = Vec::new();
    encoder.push(&Sound::new(sound)).expect("80 ms");
    let activity = encoder.flush(&mut payload).expect("80 ms");
    (payload, activity.talking)
}

fn decode(decoder: &mut dyn SoundDecoder, payload: &[u8]) -> [f32; FRAME_SAMPLES] {
    let mut sound = [f32::NAN; FRAME_SAMPLES];
    decoder.decode(payload, &mut sound).expect("an encoder's payload");
    assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
    sound
}

fn power(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32
}

#[test]
fn speech_comes_back_as_loud_as_it_was_in_some_thirty_bytes() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    let (mut said, mut heard, mut bytes) = (0.0, 0.0, 0);
    for payload in 0..50 {
        let sound = speaker.speak();
        let (payload_of, talking) = encode(&mut *encoder, &sound);
        let decoded = decode(&mut *decoder, &payload_of);
        if payload >= 5 {
            assert!(talking);
            (said, heard) = (said + power(&sound), heard + power(&decoded));
            bytes += payload_of.len();
        }
    }
    assert!((10..60 * 45).contains(&bytes), "{bytes} bytes in 45 payloads");
    assert!((0.3..3.0).contains(&(heard / said)), "{heard} of {said}");
}

/// A payload that repeats the one before, of the tests of the coder, and what both are decoded to:
/// the tests of the browser library hold the build for browsers against the same.
const GOLDEN: &str = "52ed263aac9935f07e21d958ba4da8e9e01f7018b96040";
static GOLDEN_SOUND: &[u8; 2 * FRAME_SAMPLES * 4] = include_bytes!("../golden/decoded.f32");

#[test]
fn a_payload_sounds_the_same_everywhere() {
    let model = generic(Settings::default());
    let (_, mut decoder) = coders(&*model);
    let (digits, _) = GOLDEN.as_bytes().as_chunks::<2>();
    let byte = |digits: &[u8; 2]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
    let payload: Vec<u8> = digits.iter().filter_map(byte).collect();
    let mut before = [0.0; FRAME_SAMPLES];
    assert_eq!(decoder.decode_before(&payload, &mut before), Ok(true));
    let sound = decode(&mut *decoder, &payload);
    let (expected, _) = GOLDEN_SOUND.as_chunks::<4>();
    let loudest = sound.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
    for (at, (sample, expected)) in before.iter().chain(&sound).zip(expected).enumerate() {
        let expected = f32::from_le_bytes(*expected);
        assert!((sample - expected).abs() <= 0.01 * loudest, "{at}: {sample}, not {expected}");
    }
}

#[test]
fn a_pause_costs_a_description_now_and_then_and_is_quiet() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    for _ in 0..10 {
        let (payload, _) = encode(&mut *encoder, &speaker.speak());
        decode(&mut *decoder, &payload);
    }
    let mut lens = Vec::new();
    let mut last = [1.0; FRAME_SAMPLES];
    for _ in 0..25 {
        let (payload, talking) = encode(&mut *encoder, &[0.0; FRAME_SAMPLES]);
        last = decode(&mut *decoder, &payload);
        if !talking {
            lens.push(payload.len());
        }
    }
    assert!(lens.len() >= 20, "{lens:?}");
    assert!(lens[0] > 0 && lens[0] <= 8, "{lens:?}");
    assert!(lens[1..5].iter().all(|&len| len == 0), "{lens:?}");
    assert!(lens[5] > 0, "{lens:?}");
    assert!(power(&last) < 1e-6, "{}", power(&last));
}

#[test]
fn what_did_not_come_fades_and_speech_goes_on_behind_it() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    let mut before = 0.0;
    for _ in 0..12 {
        let (payload, _) = encode(&mut *encoder, &speaker.speak());
        before = power(&decode(&mut *decoder, &payload)).max(before);
    }
    let mut made_up = [0.0; FRAME_SAMPLES];
    for _ in 0..6 {
        decoder.conceal(&mut made_up);
        assert!(made_up.iter().all(|sample| sample.abs() <= 1.0));
    }
    assert!(power(&made_up) < before * 1e-3, "{} of {before}", power(&made_up));
    let mut after: f32 = 0.0;
    for _ in 0..6 {
        let (payload, _) = encode(&mut *encoder, &speaker.speak());
        after = after.max(power(&decode(&mut *decoder, &payload)));
    }
    assert!(after > before * 0.1, "{after} of {before}");
}

#[test]
fn pieces_of_any_length_are_made_up_and_the_seam_behind_them_is_smooth() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    for _ in 0..8 {
        let (payload, _) = encode(&mut *encoder, &speaker.speak());
        decode(&mut *decoder, &payload);
    }
    let mut last = 0.0;
    for len in [1, 7, 159, 160, 161, 250] {
        let mut piece = vec![f32::NAN; len];
        decoder.conceal(&mut piece);
        assert!(piece.iter().all(|sample| sample.is_finite()));
        last = piece[len - 1];
    }
    let (payload, _) = encode(&mut *encoder, &speaker.speak());
    let sound = decode(&mut *decoder, &payload);
    assert!((sound[0] - last).abs() < 0.1, "from {last} to {}", sound[0]);
}

#[test]
fn a_payload_repeats_the_one_before_where_that_is_asked_for() {
    let model = generic(Settings { redundancy: true, ..Settings::default() });
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    let payloads: Vec<Vec<u8>> =
        (0..8).map(|_| encode(&mut *encoder, &speaker.speak()).0).collect();
    for payload in &payloads[..6] {
        decode(&mut *decoder, payload);
    }
    let mut repeated = [f32::NAN; FRAME_SAMPLES];
    assert_eq!(decoder.decode_before(&payloads[7], &mut repeated), Ok(true));
    assert!(power(&repeated) > 1e-5);
    decode(&mut *decoder, &payloads[7]);

    let plain = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*plain);
    let (payload, _) = encode(&mut *encoder, &speaker.speak());
    let mut untouched = [0.5; FRAME_SAMPLES];
    assert_eq!(decoder.decode_before(&payload, &mut untouched), Ok(false));
    assert_eq!(decoder.decode_before(&[], &mut untouched), Ok(false));
    assert_eq!(untouched, [0.5; FRAME_SAMPLES]);
}

#[test]
fn a_decoder_goes_on_from_raw_sound_without_a_step() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    let sound: Vec<f32> = (0..12).flat_map(|_| speaker.speak()).collect();
    let mut payload = Vec::new();
    for frame in sound.chunks_exact(FRAME_SAMPLES) {
        payload = encode(&mut *encoder, frame).0;
    }
    // What a payload makes begins DELAY before its own samples.
    let raw = &sound[..sound.len() - FRAME_SAMPLES - super::super::DELAY];
    decoder.prime(raw);
    let decoded = decode(&mut *decoder, &payload);
    let steps = |sound: &[f32]| sound.windows(2).map(|s| (s[1] - s[0]).abs()).fold(0.0, f32::max);
    let step = (decoded[0] - raw[raw.len() - 1]).abs();
    assert!(step <= 1.5 * steps(&sound), "{step}, elsewhere {}", steps(&sound));
}

#[test]
fn too_little_to_go_on_from_changes_nothing() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    decoder.prime(&[0.5; 319]);
    let (payload, _) = encode(&mut *encoder, &Speaker::new().speak());
    let (_, mut other) = coders(&*model);
    assert_eq!(decode(&mut *decoder, &payload), decode(&mut *other, &payload));
}

#[test]
fn samples_are_taken_in_pieces_up_to_one_payload() {
    let model = generic(Settings::default());
    let (mut encoder, _) = coders(&*model);
    let mut out = Vec::new();
    assert_eq!(encoder.flush(&mut out), Err(EncodeError::TooLittle));
    encoder.push(&Sound::new(&[0.0; 1000])).expect("less than 80 ms");
    assert_eq!(encoder.push(&Sound::new(&[0.0; 281])), Err(MediaError::Amount));
    encoder.push(&Sound::new(&[0.0; 280])).expect("80 ms");
    assert!(encoder.flush(&mut out).is_ok());
    let other = Sound { rate: 48_000, samples: &[0.0; 10] };
    assert_eq!(encoder.push(&other), Err(MediaError::Rate));
}

#[test]
fn a_speaker_is_known_after_twenty_seconds_of_speech_and_again_after_forty() {
    let mut learner = Voice::default().learner();
    let mut speaker = Speaker::new();
    let mut hear = |learner: &mut dyn Learner, payloads: usize| {
        let mut progress = crate::Progress::default();
        for _ in 0..payloads {
            let sound = speaker.speak();
            progress = learner.push(&Raw::Sound(Sound::new(&sound))).expect("sound");
        }
        progress
    };
    let early = hear(&mut *learner, 200);
    assert!(!early.usable && !early.refined && early.per_mille > 100, "{early:?}");
    assert_eq!(learner.finish(), Err(LearnError::TooLittle));
    let first = hear(&mut *learner, 60);
    assert!(first.usable && first.refined, "{first:?}");
    let body = learner.finish().expect("20 s of speech that the vocoder can say");
    assert!(body.len() <= 20_000, "{}", body.len());
    let model = Voice::default().model(&body).expect("a learner's model");
    let (mut encoder, mut decoder) = coders(&*model);
    let (payload, _) = encode(&mut *encoder, &Speaker::new().speak());
    decode(&mut *decoder, &payload);
    assert!(!hear(&mut *learner, 100).refined);
    assert!(hear(&mut *learner, 170).refined);
}

#[test]
fn who_speaks_over_music_is_not_learned() {
    let mut learner = Voice::default().learner();
    let mut speaker = Speaker::new();
    for payload in 0..300 {
        let mut sound = speaker.speak();
        for (at, sample) in sound.iter_mut().enumerate() {
            let time = (payload * FRAME_SAMPLES + at) as f32 / SOUND_RATE as f32;
            let beat = (-(time * 4.0).fract() * 3.0).exp();
            let chord = [277.2, 349.2, 415.3, 1108.7, 1396.9];
            let tones = chord.iter().map(|frequency| (TAU * frequency * time).sin());
            *sample = 0.7 * *sample + 0.06 * beat * tones.sum::<f32>();
        }
        let progress = learner.push(&Raw::Sound(Sound::new(&sound))).expect("sound");
        assert!(payload < 280 || !progress.usable);
    }
    assert_eq!(learner.finish(), Err(LearnError::Unfit));
}

#[test]
fn silence_and_noise_are_not_learned_from() {
    let mut learner = Voice::default().learner();
    let mut state = 1_u32;
    for at in 0..400 {
        let sound: [f32; FRAME_SAMPLES] = std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if at < 200 { 0.0 } else { 0.01 * (state as f32 / u32::MAX as f32 - 0.5) }
        });
        let progress = learner.push(&Raw::Sound(Sound::new(&sound))).expect("sound");
        assert!(!progress.usable);
    }
    assert_eq!(learner.finish(), Err(LearnError::TooLittle));
}

#[test]
fn sound_that_is_no_number_or_beyond_full_scale_makes_sound_that_is() {
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -5.0, 1e-40] {
        for _ in 0..3 {
            let (payload, _) = encode(&mut *encoder, &[value; FRAME_SAMPLES]);
            decode(&mut *decoder, &payload);
        }
    }
    let (payload, _) = encode(&mut *encoder, &Speaker::new().speak());
    decode(&mut *decoder, &payload);
}

#[test]
fn payloads_and_models_of_strangers_are_refused_or_sound_like_something() {
    let voice = Voice::default();
    assert!(voice.model(&[]).is_err());
    let model = generic(Settings::default());
    let (_, mut decoder) = coders(&*model);
    let mut state = 7_u32;
    let mut refused = 0;
    for len in 1..200 {
        let payload: Vec<u8> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let mut out = [0.0; FRAME_SAMPLES];
        match decoder.decode(&payload, &mut out) {
            Ok(()) => assert!(out.iter().all(|sample| sample.abs() <= 1.0)),
            Err(error) => {
                assert_eq!(error, FrameError::Malformed);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn after_ten_minutes_it_still_says_the_same_in_as_many_bytes() {
    /// Syllables, pitch and resonances repeat after 10 s.
    const CYCLE: usize = 125;
    let model = generic(Settings::default());
    let (mut encoder, mut decoder) = coders(&*model);
    let mut speaker = Speaker::new();
    let said: Vec<[f32; FRAME_SAMPLES]> = (0..CYCLE).map(|_| speaker.speak()).collect();
    let mut cycle = || {
        said.iter().fold((0, 0.0), |(bytes, loudness), sound| {
            let (payload, _) = encode(&mut *encoder, sound);
            let decoded = decode(&mut *decoder, &payload);
            (bytes + payload.len(), loudness + power(&decoded))
        })
    };
    cycle();
    let (bytes, loudness) = cycle();
    let (last_bytes, last_loudness) = (2..60).map(|_| cycle()).last().expect("58 cycles");
    assert!(last_bytes.abs_diff(bytes) * 100 <= bytes, "{last_bytes} bytes, {bytes} at first");
    assert!((last_loudness / loudness - 1.0).abs() < 0.05, "{last_loudness}, {loudness} at first");
}
