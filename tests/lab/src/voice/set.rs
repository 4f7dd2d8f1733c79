//! The recordings that a plug-in is measured with.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use sotto_codec::SOUND_RATE;

use super::{Arguments, activity::Activity, labels::Labels};
use crate::sound::{self, Clip, SoundError, resample};

/// Less speech than this says nothing.
const LEAST_TEST_SECONDS: f64 = 4.0;
/// Of its power, what a voice has at least above what telephones let through: those recorded at
/// 16 kHz have 0.3 % and more, those resampled from 8 kHz less than 0.01 %.
const LEAST_UPPER_BAND: f64 = 3e-4;
/// Rate that holds all that telephones let through, and the edge of their filters.
const TELEPHONE_RATE: u32 = 9_000;

/// All recordings.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// At least one.
    pub speakers: Vec<Speaker>,
    /// Names of those of whom there is too little speech.
    pub too_short: Vec<String>,
    /// See [`Arguments::music`].
    pub music: Vec<Clip>,
    /// See [`Arguments::noise`].
    pub noise: Vec<Clip>,
    /// See [`Arguments::overlap`].
    pub overlap: Vec<Talk>,
}

/// One person.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// Of the file.
    pub name: String,
    /// The first part, to learn from.
    pub training: Vec<f32>,
    /// A later part, to measure with.
    pub test: Vec<f32>,
    /// Where it is speech.
    pub activity: Activity,
    /// It has something above what telephones let through.
    pub wideband: bool,
}

/// Several people at once.
#[derive(Clone, Debug)]
pub struct Talk {
    /// What is heard.
    pub clip: Clip,
    /// When at least two talk; `None`: all the time.
    pub overlaps: Option<Vec<Range<usize>>>,
}

impl Set {
    /// Reads the folders that the arguments name.
    ///
    /// # Errors
    /// [`SoundError`].
    pub fn read(arguments: &Arguments) -> Result<Self, SoundError> {
        let wanted = &arguments.speakers;
        let clips = sound::read_folder(&arguments.speech)?
            .into_iter()
            .filter(|clip| wanted.is_empty() || wanted.contains(&clip.name))
            .collect();
        let folder =
            |path: &Option<PathBuf>| path.as_deref().map_or(Ok(Vec::new()), sound::read_folder);
        let mut set = Self::of_speech(clips, arguments);
        set.music = folder(&arguments.music)?;
        set.noise = folder(&arguments.noise)?;
        if let Some(path) = &arguments.overlap {
            set.overlap = read_talks(path)?;
        }
        Ok(set)
    }

    /// Divides speech of one person each into what is learned from and what is measured with.
    pub fn of_speech(clips: Vec<Clip>, arguments: &Arguments) -> Self {
        let mut set = Self::default();
        for clip in clips {
            let name = clip.name.clone();
            match Speaker::divide(clip, arguments) {
                Some(speaker) => set.speakers.push(speaker),
                None => set.too_short.push(name),
            }
        }
        set
    }
}

impl Speaker {
    fn divide(clip: Clip, arguments: &Arguments) -> Option<Self> {
        let samples = |seconds: f64| (seconds * f64::from(SOUND_RATE)) as usize;
        let cut = samples(arguments.train_seconds);
        let rest = clip.samples.get(cut..)?;
        let end = Activity::of(rest).position_after(samples(arguments.test_seconds));
        let test = rest[..end].to_vec();
        let activity = Activity::of(&test);
        (activity.spoken() >= samples(LEAST_TEST_SECONDS)).then(|| Self {
            name: clip.name,
            training: clip.samples[..cut].to_vec(),
            wideband: is_wideband(&test),
            test,
            activity,
        })
    }
}

/// Whether something is left of a sound without what telephones let through.
fn is_wideband(samples: &[f32]) -> bool {
    let narrow = resample(samples, SOUND_RATE, TELEPHONE_RATE);
    let lower = resample(&narrow, TELEPHONE_RATE, SOUND_RATE);
    let energy = |samples: &mut dyn Iterator<Item = f32>| -> f64 {
        samples.map(|sample| f64::from(sample).powi(2)).sum()
    };
    let upper = energy(&mut samples.iter().zip(&lower).map(|(sample, lower)| sample - lower));
    upper >= LEAST_UPPER_BAND * energy(&mut samples.iter().copied())
}

/// The recordings of a folder, with what the `*.rttm` files beside them say.
fn read_talks(folder: &Path) -> Result<Vec<Talk>, SoundError> {
    let unreadable = |source| SoundError::Folder { path: folder.to_owned(), source };
    let mut labels = Labels::default();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "rttm") {
            labels.add(&fs::read_to_string(&path).map_err(unreadable)?);
        }
    }
    let talk = |clip: Clip| Talk { overlaps: labels.overlaps(&clip.name), clip };
    Ok(sound::read_folder(folder)?.into_iter().map(talk).collect())
}
