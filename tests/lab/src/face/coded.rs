//! A video through a model and back, as a sender does it: encoded, decoded by the sender itself,
//! and looked at by the gate.

use std::{ops::Range, path::Path, time::Duration};

use sotto_codec::{
    EncodeError, Encoder, FRAME_MS, Fidelity, FrameError, Gate, MediaError, Model, Picture,
    PictureEncoder, Raw, Verdict,
};

use super::{
    growth::{Growth, used},
    learning::NotLearned,
    receiver::Receiver,
    video::{Format, Video, VideoError, VideoWriter},
};
use crate::voice::cpu::timed;

/// What came of a video.
#[derive(Debug)]
pub(crate) struct Coded {
    /// One for each 80 ms in which there is a picture.
    pub payloads: Vec<Payload>,
    /// What is on the receiver's screen when each picture of the source is due.
    pub decoded: Video,
    /// What the gate says of each.
    pub verdicts: Vec<Verdict>,
    /// And whether it may pass.
    pub passing: Vec<bool>,
    /// And what it measured; nothing of a picture that was not drawn anew.
    pub measured: Vec<Vec<f32>>,
    /// The encoder's time.
    pub encoding: Duration,
    /// The gate's.
    pub judging: Duration,
    /// That of decoding and drawing, which the receiver and the sender spend.
    pub decoding: Duration,
}

/// A payload, and the pictures that were pushed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub bytes: Vec<u8>,
    pub pictures: Range<usize>,
}

/// Why a model cannot be measured: a fault of the plug-in, or of files.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// It is for sound.
    #[error("the plug-in is not for pictures")]
    Kind,
    /// It refuses pictures that it must take.
    #[error("picture refused: {0}")]
    Media(#[from] MediaError),
    /// It makes no payload of 80 ms.
    #[error("no payload: {0}")]
    Encode(#[from] EncodeError),
    /// It does not decode its own payload.
    #[error("own payload refused: {0}")]
    Frame(#[from] FrameError),
    /// Its learner breaks its promises while it goes on.
    #[error(transparent)]
    Learn(#[from] NotLearned),
    /// There are no pictures, or no room for them.
    #[error(transparent)]
    Video(#[from] VideoError),
}

/// The pictures of each payload: those of the same 80 ms.
pub(super) fn slots(format: Format, pictures: usize) -> Vec<Range<usize>> {
    let slot = |at: usize| format.time_ms(at) / u64::from(FRAME_MS);
    let mut slots: Vec<Range<usize>> = Vec::new();
    for at in 0..pictures {
        match slots.last_mut().filter(|last| slot(last.start) == slot(at)) {
            Some(last) => last.end = at + 1,
            None => slots.push(at..at + 1),
        }
    }
    slots
}

/// Milliseconds from the time of its payload to a picture.
pub(super) fn offset_ms(format: Format, at: usize) -> u8 {
    (format.time_ms(at) % u64::from(FRAME_MS)) as u8
}

/// Codes a video, and writes what is seen of it; the models it is coded with may grow meanwhile.
///
/// # Errors
/// [`CodeError`].
pub(crate) fn code(growth: &mut Growth<'_>, source: &Video, to: &Path) -> Result<Coded, CodeError> {
    let format = source.format();
    let (mut encoder, mut gate) = sender(&*growth.uses()[0].model)?;
    let mut receiver = Receiver::new(&*growth.uses()[0].model, format)?;
    let mut with = 0;
    let mut writer = VideoWriter::create(to, format)?;
    let (mut encoding, mut judging, mut decoding) = Default::default();
    let (mut payloads, mut verdicts, mut measured) = (Vec::new(), Vec::new(), Vec::new());
    let mut all_passing = Vec::new();
    for pictures in slots(format, source.pictures()) {
        let now = used(growth.uses(), pictures.start);
        if now != with {
            let model = &*growth.uses()[now].model;
            (encoder, gate) = sender(model)?;
            receiver.change(model)?;
            with = now;
        }
        let sources: Vec<_> =
            pictures.clone().map(|at| source.picture(at)).collect::<Result<_, _>>()?;
        let bytes = encode(&mut *encoder, format, pictures.start, &sources, &mut encoding)?;
        timed(&mut decoding, || receiver.receive(&bytes))?;
        let mut sent = true;
        let misses = encoder.misses();
        for (at, source) in pictures.clone().zip(&sources) {
            let is_new = timed(&mut decoding, || receiver.draw(offset_ms(format, at)))?;
            // What is not drawn anew is what it was; what was never drawn is nothing.
            let mut verdict = verdicts.last().copied().unwrap_or(Verdict::Red);
            let mut passing = all_passing.last().copied().unwrap_or(false);
            let mut scores = Vec::new();
            if is_new {
                let source = Picture::packed_i420(format.width, format.height, source)?;
                let (source, screen) = (Raw::Picture(source), Raw::Picture(receiver.screen()?));
                Fidelity { verdict, scores, passing } =
                    timed(&mut judging, || gate.observe(&source, &screen))?;
            }
            sent &= verdict != Verdict::Red;
            verdicts.push(verdict);
            all_passing.push(passing);
            measured.push(scores);
            writer.push(receiver.planes())?;
            growth.watch(at, source, format, misses || verdict == Verdict::Red)?;
        }
        if !sent {
            encoder.restart();
        }
        payloads.push(Payload { bytes, pictures });
    }
    let (decoded, passing) = (writer.finish()?, all_passing);
    Ok(Coded { payloads, decoded, verdicts, passing, measured, encoding, judging, decoding })
}

type Sender = (Box<dyn PictureEncoder>, Box<dyn Gate>);

/// What a sender has of a model.
fn sender(model: &dyn Model) -> Result<Sender, CodeError> {
    let Encoder::Picture(encoder) = model.encoder() else { return Err(CodeError::Kind) };
    Ok((encoder, model.gate()))
}

fn encode(
    encoder: &mut dyn PictureEncoder,
    format: Format,
    first: usize,
    sources: &[Vec<u8>],
    time: &mut Duration,
) -> Result<Vec<u8>, CodeError> {
    for (at, planes) in (first..).zip(sources) {
        let picture = Picture::packed_i420(format.width, format.height, planes)?;
        timed(time, || encoder.push(&picture, offset_ms(format, at)))?;
    }
    let mut bytes = Vec::new();
    timed(time, || encoder.flush(&mut bytes))?;
    Ok(bytes)
}
