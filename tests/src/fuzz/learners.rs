//! What the pool of learners and a learner say to each other, and the video that learners put together.

use sotto_core::{
    id::PayloadType,
    media::{Codec, PayloadFormat},
};
use sotto_server::learn::{
    depacketise::{Depacketiser, MAX_FRAME_LEN},
    intake::Intake,
    reorder::Ordered,
    wire::{FromLearner, Messages, ToLearner},
};

/// The first byte says what the others are: messages of either side, or the payloads of a codec, each with
/// two bytes of length and one of flags in front.
pub fn learner_frames(bytes: &[u8]) {
    let Some((&of, rest)) = bytes.split_first() else { return };
    match of % 6 {
        0 => from_learner(rest),
        1 => to_learner(rest),
        2 => video(Codec::Vp8, rest),
        3 => video(Codec::Vp9, rest),
        4 => video(Codec::H264, rest),
        _ => video(Codec::Av1, rest),
    }
}

fn from_learner(bytes: &[u8]) {
    let mut messages = Messages::from_learner();
    for piece in bytes.chunks(11) {
        messages.push(piece);
        while let Ok(Some((kind, body))) = messages.read() {
            let Ok(message) = FromLearner::parse(kind, body) else { continue };
            let mut again = Vec::new();
            message.write(&mut again);
            assert_eq!(again[5..], *body, "one message, one spelling");
        }
    }
}

fn to_learner(bytes: &[u8]) {
    let mut messages = Messages::to_learner();
    for piece in bytes.chunks(11) {
        messages.push(piece);
        while let Ok(Some((kind, body))) = messages.read() {
            let Ok(message) = ToLearner::parse(kind, body) else { continue };
            let mut again = Vec::new();
            message.write(&mut again);
            assert_eq!(again[5..], *body, "one message, one spelling");
        }
    }
}

/// The end of a frame.
const MARKER: u8 = 0x01;
/// A frame behind the one before.
const NEW_TIME: u8 = 0x02;
/// A packet before it is missing.
const LOST: u8 = 0x04;
/// A retransmission.
const REPEATED: u8 = 0x08;

fn video(codec: Codec, mut bytes: &[u8]) {
    let format = PayloadFormat {
        payload_type: PayloadType(96),
        codec,
        rtx: Some(PayloadType(97)),
        red: None,
        nack: false,
        transport_cc: false,
    };
    let (mut intake, mut depacketiser) = (Intake::new(format), Depacketiser::new(codec));
    let (mut seq, mut timestamp) = (0_u16, 0_u32);
    while let Some((&[high, low, flags], rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (payload, rest) = rest.split_at(len);
        bytes = rest;
        seq = seq.wrapping_add(1 + u16::from(flags & LOST != 0));
        timestamp = timestamp.wrapping_add(if flags & NEW_TIME == 0 { 0 } else { 3_000 });
        let payload_type = if flags & REPEATED == 0 { 96 } else { 97 };
        let mut packet = vec![0x80, payload_type | (flags & MARKER) << 7];
        packet.extend(seq.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend_from_slice(payload);
        intake.push(&packet);
        while let Some(next) = intake.pop() {
            let Ordered::Packet(payload) = next else {
                depacketiser.lost();
                continue;
            };
            let Ok(Some(frame)) = depacketiser.push(&payload) else { continue };
            assert!((1..=MAX_FRAME_LEN).contains(&frame.bytes.len()), "a frame within the limit");
            if let Some(size) = frame.keyframe {
                assert!(size.width > 0 && size.height > 0, "pixels");
            }
        }
    }
}
