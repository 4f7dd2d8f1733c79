//! What a participant sends of one of its sources in model form.

use std::time::Duration;

use sotto_core::signal::{GateState, Source};
use sotto_frame::{Activity, Epoch, PluginId};

use super::{
    Made, Mark, ModelContent, Stamp, Talking,
    made::meaningless_body,
    played,
    replay::{Played, Replay},
};
use crate::media::synthetic::wall_micros;

/// The plug-in in place of a voice: a test plug-in of the codec.
pub const TONE: PluginId = match PluginId::new(7) {
    Ok(id) => id,
    Err(_) => panic!("7 is a plug-in"),
};
/// The plug-in in place of a face: a test plug-in of the codec.
pub const BAR: PluginId = match PluginId::new(15) {
    Ok(id) => id,
    Err(_) => panic!("15 is a plug-in"),
};
/// Version of both.
pub const VERSION: u8 = 1;

/// The test plug-in with which a source is sent in model form.
pub const fn plugin_of(source: Source) -> PluginId {
    if matches!(source, Source::Microphone | Source::ScreenAudio) { TONE } else { BAR }
}

/// How loud a voice is that talks, and one that does not: 40 and 120 dB below overload.
const LEVELS: [u8; 2] = [15, 5];

/// One payload on its way into packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// For which plug-in.
    pub plugin: PluginId,
    /// Low bits of its epoch.
    pub epoch: u8,
    /// How loud it is; of a picture, nothing.
    pub activity: Option<Activity>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// One source.
#[derive(Clone, Debug)]
pub struct Strand {
    source: Source,
    feed: Feed,
    talking: Talking,
    /// The newest model, where there is one already.
    latest: Option<Made>,
    /// Its latest epoch that the node has taken.
    taken: Option<Made>,
    /// In which epoch the node wants it; `None`: not at all.
    wanted: Option<Epoch>,
    gate: GateState,
    /// What a recorded gate has found since it was asked for.
    news: Option<GateState>,
    counter: u32,
}

/// Where payloads come from.
#[derive(Clone, Debug)]
enum Feed {
    /// They are written; with the body of the first model.
    Written(ModelContent, Vec<u8>),
    Recorded(Replay),
}

impl Strand {
    /// A source whose model is made at once, or when the recording says so. `seed` tells it from
    /// others.
    pub fn new(source: Source, content: ModelContent, talking: Talking, seed: u32) -> Self {
        let plugin = plugin_of(source);
        let (feed, latest) = if let ModelContent::Recorded(recording) = &content {
            (Feed::Recorded(Replay::new(recording, source, seed)), None)
        } else {
            let body = match content {
                ModelContent::Stamps { model, .. } => {
                    meaningless_body(model, seed ^ u32::from(plugin.get()) << 24)
                }
                _ => played::body(plugin, seed),
            };
            let made = Made::first(plugin, VERSION, &body);
            (Feed::Written(content, body), Some(made))
        };
        Self {
            source,
            feed,
            talking,
            latest,
            taken: None,
            wanted: None,
            gate: GateState::Green,
            news: None,
            counter: 0,
        }
    }

    /// Which source it is.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Whether it is that of a recording: payloads of 80 ms, whatever the node asks for.
    pub const fn is_recorded(&self) -> bool {
        matches!(self.feed, Feed::Recorded(_))
    }

    /// Payloads so far: the number of the next one.
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// The model that it would like to be used.
    pub const fn latest(&self) -> Option<&Made> {
        self.latest.as_ref()
    }

    /// The body of the upload of that model.
    pub fn upload(&self) -> Option<Vec<u8>> {
        Some(self.latest.as_ref()?.upload(self.taken.as_ref()))
    }

    /// Whether a model of its recording has come, so long after the beginning: it is to be uploaded.
    pub fn learn(&mut self, since: Duration) -> bool {
        let Feed::Recorded(replay) = &mut self.feed else { return false };
        let learned = replay.learned(since);
        let is_new = learned.is_some();
        self.latest = learned.or(self.latest.take());
        is_new
    }

    /// Makes the next epoch of its model; a recording has those that it has.
    pub fn refine(&mut self) {
        if !self.is_recorded() {
            self.latest = self.latest.as_ref().map(Made::refined);
        }
    }

    /// The node has taken the latest model.
    pub fn taken(&mut self) {
        self.taken.clone_from(&self.latest);
    }

    /// The node wants it in that epoch, or not at all.
    pub const fn want(&mut self, epoch: Option<Epoch>) {
        self.wanted = epoch;
    }

    /// The gate found something else.
    pub const fn set_gate(&mut self, gate: GateState) {
        self.gate = gate;
    }

    /// What the gate of its recording has found, where the node is to be told of it.
    pub const fn poll_gate(&mut self) -> Option<GateState> {
        self.news.take()
    }

    /// The payload of the next 80 ms. A picture is never sent that its gate has refused; a voice
    /// goes on until it is no longer asked for.
    pub fn take(&mut self, sender: u32) -> Option<Payload> {
        let now_us = wall_micros();
        let talking = self.talking.at(now_us / 1_000);
        let payload = match &self.feed {
            Feed::Recorded(_) => self.replayed(talking)?,
            Feed::Written(content, body) => {
                let is_refused = self.gate == GateState::Red && self.source != Source::Microphone;
                let epoch = self.wanted.filter(|_| !is_refused)?;
                let plugin = plugin_of(self.source);
                let (participant, counter, sent_us) = (sender, self.counter, now_us);
                let bytes = match content {
                    ModelContent::Stamps { payload, .. } => {
                        let epoch = epoch.0 as u16;
                        Stamp { participant, epoch, counter, sent_us }.write(plugin, *payload)
                    }
                    ModelContent::Marks => {
                        let (epoch, sent_ms) = (epoch.low(), sent_us / 1_000);
                        Mark { participant, epoch, counter, sent_ms }.write(plugin, body)
                    }
                    _ => played::payload(plugin, body, counter),
                };
                self.payload(plugin, epoch, talking, bytes)
            }
        };
        self.counter = self.counter.wrapping_add(1);
        Some(payload)
    }

