//! The voice coder: its range decoder, payloads and models.

use sotto_codec::{
    entropy::{Context, Decoder, Encoder},
    voice::{
        coder::{Decoded, Heard, Step, decode, encode},
        features::{FEATURES, Features},
        model::SpeakerModel,
    },
};

/// Decisions in eight contexts, one after the other, written again as they were read. The first
/// byte says how many eights.
pub fn range_decoder(bytes: &[u8]) {
    let Some((&eights, bytes)) = bytes.split_first() else { return };
    let count = 8 * usize::from(eights);
    let fresh = [0, 1_000, 20_000, 32_768, 40_000, 60_000, 65_000, u16::MAX].map(Context::new);
    let mut contexts = fresh;
    let mut decoder = Decoder::new(bytes);
    let read: Vec<bool> = (0..count).map(|at| decoder.adapt(&mut contexts[at % 8])).collect();
    let Ok(()) = decoder.finish() else { return };
    let (mut again, mut contexts) = (Vec::new(), fresh);
    let mut encoder = Encoder::new(&mut again);
    for (at, &yes) in read.iter().enumerate() {
        encoder.adapt(&mut contexts[at % 8], yes);
    }
    encoder.finish();
    assert!(again.len() <= bytes.len(), "no decisions are written longer than they can be read");
    let mut contexts = fresh;
    let mut decoder = Decoder::new(&again);
    for (at, &yes) in read.iter().enumerate() {
        assert_eq!(decoder.adapt(&mut contexts[at % 8]), yes, "decision {at}");
    }
    assert_eq!(decoder.finish(), Ok(()));
}

/// Payloads of voice under the generic model.
pub fn voice_payload(bytes: &[u8]) {
    check_payload(SpeakerModel::generic(), bytes);
}

/// Bodies of voice models: these bytes, and the generic one with some replaced, of which each 3
/// bytes are a place and what to put there.
pub fn voice_model(bytes: &[u8]) {
    let _ = SpeakerModel::parse(bytes);
    let mut body = SpeakerModel::generic().to_bytes();
    for &[high, low, byte] in bytes.as_chunks::<3>().0 {
        let place = usize::from(u16::from_be_bytes([high, low])) % body.len();
        body[place] = byte;
    }
    let Ok(model) = SpeakerModel::parse(&body) else { return };
    let frames: [Features; 12] =
        std::array::from_fn(|frame| std::array::from_fn(|at| (frame * at % 7) as f32 / 4.0 - 0.75));
    let mut payload = Vec::new();
    encode(&model, &frames, Step::Coarse, Some(&frames), &mut payload);
    assert!(check_payload(&model, &payload), "what a model encodes, it decodes");
    check_payload(&model, bytes);
}

fn check_payload(model: &SpeakerModel, payload: &[u8]) -> bool {
    let Ok(Decoded { sound, before }) = decode(model, payload) else { return false };
    let mut frames = before.unwrap_or_default();
    match sound {
        Heard::Speech(speech) => frames.extend(speech),
        Heard::Silence(noise) => frames.push(noise),
    }
    for frame in frames {
        assert!(frame.iter().all(|number| number.abs() <= 40.0), "{FEATURES} in range: {frame:?}");
    }
    true
}
