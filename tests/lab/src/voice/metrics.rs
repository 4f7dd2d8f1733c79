//! Metrics that are at home in Python, computed by `voice_metrics.py`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::sound::{self, SoundError};

const SCRIPT: &str = include_str!("../../voice_metrics.py");

/// How good a sound is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// PESQ-WB, ITU-T P.862.2: MOS-LQO, 1 to 4.64.
    pub pesq: Option<f64>,
    /// Extended short-time objective intelligibility, 0 to 1.
    pub estoi: Option<f64>,
    /// Cosine of the embeddings of the two voices by Resemblyzer, 0 to 1.
    pub similarity: Option<f64>,
}

/// A Python that has the packages for it.
#[derive(Debug)]
pub struct Scorer {
    python: PathBuf,
    folder: TempDir,
}

/// Why there are no scores.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// Files for Python cannot be written, or it cannot be started.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A sound cannot be written.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// It stopped with an error, which it has printed.
    #[error("voice_metrics.py failed: {0}")]
    Failed(std::process::ExitStatus),
    /// It printed something else than scores.
    #[error("scores that cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Pair<'a> {
    reference: &'a Path,
    degraded: PathBuf,
}

impl Scorer {
    /// Scores by this Python.
    ///
    /// # Errors
    /// [`ScoreError::Io`].
    pub fn new(python: &Path) -> Result<Self, ScoreError> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("voice_metrics.py"), SCRIPT)?;
        Ok(Self { python: python.to_owned(), folder })
    }

    /// Scores of sounds against their reference, in the same order.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn scores(&self, reference: &[f32], sounds: &[&[f32]]) -> Result<Vec<Scores>, ScoreError> {
        let folder = self.folder.path();
        let reference_path = folder.join("reference.wav");
        sound::write(&reference_path, reference)?;
        let mut pairs = Vec::new();
        for (at, samples) in sounds.iter().enumerate() {
            let degraded = folder.join(format!("{at}.wav"));
            sound::write(&degraded, samples)?;
            pairs.push(Pair { reference: &reference_path, degraded });
        }
        let mut python = Command::new(&self.python)
            .arg(folder.join("voice_metrics.py"))
            // It runs one process per core itself.
            .envs([("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = python.stdin.take().expect("it is piped");
        input.write_all(&serde_json::to_vec(&pairs)?)?;
        drop(input);
        let output = python.wait_with_output()?;
        if !output.status.success() {
            return Err(ScoreError::Failed(output.status));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
