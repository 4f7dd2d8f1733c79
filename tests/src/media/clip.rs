//! Encoded media in memory, ready to be sent again and again.

use std::{path::Path, sync::Arc, time::Duration};

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

    /// This clip without what begins at `length` or later, so that it starts anew exactly then:
    /// an encoder rounds sound up to whole packets, and a loop of picture and sound would part by
    /// one packet each time around. Never longer than it was.
    #[must_use]
    pub fn cut_to(mut self, length: Duration) -> Self {
        let units = length.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        if units < self.duration {
            self.frames = self.frames.iter().filter(|frame| frame.at < units).cloned().collect();
            self.duration = units;
        }
        self
    }

    /// Frames a second, averaged over the clip.
    pub fn frame_rate(&self) -> f64 {
        self.frames.len() as f64 * f64::from(self.clock_rate) / self.duration as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_that_is_cut_starts_anew_at_that_very_time() {
        let frame = |i: u64| Frame { at: i * 960, keyframe: true, data: Bytes::new() };
        let frames: Arc<[Frame]> = (0..51).map(frame).collect();
        let clip = Clip { clock_rate: 48_000, frames, duration: 51 * 960 };
        let cut = clip.clone().cut_to(Duration::from_secs(1));
        assert_eq!((cut.frames.len(), cut.duration), (50, 48_000));
        let longer = clip.cut_to(Duration::from_secs(2));
        assert_eq!((longer.frames.len(), longer.duration), (51, 51 * 960));
    }
}
