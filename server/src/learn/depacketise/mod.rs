//! Encoded pictures out of RTP payloads.
//!
//! ```text
//!  payloads in order ─► Depacketiser ─► frames ─► FrameHeader: keyframes, and their size
//!                        vp8 vp9 h264 av1          bits: fields of headers
//! ```
//!
//! All of it reads what a stranger sent: every length is checked, a frame has at most
//! [`MAX_FRAME_LEN`] bytes, and what does not fit is no frame.

mod av1;
mod bits;
mod h264;
mod vp8;
mod vp9;

use sotto_core::{id::RtpTime, media::Codec};

use super::intake::Payload;

/// Most bytes of an encoded picture: a keyframe of 4K at a good rate.
pub const MAX_FRAME_LEN: usize = 1 << 20;

/// A whole encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Media time in units of 90 kHz.
    pub timestamp: RtpTime,
    /// Its size, if it can be decoded alone.
    pub keyframe: Option<Size>,
    /// The bytes as decoders take them: VP8 and VP9 frames, H.264 with start codes (Annex B), AV1
    /// temporal units (low-overhead format, with sizes and a temporal delimiter).
    pub bytes: Vec<u8>,
}

/// Pixels of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A payload that is not of its codec, or not of the frame before it: that frame is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("malformed video payload")]
pub struct Malformed;

/// Puts frames together.
#[derive(Debug)]
pub struct Depacketiser {
    codec: Codec,
    /// Media time of the frame that has begun.
    open: Option<RtpTime>,
    bytes: Vec<u8>,
    /// Unfinished OBU of AV1.
    fragment: Vec<u8>,
}

/// What a payload is of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Its beginning; what was there before is another one's.
    First,
    /// What follows.
    Next,
    /// Of another layer than the lowest: left out.
    Other,
}

impl Depacketiser {
    /// Of a codec of video. Sound has no frames here.
    pub const fn new(codec: Codec) -> Self {
        Self { codec, open: None, bytes: Vec::new(), fragment: Vec::new() }
    }

    /// Takes the next payload; gives the frame that it completes. Of several spatial layers in one
    /// stream the lowest.
    ///
    /// # Errors
    /// [`Malformed`]: the frame that it is of will not be whole.
    pub fn push(&mut self, payload: &Payload) -> Result<Option<Frame>, Malformed> {
        let taken = self.take(payload);
        if taken.is_err() {
            self.lost();
        }
        taken
    }

    /// Packets are missing: the frame that was begun will not be whole.
    pub fn lost(&mut self) {
        self.open = None;
        self.bytes.clear();
        self.fragment.clear();
    }

    fn take(&mut self, payload: &Payload) -> Result<Option<Frame>, Malformed> {
        let Payload { timestamp, marker, ref bytes } = *payload;
        let (part, is_last) = match self.codec {
            Codec::Opus => return Err(Malformed),
            Codec::Vp8 => (vp8::part(bytes)?, marker),
            Codec::Vp9 => vp9::part(bytes, marker)?,
            // Neither says where a frame begins: a new time does.
            Codec::H264 | Codec::Av1 => {
                let begins = self.open != Some(timestamp);
                ((if begins { Part::First } else { Part::Next }, 0), marker)
            }
        };
        let (part, start) = part;
        match part {
            Part::Other => return Ok(None),
            Part::First => {
                self.lost();
                self.open = Some(timestamp);
            }
            Part::Next if self.open != Some(timestamp) => return Err(Malformed),
            Part::Next => {}
        }
        let data = bytes.get(start..).ok_or(Malformed)?;
        match self.codec {
            Codec::H264 => h264::append(data, &mut self.bytes)?,
            Codec::Av1 => av1::append(data, &mut self.fragment, &mut self.bytes)?,
            _ => self.bytes.extend_from_slice(data),
        }
        if self.bytes.len() + self.fragment.len() > MAX_FRAME_LEN {
            return Err(Malformed);
        }
        if !is_last {
            return Ok(None);
        }
        self.open = None;
        if self.bytes.is_empty() || !self.fragment.is_empty() {
            return Err(Malformed);
        }
        let bytes = std::mem::take(&mut self.bytes);
        Ok(Some(Frame { timestamp, keyframe: keyframe(self.codec, &bytes), bytes }))
    }
}

/// The size of a frame that can be decoded alone; `None` where it cannot, or has none that one of these
/// codecs would have in a meeting.
pub fn keyframe(codec: Codec, frame: &[u8]) -> Option<Size> {
    let size = match codec {
        Codec::Opus => None,
        Codec::Vp8 => vp8::keyframe(frame),
        Codec::Vp9 => vp9::keyframe(frame),
        Codec::H264 => h264::keyframe(frame),
        Codec::Av1 => av1::keyframe(frame),
    };
    size.filter(|size| size.width > 0 && size.height > 0)
}
