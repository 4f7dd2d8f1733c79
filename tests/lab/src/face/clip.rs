//! A clip, divided into what is learned from and what is measured with.

use std::path::Path;

use super::{
    tools::{ToolError, Tools},
    video::{Video, VideoError},
};

/// Of a clip, learned from at most.
pub(crate) const MOST_TRAINING: f64 = 0.6;
/// Less than this to measure with says nothing.
const LEAST_TEST_SECONDS: f64 = 1.0;

/// A clip.
#[derive(Debug)]
pub(crate) struct Clip {
    /// Of the file, without its ending.
    pub name: String,
    /// Both parts, without what is behind them.
    pub whole: Video,
    /// The part behind what is learned from.
    pub test: Video,
    /// Pictures that are learned from, the first ones.
    pub training: usize,
}

/// How a clip is decoded and divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Of the beginning, learned from, at most 60 % of the clip.
    pub train_seconds: f64,
    /// Behind that, measured with at most.
    pub test_seconds: f64,
    /// Pictures per second, where not those of the clip.
    pub fps: Option<u32>,
    /// Most pixels of the longer side.
    pub side: Option<u32>,
}

/// Why a clip cannot be measured with.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It cannot be decoded.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It cannot be read.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// It is too short.
    #[error("{0:.1} s are too short to learn from and to measure with")]
    Short(f64),
}

impl Clip {
    /// Decodes a clip to 4:2:0 of 8 bits.
    ///
    /// # Errors
    /// [`ClipError`].
    pub(crate) fn read(tools: &Tools, path: &Path, cut: &Cut) -> Result<Self, ClipError> {
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let [decoded, whole, test] =
            ["decoded.y4m", "whole.y4m", "test.y4m"].map(|file| tools.file(file));
        let mut filters = Vec::new();
        if let Some(fps) = cut.fps {
            filters.push(format!("fps={fps}"));
        }
        // Sides that chroma at half the size fits, never larger than they are.
        let most = cut.side.map_or(String::from("1"), |side| format!("min(1,{side}/max(iw,ih))"));
        filters.push(format!("scale=w='trunc(iw*{most}/2)*2':h='trunc(ih*{most}/2)*2':flags=area"));
        let mut line = vec!["-i".to_owned(), path.display().to_string()];
        line.extend(["-an", "-vf"].map(String::from));
        line.push(filters.join(","));
        line.extend(["-pix_fmt", "yuv420p"].map(String::from));
        line.push(decoded.display().to_string());
        tools.ffmpeg(line)?;

        let video = Video::open(&decoded)?;
        let (training, measured) = divide(
            video.pictures(),
            video.format().count(cut.train_seconds),
            video.format().count(cut.test_seconds),
        );
        if measured < video.format().count(LEAST_TEST_SECONDS) {
            return Err(ClipError::Short(video.pictures() as f64 / video.format().rate()));
        }
        Ok(Self {
            name,
            whole: video.copy(&whole, 0..training + measured)?,
            test: video.copy(&test, training..training + measured)?,
            training,
        })
    }
}

/// Of so many pictures, those that are learned from, and those behind them that are measured with.
pub(super) fn divide(pictures: usize, training: usize, measured: usize) -> (usize, usize) {
    let training = training.min((pictures as f64 * MOST_TRAINING) as usize);
    (training, measured.min(pictures - training))
}
