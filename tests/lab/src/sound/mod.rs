//! Sound of files, as sound plug-ins take it: mono, 16 kHz, -1 to 1.

mod resample;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use claxon::FlacReader;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use sotto_codec::SOUND_RATE;

pub use resample::resample;

/// A sound with the name of its file.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Of the file, without its ending.
    pub name: String,
    /// Mono, at [`SOUND_RATE`] where nothing else is asked for.
    pub samples: Vec<f32>,
}

/// Why a file gives no sound: it is to be left out or replaced.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// It cannot be read as FLAC.
    #[error("{path}: {source}")]
    Flac {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: claxon::Error,
    },
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
    /// A folder without a file in WAV or FLAC format.
    #[error("{0}: no .wav or .flac files")]
    NoClips(PathBuf),
}

/// All `*.wav` and `*.flac` files of a folder, by name.
///
/// # Errors
/// [`SoundError`], also where there are none.
pub fn read_folder(folder: &Path) -> Result<Vec<Clip>, SoundError> {
    read_folder_at(folder, SOUND_RATE)
}

/// The same at another rate.
///
/// # Errors
/// [`SoundError`], also where there are none.
pub fn read_folder_at(folder: &Path, rate: u32) -> Result<Vec<Clip>, SoundError> {
    let unreadable = |source| SoundError::Folder { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ends = |with: &str| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(with));
        if ends("wav") || ends("flac") {
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
            Ok(Clip { name, samples: read_at(path, rate)? })
        })
        .collect()
}

/// A file in WAV or FLAC format of any rate and number of channels.
///
/// # Errors
/// [`SoundError::Wav`], [`SoundError::Flac`].
pub fn read(path: &Path) -> Result<Vec<f32>, SoundError> {
    read_at(path, SOUND_RATE)
}

fn read_at(path: &Path, rate: u32) -> Result<Vec<f32>, SoundError> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("flac")) {
        read_flac(path, rate).map_err(|source| SoundError::Flac { path: path.to_owned(), source })
    } else {
        read_wav(path, rate).map_err(|source| SoundError::Wav { path: path.to_owned(), source })
    }
}

fn read_wav(path: &Path, rate: u32) -> Result<Vec<f32>, hound::Error> {
    let mut reader = WavReader::open(path)?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    let interleaved: Vec<f32> = match sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let scale = full_scale(bits_per_sample.into());
            let samples = reader.samples::<i32>();
            samples.map(|sample| Ok(sample? as f32 / scale)).collect::<Result<_, hound::Error>>()?
        }
    };
    Ok(to_mono(&interleaved, channels.into(), [sample_rate, rate]))
}

fn read_flac(path: &Path, rate: u32) -> Result<Vec<f32>, claxon::Error> {
    let mut reader = FlacReader::open(path)?;
    let info = reader.streaminfo();
    let scale = full_scale(info.bits_per_sample);
    let samples = reader.samples();
    let interleaved: Vec<f32> =
        samples.map(|sample| Ok(sample? as f32 / scale)).collect::<Result<_, claxon::Error>>()?;
    Ok(to_mono(&interleaved, info.channels as usize, [info.sample_rate, rate]))
}

fn full_scale(bits: u32) -> f32 {
    2.0_f32.powi(bits as i32 - 1)
}

fn to_mono(interleaved: &[f32], channels: usize, [from, to]: [u32; 2]) -> Vec<f32> {
    let mono: Vec<f32> = interleaved
        .chunks_exact(channels.max(1))
        .map(|channels| channels.iter().sum::<f32>() / channels.len() as f32)
        .collect();
    resample(&mono, from, to)
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
