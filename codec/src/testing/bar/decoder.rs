//! From payloads to pictures.

use super::{Frame, Looks, PER_MILLE, Payload};
use crate::{FrameError, PictureDecoder, PictureMut};

#[derive(Debug)]
pub(super) struct BarDecoder {
    looks: Looks,
    frames: Vec<Frame>,
}

impl BarDecoder {
    pub(super) const fn new(looks: Looks) -> Self {
        Self { looks, frames: Vec::new() }
    }
}

impl PictureDecoder for BarDecoder {
    fn decode(&mut self, payload: &[u8], offsets: &mut Vec<u8>) -> Result<(), FrameError> {
        let payload = Payload::read(payload)?;
        if payload.tag != self.looks.tag {
            return Err(FrameError::OtherModel);
        }
        self.frames = payload.frames;
        offsets.clear();
        offsets.extend(self.frames.iter().map(|frame| frame.offset_ms));
        Ok(())
    }

    fn draw(&mut self, frame: usize, target: &mut PictureMut<'_>) -> Result<(), FrameError> {
        let frame = self.frames.get(frame).ok_or(FrameError::NoSuchFrame)?;
        let Looks { background, bar, width, .. } = self.looks;
        // Positions times two: the middle of a pixel is half a pixel in.
        let (whole, scale) = (target.width() * 2, u32::from(PER_MILLE));
        let middle = u32::from(frame.position) * 2;
        for row in target.rows() {
            for (x, pixel) in (0u32..).zip(row) {
                let at = (2 * x + 1) * 2 * scale / whole;
                let inside = at.abs_diff(middle) <= u32::from(width);
                let [red, green, blue] = if inside { bar } else { background };
                *pixel = [red, green, blue, u8::MAX];
            }
        }
        Ok(())
    }
}
