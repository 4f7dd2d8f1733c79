//! The model stream of one person, made of real media as a sender makes it, for harnesses to send
//! again.
//!
//! ```text
//!  clip ───► learner (20 s) ─► models ─► encoder ─► own decoder ─► gate ─┐
//!  speech ─► learner (30 s) ─► models ─► encoder ─► own decoder ─► gate ─┴─► NAME.json
//!  clip, speech ─► ffmpeg ─► NAME.ivf, NAME.ogg
//! ```
//!
//! Payloads are those of the last models, from what is behind the media that were learned from.

mod told;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use sotto_codec::{
    FRAME_MS, Plugin, SOUND_RATE, Verdict,
    face::{Face, Settings as FaceSettings},
    voice::{Settings, Voice},
};
use sotto_core::signal::{GateState, Source};
use sotto_frame::{Container, Epoch};
use sotto_tests::media::{
    ClipError as RawError, RecordingError, make,
    recording::{Block, Bytes, RecordedModel, Recording},
};

use crate::{
    face::{
        self,
        clip::{Clip, Cut, MOST_TRAINING},
        coded::Payload,
        growth::Growth,
        tools::Tools,
    },
    sound::{self, SoundError},
    voice::{self, Subject as _, VoicePlugin},
};
use told::Told;

/// Of speech, learned from.
const SPEECH_SECONDS: f64 = 30.0;
/// Of the rest of a clip, coded at most.
const CODED_SECONDS: f64 = 60.0;

