//! A room in which everybody can show models.

use std::time::Duration;

use sotto_core::{
    Input, PacketError, SfuConfig,
    id::{Mid, PeerId, ShortId, Ssrc},
    input::ModelHeader,
    media::{Direction, Kind, Offer},
    rtp::PacketBuilder,
    signal::{
        ClientMessage, Decoding, FetchModel, Form, FormSwitched, GateState, ModelDemand,
        ModelEpoch, ModelLines, ModelSupport, ModelTransport, PluginSupport, Policy, RawReason,
        ReceivedForm, ServerMessage, Source,
    },
};
use sotto_frame::{Activity, Bundle, Entry, Epoch, MediaTime, ModelHash, PacketWriter, PluginId};

use crate::{
    media::{OPUS, media, offer},
    world::{World, everything},
};

pub(crate) const MODEL_SSRC: Ssrc = Ssrc(1_005);
pub(crate) const TALK: Activity = Activity { level: 4, talking: true };

/// A room in which everybody can show models.
pub(crate) struct Call {
    pub(crate) world: World,
    /// Numbers of the model streams, by place of the speaker.
    pub(crate) seqs: Vec<u16>,
    pub(crate) people: Vec<PeerId>,
}

/// What one client got of a person in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) who: ShortId,
    pub(crate) time: u16,
    pub(crate) plugin: PluginId,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn mid(name: &str) -> Mid {
    Mid::new(name).unwrap()
}

pub(crate) fn model_offer() -> Offer {
    let mut offer = offer(4, 4);
    let mut send = media("mod", Kind::Audio, Direction::Send);
    send.ssrc = Some(MODEL_SSRC);
    let mut receive = media("bun", Kind::Audio, Direction::Receive);
    for line in [&mut send, &mut receive] {
        line.formats[0].nack = true;
    }
    offer.media.extend([send, receive]);
    offer.models = ModelLines { send: Some(mid("mod")), receive: Some(mid("bun")) };
    offer
}

pub(crate) fn support(decode: Decoding, transport: ModelTransport) -> ClientMessage {
    let plugin = |plugin: PluginId| PluginSupport { plugin: plugin.get(), version: 1, decode };
    let plugins = vec![plugin(PluginId::VOICE), plugin(PluginId::FACE)];
    ClientMessage::ModelSupport(ModelSupport { plugins, transport })
}

pub(crate) fn header(plugin: PluginId, epoch: u32) -> ModelHeader {
    let hash = ModelHash([epoch as u8 ^ plugin.get(); 32]);
    ModelHeader { plugin, version: 1, epoch: Epoch(epoch), hash, bytes: 20_000 }
}

impl Call {
    /// `people` persons with microphone and camera, all of the same policy.
    pub(crate) fn new(people: usize, policy: Policy) -> Self {
        Self::with(people, SfuConfig { model_policy: policy, ..SfuConfig::default() })
    }

    pub(crate) fn with(people: usize, config: SfuConfig) -> Self {
        let mut call =
            Self { world: World::new(config), seqs: vec![0; people], people: Vec::new() };
        for who in 0..people {
            call.enter(who);
        }
        call
    }

    /// Two people, of whom the first has models of which frames come, and the second shows both.
    pub(crate) fn shown(config: SfuConfig) -> Self {
        let mut call = Self::with(2, config);
        call.upload(0, PluginId::VOICE, 1);
        call.upload(0, PluginId::FACE, 1);
        call.fetch_all(1);
        call.run(200);
        for source in [Source::Microphone, Source::Camera] {
            call.switched(1, 0, source, Form::Model);
            assert_eq!(call.form(1, 0, source), (Form::Model, None, false), "{source:?}");
        }
        call
    }

    pub(crate) fn upload(&mut self, who: usize, plugin: PluginId, epoch: u32) {
        let (peer, model) = (self.people[who], header(plugin, epoch));
        self.world.drive(Input::Model { peer, model });
    }