    /// The next block of its recording. Its gate looks on while nobody wants it, as that of a
    /// browser does. Nobody to be heard: the voice is silence.
    fn replayed(&mut self, talking: bool) -> Option<Payload> {
        let Feed::Recorded(replay) = &mut self.feed else { return None };
        let plugin = self.latest.as_ref()?.plugin;
        let mut played = replay.next()?;
        let is_sound = self.source == Source::Microphone;
        if is_sound && !talking {
            played = Played { payload: Some(Vec::new()), gate: GateState::Green, talking: false };
        }
        if played.gate != self.gate {
            self.gate = played.gate;
            self.news = Some(played.gate);
        }
        Some(self.payload(plugin, self.wanted?, played.talking, played.payload?))
    }

    fn payload(&self, plugin: PluginId, epoch: Epoch, talking: bool, bytes: Vec<u8>) -> Payload {
        let level = LEVELS[usize::from(talking)];
        let is_sound = self.source == Source::Microphone;
        let activity = is_sound.then_some(Activity { level, talking });
        Payload { plugin, epoch: epoch.low(), activity, bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::media::make::recording;

    const CONTENT: ModelContent = ModelContent::Stamps { payload: 24, model: 500 };

    #[test]
    fn a_source_is_sent_in_the_epoch_that_is_wanted_while_it_is() {
        let mut face = Strand::new(Source::Camera, CONTENT, Talking::Never, 1);
        assert_eq!(face.take(5), None, "nobody asked");
        face.want(Some(Epoch(9)));
        for counter in 0..2 {
            let payload = face.take(5).unwrap();
            assert_eq!((payload.plugin, payload.epoch, payload.activity), (BAR, 1, None));
            let stamp = Stamp::read(BAR, &payload.bytes).unwrap();
            assert_eq!((stamp.participant, stamp.epoch, stamp.counter), (5, 9, counter));
        }
        face.want(None);
        assert_eq!(face.take(5), None);
    }

    #[test]
    fn a_red_gate_stops_a_picture_and_not_a_voice() {
        let mut sent = [Source::Camera, Source::Microphone].map(|source| {
            let mut strand = Strand::new(source, CONTENT, Talking::Always, 1);
            strand.want(Some(Epoch(1)));
            strand.set_gate(GateState::Red);
            strand.take(5)
        });
        assert_eq!(sent[0], None);
        let voice = sent[1].take().unwrap();
        assert_eq!(voice.activity, Some(Activity { level: 5, talking: true }));
    }

    #[test]
    fn the_second_upload_is_the_difference_to_what_the_node_has() {
        let mut face = Strand::new(Source::Camera, CONTENT, Talking::Never, 1);
        let whole = face.latest().unwrap().container.clone();
        assert_eq!(face.upload(), Some(whole.clone()));
        face.taken();
        face.refine();
        let upload = face.upload().unwrap();
        assert!(upload.len() < whole.len() / 2 + 150);
        assert!(upload.starts_with(b"SOTD"));
    }

    /// Both sources of a recording whose face is refused from block 10 on, and again let through
    /// from block 20 on.
    fn recorded(talking: Talking) -> [Strand; 2] {
        let content = ModelContent::Recorded(Arc::new(recording("anna", 25)));
        [Source::Microphone, Source::Camera]
            .map(|source| Strand::new(source, content.clone(), talking, 25))
    }

    #[test]
    fn a_recording_is_sent_with_its_plug_ins_once_its_model_is_there() {
        let [mut voice, mut face] = recorded(Talking::Always);
        for (strand, plugin) in [(&mut voice, PluginId::VOICE), (&mut face, PluginId::FACE)] {
            strand.want(Some(Epoch(1)));
            assert_eq!((strand.upload(), strand.take(5)), (None, None), "nothing is learned");
            assert!(strand.learn(Duration::from_secs(9)) && !strand.learn(Duration::from_secs(9)));
            assert!(strand.upload().unwrap().starts_with(b"SOTM"));
            let payload = strand.take(5).unwrap();
            assert_eq!((payload.plugin, payload.bytes.is_empty()), (plugin, false));
        }
    }

    #[test]
    fn a_recorded_gate_is_told_when_it_changes_and_pictures_that_it_refuses_are_not_sent() {
        let [_, mut face] = recorded(Talking::Always);
        face.learn(Duration::from_secs(9));
        let mut told = Vec::new();
        for block in 0..25 {
            // Nobody wants it in the beginning: the gate looks on.
            face.want((block >= 5).then_some(Epoch(1)));
            let is_sent = face.take(5).is_some();
            assert_eq!(is_sent, (5..10).contains(&block) || block >= 20, "{block}");
            told.extend(face.poll_gate().map(|gate| (block, gate)));
        }
        let expected = [(9, GateState::Amber), (10, GateState::Red), (22, GateState::Green)];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_recorded_voice_that_is_not_to_talk_is_silence() {
        let [mut voice, _] = recorded(Talking::Never);
        voice.learn(Duration::from_secs(9));
        voice.want(Some(Epoch(1)));
        let payload = voice.take(5).unwrap();
        assert_eq!(payload.activity, Some(Activity { level: 15, talking: false }));
        assert_eq!(payload.bytes, b"");
    }
}
