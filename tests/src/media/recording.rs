//! What the encoders of one person made of a clip, and what their gates said of it: a model stream
//! that can be sent again and again. `sotto-lab record` writes them.
//!
//! ```text
//!  NAME.json  models, as they are uploaded, and blocks of 80 ms      NAME.ivf, NAME.ogg  the clip, raw
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{DecodeError, Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sotto_core::signal::{GateState, Source};
use sotto_frame::{Container, ContainerError, MAX_PAYLOAD_LEN, PluginId};

use super::{Clip, ClipError};

/// Length of a block in milliseconds.
pub const BLOCK_MS: u64 = 80;

/// Models of a person's voice and face, and payloads that were made with the last of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Of the clip.
    pub name: String,
    /// Models in the order in which they were learned.
    pub models: Vec<RecordedModel>,
    /// What was coded behind what was learned from, [`BLOCK_MS`] each.
    pub blocks: Vec<Block>,
}

/// One epoch of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedModel {
    /// Microphone or camera.
    pub source: Source,
    /// Which refinement.
    pub epoch: u32,
    /// When it was there, in milliseconds from the beginning of the clip.
    pub at_ms: u64,
    /// The whole container.
    pub container: Bytes,
}

/// What is sent of 80 ms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its beginning, in milliseconds from the first block.
    pub at_ms: u64,
    /// The payload of the voice; an empty one is silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Bytes>,
    /// What the node is told of the voice's gate.
    #[serde(default)]
    pub voice_gate: GateState,
    /// The payload of the face; none where its gate refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<Bytes>,
    /// What the node is told of the face's gate.
    #[serde(default)]
    pub face_gate: GateState,
    /// Whether the voice says something.
    pub talking: bool,
}

/// Bytes that are base64 in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = DecodeError;

    fn try_from(text: String) -> Result<Self, DecodeError> {
        STANDARD.decode(text).map(Self)
    }
}

impl From<Bytes> for String {
    fn from(Bytes(bytes): Bytes) -> Self {
        STANDARD.encode(bytes)
    }
}

/// Why a file is no recording: it is to be recorded again.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not JSON of this form.
    #[error("not a recording: {0}")]
    Json(#[from] serde_json::Error),
    /// A container in it is none.
    #[error("epoch {epoch} of the {of:?} is no model: {error}")]
    Container {
        /// Of which source.
        of: Source,
        /// Which one.
        epoch: u32,
        /// Why.
        error: ContainerError,
    },
    /// A container is of another plug-in or epoch than the recording says.
    #[error("epoch {epoch} of the {of:?} is of another plug-in or epoch")]
    OtherModel {
        /// Of which source.
        of: Source,
        /// Which one.
        epoch: u32,
    },
    /// Epochs or times of one source do not grow.
    #[error("the models of the {0:?} are not in order")]
    Order(Source),
    /// There is nothing of a source to begin with.
    #[error("there is no model of the {0:?}")]
    NoModel(Source),
    /// There are no blocks, or they do not follow one another each 80 ms.
    #[error("block {0} is not there, or at another time")]
    Block(usize),
    /// A payload is longer than a packet takes.
    #[error("block {0} does not fit a packet")]
    Payload(usize),
    /// The raw media beside it are none.
    #[error("{path}: {source}")]
    Clip {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ClipError,
    },
    /// A folder without recordings.
    #[error("{0}: no recordings; `sotto-lab record --clip FILE --speech FILE --out DIR` makes one")]
    None(PathBuf),
}

impl Recording {
    /// The plug-in with which a source is recorded.
    pub const fn plugin_of(source: Source) -> PluginId {
        if matches!(source, Source::Microphone | Source::ScreenAudio) {
            PluginId::VOICE
        } else {
            PluginId::FACE
        }
    }

    /// Reads a recording, and checks all of it.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let recording: Self = serde_json::from_str(text)?;
        recording.check()?;
        Ok(recording)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let text = fs::read_to_string(path);
        Self::parse(&text.map_err(|source| RecordingError::Io { path: path.into(), source })?)
    }

    /// Writes a file that [`Self::read`] takes.
    ///
    /// # Errors
    /// [`RecordingError`], also where it is none.
    pub fn write(&self, path: &Path) -> Result<(), RecordingError> {
        self.check()?;
        let written = fs::write(path, serde_json::to_string(self)?);
        written.map_err(|source| RecordingError::Io { path: path.into(), source })
    }

    /// The models of a source, in their order.
    pub fn models_of(&self, source: Source) -> impl Iterator<Item = &RecordedModel> {
        self.models.iter().filter(move |model| model.source == source)
    }

    /// When the last of its models is there, in milliseconds from the beginning of the clip.
    pub fn learned_ms(&self) -> u64 {
        self.models.iter().map(|model| model.at_ms).max().unwrap_or(0)
    }

    /// The same without what either gate says something about: what it would be of somebody whom
    /// both let through all the time.
    ///
    /// # Errors
    /// [`RecordingError::Block`] where nothing is left.
    pub fn calm(&self) -> Result<Self, RecordingError> {
        let is_calm = |block: &&Block| {
            let gates = [block.voice_gate, block.face_gate];
            gates == [GateState::Green; 2] && block.voice.is_some() && block.face.is_some()
        };
        let calm = self.blocks.iter().filter(is_calm).cloned();
        let blocks = (0..).zip(calm).map(|(at, block)| Block { at_ms: at * BLOCK_MS, ..block });
        let calm = Self { blocks: blocks.collect(), ..self.clone() };
        calm.check()?;
        Ok(calm)
    }

    fn check(&self) -> Result<(), RecordingError> {
        for model in &self.models {
            model.check()?;
        }
        for source in [Source::Microphone, Source::Camera] {
            let mut before = None;
            for model in self.models_of(source) {
                let place = (model.epoch, model.at_ms);
                let follows =
                    before.is_none_or(|(epoch, at)| model.epoch > epoch && model.at_ms >= at);
                if !follows {
                    return Err(RecordingError::Order(source));
                }
                before = Some(place);
            }
            if before.is_none() {
                return Err(RecordingError::NoModel(source));
            }
        }
        if self.blocks.is_empty() {
            return Err(RecordingError::Block(0));
        }
        for (at, block) in self.blocks.iter().enumerate() {
            if block.at_ms != at as u64 * BLOCK_MS {
                return Err(RecordingError::Block(at));
            }
            let payloads = [&block.voice, &block.face].into_iter().flatten();
            if payloads.map(|Bytes(bytes)| bytes.len()).sum::<usize>() > MAX_PAYLOAD_LEN {
                return Err(RecordingError::Payload(at));
            }
        }
        Ok(())
    }
}