    /// A client fetches everything that it is told to.
    pub(crate) fn fetch_all(&mut self, who: usize) -> Vec<FetchModel> {
        let mut fetched = Vec::new();
        loop {
            let next = self.told(who).into_iter().find_map(|message| match message {
                ServerMessage::FetchModel(fetch) => Some(*fetch),
                _ => None,
            });
            let Some(fetch) = next.filter(|next| !fetched.contains(next)) else { break fetched };
            let FetchModel { participant, source, epoch, .. } = fetch;
            fetched.push(fetch);
            let held = ModelEpoch { participant, source, epoch };
            self.world.say(self.people[who], ClientMessage::ModelHeld(held));
        }
    }

    /// Everything that a client was told so far, latest last.
    pub(crate) fn told(&mut self, who: usize) -> Vec<ServerMessage> {
        let peer = self.people[who];
        let mut messages = self.world.client(peer).messages.clone();
        messages.reverse();
        messages
    }

    /// The last that `who` was told of the form of a source of `of`.
    pub(crate) fn received(
        &mut self,
        who: usize,
        of: usize,
        source: Source,
    ) -> Option<ReceivedForm> {
        let participant = self.world.client(self.people[of]).participant;
        self.told(who).into_iter().find_map(|message| match message {
            ServerMessage::Forms { forms } => forms
                .into_iter()
                .find(|form| (form.participant, form.source) == (participant, source)),
            _ => None,
        })
    }

    pub(crate) fn form(
        &mut self,
        who: usize,
        of: usize,
        source: Source,
    ) -> (Form, Option<RawReason>, bool) {
        let form = self.received(who, of, source).expect("it was told");
        (form.form, form.reason, form.overlap)
    }

    pub(crate) fn demand(&mut self, who: usize) -> Option<ModelDemand> {
        self.told(who).into_iter().find_map(|message| match message {
            ServerMessage::ModelDemand(demand) => Some(demand),
            _ => None,
        })
    }

    pub(crate) fn switched(&mut self, who: usize, of: usize, source: Source, form: Form) {
        let participant = self.world.client(self.people[of]).participant;
        let switched = FormSwitched { participant, source, form };
        self.world.say(self.people[who], ClientMessage::Switched(switched));
    }

    pub(crate) fn gate(&mut self, who: usize, source: Source, state: GateState) {
        self.world.say(self.people[who], ClientMessage::Gate { source, state });
    }

    /// Whether a source is muted, as the others were told.
    pub(crate) fn muted(&mut self, who: usize, source: Source) -> bool {
        let participant = self.world.client(self.people[who]).participant;
        let other = self.people[(who + 1) % self.people.len()];
        let mut tracks = self.world.clients[&other].tracks.values();
        tracks.any(|(owner, track)| *owner == participant && track.source == source && track.muted)
    }

    /// The source of a client's bundle stream.
    pub(crate) fn bundle_ssrc(&self, who: usize) -> Option<Ssrc> {
        self.world.clients[&self.people[who]].ssrc(mid("bun"))
    }

    /// Somebody leaves and comes back.
    pub(crate) fn rejoin(&mut self, who: usize) {
        self.world.leave(self.people[who]);
        self.enter(who);
    }

    /// Somebody is here already.
    pub(crate) fn join(&mut self, peer: PeerId) {
        self.people.push(peer);
        self.seqs.push(0);
    }

    /// Somebody comes, says what it can show, and publishes.
    pub(crate) fn enter(&mut self, who: usize) {
        let name = who.to_string();
        let peer = self.world.join_with("blue", &name, everything(), model_offer());
        self.seqs[who] = 0;
        if who < self.people.len() {
            self.people[who] = peer;
        } else {
            self.people.push(peer);
        }
        self.world.say(peer, support(Decoding::Yes, ModelTransport::Rtp));
        self.world.publish(peer, Source::Microphone);
        self.world.publish(peer, Source::Camera);
    }

    pub(crate) fn policy(&mut self, who: usize, policy: Policy) {
        self.world.say(self.people[who], ClientMessage::Policy { policy });
    }

