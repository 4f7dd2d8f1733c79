//! Programs that are at home elsewhere: an ffmpeg with libvmaf, and Python.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// Prints where ffmpeg is, and then everything that figures depend on.
const ABOUT: &str = "
import importlib.metadata, imageio_ffmpeg, subprocess
ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print(ffmpeg)
for package in ('imageio-ffmpeg', 'mediapipe', 'numpy', 'opencv-python-headless'):
    print(package, importlib.metadata.version(package))
print(subprocess.run([ffmpeg, '-version'], capture_output=True, text=True).stdout.splitlines()[0])
";

/// Why a program is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It cannot be started, or not be talked with.
    #[error("{program}: {source}")]
    Io {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It stopped with an error.
    #[error("{program} failed: {message}")]
    Failed {
        /// Which.
        program: String,
        /// The end of what it printed.
        message: String,
    },
    /// It printed something else than asked for.
    #[error("{program} says something that cannot be read: {source}")]
    Answer {
        /// Which.
        program: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Tools {
    python: PathBuf,
    ffmpeg: PathBuf,
    versions: String,
    folder: TempDir,
}

impl Tools {
    /// Those that a Python has, which `tools/face-venv` makes.
    ///
    /// # Errors
    /// [`ToolError`].
    pub(super) fn of(python: &Path) -> Result<Self, ToolError> {
        let output = run(Command::new(python).args(["-c", ABOUT]))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (ffmpeg, versions) = text.split_once('\n').unwrap_or((&text, ""));
        let folder = tempfile::tempdir().map_err(|source| failed(python, source))?;
        Ok(Self {
            python: python.to_owned(),
            ffmpeg: ffmpeg.into(),
            versions: versions.to_owned(),
            folder,
        })
    }

    /// The ffmpeg of the system, which decodes what is not scored.
    ///
    /// # Errors
    /// [`ToolError`].
    pub(crate) fn of_system() -> Result<Self, ToolError> {
        let (python, ffmpeg) = ("python3".into(), PathBuf::from("ffmpeg"));
        let folder = tempfile::tempdir().map_err(|source| failed(&ffmpeg, source))?;
        Ok(Self { python, ffmpeg, versions: String::new(), folder })
    }

    /// Versions of all that figures depend on.
    pub(super) fn versions(&self) -> &str {
        &self.versions
    }

    /// A file of this name that goes away with the tools.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs ffmpeg until it ends.
    pub(super) fn ffmpeg<S: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<(), ToolError> {
        let quiet = ["-v", "error", "-nostdin", "-y"];
        let mut command = Command::new(&self.ffmpeg);
        run(command.args(quiet).args(arguments.into_iter().map(Into::into))).map(|_| ())
    }

    /// A Python that is to run a script of ours.
    pub(super) fn python(&self, name: &str, script: &str) -> Result<Command, ToolError> {
        let path = self.file(name);
        fs::write(&path, script).map_err(|source| failed(&path, source))?;
        let mut command = Command::new(&self.python);
        command.arg(path);
        Ok(command)
    }
}

/// Runs a program until it ends well.
pub(super) fn run(command: &mut Command) -> Result<Output, ToolError> {
    let program = command.get_program().to_owned();
    let name = Path::new(&program).to_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|source| failed(&name, source))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = said.lines().rev().take(3).collect();
    let message = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
    Err(ToolError::Failed { program: name.display().to_string(), message })
}

pub(super) fn failed(program: &Path, source: io::Error) -> ToolError {
    ToolError::Io { program: program.display().to_string(), source }
}
