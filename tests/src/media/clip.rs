//! Encoded media in memory, ready to be sent again and again.

use std::{path::Path, sync::Arc};

use bytes::Bytes;

use super::{ivf, ogg};

/// An encoded clip. Played in a loop.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Units a second in which [`Frame::at`] and [`Clip::duration`] count: the RTP clock.
    pub clock_rate: u32,
    /// The frames in the order in which they are sent.
    pub frames: Arc<[Frame]>,
    /// When the loop starts anew, in clock units. Larger than the last frame's time.
    pub duration: u64,
}

/// One encoded frame: a VP8 frame or an Opus packet.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Time from the start of the clip in clock units.
    pub at: u64,
    /// Whether it can be decoded alone.
    pub keyframe: bool,
    /// The bytes.
    pub data: Bytes,
}

/// A clip that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The file cannot be read.
    #[error("cannot read the clip: {0}")]
    Io(#[from] std::io::Error),
    /// Not IVF with VP8 in it.
    #[error("not an IVF file with VP8: {0}")]
    Ivf(&'static str),
    /// Not Ogg with Opus in it.
    #[error("not an Ogg file with Opus: {0}")]
    Ogg(&'static str),
    /// ffmpeg failed.
    #[error("ffmpeg failed: {0}")]
    Ffmpeg(String),
}

impl Clip {
    /// Reads a VP8 clip from an IVF file.
    ///
    /// # Errors
    /// The file cannot be read, is not IVF, does not hold VP8, or does not begin with a keyframe.
    pub fn video(path: &Path) -> Result<Self, ClipError> {
        ivf::read(&std::fs::read(path)?)
    }

    /// Reads an Opus clip from an Ogg file.
    ///
    /// # Errors
    /// The file cannot be read, is not Ogg, or does not hold Opus.
    pub fn audio(path: &Path) -> Result<Self, ClipError> {
        ogg::read(&std::fs::read(path)?)
    }

    /// Frames a second, averaged over the clip.
    pub fn frame_rate(&self) -> f64 {
        self.frames.len() as f64 * f64::from(self.clock_rate) / self.duration as f64
    }
}
