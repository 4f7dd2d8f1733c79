//! A room of people who are seen and heard, and of watchers who see and hear them.

use std::time::Duration;

use sotto_core::signal::{ClientMessage, Form, ModelTransport, Policy, Source};
use sotto_tests::{
    client::{
        JoinError, Media, Options, Participant, Report, Unmet,
        models::{ModelOptions, ModelPublish},
    },
    link::Shape,
    node::Node,
};

/// Voices that talk at a time: the node bundles no more, and nobody can follow more.
pub const VOICES: u32 = 5;

/// A camera of 360p at 600 kbit/s: 24 frames a second of three packets of 1,050 bytes.
const CAMERA: Media = Media::SyntheticVideo { fps: 24, bytes: 3_150 };
/// A voice in Opus, 50 packets a second.
const VOICE: Media = Media::SyntheticAudio { level: 40 };

/// How long everybody may take to be received in the form that is measured.
const SETTLING: Duration = Duration::from_secs(40);

const ROOM: &str = "hall";

/// In which form people are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// By their models.
    Model,
    /// As camera and microphone.
    Raw,
}

/// Who is there.
#[derive(Clone, Debug)]
pub struct CrowdPlan {
    /// People who are seen; [`VOICES`] of them talk.
    pub people: u32,
    /// Those who see and hear them.
    pub watchers: u32,
    /// How model packets and bundles travel.
    pub transport: ModelTransport,
    /// Whether watchers ask for lost bundles.
    pub nack: bool,
    /// What lies between a watcher and the node.
    pub line: Option<Shape>,
}

/// People in a room.
pub struct Crowd {
    /// Those who are seen and heard.
    pub people: Vec<Participant>,
    /// Those who see and hear.
    pub watchers: Vec<Participant>,
}

/// Why there is no crowd.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// Somebody could not join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Somebody did not get what was to be measured.
    #[error(transparent)]
    Unmet(#[from] Box<Unmet>),
}

impl CrowdPlan {
    /// How many of them talk.
    pub fn voices(&self) -> u32 {
        self.people.min(VOICES)
    }

    /// Brings everybody into a room of `node`, and waits until every watcher receives everybody in
    /// that form.
    ///
    /// # Errors
    /// [`CrowdError`].
    pub async fn gather(&self, node: &Node, measured: Measured) -> Result<Crowd, CrowdError> {
        let mut people = Vec::new();
        for i in 0..self.people {
            let options = self.person(node.options(ROOM, &format!("person-{i}")), i, measured);
            people.push(Participant::join(options).await?);
        }
        let mut watchers = Vec::new();
        for i in 0..self.watchers {
            let options = self.watcher(node.options(ROOM, &format!("watcher-{i}")), measured);
            let watcher = Participant::join(options).await?;
            watcher.say(ClientMessage::Policy { policy: Policy::Frugal }).await;
            watchers.push(watcher);
        }
        let mut crowd = Crowd { people, watchers };
        crowd.settle(measured, self.voices()).await?;
        Ok(crowd)
    }

    fn person(&self, options: Options, i: u32, measured: Measured) -> Options {
        let talks = i < self.voices();
        let mut options = options.with_slots(0, 0).publishing(Source::Camera, CAMERA);
        if talks {
            options = options.publishing(Source::Microphone, VOICE);
        }
        let publish = if talks { ModelPublish::TALKING } else { ModelPublish::SILENT };
        match measured {
            Measured::Raw => options,
            Measured::Model => options.with_models(ModelOptions {
                publish: Some(publish),
                receive: false,
                transport: self.transport,
                nack: self.nack,
            }),
        }
    }

    fn watcher(&self, options: Options, measured: Measured) -> Options {
        let mut options = options.with_slots(self.voices() as u16, self.people as u16);
        options.way = self.line.clone().map(|line| (line.clone(), line));
        match measured {
            Measured::Raw => options,
            Measured::Model => options.with_models(ModelOptions {
                publish: None,
                receive: true,
                transport: self.transport,
                nack: self.nack,
            }),
        }
    }
}

impl Crowd {
    async fn settle(&mut self, measured: Measured, voices: u32) -> Result<(), CrowdError> {
        let tracks: Vec<_> = (0..)
            .zip(&self.people)
            .flat_map(|(i, person)| {
                let (id, short_id) = (person.id(), person.short_id());
                let voice = (i < voices).then_some((id, short_id, Source::Microphone));
                [(id, short_id, Source::Camera)].into_iter().chain(voice)
            })
            .collect();
        let what = format!("{} tracks in {measured:?} form", tracks.len());
        let received = |report: &Report| {
            tracks.iter().all(|&(id, short_id, source)| match measured {
                Measured::Model => {
                    let form = report.models.form(id, source);
                    form.is_some_and(|form| form.form == Form::Model && !form.overlap)
                }
                Measured::Raw => report.source(short_id, source.kind()).is_some(),
            })
        };
        for watcher in &mut self.watchers {
            watcher.within(SETTLING, &what, received).await.map_err(Box::new)?;
        }
        Ok(())
    }
}
