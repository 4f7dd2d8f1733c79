//! From pictures to payloads.

use super::{Frame, Looks, MAX_FRAMES, PER_MILLE, Payload, analysis::Scene};
use crate::{EncodeError, FRAME_MS, MediaError, Picture, PictureEncoder};

#[derive(Debug)]
pub(super) struct BarEncoder {
    pending: Payload,
    counter: u16,
    /// Where the bar was seen last: a picture without one repeats it, and the gate tells.
    position: u16,
}

impl BarEncoder {
    pub(super) fn new(looks: Looks) -> Self {
        let pending = Payload { tag: looks.tag, frames: Vec::with_capacity(MAX_FRAMES) };
        Self { pending, counter: 0, position: PER_MILLE / 2 }
    }
}

impl PictureEncoder for BarEncoder {
    fn push(&mut self, picture: &Picture<'_>, offset_ms: u8) -> Result<(), MediaError> {
        let frames = &mut self.pending.frames;
        let follows = frames.last().is_none_or(|last| last.offset_ms < offset_ms);
        if !follows || u32::from(offset_ms) >= FRAME_MS || frames.len() == MAX_FRAMES {
            return Err(MediaError::Amount);
        }
        if let Some(bar) = Scene::of(picture).bar {
            self.position = bar.position;
        }
        frames.push(Frame { offset_ms, counter: self.counter, position: self.position });
        self.counter = self.counter.wrapping_add(1);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.pending.frames.is_empty() {
            return Err(EncodeError::TooLittle);
        }
        self.pending.write(out);
        self.pending.frames.clear();
        Ok(())
    }
}
