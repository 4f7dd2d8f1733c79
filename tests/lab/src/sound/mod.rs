//! Recordings, WAV and FLAC, as sound plug-ins take them: one channel, 16 kHz, -1 to 1.

mod resample;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use claxon::FlacReader;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

pub use resample::resample;

/// Samples a second of all that is read and written.
pub const RATE: u32 = sotto_codec::SOUND_RATE;

/// A recording with the name of its file.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Of the file, without its ending.
    pub name: String,
    /// One channel at [`RATE`].
    pub samples: Vec<f32>,
}

/// Why there is no recording: it is to be left out or replaced.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// A file or folder cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// It cannot be read or written as WAV.
    #[error("{0}: {1}")]
    Wav(PathBuf, hound::Error),
    /// It is no FLAC.
    #[error("{0}: {1}")]
    Flac(PathBuf, claxon::Error),
    /// It says that it has no channels, or no samples a second.
    #[error("{0}: {1} channels at {2} Hz")]
    Format(PathBuf, u32, u32),
    /// The folder has none.
    #[error("{0}: no WAV or FLAC files")]
    Empty(PathBuf),
}

/// All recordings of a folder, by name.
///
/// # Errors
/// [`SoundError`], of the first that cannot be read; also where there are none.
pub fn folder(path: &Path) -> Result<Vec<Recording>, SoundError> {
    let unread = |error| SoundError::Read(path.into(), error);
    let entries = fs::read_dir(path).map_err(unread)?.collect::<Result<Vec<_>, _>>();
    let mut paths: Vec<PathBuf> =
        entries.map_err(unread)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let read = paths.iter().filter_map(|path| {
        let samples = match path.extension()?.to_str()? {
            "wav" => wav(path),
            "flac" => flac(path),
            _ => return None,
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Some(samples.map(|samples| Recording { name, samples }))
    });
    let recordings = read.collect::<Result<Vec<_>, _>>()?;
    if recordings.is_empty() { Err(SoundError::Empty(path.into())) } else { Ok(recordings) }
}

fn wav(path: &Path) -> Result<Vec<f32>, SoundError> {
    let broken = |error| SoundError::Wav(path.into(), error);
    let mut reader = WavReader::open(path).map_err(broken)?;
    let spec = reader.spec();
    let interleaved: Result<Vec<f32>, _> = match spec.sample_format {
        SampleFormat::Float => reader.samples().collect(),
        SampleFormat::Int => {
            let scale = full_scale(spec.bits_per_sample.into());
            reader.samples::<i32>().map(|sample| sample.map(|s| s as f32 / scale)).collect()
        }
    };
    as_voice(path, &interleaved.map_err(broken)?, spec.channels.into(), spec.sample_rate)
}

fn flac(path: &Path) -> Result<Vec<f32>, SoundError> {
    let broken = |error| SoundError::Flac(path.into(), error);
    let mut reader = FlacReader::open(path).map_err(broken)?;
    let info = reader.streaminfo();
    let scale = full_scale(info.bits_per_sample);
    let interleaved: Result<Vec<f32>, _> =
        reader.samples().map(|sample| sample.map(|s| s as f32 / scale)).collect();
    as_voice(path, &interleaved.map_err(broken)?, info.channels, info.sample_rate)
}

/// The mean of all channels, at the rate of voices.
fn as_voice(
    path: &Path,
    interleaved: &[f32],
    channels: u32,
    rate: u32,
) -> Result<Vec<f32>, SoundError> {
    if channels == 0 || rate == 0 {
        return Err(SoundError::Format(path.into(), channels, rate));
    }
    let mono: Vec<f32> = interleaved
        .chunks_exact(channels as usize)
        .map(|channels| channels.iter().sum::<f32>() / channels.len() as f32)
        .collect();
    Ok(resample(&mono, rate, RATE))
}

fn full_scale(bits: u32) -> f32 {
    2.0_f32.powi(bits as i32 - 1)
}

/// Writes WAV of 16 bits at [`RATE`]; what is beyond -1 to 1 is clipped.
///
/// # Errors
/// [`SoundError::Wav`].
pub fn write(path: &Path, samples: &[f32]) -> Result<(), SoundError> {
    let broken = |error| SoundError::Wav(path.into(), error);
    let spec = WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).map_err(broken)?;
    for sample in samples {
        writer.write_sample((sample * 32_768.0).round() as i16).map_err(broken)?;
    }
    writer.finalize().map_err(broken)
}
