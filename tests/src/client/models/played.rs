//! Models and payloads of the codec's test plug-ins, which a browser can decode: a tone of the
//! sender's own pitch, and a bar that goes to and fro. They are written by hand, as their formats
//! say (`sotto_codec::testing`): no sample and no pixel is made.

use sotto_frame::PluginId;

use super::strand::TONE;

/// Pitches of different senders, in Hz.
const PITCHES: std::ops::Range<u32> = 200..600;
/// Amplitude of the tone, 1 / 65,535.
const AMPLITUDE: u16 = 13_000;
/// Seconds of a payload.
const SECONDS: f64 = 0.08;
/// Payloads in which the bar crosses the picture.
const CROSSING: u32 = 50;

/// Body of the model of a sender: of different ones, different. One record.
pub(super) fn body(plugin: PluginId, seed: u32) -> Vec<u8> {
    if plugin == TONE {
        let mut body = (pitch(seed) * 1_000).to_be_bytes().to_vec();
        // Amplitudes mean nothing to a decoder: they make the body one of its own.
        body.extend((seed as u16).to_be_bytes());
        return body;
    }
    let [r, g, b, _] = seed.to_be_bytes();
    vec![r / 4, 80 + g / 4, b / 4, 240, 240, 240, 0, 80]
}

/// The payload with this number, with that model.
pub(super) fn payload(plugin: PluginId, body: &[u8], counter: u32) -> Vec<u8> {
    let low = (counter as u16).to_be_bytes();
    let mut out = Vec::with_capacity(12);
    if plugin == TONE {
        let frequency = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
        let turns = f64::from(frequency) / 1_000.0 * SECONDS * f64::from(counter);
        let phase = (turns.fract() * 65_536.0) as u16;
        out.extend(low);
        out.extend(tag(body).to_be_bytes());
        out.extend(0i16.to_be_bytes());
        out.extend(AMPLITUDE.to_be_bytes());
        out.extend(phase.to_be_bytes());
        return out;
    }
    out.extend(tag(body).to_be_bytes());
    for (frame, offset) in [0u8, 40].into_iter().enumerate() {
        let number = counter * 2 + frame as u32;
        let step = number % (4 * CROSSING);
        let position = 100 + 400 * step.min(4 * CROSSING - step) / CROSSING;
        out.push(offset);
        out.extend((number as u16).to_be_bytes());
        out.extend((position as u16).to_be_bytes());
    }
    out
}

/// Tells one model from another in their payloads (FNV-1a, folded).
pub(super) fn tag(body: &[u8]) -> u16 {
    let fold = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = body.iter().fold(0x811c_9dc5, fold);
    (hash >> 16 ^ hash) as u16
}

fn pitch(seed: u32) -> u32 {
    PITCHES.start + seed % (PITCHES.end - PITCHES.start)
}

#[cfg(test)]
mod tests {
    use sotto_codec::{Decoder, Plugin, testing};

    use super::*;
    use crate::client::models::BAR;

    #[test]
    fn the_codec_takes_its_models_and_decodes_its_payloads() {
        let body = body(TONE, 77);
        let model = testing::Tone.model(&body).unwrap();
        let Decoder::Sound(mut decoder) = model.decoder() else { panic!("a sound") };
        for counter in 0..3 {
            let payload = payload(TONE, &body, counter);
            assert_eq!(testing::tone::Frame::read(&payload).unwrap().tag, tag(&body));
            let mut sound = [0.0_f32; sotto_codec::FRAME_SAMPLES];
            decoder.decode(&payload, &mut sound).unwrap();
            assert!(sound.iter().any(|sample| sample.abs() > 0.1));
        }
        let body = super::body(BAR, 77);
        assert!(testing::Bar.model(&body).is_ok());
        for counter in 0..500 {
            let payload = payload(BAR, &body, counter);
            let read = testing::bar::Payload::read(&payload).unwrap();
            assert_eq!((read.tag, read.frames.len()), (tag(&body), 2));
            assert!(read.frames.iter().all(|frame| (100..=900).contains(&frame.position)));
        }
    }

    #[test]
    fn different_senders_have_different_models() {
        for plugin in [TONE, BAR] {
            assert_ne!(tag(&body(plugin, 0x1234_5678)), tag(&body(plugin, 0x8765_4321)));
        }
    }
}
