//! A sound through a model and back, as a sender does it: encoded, decoded by the sender itself,
//! and looked at by the gate.

use std::time::Duration;

use sotto_codec::{
    Decoder, EncodeError, Encoder, FRAME_SAMPLES, Fidelity, FrameError, MediaError, Model, Raw,
    Sound, SoundDecoder, SoundEncoder, Verdict,
};
use sotto_frame::Activity;

use super::cpu::timed;

/// Samples that an encoder is given at a time, as microphones give them.
const PIECE: usize = 160;

/// What came of a sound.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    /// One for each 80 ms.
    pub payloads: Vec<Vec<u8>>,
    /// Decoded, aligned with the source and as long.
    pub sound: Vec<f32>,
    /// What the gate said of each 80 ms.
    pub judged: Vec<Judged>,
    /// The same in the gate's own words.
    pub verdicts: Vec<Verdict>,
    /// Whether somebody talks in each 80 ms.
    pub talking: Vec<bool>,
    /// What the sender computed.
    pub encoding: Duration,
    /// Decoding's part of it, which is what a receiver computes.
    pub decoding: Duration,
}

/// What a gate said at the end of 80 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// It is red for what it just heard.
    pub now: bool,
    /// It is red, if only since what is behind is not forgiven yet.
    pub held: bool,
}

/// Why a model cannot be measured: a fault of the plug-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It is for pictures.
    #[error("the plug-in is not for sound")]
    Kind,
    /// It refuses sound that it must take.
    #[error("sound refused: {0}")]
    Media(#[from] MediaError),
    /// It makes no payload of 80 ms.
    #[error("no payload: {0}")]
    Encode(#[from] EncodeError),
    /// It does not decode its own payload.
    #[error("own payload refused: {0}")]
    Frame(#[from] FrameError),
}

impl Coded {
    /// Bytes of each payload.
    pub(super) fn lens(&self) -> Vec<usize> {
        self.payloads.iter().map(Vec::len).collect()
    }
}

/// Encodes and decodes a sound with a model whose decoder is `delay` samples late; `red_now` reads
/// what its gate says.
///
/// # Errors
/// [`CodeError`].
pub(crate) fn code(
    model: &dyn Model,
    source: &[f32],
    delay: usize,
    red_now: impl Fn(&Fidelity) -> bool,
) -> Result<Coded, CodeError> {
    let (mut encoder, mut decoder) = (encoder(model)?, decoder(model)?);
    let mut gate = model.gate();
    let mut coded = Coded {
        payloads: Vec::new(),
        sound: Vec::new(),
        judged: Vec::new(),
        verdicts: Vec::new(),
        talking: Vec::new(),
        encoding: Duration::ZERO,
        decoding: Duration::ZERO,
    };
    for frame in frames(source, delay) {
        let mut payload = Vec::new();
        let mut out = [0.0; FRAME_SAMPLES];
        let activity = timed(&mut coded.encoding, || encode(&mut *encoder, &frame, &mut payload))?;
        timed(&mut coded.decoding, || decoder.decode(&payload, &mut out))?;
        let (source, decoded) = (Raw::Sound(Sound::new(&frame)), Raw::Sound(Sound::new(&out)));
        let fidelity = timed(&mut coded.encoding, || gate.observe(&source, &decoded))?;
        coded.payloads.push(payload);
        coded.talking.push(activity.talking);
        coded.verdicts.push(fidelity.verdict);
        let held = fidelity.verdict == Verdict::Red;
        coded.judged.push(Judged { now: red_now(&fidelity), held });
        coded.sound.extend_from_slice(&out);
    }
    coded.encoding += coded.decoding;
    align(&mut coded.sound, delay, source.len());
    Ok(coded)
}

/// The sound in pieces of 80 ms, with silence behind it until all of it is decoded.
pub(super) fn frames(source: &[f32], delay: usize) -> impl Iterator<Item = [f32; FRAME_SAMPLES]> {
    let count = (source.len() + delay).div_ceil(FRAME_SAMPLES);
    (0..count).map(|frame| {
        let start = (frame * FRAME_SAMPLES).min(source.len());
        let end = (start + FRAME_SAMPLES).min(source.len());
        let mut samples = [0.0; FRAME_SAMPLES];
        samples[..end - start].copy_from_slice(&source[start..end]);
        samples
    })
}

/// Takes off what a codec's delay put before a sound, and what is behind its end.
pub(super) fn align(sound: &mut Vec<f32>, delay: usize, len: usize) {
    sound.drain(..delay.min(sound.len()));
    sound.resize(len, 0.0);
}

pub(super) fn decoder(model: &dyn Model) -> Result<Box<dyn SoundDecoder>, CodeError> {
    match model.decoder() {
        Decoder::Sound(decoder) => Ok(decoder),
        Decoder::Picture(_) => Err(CodeError::Kind),
    }
}

fn encoder(model: &dyn Model) -> Result<Box<dyn SoundEncoder>, CodeError> {
    match model.encoder() {
        Encoder::Sound(encoder) => Ok(encoder),
        Encoder::Picture(_) => Err(CodeError::Kind),
    }
}

fn encode(
    encoder: &mut dyn SoundEncoder,
    frame: &[f32; FRAME_SAMPLES],
    payload: &mut Vec<u8>,
) -> Result<Activity, CodeError> {
    for piece in frame.chunks(PIECE) {
        encoder.push(&Sound::new(piece))?;
    }
    Ok(encoder.flush(payload)?)
}
