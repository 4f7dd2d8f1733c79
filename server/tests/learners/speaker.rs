//! Somebody who talks, and is sent as Opus.

use std::f32::consts::TAU;

use opus::{Application, Channels, Encoder};

const RATE: usize = 16_000;
const PACKET_SAMPLES: usize = RATE / 50;

/// Syllables of a gliding pitch and two resonances that move: a voice to every part of the codec.
fn speech(seconds: usize) -> Vec<f32> {
    let mut phase = 0.0;
    (0..seconds * RATE)
        .map(|at| {
            let time = at as f32 / RATE as f32;
            let pitch = 130.0 + 30.0 * (TAU * 0.6 * time).sin();
            phase = (phase + pitch / RATE as f32).fract();
            let loud = (0.5 - 0.5 * (TAU * 3.0 * time).cos()).powi(2);
            let formants = [500.0 + 200.0 * (TAU * 1.1 * time).sin(), 1500.0];
            let harmonic = |number: i32| {
                let frequency = pitch * number as f32;
                let near = |formant: f32| (-((frequency - formant) / 200.0).powi(2)).exp();
                let gain = 0.02 + near(formants[0]) + 0.5 * near(formants[1]);
                gain * (TAU * phase * number as f32).sin()
            };
            0.2 * loud * (1..30).map(harmonic).sum::<f32>()
        })
        .collect()
}

/// RTP packets of 20 ms, with payload type 111, of so much speech.
pub(crate) fn packets(seconds: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(RATE as u32, Channels::Mono, Application::Voip).unwrap();
    speech(seconds)
        .chunks_exact(PACKET_SAMPLES)
        .enumerate()
        .map(|(number, sound)| {
            let payload = encoder.encode_vec_float(sound, 1_000).unwrap();
            rtp(111, number as u16, number as u32 * 960, false, &payload)
        })
        .collect()
}

/// A packet as a publisher sends it.
pub(crate) fn rtp(
    payload_type: u8,
    seq: u16,
    timestamp: u32,
    marker: bool,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
    packet.extend(seq.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(7_u32.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}
