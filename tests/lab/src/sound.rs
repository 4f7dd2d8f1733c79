//! Reading recordings: WAV and FLAC, of one channel at the rate of voices.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use claxon::FlacReader;
use hound::{SampleFormat, WavReader};

/// Samples a second.
pub const RATE: u32 = 16_000;

/// Someone's recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Name of the file, without what it ends with.
    pub name: String,
    /// -1 to 1.
    pub samples: Vec<f32>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// It is no WAV of integers or single precision.
    #[error("{0}: {1}")]
    Wav(PathBuf, hound::Error),
    /// It is no FLAC.
    #[error("{0}: {1}")]
    Flac(PathBuf, claxon::Error),
    /// It is of another rate, or of several channels.
    #[error("{0}: {1} channels at {2} Hz, not one at {RATE}")]
    Format(PathBuf, u32, u32),
    /// The folder has none.
    #[error("{0}: no WAV or FLAC files")]
    Empty(PathBuf),
}

/// All recordings of a folder, by name.
///
/// # Errors
/// [`SoundError`], of the first that cannot be read.
pub fn folder(path: &Path) -> Result<Vec<Recording>, SoundError> {
    let unread = |error| SoundError::Read(path.into(), error);
    let entries = fs::read_dir(path).map_err(unread)?.collect::<Result<Vec<_>, _>>();
    let mut paths: Vec<PathBuf> =
        entries.map_err(unread)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let read = paths.iter().filter_map(|path| match path.extension()?.to_str()? {
        "wav" => Some(wav(path)),
        "flac" => Some(flac(path)),
        _ => None,
    });
    let recordings = read.collect::<Result<Vec<_>, _>>()?;
    if recordings.is_empty() { Err(SoundError::Empty(path.into())) } else { Ok(recordings) }
}

fn wav(path: &Path) -> Result<Recording, SoundError> {
    let broken = |error| SoundError::Wav(path.into(), error);
    let mut reader = WavReader::open(path).map_err(broken)?;
    let spec = reader.spec();
    check(path, spec.channels.into(), spec.sample_rate)?;
    let samples = match spec.sample_format {
        SampleFormat::Float => reader.samples().collect::<Result<_, _>>(),
        SampleFormat::Int => {
            let scale = full_scale(spec.bits_per_sample.into());
            reader
                .samples::<i32>()
                .map(|sample| sample.map(|sample| sample as f32 / scale))
                .collect()
        }
    };
    Ok(Recording { name: name(path), samples: samples.map_err(broken)? })
}

fn flac(path: &Path) -> Result<Recording, SoundError> {
    let broken = |error| SoundError::Flac(path.into(), error);
    let mut reader = FlacReader::open(path).map_err(broken)?;
    let info = reader.streaminfo();
    check(path, info.channels, info.sample_rate)?;
    let scale = full_scale(info.bits_per_sample);
    let samples = reader.samples().map(|sample| sample.map(|sample| sample as f32 / scale));
    Ok(Recording { name: name(path), samples: samples.collect::<Result<_, _>>().map_err(broken)? })
}

fn check(path: &Path, channels: u32, rate: u32) -> Result<(), SoundError> {
    if channels == 1 && rate == RATE {
        Ok(())
    } else {
        Err(SoundError::Format(path.into(), channels, rate))
    }
}

fn full_scale(bits: u32) -> f32 {
    2.0_f32.powi(bits as i32 - 1)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
