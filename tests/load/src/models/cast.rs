//! The people of a meeting, and what each of them sends.

use std::{path::Path, sync::Arc, time::Duration};

use sotto_core::signal::{ModelTransport, Source};
use sotto_tests::{
    client::{
        Media, Options,
        models::{ModelOptions, ModelPublish, Talking},
    },
    media::{Recorded, RecordingError},
};

use super::Shown;
use crate::crowd::VOICES;

/// Those of whom there are recordings, taken in turn.
#[derive(Clone, Debug)]
pub struct Cast {
    recorded: Vec<Recorded>,
    people: u32,
}

impl Cast {
    /// So many people of a folder: as they were recorded, or the calm parts alone.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn read(folder: &Path, people: u32, calm: bool) -> Result<Self, RecordingError> {
        let mut recorded = Recorded::read_folder(folder)?;
        if calm {
            for one in &mut recorded {
                one.recording = Arc::new(one.recording.calm()?);
            }
        }
        Ok(Self::of(recorded, people))
    }

    /// So many people of some recordings, at least one.
    pub const fn of(recorded: Vec<Recorded>, people: u32) -> Self {
        Self { recorded, people }
    }

    /// How many they are.
    pub const fn people(&self) -> u32 {
        self.people
    }

    /// How many of them talk.
    pub fn voices(&self) -> u32 {
        self.people.min(VOICES)
    }

    /// Names of the recordings that are used.
    pub fn names(&self) -> Vec<String> {
        let used = self.recorded.iter().take(self.people as usize);
        used.map(|recorded| recorded.recording.name.clone()).collect()
    }

    /// From somebody's joining until his last model is learned.
    pub fn learned(&self) -> Duration {
        let models = self.recorded.iter().map(|recorded| recorded.recording.learned_ms());
        Duration::from_millis(models.max().unwrap_or(0))
    }

    /// What the person of this number does, who joins with these options: the first ones talk, as
    /// their recordings do, the others are silent.
    pub fn options(&self, number: u32, options: Options, shown: Shown) -> Options {
        let Recorded { recording, picture, voice } =
            &self.recorded[number as usize % self.recorded.len()];
        let talking = if number < self.voices() { Talking::Always } else { Talking::Never };
        let options = options
            .with_slots(self.voices() as u16, self.people.saturating_sub(1) as u16)
            .publishing(Source::Camera, Media::Clip { clip: picture.clone(), seek: true })
            .publishing(Source::Microphone, Media::Spoken { clip: voice.clone(), talking });
        match shown {
            Shown::Raw => options,
            Shown::Learned => options.with_models(ModelOptions {
                publish: Some(ModelPublish::recorded(recording, talking)),
                receive: true,
                transport: ModelTransport::Rtp,
                nack: true,
            }),
        }
    }
}
