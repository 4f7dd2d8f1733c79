use proptest::{collection::vec, prelude::*};

use super::{
    BLOCK_FRAMES, Decoded, Heard, Read, Step, decode, encode, encode_silence, packet::Numbers, read,
};
use crate::{
    FrameError,
    voice::{
        features::{CORRELATION, FEATURES, Features, PITCH},
        model::SpeakerModel,
    },
};

/// Something like speech, of integer arithmetic alone: the same everywhere.
fn speech(frames: usize) -> Vec<Features> {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32 / 512.0 - 0.25
    };
    let frame = |at: usize| {
        let mut features: Features = std::array::from_fn(|_| noise());
        features[0] += (at % 40) as f32 / 16.0 - 3.0;
        features[1] += 2.0 - (at % 25) as f32 / 16.0;
        features[PITCH] = (at % 50) as f32 / 256.0 - 0.5;
        features[CORRELATION] = if at % 40 < 30 { 0.25 } else { -0.25 };
        features
    };
    (0..frames).map(frame).collect()
}

/// Squared error of cepstra.
fn error(a: &[Features], b: &[Features]) -> f32 {
    let cepstra = a.iter().zip(b).flat_map(|(a, b)| a[..PITCH].iter().zip(&b[..PITCH]));
    cepstra.map(|(a, b)| (a - b).powi(2)).sum()
}

fn check(frames: &[Features], step: Step, before: Option<&[Features]>) -> (usize, Vec<Features>) {
    let model = SpeakerModel::generic();
    let mut payload = b"before".to_vec();
    let heard = encode(model, frames, step, before, &mut payload);
    let payload = payload.strip_prefix(b"before").expect("what was there stays");
    let decoded = decode(model, payload).expect("what was encoded");
    assert_eq!(decoded.sound, Heard::Speech(heard.clone()));
    assert_eq!(decoded.before.is_some(), before.is_some());
    if let (Some(before), Some(decoded)) = (before, decoded.before) {
        let (_, coarsely) = check(before, Step::Coarsest, None);
        assert_eq!(decoded, coarsely, "the packet before, as if it were alone");
    }
    check_range(&heard);
    (payload.len(), heard)
}

fn check_range(frames: &[Features]) {
    for frame in frames {
        assert!(frame.iter().all(|number| number.abs() <= 40.0), "{frame:?}");
        assert!(frame[PITCH].abs() <= 1.5 && frame[CORRELATION].abs() <= 0.5, "{frame:?}");
    }
}

#[test]
fn what_is_encoded_is_what_is_decoded_at_any_length_and_step() {
    for blocks in 1..=3 {
        let speech = speech(2 * blocks * BLOCK_FRAMES);
        let (before, now) = speech.split_at(blocks * BLOCK_FRAMES);
        for step in Step::ALL {
            check(now, step, None);
            check(now, step, Some(before));
        }
    }
}

/// Of `speech(16)`: the later packet at the step of 0.5, then the earlier one.
const GOLDEN: &str = "52ed263aac9935f07e21d958ba4da8e9e01f7018b96040";
/// What stands in it: of each block, the sum of all numbers, each times its place from 1 on.
const GOLDEN_SUMS: [i32; 4] = [223, 24, 71, -2];

#[test]
fn the_payload_of_one_speech_is_the_same_everywhere_and_read_as_the_same_numbers() {
    let (model, speech) = (SpeakerModel::generic(), speech(16));
    let mut payload = Vec::new();
    encode(model, &speech[8..], Step::Fine, Some(&speech[..8]), &mut payload);
    let written: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    let Ok(Read::Speech { step: Step::Fine, packet, before: Some(before) }) = read(model, &payload)
    else {
        panic!("speech that repeats: {written}")
    };
    let blocks = packet.numbers.iter().chain(&before.numbers);
    let sum = |numbers: &Numbers| numbers.iter().zip(1..).map(|(number, at)| number * at).sum();
    let sums: Vec<i32> = blocks.map(sum).collect();
    assert_eq!((&*written, &*sums), (GOLDEN, &GOLDEN_SUMS[..]));
}

#[test]
fn finer_steps_take_more_bytes_and_err_less() {
    let speech = speech(8);
    let tried = Step::ALL.map(|step| {
        let (len, heard) = check(&speech, step, None);
        (len, error(&speech, &heard))
    });
    assert!(
        tried.is_sorted_by(|(len, error), (next_len, next_error)| {
            len > next_len && error < next_error
        }),
        "{tried:?}"
    );
    assert!(Step::ALL.map(Step::size).is_sorted());
}

#[test]
fn silence_takes_six_bytes_and_says_how_loud_and_of_what_colour() {
    let mut frame = [0.0; FEATURES];
    frame[0] = -7.3;
    frame[3] = 0.8;
    let mut payload = Vec::new();
    encode_silence(&[frame; 8], &mut payload);
    assert!(payload.len() <= 6, "{payload:?}");
    let decoded = decode(SpeakerModel::generic(), &payload);
    let Ok(Decoded { sound: Heard::Silence(noise), before: None }) = decoded else {
        panic!("silence: {decoded:?}")
    };
    assert!((noise[0] - frame[0]).abs() <= 0.25 && (noise[3] - frame[3]).abs() <= 0.2, "{noise:?}");
    assert_eq!(noise[CORRELATION], -0.5);

    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let mut payload = Vec::new();
        encode_silence(&[[number; FEATURES]; 8], &mut payload);
        assert!(matches!(
            decode(SpeakerModel::generic(), &payload),
            Ok(Decoded { sound: Heard::Silence(noise), .. }) if noise.iter().all(|c| c.is_finite())
        ));
    }
    encode_silence(&[], &mut payload);
}

#[test]
fn what_no_encoder_writes_is_refused() {
    let model = SpeakerModel::generic();
    let mut payload = Vec::new();
    encode(model, &speech(8), Step::Fine, None, &mut payload);
    let refused = |payload: &[u8]| decode(model, payload) == Err(FrameError::Malformed);
    assert!(refused(&[&payload[..], &[0]].concat()), "a zero that could be cut");
    assert!(refused(&[&payload[..], &[1; 8]].concat()), "more than is read");
    assert!(refused(&[0xFF; 30]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_features_can_be_encoded(
        numbers in vec(prop_oneof![any::<f32>(), -1e3_f32..1e3, Just(f32::NAN)], 8 * FEATURES),
    ) {
        check(numbers.as_chunks::<FEATURES>().0, Step::Finest, None);
    }

    #[test]
    fn any_bytes_are_refused_or_make_features_in_their_range(bytes in vec(any::<u8>(), 0..80)) {
        match decode(SpeakerModel::generic(), &bytes) {
            Err(error) => prop_assert_eq!(error, FrameError::Malformed),
            Ok(Decoded { sound: Heard::Silence(noise), .. }) => check_range(&[noise]),
            Ok(Decoded { sound: Heard::Speech(frames), before }) => {
                check_range(&frames);
                check_range(&before.unwrap_or_default());
            }
        }
    }
}
