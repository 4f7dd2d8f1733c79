//! A face that is a vertical bar on a plain background.
//!
//! Model body: a record of 8 bytes for each picture learned: background and bar as red, green,
//! blue, width of the bar u16 in per mille of the picture's. The speaker's are their mean.
//!
//! ```text
//!  payload:  u16 tag of the model, then 1 to 4 frames of 5 bytes:
//!   u8 offset in ms, growing │ u16 counter │ u16 position of the bar's middle, 0 to 1000
//! ```

mod analysis;
mod decoder;
mod encoder;
mod gate;
mod learner;
#[cfg(test)]
mod tests;

use sotto_frame::PluginId;

use super::{MAX_RECORDS, tag};
use crate::{Decoder, Encoder, FRAME_MS, FrameError, Gate, Learner, Model, ModelError, Plugin};

/// Number of this plug-in.
pub const ID: PluginId = match PluginId::new(15) {
    Ok(id) => id,
    Err(_) => panic!("15 is a plug-in"),
};

/// Most frames of a payload: 80 ms at 50 frames a second.
pub const MAX_FRAMES: usize = 4;
/// Bytes of a record of the model.
const RECORD_LEN: usize = 8;
/// Bytes of a frame.
const FRAME_LEN: usize = 5;
/// Positions and widths are in this part of the picture's width.
const PER_MILLE: u16 = 1_000;

/// The plug-in.
#[derive(Clone, Copy, Debug)]
pub struct Bar;

impl Plugin for Bar {
    fn id(&self) -> PluginId {
        ID
    }

    fn version(&self) -> u8 {
        1
    }

    fn name(&self) -> &'static str {
        "bar"
    }

    fn learner(&self) -> Box<dyn Learner> {
        Box::new(learner::BarLearner::default())
    }

    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(Looks::read(body)?))
    }
}

/// What someone looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Looks {
    background: [u8; 3],
    bar: [u8; 3],
    /// In per mille of the picture's width.
    width: u16,
    tag: u16,
}

impl Looks {
    fn read(body: &[u8]) -> Result<Self, ModelError> {
        let (records, rest) = body.as_chunks::<RECORD_LEN>();
        if records.is_empty() || records.len() > MAX_RECORDS || !rest.is_empty() {
            return Err(ModelError::Malformed);
        }
        let mean = |value: fn(&[u8; RECORD_LEN]) -> u32| {
            let sum: u32 = records.iter().map(value).sum();
            (sum + records.len() as u32 / 2) / records.len() as u32
        };
        let width = mean(|record| u16::from_be_bytes([record[6], record[7]]).into()) as u16;
        if !(1..=PER_MILLE).contains(&width) {
            return Err(ModelError::Malformed);
        }
        Ok(Self {
            background: [mean(|r| r[0].into()), mean(|r| r[1].into()), mean(|r| r[2].into())]
                .map(|value| value as u8),
            bar: [mean(|r| r[3].into()), mean(|r| r[4].into()), mean(|r| r[5].into())]
                .map(|value| value as u8),
            width,
            tag: tag(body),
        })
    }
}

impl Model for Looks {
    fn encoder(&self) -> Encoder {
        Encoder::Picture(Box::new(encoder::BarEncoder::new(*self)))
    }

    fn decoder(&self) -> Decoder {
        Decoder::Picture(Box::new(decoder::BarDecoder::new(*self)))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(gate::BarGate)
    }
}

/// Where the bar is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Milliseconds behind the media time of the payload, 0 to 79.
    pub offset_ms: u8,
    /// One more than that of the frame before, wrapping.
    pub counter: u16,
    /// Middle of the bar in per mille of the picture's width.
    pub position: u16,
}

/// What a payload says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Tag of the model.
    pub tag: u16,
    /// 1 to [`MAX_FRAMES`], their offsets growing.
    pub frames: Vec<Frame>,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn read(payload: &[u8]) -> Result<Self, FrameError> {
        let (tag, frames) = payload.split_first_chunk().ok_or(FrameError::Malformed)?;
        let (frames, rest) = frames.as_chunks::<FRAME_LEN>();
        let frames: Vec<Frame> = frames
            .iter()
            .map(|&[offset_ms, c0, c1, p0, p1]| Frame {
                offset_ms,
                counter: u16::from_be_bytes([c0, c1]),
                position: u16::from_be_bytes([p0, p1]),
            })
            .collect();
        let in_time = frames.iter().all(|frame| u32::from(frame.offset_ms) < FRAME_MS)
            && frames.array_windows().all(|[a, b]| a.offset_ms < b.offset_ms);
        let inside = frames.iter().all(|frame| frame.position <= PER_MILLE);
        if !rest.is_empty() || !(1..=MAX_FRAMES).contains(&frames.len()) || !in_time || !inside {
            return Err(FrameError::Malformed);
        }
        Ok(Self { tag: u16::from_be_bytes(*tag), frames })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag.to_be_bytes());
        for frame in &self.frames {
            out.push(frame.offset_ms);
            out.extend_from_slice(&frame.counter.to_be_bytes());
            out.extend_from_slice(&frame.position.to_be_bytes());
        }
    }
}
