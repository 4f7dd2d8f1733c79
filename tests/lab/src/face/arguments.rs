//! What is measured, and how.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::clip::Cut;

/// Arguments of `sotto-lab face`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Clips of one person on camera, of any format and size that ffmpeg reads.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub clip: Vec<PathBuf>,
    /// How much of the beginning of each clip is learned from, at most 60 % of it; the rest is
    /// measured with.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub train_seconds: f64,
    /// How much of the rest is measured with at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    pub test_seconds: f64,
    /// Payload rate that the encoder is to keep to, in bit/s; that of the plug-in without it.
    #[arg(long, value_name = "BPS")]
    pub target: Option<u32>,
    /// Send no residuals: what the model alone does not fit is not let through.
    #[arg(long)]
    pub without_residuals: bool,
    /// Learn on while the rest of a clip is coded; what the model grows by counts.
    #[arg(long)]
    pub grow: bool,
    /// Pictures per second, where not those of the clip.
    #[arg(long, value_name = "RATE")]
    pub fps: Option<u32>,
    /// Scale clips down to this many pixels on the longer side.
    #[arg(long, value_name = "PIXELS")]
    pub side: Option<u32>,
    /// What is done about the codecs beside it.
    #[arg(long, value_enum, num_args = 0..=1, default_value = "measure",
          default_missing_value = "measure")]
    pub peers: Peers,
    /// Folder to write contact sheets and a video to, the original, the peers and this side by side,
    /// and what was measured of each picture as CSV.
    #[arg(long, value_name = "DIR")]
    pub sheet: Option<PathBuf>,
    /// Seed of losses and of the order of shuffled pictures.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Python with the packages that tools/face-venv installs.
    #[arg(long, value_name = "PATH", env = "SOTTO_FACE_PYTHON")]
    pub python: PathBuf,
    /// Folder in which the curves of peers are kept, so that they are measured once.
    #[arg(long, value_name = "DIR", env = "SOTTO_CACHE")]
    pub cache: Option<PathBuf>,
}

impl Arguments {
    pub(super) const fn cut(&self) -> Cut {
        let Self { train_seconds, test_seconds, fps, side, .. } = *self;
        Cut { train_seconds, test_seconds, fps, side }
    }
}

/// What is done about the codecs beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// Their curves are measured, or read where they were measured before.
    Measure,
    /// They alone are measured, not the plug-in.
    Only,
    /// They are left out, and so are ratios.
    None,
}
