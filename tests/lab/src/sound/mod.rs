//! Sound of files, as sound plug-ins take it: mono, 16 kHz, -1 to 1.

mod resample;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use sotto_codec::SOUND_RATE;

pub use resample::resample;

/// A sound with the name of its file.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Of the file, without its ending.
    pub name: String,
    /// Mono, at [`SOUND_RATE`].
    pub samples: Vec<f32>,
}

/// Why a file gives no sound: it is to be left out or replaced.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// It cannot be read or written as WAV.
    #[error("{path}: {source}")]
    Wav {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: hound::Error,
    },
    /// A folder cannot be read.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// A folder without a file in WAV format.
    #[error("{0}: no .wav files")]
    NoClips(PathBuf),
}

/// All `*.wav` files of a folder, by name.
///
/// # Errors
/// [`SoundError`], also where there are none.
pub fn read_folder(folder: &Path) -> Result<Vec<Clip>, SoundError> {
    let unreadable = |source| SoundError::Folder { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(SoundError::NoClips(folder.to_owned()));
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Clip { name, samples: read(path)? })
        })
        .collect()
}

/// A file in WAV format of any rate and number of channels.
///
/// # Errors
/// [`SoundError::Wav`].
pub fn read(path: &Path) -> Result<Vec<f32>, SoundError> {
    let broken = |source| SoundError::Wav { path: path.to_owned(), source };
    let mut reader = WavReader::open(path).map_err(broken)?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    let interleaved: Result<Vec<f32>, _> = match sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let scale = (1_u64 << (bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|s| s as f32 / scale)).collect()
        }
    };
    let interleaved = interleaved.map_err(broken)?;
    let mono: Vec<f32> = interleaved
        .chunks_exact(usize::from(channels.max(1)))
        .map(|channels| channels.iter().sum::<f32>() / channels.len() as f32)
        .collect();
    Ok(resample(&mono, sample_rate, SOUND_RATE))
}

/// Writes 16 bits at [`SOUND_RATE`]; what is beyond -1 to 1 is clipped.
///
/// # Errors
/// [`SoundError::Wav`].
pub fn write(path: &Path, samples: &[f32]) -> Result<(), SoundError> {
    let broken = |source| SoundError::Wav { path: path.to_owned(), source };
    let spec = WavSpec {
        channels: 1,
        sample_rate: SOUND_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).map_err(broken)?;
    for sample in samples {
        writer.write_sample((sample * 32_768.0).round() as i16).map_err(broken)?;
    }
    writer.finalize().map_err(broken)
}
