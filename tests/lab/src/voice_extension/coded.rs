//! A recording through coder and vocoder, and the two ways from there to 48 kHz.

use std::time::Duration;

use sotto_codec::{
    Decoder, EXTENDED_RATE, EXTENDED_SAMPLES, EXTENSION_FACTOR, EncodeError, Encoder,
    FRAME_SAMPLES, FrameError, MediaError, Plugin, SOUND_RATE, Sound, SoundExtension, Upsampling,
    voice::{self, Voice},
};

use crate::{sound::resample, voice::cpu::timed};

/// Why a recording cannot be coded: a fault of the plug-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It has no model of nobody for sound.
    #[error("no model that knows nobody")]
    NoModel,
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

/// What came of a recording: at [`EXTENDED_RATE`], aligned with it.
pub(super) struct Extended {
    pub(super) without: Vec<f32>,
    pub(super) with: Vec<f32>,
    /// Processor time of extending alone.
    pub(super) extending: Duration,
}

/// Codes a recording at [`EXTENDED_RATE`] and extends what is decoded.
pub(super) fn extend(recording: &[f32]) -> Result<Extended, CodeError> {
    let decoded = decode(&resample(recording, EXTENDED_RATE, SOUND_RATE))?;
    let (mut extending, mut interpolating) = (Duration::ZERO, Duration::ZERO);
    let with = run(&mut *Voice::default().extension(), &decoded, &mut extending);
    let without = run(&mut Upsampling::new(), &decoded, &mut interpolating);
    Ok(Extended { without, with, extending })
}

/// What a receiver without the extension hears, late by what the voice plug-in is.
fn decode(source: &[f32]) -> Result<Vec<[f32; FRAME_SAMPLES]>, CodeError> {
    let model = Voice::default().generic().ok_or(CodeError::NoModel)?;
    let (Encoder::Sound(mut encoder), Decoder::Sound(mut decoder)) =
        (model.encoder(), model.decoder())
    else {
        return Err(CodeError::NoModel);
    };
    let (frames, _) = source.as_chunks::<FRAME_SAMPLES>();
    let mut payload = Vec::new();
    frames
        .iter()
        .map(|frame| {
            payload.clear();
            encoder.push(&Sound::new(frame))?;
            encoder.flush(&mut payload)?;
            let mut out = [0.0; FRAME_SAMPLES];
            decoder.decode(&payload, &mut out)?;
            Ok(out)
        })
        .collect()
}

fn run(
    extension: &mut dyn SoundExtension,
    decoded: &[[f32; FRAME_SAMPLES]],
    spent: &mut Duration,
) -> Vec<f32> {
    let mut extended = Vec::with_capacity(decoded.len() * EXTENDED_SAMPLES);
    for sound in decoded {
        let mut out = [0.0; EXTENDED_SAMPLES];
        timed(spent, || extension.extend(sound, &mut out));
        extended.extend_from_slice(&out);
    }
    extended.drain(..(EXTENSION_FACTOR * voice::DELAY + extension.delay()).min(extended.len()));
    extended
}