/// Arguments of `sotto-lab record`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// A clip of one person on camera, of any format that ffmpeg reads.
    #[arg(long, value_name = "FILE")]
    pub clip: PathBuf,
    /// Speech of one person, WAV or FLAC.
    #[arg(long, value_name = "FILE")]
    pub speech: PathBuf,
    /// Folder to write to.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Name of the files, where not that of the clip.
    #[arg(long)]
    pub name: Option<String>,
    /// How much of the beginning of the clip is learned from, at most 60 % of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub train_seconds: f64,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The clip cannot be used.
    #[error(transparent)]
    Clip(#[from] face::ClipError),
    /// ffmpeg cannot be used.
    #[error(transparent)]
    Tool(#[from] face::ToolError),
    /// There is no model of the face.
    #[error("face: {0}")]
    Face(#[from] face::NotLearned),
    /// The face cannot be coded.
    #[error("face: {0}")]
    CodeFace(#[from] face::CodeError),
    /// The speech cannot be read.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// There is no model of the voice.
    #[error("voice: {0}")]
    Voice(#[from] voice::NotLearned),
    /// The voice cannot be coded.
    #[error("voice: {0}")]
    CodeVoice(#[from] voice::CodeError),
    /// The clip cannot be coded as raw media.
    #[error(transparent)]
    Raw(#[from] RawError),
    /// What came of it is no recording, or cannot be written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There is no place for it.
    #[error("{path}: {source}")]
    Out {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was recorded, in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Seconds that were coded.
    pub seconds: f64,
    /// Bytes of each model and when it was there, in seconds: source, epoch, bytes, time.
    pub models: Vec<(Source, u32, usize, f64)>,
    /// Payload rate of the voice, pauses included, and of the face where it was let through, bit/s.
    pub payload_bps: [f64; 2],
    /// Share of blocks in which the gate of voice and of face was not red.
    pub let_through: [f64; 2],
}

/// Records one person.
///
/// # Errors
/// [`RecordError`].
pub fn record(arguments: &Arguments) -> Result<Recorded, RecordError> {
    let Arguments { clip, speech, out, name, train_seconds } = arguments;
    let name = name.clone().unwrap_or_else(|| {
        clip.file_stem().unwrap_or(clip.as_os_str()).to_string_lossy().into_owned()
    });
    fs::create_dir_all(out).map_err(|source| RecordError::Out { path: out.clone(), source })?;
    let face = Stream::of_face(clip, *train_seconds, out, &name)?;
    let voice = Stream::of_voice(speech)?;
    make::raw_voice(speech, &out.join(format!("{name}.ogg")))?;
    let recording = joined(name, voice, face);
    let path = out.join(format!("{}.json", recording.name));
    recording.write(&path)?;
    Ok(Recorded::of(path, &recording))
}

/// What was made of one source.
struct Stream {
    models: Vec<RecordedModel>,
    pieces: Vec<Piece>,
}

/// 80 ms of it.
struct Piece {
    payload: Vec<u8>,
    verdict: Verdict,
    /// It is red, and may be over before raw media would be there.
    passing: bool,
    talking: bool,
}

impl Piece {
    /// What is told of it: raw media get ready for what may pass, and nothing is sent.
    fn said(&self) -> Verdict {
        if self.passing { Verdict::Amber } else { self.verdict }
    }
}

impl Stream {
    fn of_face(path: &Path, seconds: f64, out: &Path, name: &str) -> Result<Self, RecordError> {
        let tools = Tools::of_system()?;
        let plugin = Face::new(FaceSettings::default());
        let (train_seconds, test_seconds) = (seconds, CODED_SECONDS);
        let cut = Cut { train_seconds, test_seconds, fps: None, side: None };
        let clip = Clip::read(&tools, path, &cut)?;
        let format = clip.test.format();
        let mut learned = face::learning::learn(&plugin, &clip.whole, clip.training)?;
        let epochs = std::mem::take(&mut learned.epochs);
        let times = epochs.into_iter().map(|(body, at)| (body, format.time_ms(at)));
        let models = models(&plugin, Source::Camera, times);
        let mut growth = Growth::new(&plugin, &mut learned, false)?;
        let coded = face::coded::code(&mut growth, &clip.test, &tools.file("coded.y4m"))?;
        let pieces = coded.payloads.into_iter().map(|payload| {
            let Payload { bytes, pictures } = payload;
            let verdicts = &coded.verdicts[pictures.clone()];
            let verdict = verdicts.iter().copied().max().unwrap_or(Verdict::Red);
            let last_red = pictures.rev().find(|&at| coded.verdicts[at] == Verdict::Red);
            let passing = last_red.is_some_and(|at| coded.passing[at]);
            Piece { payload: bytes, verdict, passing, talking: false }
        });
        let fps = format.rate().round().max(1.0) as u32;
        make::raw_picture(path, fps, &out.join(format!("{name}.ivf")))?;
        Ok(Self { models, pieces: pieces.collect() })
    }

    fn of_voice(path: &Path) -> Result<Self, RecordError> {
        let plugin = Voice::new(Settings::default());
        let speech = sound::read(path)?;
        let most = (speech.len() as f64 * MOST_TRAINING) as usize;
        let training = ((SPEECH_SECONDS * f64::from(SOUND_RATE)) as usize).min(most);
        let (training, test) = speech.split_at(training);
        let learned = voice::learning::learn(&plugin, training)?;
        let time_ms = |samples: usize| samples as u64 * 1_000 / u64::from(SOUND_RATE);
        let model = voice::learning::model(&plugin, &learned);
        let times = learned.epochs.into_iter().map(|(body, at)| (body, time_ms(at)));
        let models = models(&plugin, Source::Microphone, times);
        let delay = VoicePlugin.delay();
        let coded = voice::coded::code(&*model, test, delay, |of| VoicePlugin.red_now(of))?;
        let said = coded.verdicts.into_iter().zip(coded.talking);
        let pieces = coded.payloads.into_iter().zip(said);
        let pieces = pieces.map(|(payload, (verdict, talking))| Piece {
            payload,
            verdict,
            passing: false,
            talking,
        });
        Ok(Self { models, pieces: pieces.collect() })
    }
}

/// Bodies with the times at which they were there as they are uploaded; one that is the same as that
/// before it is no new one.
fn models(
    plugin: &dyn Plugin,
    source: Source,
    bodies: impl Iterator<Item = (Vec<u8>, u64)>,
) -> Vec<RecordedModel> {
    let mut bodies: Vec<_> = bodies.collect();
    bodies.dedup_by(|later, earlier| later.0 == earlier.0);
    let models = (1..).zip(bodies).map(|(epoch, (body, at_ms))| {
        let container = Container {
            plugin: plugin.id(),
            plugin_version: plugin.version(),
            epoch: Epoch(epoch),
            created_at_ms: at_ms,
            body: &body,
        };
        let (container, _) = container.write().expect("a learner's body fits into a container");
        RecordedModel { source, epoch, at_ms, container: Bytes(container) }
    });
    models.collect()
}

/// Both sources, as long as the shorter one.
fn joined(name: String, voice: Stream, face: Stream) -> Recording {
    let (mut voice_told, mut face_told) = (Told::default(), Told::default());
    let pieces = voice.pieces.into_iter().zip(face.pieces);
    let blocks = (0..).zip(pieces).map(|(at, (voice, face))| Block {
        at_ms: at * u64::from(FRAME_MS),
        voice_gate: voice_told.observe(voice.said()),
        face_gate: face_told.observe(face.said()),
        talking: voice.talking,
        voice: Some(Bytes(voice.payload)),
        face: (face.verdict != Verdict::Red).then_some(Bytes(face.payload)),
    });
    let blocks = blocks.collect();
    Recording { name, models: voice.models.into_iter().chain(face.models).collect(), blocks }
}

impl Recorded {
    fn of(path: PathBuf, recording: &Recording) -> Self {
        let Recording { models, blocks, .. } = recording;
        let count = blocks.len().max(1) as f64;
        let seconds = count * f64::from(FRAME_MS) / 1e3;
        let rate = |of: fn(&Block) -> &Option<Bytes>| {
            let payloads: Vec<_> = blocks.iter().filter_map(|block| of(block).as_ref()).collect();
            let bytes: usize = payloads.iter().map(|Bytes(bytes)| bytes.len()).sum();
            bytes as f64 * 8e3 / (f64::from(FRAME_MS) * payloads.len().max(1) as f64)
        };
        let share = |gate: fn(&Block) -> GateState| {
            let through = blocks.iter().filter(|block| gate(block) != GateState::Red);
            through.count() as f64 / count
        };
        let models = models.iter().map(|model| {
            let RecordedModel { source, epoch, at_ms, container } = model;
            (*source, *epoch, container.0.len(), *at_ms as f64 / 1e3)
        });
        Self {
            path,
            seconds,
            models: models.collect(),
            payload_bps: [rate(|block| &block.voice), rate(|block| &block.face)],
            let_through: [share(|block| block.voice_gate), share(|block| block.face_gate)],
        }
    }

    /// The figures in words.
    pub fn to_text(&self) -> String {
        let models: Vec<_> = self
            .models
            .iter()
            .map(|(source, epoch, bytes, at)| {
                format!("{source:?} {epoch}: {bytes} bytes at {at:.1} s")
            })
            .collect();
        let ([voice, face], [heard, seen]) = (self.payload_bps, self.let_through);
        format!(
            "{}: {:.1} s; {}; voice {:.2} kbit/s with pauses, face {:.2} kbit/s; not red: {:.0} and {:.0} %",
            self.path.display(),
            self.seconds,
            models.join(", "),
            voice / 1e3,
            face / 1e3,
            heard * 100.0,
            seen * 100.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(verdicts: &[Verdict], source: Source, plugin: &dyn Plugin) -> Stream {
        let bodies = [(vec![1; 40], 400), (vec![2; 50], 900), (vec![2; 50], 1_000)];
        let pieces = verdicts.iter().map(|&verdict| Piece {
            payload: vec![7; 20],
            verdict,
            passing: false,
            talking: true,
        });
        Stream { models: models(plugin, source, bodies.into_iter()), pieces: pieces.collect() }
    }

    #[test]
    fn what_is_recorded_can_be_read_and_holds_what_a_sender_sends() {
        use Verdict::{Amber, Green, Red};

        let face = Face::new(FaceSettings::default());
        let faces = stream(&[Green, Amber, Red, Green, Green, Green], Source::Camera, &face);
        let voices =
            stream(&[Green, Red, Green], Source::Microphone, &Voice::new(Settings::default()));
        let recording = joined("anna".into(), voices, faces);
        let text = serde_json::to_string(&recording).expect("numbers and texts");
        let read = Recording::parse(&text).expect("a recording");
        assert_eq!(read, recording);
        assert_eq!(read.models.len(), 4, "the third body of each is the second");
        let faces: Vec<_> = read.blocks.iter().map(|block| block.face.is_some()).collect();
        assert_eq!(faces, [true, true, false], "what its gate refuses is not sent");
        assert!(read.blocks.iter().all(|block| block.voice.is_some()), "a voice goes on");
        let told: Vec<_> = read.blocks.iter().map(|block| block.voice_gate).collect();
        assert_eq!(told, [GateState::Green, GateState::Red, GateState::Red]);
        let mut blink = stream(&[Green, Red, Red], Source::Camera, &face);
        blink.pieces[1].passing = true;
        let voices = stream(&[Green; 3], Source::Microphone, &Voice::new(Settings::default()));
        let blink = joined("boris".into(), voices, blink);
        let said: Vec<_> =
            blink.blocks.iter().map(|block| (block.face.is_some(), block.face_gate)).collect();
        let expected =
            [(true, GateState::Green), (false, GateState::Amber), (false, GateState::Red)];
        assert_eq!(said, expected, "what may pass is not sent, and not told as red");
        let figures = Recorded::of("anna.json".into(), &recording);
        assert_eq!(figures.payload_bps, [2_000.0, 2_000.0]);
    }
}