    /// A model packet of `who` with a voice and a face of these payloads.
    pub(crate) fn packet(&mut self, who: usize, epoch: u8, voice: &[u8], face: &[u8]) -> Vec<u8> {
        let time = MediaTime((self.world.now.as_micros() / 1_000) as u32);
        let entry =
            |plugin: PluginId, activity, payload| Entry { plugin, epoch, activity, payload };
        let mut payload = Vec::new();
        let mut writer = PacketWriter::begin(&mut payload, time, false);
        writer.entry(&entry(PluginId::VOICE, Some(TALK), voice)).unwrap();
        writer.entry(&entry(PluginId::FACE, None, face)).unwrap();
        writer.finish().unwrap();
        self.rtp(who, &payload)
    }

    pub(crate) fn rtp(&mut self, who: usize, payload: &[u8]) -> Vec<u8> {
        let seq = &mut self.seqs[who];
        let builder = PacketBuilder {
            ssrc: MODEL_SSRC,
            payload_type: OPUS,
            seq: sotto_core::id::SeqNo(*seq),
            timestamp: sotto_core::id::RtpTime((self.world.now.as_micros() * 48 / 1_000) as u32),
            marker: false,
            csrcs: &[],
            extensions: &[],
            payload,
            padding: 0,
        };
        *seq = seq.wrapping_add(1);
        let mut bytes = vec![0; payload.len() + 100];
        let len = builder.write(&mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    pub(crate) fn send_model(&mut self, who: usize) -> Result<(), PacketError> {
        let epoch = 1;
        let bytes = self.packet(who, epoch, &[who as u8; 26], &[who as u8; 24]);
        self.world.arrive(self.people[who], bytes).map(|_| ())
    }

    /// Everybody who has a model sends a packet of it each 80 ms, and all send raw media.
    pub(crate) fn run(&mut self, ms: u64) {
        for step in 0..ms / 20 {
            for who in 0..self.people.len() {
                let peer = self.people[who];
                let client = self.world.client(peer);
                if !std::mem::take(&mut client.keyframes_asked).is_empty() {
                    client.encoders(Source::Camera)[0].keyframe = true;
                }
                for source in [Source::Microphone, Source::Camera] {
                    let muted = self.muted(who, source);
                    let sent = self.world.send(peer, source);
                    assert!(muted || sent.is_ok(), "{sent:?}");
                }
                let has_model = self.demand(who).is_some_and(|demand| !demand.sources.is_empty());
                if step % 4 == 0 && has_model {
                    // Some of its sources may have no model.
                    let sent = self.send_model(who);
                    assert!(matches!(sent, Ok(()) | Err(PacketError::UnknownModel)), "{sent:?}");
                }
            }
            self.world.pass(Duration::from_millis(20));
        }
    }

    /// Sources that a client gets raw packets of, since it was last asked.
    pub(crate) fn raw(&mut self, who: usize) -> Vec<Source> {
        let media = std::mem::take(&mut self.world.client(self.people[who]).media);
        let mut lines: Vec<Mid> = media.iter().map(|got| got.stamp.line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
            .into_iter()
            .map(|line| if line == mid("cam") { Source::Camera } else { Source::Microphone })
            .collect()
    }

    /// The frames that a client got since it was last asked.
    pub(crate) fn frames(&mut self, who: usize) -> Vec<Frame> {
        let bundles = std::mem::take(&mut self.world.client(self.people[who]).bundles);
        let mut frames = Vec::new();
        for (_, _, bytes) in &bundles {
            for block in Bundle::parse(bytes).expect("a bundle").blocks() {
                frames.extend(block.entries().map(|entry| Frame {
                    who: ShortId(block.participant),
                    time: block.time,
                    plugin: entry.plugin,
                    payload: entry.payload.to_vec(),
                }));
            }
        }
        frames
    }

    pub(crate) fn plugins(&mut self, who: usize) -> Vec<PluginId> {
        let mut plugins: Vec<PluginId> =
            self.frames(who).into_iter().map(|frame| frame.plugin).collect();
        plugins.sort_unstable();
        plugins.dedup();
        plugins
    }
}
