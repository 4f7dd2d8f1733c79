//! Packets of voice: features to bytes and back, given a speaker's model.
//!
//! ```text
//!  payload  kind ─ speech ─ blocks ─ step ─ repeats? ─ packet (─ packet before, coarsest step)
//!             └─── silence ─ noise
//!  packet   shape ─ numbers of the first block ─ of the second ─ …
//! ```
//!
//! All of it is one string of binary decisions behind one range coder, without any byte between,
//! and without the zeros at its end:
//!
//! ```text
//!  kind     1 decision      speech, or silence
//!  blocks   1 to 2          two blocks (80 ms), one (40 ms) or three (120 ms)
//!  step     3               of `Step::ALL`
//!  repeats  1               the packet before comes again at the end, with as many blocks
//!  shape    3               which of the model's 8 normal distributions the packet is of
//!  number   1 or more       magnitude in unary, with contexts of the model; low bits of large
//!                           ones, sign: plain. Up to 80 a block, those that matter at this step
//!  noise    42              10 cepstra: the first of 6 bits, the others of 4
//! ```
//!
//! A packet stands for itself. Its first block is the shape's mean and a sum of directions
//! (Karhunen-Loève transform), the others the same around what the block before predicts; numbers
//! are multiples of one step. What is decoded depends on integers alone: decisions, contexts, and
//! how far each number varies (its level); reconstruction is in floating point.

mod magnitude;
mod packet;
mod search;
mod silence;
mod step;

#[cfg(test)]
mod tests;

pub(in crate::voice) use magnitude::{Magnitudes, Tally};
use packet::Packet;
pub use step::Step;

pub use super::packet::BLOCK_FRAMES;
use super::{
    features::Features,
    model::SpeakerModel,
    packet::{MAX_BLOCKS, blocks},
};
use crate::{
    FrameError,
    entropy::{Context, Decoder, Encoder, Port},
};

/// What a payload says.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Of its own time.
    pub sound: Heard,
    /// The packet before, coarsely, where the payload repeats it.
    pub before: Option<Vec<Features>>,
}

/// What is to be heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Speech: 4, 8 or 12 frames of 10 ms.
    Speech(Vec<Features>),
    /// Nobody speaks: noise like this.
    Silence(Features),
}

/// Silence is rarer, and has bits to spare.
const SILENCE: Context = Context::new(64_000);
/// Not two blocks, and then not one.
const NOT_TWO: Context = Context::new(60_000);
const NOT_ONE: Context = Context::EVEN;
const REPEATS: Context = Context::EVEN;
/// Nearly all numbers of steps are taken; the others are refused.
const STEPS: [Context; 8] = [
    Context::EVEN,
    Context::new(52_400), // not the coarsest
    Context::EVEN,
    Context::new(65_000),
    Context::EVEN,
    Context::EVEN,
    Context::new(65_000),
    Context::EVEN,
];

/// Appends the payload of speech to `out`, and says what a decoder will make of it.
///
/// `frames` are 4, 8 or 12 of 10 ms; `before` are as many, to be repeated coarsely.
///
/// # Panics
/// For other numbers of frames.
pub fn encode(
    model: &SpeakerModel,
    frames: &[Features],
    step: Step,
    before: Option<&[Features]>,
    out: &mut Vec<u8>,
) -> Vec<Features> {
    let count = frames.len() / BLOCK_FRAMES;
    let whole = frames.len().is_multiple_of(BLOCK_FRAMES) && (1..=MAX_BLOCKS).contains(&count);
    assert!(whole, "a packet has 4, 8 or 12 frames");
    assert!(before.is_none_or(|before| before.len() == frames.len()), "as many frames before");

    let mut encoder = Encoder::new(out);
    encoder.decide(SILENCE, false);
    encoder.decide(NOT_TWO, count != 2);
    if count != 2 {
        encoder.decide(NOT_ONE, count != 1);
    }
    encoder.choice(&STEPS, step as usize);
    encoder.decide(REPEATS, before.is_some());
    let mut code = |frames: &[Features], step| {
        let packet = search::packet(model, &blocks(frames, model.pitch()), step);
        packet::code(&mut encoder, model, step, count, Some(&packet))
            .expect("a search finds numbers that can be written")
    };
    let packet = code(frames, step);
    if let Some(before) = before {
        code(before, Step::Coarsest);
    }
    encoder.finish();
    packet.features(model, step)
}

/// Appends the payload of a packet in which nobody speaks: what is heard then, as noise.
pub fn encode_silence(frames: &[Features], out: &mut Vec<u8>) {
    let mut encoder = Encoder::new(out);
    encoder.decide(SILENCE, true);
    silence::noise(&mut encoder, frames);
    encoder.finish();
}

/// Counts the decisions that a packet takes, in order to train contexts.
pub(in crate::voice) fn tally(
    model: &SpeakerModel,
    frames: &[Features],
    step: Step,
    tally: &mut Tally,
) {
    let packet = search::packet(model, &blocks(frames, model.pitch()), step);
    packet.tally(model, step, tally);
}

/// What a payload says under the model that it was made with. Features are finite and in their
/// range, whatever the payload and the model.
///
/// # Errors
/// [`FrameError::Malformed`] for what no encoder writes, as far as it shows.
pub fn decode(model: &SpeakerModel, payload: &[u8]) -> Result<Decoded, FrameError> {
    Ok(match read(model, payload)? {
        Read::Speech { step, packet, before } => Decoded {
            sound: Heard::Speech(packet.features(model, step)),
            before: before.map(|before| before.features(model, Step::Coarsest)),
        },
        Read::Silence(noise) => Decoded { sound: Heard::Silence(noise), before: None },
    })
}

/// What is read of a payload.
#[derive(Debug, PartialEq)]
enum Read {
    Speech { step: Step, packet: Packet, before: Option<Packet> },
    Silence(Features),
}

fn read(model: &SpeakerModel, payload: &[u8]) -> Result<Read, FrameError> {
    let mut decoder = Decoder::new(payload);
    let read = if decoder.decide(SILENCE) {
        Read::Silence(silence::noise(&mut decoder, &[]))
    } else {
        let two = !decoder.decide(NOT_TWO);
        let count = if two { 2 } else { [1, 3][usize::from(decoder.decide(NOT_ONE))] };
        let step = decoder.choice(&STEPS, 0);
        let step = *Step::ALL.get(step).ok_or(FrameError::Malformed)?;
        let repeats = decoder.decide(REPEATS);
        let mut code = |step| packet::code(&mut decoder, model, step, count, None);
        let packet = code(step)?;
        Read::Speech { step, packet, before: repeats.then(|| code(Step::Coarsest)).transpose()? }
    };
    decoder.finish().map_err(|_| FrameError::Malformed)?;
    Ok(read)
}