impl RecordedModel {
    /// What is in the container.
    ///
    /// # Errors
    /// [`RecordingError::Container`], [`RecordingError::OtherModel`].
    pub fn check(&self) -> Result<Container<'_>, RecordingError> {
        let (of, epoch) = (self.source, self.epoch);
        let container = Container::parse(&self.container.0)
            .map_err(|error| RecordingError::Container { of, epoch, error })?;
        let is_right = container.plugin == Recording::plugin_of(of) && container.epoch.0 == epoch;
        is_right.then_some(container).ok_or(RecordingError::OtherModel { of, epoch })
    }
}

/// A person of whom there is a recording, and the same clip raw.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The model stream.
    pub recording: Arc<Recording>,
    /// The camera in VP8.
    pub picture: Clip,
    /// The microphone in Opus.
    pub voice: Clip,
}

impl Recorded {
    /// Reads `NAME.json` with `NAME.ivf` and `NAME.ogg` beside it.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let recording = Arc::new(Recording::read(path)?);
        let clip = |ending: &str, read: fn(&Path) -> Result<Clip, ClipError>| {
            let path = path.with_extension(ending);
            read(&path).map_err(|source| RecordingError::Clip { path, source })
        };
        let (picture, voice) = (clip("ivf", Clip::video)?, clip("ogg", Clip::audio)?);
        Ok(Self { recording, picture, voice })
    }

    /// All recordings of a folder, by name.
    ///
    /// # Errors
    /// [`RecordingError`], also where there are none.
    pub fn read_folder(folder: &Path) -> Result<Vec<Self>, RecordingError> {
        let unreadable = |source| RecordingError::Io { path: folder.into(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(RecordingError::None(folder.into()));
        }
        paths.iter().map(|path| Self::read(path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::make::recording;

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let written = recording("anna", 25);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(Recording::parse(&text).unwrap(), written);
        assert_eq!(written.learned_ms(), 1_000);
    }

    #[test]
    fn of_a_calm_recording_everything_is_left_that_no_gate_says_anything_about() {
        let calm = recording("anna", 25).calm().unwrap();
        assert_eq!(calm.blocks.len(), 25 - 13);
        let is_calm = |block: &Block| block.face.is_some() && block.face_gate == GateState::Green;
        assert!(calm.blocks.iter().all(is_calm));
        assert_eq!(calm.blocks.last().unwrap().at_ms, 11 * BLOCK_MS);
        let mut never = recording("anna", 25);
        never.blocks.iter_mut().for_each(|block| block.voice_gate = GateState::Red);
        assert!(matches!(never.calm(), Err(RecordingError::Block(0))));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_reason() {
        let refused = |change: fn(&mut Recording)| {
            let mut recording = recording("anna", 25);
            change(&mut recording);
            Recording::parse(&serde_json::to_string(&recording).unwrap()).unwrap_err()
        };
        let broken = refused(|of| of.models[0].container.0[30] ^= 1);
        assert!(matches!(broken, RecordingError::Container { epoch: 1, .. }), "{broken}");
        let other = refused(|of| of.models[0].source = Source::Camera);
        assert!(matches!(other, RecordingError::OtherModel { .. }), "{other}");
        let epoch = refused(|of| of.models[0].epoch = 7);
        assert!(matches!(epoch, RecordingError::OtherModel { epoch: 7, .. }), "{epoch}");
        let early = refused(|of| of.models.last_mut().unwrap().at_ms = 0);
        assert!(matches!(early, RecordingError::Order(Source::Camera)), "{early}");
        let faceless = refused(|of| of.models.truncate(1));
        assert!(matches!(faceless, RecordingError::NoModel(Source::Camera)), "{faceless}");
        let nothing = refused(|of| of.blocks.clear());
        assert!(matches!(nothing, RecordingError::Block(0)), "{nothing}");
        let hole = refused(|of| drop(of.blocks.remove(3)));
        assert!(matches!(hole, RecordingError::Block(3)), "{hole}");
        let long = refused(|of| of.blocks[2].face = Some(Bytes(vec![0; MAX_PAYLOAD_LEN + 1])));
        assert!(matches!(long, RecordingError::Payload(2)), "{long}");
        assert!(matches!(Recording::parse("{\"name\": 1}"), Err(RecordingError::Json(_))));
        let no_base64 = serde_json::from_str::<Bytes>("\"not base64!\"");
        assert!(no_base64.is_err());
    }

    #[test]
    fn a_folder_without_recordings_says_how_to_make_one() {
        let folder = crate::media::make::cache().unwrap().join("no-recordings");
        fs::create_dir_all(&folder).unwrap();
        let error = Recorded::read_folder(&folder).unwrap_err();
        assert!(error.to_string().contains("sotto-lab record"), "{error}");
    }
}
