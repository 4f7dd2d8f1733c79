//! Payloads: 80 ms of frames. Some stand for themselves; each of the others goes on from the one
//! before it, so that a loss takes those behind it until the next that stands for itself.
//!
//! ```text
//!  6 bits tag of the model and of what it goes on from │ 2 place in its chain │ the first: 6 step
//!  frames: offset, or distance from the one before │ what is shown │ whether there is one more
//! ```
//! All of it through one range coder, whose odds the model fixes.

use super::{
    model::{FaceModel, TAG_BITS, fold},
    packet::{Pose, code_pose},
    step::Step,
};
use crate::{
    FRAME_MS, FrameError,
    entropy::{Context, Decoder, Encoder, Port},
};

/// Most frames of a payload: 80 ms at 50 frames a second.
pub(super) const MAX_FRAMES: usize = 4;
/// Bits of a payload's place in its chain.
const PLACE_BITS: u32 = 2;

/// Milliseconds from frame to frame where nothing is known of them.
const USUAL_DISTANCE: i32 = 40;
/// "This frame is 40 ms after the one before", where nothing is known, where that one was, where it
/// was 33 or 34, and where it was anything else.
const FORTY: [Context; 4] =
    [Context::new(20_000), Context::new(3_000), Context::new(63_000), Context::new(40_000)];
/// "It is 33", and, where it is neither, "34".
const THIRTY: [(i32, Context); 2] = [(33, Context::new(26_000)), (34, Context::new(8_000))];
/// "There is one more frame", where the same distance again is still within the payload, and where
/// it is not.
const MORE: [Context; 2] = [Context::new(4_000), Context::new(63_000)];

/// What a payload says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// How many payloads before it must be known: it stands for itself where that is none.
    pub(super) place: u8,
    pub(super) step: Step,
    /// 1 to [`MAX_FRAMES`]: offsets in milliseconds, growing, and what is shown.
    pub(super) frames: Vec<(u8, Pose)>,
}

impl Payload {
    /// Writes it behind what is in `out`. `before` is the payload that it goes on from, if it does.
    pub(super) fn write(&self, model: &FaceModel, before: Option<&Self>, out: &mut Vec<u8>) {
        let mut encoder = Encoder::new(out);
        code(&mut encoder, model, before, Some(self)).expect("it is written, not read");
        encoder.finish();
    }

    /// Reads one, given the one that was read last; `None` where it goes on from another.
    ///
    /// # Errors
    /// [`FrameError`].
    pub(super) fn read(
        model: &FaceModel,
        last: Option<&Self>,
        bytes: &[u8],
    ) -> Result<Option<Self>, FrameError> {
        let mut decoder = Decoder::new(bytes);
        let Some(payload) = code(&mut decoder, model, last, None)? else { return Ok(None) };
        decoder.finish().map_err(|_| FrameError::Malformed)?;
        Ok(Some(payload))
    }

    /// What is seen when its time is over.
    pub(super) fn last_frame(&self) -> &(u8, Pose) {
        self.frames.last().expect("a payload has a frame at least")
    }

    /// Milliseconds between its last two frames, if it has so many.
    fn distance(&self) -> Option<i32> {
        let last = self.frames.last_chunk::<2>()?;
        Some(i32::from(last[1].0) - i32::from(last[0].0))
    }

    /// Tells what goes on from it from what goes on from others: [`TAG_BITS`].
    fn tag(&self) -> u32 {
        let (offset, pose) = self.last_frame();
        let numbers = pose.coefficients.iter().map(|&number| number as u8);
        fold([self.step.number(), *offset, pose.reference as u8].into_iter().chain(numbers))
    }
}

fn code(
    port: &mut impl Port,
    model: &FaceModel,
    last: Option<&Payload>,
    payload: Option<&Payload>,
) -> Result<Option<Payload>, FrameError> {
    let follows = |place: u8| last.filter(|last| place > 0 && last.place + 1 == place);
    let place = payload.map_or(0, |payload| payload.place);
    let tag = port.bits(model.tag ^ follows(place).map_or(0, Payload::tag), TAG_BITS);
    let place = port.bits(place.into(), PLACE_BITS) as u8;
    let before = follows(place);
    if place > 0 && before.is_none_or(|before| tag != model.tag ^ before.tag()) {
        return Ok(None);
    }
    if place == 0 && tag != model.tag {
        return Err(FrameError::OtherModel);
    }
    let step = match before {
        Some(before) => before.step,
        None => {
            let step = payload.map_or(0, |payload| payload.step.number());
            Step::new(port.bits(step.into(), Step::BITS) as u8)
        }
    };
    let mut frames: Vec<(u8, Pose)> = Vec::with_capacity(MAX_FRAMES);
    // What is seen before, and when, from the time of this payload.
    let mut seen = before.map(|before| {
        let (offset, pose) = before.last_frame();
        (i32::from(*offset) - FRAME_MS as i32, pose.clone())
    });
    let mut distance = before.and_then(Payload::distance);
    loop {
        let known = payload.map(|payload| &payload.frames[frames.len()]);
        let then = seen.as_ref().map(|seen| seen.0);
        let offset = code_offset(port, then, distance, known.map(|frame| frame.0))?;
        let pose = seen.as_ref().map(|seen| &seen.1);
        let pose = code_pose(port, model, step, pose, known.map(|frame| &frame.1))?;
        distance = then.map(|then| i32::from(offset) - then);
        seen = Some((offset.into(), pose.clone()));
        frames.push((offset, pose));
        let next = i32::from(offset) + distance.unwrap_or(USUAL_DISTANCE);
        let more = payload.is_some_and(|payload| payload.frames.len() > frames.len());
        let context = MORE[usize::from(next >= FRAME_MS as i32)];
        if frames.len() == MAX_FRAMES || !port.decide(context, more) {
            return Ok(Some(Payload { place, step, frames }));
        }
    }
}

/// The offset of a frame after the one before, if one is known, `distance` being how far that one
/// was from the one before it.
fn code_offset(
    port: &mut impl Port,
    before: Option<i32>,
    distance: Option<i32>,
    known: Option<u8>,
) -> Result<u8, FrameError> {
    let known = i32::from(known.unwrap_or(0));
    let expected = before.and_then(|before| {
        let forty = match distance {
            None => FORTY[0],
            Some(40) => FORTY[1],
            Some(33 | 34) => FORTY[2],
            Some(_) => FORTY[3],
        };
        let [first, second] = THIRTY;
        let usual = [(40, forty), first, second].into_iter();
        let mut usual = usual.map(|(distance, context)| (before + distance, context));
        usual.find(|(offset, context)| port.decide(*context, known == *offset))
    });
    let offset = expected.map_or_else(|| port.bits(known as u32, 7) as i32, |usual| usual.0);
    let grows = before.is_none_or(|before| before < offset);
    let within = (0..FRAME_MS as i32).contains(&offset);
    if grows && within { Ok(offset as u8) } else { Err(FrameError::Malformed) }
}
