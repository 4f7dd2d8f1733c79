//! What is measured, and how.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `sotto-lab voice`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Folder of speech in WAV format, one person a file.
    #[arg(long, value_name = "DIR")]
    pub speech: PathBuf,
    /// How much of the beginning of each file is learned from; the rest is measured with.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub train_seconds: f64,
    /// How much speech of the rest is measured with, pauses not counted.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub test_seconds: f64,
    /// Folder of music that the gate must not take for speech.
    #[arg(long, value_name = "DIR")]
    pub music: Option<PathBuf>,
    /// Folder of noise to be mixed with speech, beside pink noise and babble of the other speakers.
    #[arg(long, value_name = "DIR")]
    pub noise: Option<PathBuf>,
    /// Folder of people who talk at once: all the time, or when `*.rttm` files beside them say so.
    #[arg(long, value_name = "DIR")]
    pub overlap: Option<PathBuf>,
    /// Files whose names begin like this are one person, who is no stranger to himself.
    #[arg(long, value_name = "PREFIX")]
    pub same: Vec<String>,
    /// Only these speakers, by the names of their files.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub speakers: Vec<String>,
    /// The model with which rate, quality and all else is measured.
    #[arg(long, value_enum, default_value_t = ModelKind::Own)]
    pub model: ModelKind,
    /// Step of quantisation.
    #[arg(long, default_value_t = 0.65)]
    pub step: f32,
    /// Repeat the previous packet in each, in all that is measured.
    #[arg(long)]
    pub redundancy: bool,
    /// Look at the gate over clean speech only, which takes a fifth of the time.
    #[arg(long)]
    pub skip_gate: bool,
    /// Seed of losses and noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Python with the packages that tools/voice-venv installs; without it PESQ, ESTOI and
    /// similarity are left out.
    #[arg(long, value_name = "PATH", env = "SOTTO_VOICE_PYTHON")]
    pub python: Option<PathBuf>,
}

/// Whose model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelKind {
    /// Learned from the speaker.
    Own,
    /// Of epoch 0, which knows no speaker.
    Generic,
    /// Learned from another speaker.
    Wrong,
}

impl Arguments {
    /// Whether two files are one person's.
    pub fn is_same_person(&self, a: &str, b: &str) -> bool {
        a == b || self.same.iter().any(|prefix| a.starts_with(prefix) && b.starts_with(prefix))
    }
}
