//! What a participant sends of one of its sources in model form.

use sotto_core::signal::{GateState, Source};
use sotto_frame::{Activity, Epoch, PluginId};

use super::{Made, Mark, ModelContent, Stamp, Talking, made::meaningless_body, played};
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

/// The plug-in with which a source is sent in model form.
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
    content: ModelContent,
    talking: Talking,
    /// Of its first model.
    body: Vec<u8>,
    latest: Made,
    /// Its latest epoch that the node has taken.
    taken: Option<Made>,
    /// In which epoch the node wants it; `None`: not at all.
    wanted: Option<Epoch>,
    gate: GateState,
    counter: u32,
}

impl Strand {
    /// A source whose model is made at once. `seed` tells it from others.
    pub fn new(source: Source, content: ModelContent, talking: Talking, seed: u32) -> Self {
        let plugin = plugin_of(source);
        let body = match content {
            ModelContent::Stamps { model, .. } => {
                meaningless_body(model, seed ^ u32::from(plugin.get()) << 24)
            }
            ModelContent::Played | ModelContent::Marks => played::body(plugin, seed),
        };
        Self {
            source,
            content,
            talking,
            latest: Made::first(plugin, VERSION, &body),
            body,
            taken: None,
            wanted: None,
            gate: GateState::Green,
            counter: 0,
        }
    }

    /// Which source it is.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Payloads so far: the number of the next one.
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// The model that it would like to be used.
    pub const fn latest(&self) -> &Made {
        &self.latest
    }

    /// The body of the upload of that model.
    pub fn upload(&self) -> Vec<u8> {
        self.latest.upload(self.taken.as_ref())
    }

    /// Makes the next epoch of its model.
    pub fn refine(&mut self) {
        self.latest = self.latest.refined();
    }

    /// The node has taken the latest model.
    pub fn taken(&mut self) {
        self.taken = Some(self.latest.clone());
    }

    /// The node wants it in that epoch, or not at all.
    pub const fn want(&mut self, epoch: Option<Epoch>) {
        self.wanted = epoch;
    }

    /// The gate found something else.
    pub const fn set_gate(&mut self, gate: GateState) {
        self.gate = gate;
    }

    /// The payload of the next 80 ms. A picture is never sent that its gate has refused; a voice
    /// goes on until it is no longer asked for.
    pub fn take(&mut self, sender: u32) -> Option<Payload> {
        let epoch = self.wanted?;
        let is_sound = self.source == Source::Microphone;
        if self.gate == GateState::Red && !is_sound {
            return None;
        }
        let plugin = plugin_of(self.source);
        let (participant, counter, sent_us) = (sender, self.counter, wall_micros());
        let bytes = match self.content {
            ModelContent::Stamps { payload, .. } => {
                let epoch = epoch.0 as u16;
                Stamp { participant, epoch, counter, sent_us }.write(plugin, payload)
            }
            ModelContent::Played => played::payload(plugin, &self.body, counter),
            ModelContent::Marks => {
                let (epoch, sent_ms) = (epoch.low(), sent_us / 1_000);
                Mark { participant, epoch, counter, sent_ms }.write(plugin, &self.body)
            }
        };
        self.counter = self.counter.wrapping_add(1);
        let talking = self.talking.at(sent_us / 1_000);
        let level = LEVELS[usize::from(talking)];
        let activity = is_sound.then_some(Activity { level, talking });
        Some(Payload { plugin, epoch: epoch.low(), activity, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(face.upload(), face.latest().container);
        face.taken();
        face.refine();
        assert!(face.upload().len() < face.latest().container.len() / 2 + 150);
        assert!(face.upload().starts_with(b"SOTD"));
    }
}
