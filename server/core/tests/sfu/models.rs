//! Tracks in model form: who gets frames instead of raw media, and what everybody is told.

use std::time::Duration;

use sotto_core::{
    Input, PacketError, SfuConfig,
    bandwidth::Estimate,
    id::{Mid, PeerId, ShortId, Ssrc},
    input::{Feedback, ModelHeader},
    ledger::{Account, BUNDLE_OVERHEAD, Sent},
    media::{Direction, Extension, Kind, Offer},
    output::BundleRoute,
    rtp::PacketBuilder,
    signal::{
        ClientMessage, Decoding, ErrorCode, FetchModel, Form, FormSwitched, GateState,
        LearningState, ModelDemand, ModelEpoch, ModelFailure, ModelLines, ModelSupport,
        ModelTransport, PluginSupport, Policy, RawReason, ReceivedForm, ServerMessage, Source,
        SourceDemand,
    },
    time::NtpTime,
};
use sotto_frame::{Activity, Bundle, Entry, Epoch, MediaTime, ModelHash, PacketWriter, PluginId};

use crate::{
    media::{OPUS, media, offer},
    world::{World, everything},
};

const MODEL_SSRC: Ssrc = Ssrc(1_005);
const TALK: Activity = Activity { level: 4, talking: true };

/// A room in which everybody can show models.
pub(crate) struct Call {
    pub(crate) world: World,
    /// Numbers of the model streams, by place of the speaker.
    seqs: Vec<u16>,
    pub(crate) people: Vec<PeerId>,
}

/// What one client got of a person in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) who: ShortId,
    time: u16,
    pub(crate) plugin: PluginId,
    payload: Vec<u8>,
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
    fn enter(&mut self, who: usize) {
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

#[test]
fn a_model_is_fetched_then_shown_beside_raw_media_and_then_alone() {
    let mut call = Call::new(2, Policy::Frugal);
    assert_eq!(
        call.form(1, 0, Source::Camera),
        (Form::Raw, Some(RawReason::Learning), false),
        "there is no model yet"
    );
    call.upload(0, PluginId::FACE, 1);
    let demand = |active| ModelDemand {
        sources: vec![SourceDemand { source: Source::Camera, active, epoch: 1 }],
        packet_time: 80,
        redundancy: 0,
    };
    assert_eq!(call.demand(0), Some(demand(false)), "nobody holds it");
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(RawReason::NotFetched), false));
    let fetched = call.fetch_all(1);
    assert_eq!(fetched.len(), 1);
    assert_eq!(fetched[0].hash, header(PluginId::FACE, 1).hash);
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Model, None, true));
    assert_eq!(call.demand(0), Some(demand(true)));
    call.raw(1);
    call.run(400);
    assert_eq!(call.raw(1), [Source::Camera, Source::Microphone]);
    assert_eq!(call.plugins(1), [PluginId::FACE], "voices have no model yet");
    call.switched(1, 0, Source::Camera, Form::Model);
    call.raw(1);
    call.run(400);
    assert_eq!(call.raw(1), [Source::Microphone]);
    assert_eq!(call.plugins(1), [PluginId::FACE]);
}

#[test]
fn frames_are_of_whom_they_say_and_nobody_gets_his_own() {
    let people = 9;
    let mut call = Call::new(people, Policy::Frugal);
    for who in 0..people {
        call.upload(who, PluginId::VOICE, 1);
        call.upload(who, PluginId::FACE, 1);
    }
    call.run(60);
    for who in 0..people {
        call.fetch_all(who);
    }
    call.run(2_000);
    let ids: Vec<ShortId> =
        call.people.iter().map(|&peer| call.world.clients[&peer].short_id.unwrap()).collect();
    for who in 0..people {
        let frames = call.frames(who);
        let (voices, faces): (Vec<_>, Vec<_>) =
            frames.iter().partition(|frame| frame.plugin == PluginId::VOICE);
        for frame in &frames {
            let speaker = ids.iter().position(|&id| id == frame.who).unwrap();
            assert_ne!(speaker, who);
            assert!(frame.payload.iter().all(|&byte| usize::from(byte) == speaker));
        }
        // Five voices, of whom each stays; four faces, as many as there are slots.
        let count = |frames: &[&Frame]| {
            let mut speakers: Vec<ShortId> = frames.iter().map(|frame| frame.who).collect();
            speakers.sort_unstable();
            speakers.dedup();
            speakers.len()
        };
        assert_eq!((count(&voices), count(&faces)), (5, 4), "client {who}");
    }
}

#[test]
fn a_bundle_holds_all_that_came_within_its_interval_with_little_around_it() {
    let interval = Some(Duration::from_millis(80));
    let config = SfuConfig {
        model_policy: Policy::Frugal,
        bundle_interval: interval,
        ..SfuConfig::default()
    };
    let mut call = Call::shown(config);
    call.frames(1);
    call.run(4_000);
    let bundles = call.world.clients[&call.people[1]].bundles.clone();
    assert!((49..=51).contains(&bundles.len()), "{} bundles in 4 s", bundles.len());
    for (_, route, bytes) in bundles {
        assert!(matches!(route, BundleRoute::Rtp { payload_type: OPUS, .. }));
        assert_eq!(
            bytes.len(),
            26 + 24 + 7 + 1,
            "one block of two frames, and the bundle's own byte"
        );
    }
}

#[test]
fn red_takes_a_face_away_at_once_and_lets_a_voice_carry_on_until_raw_is_there() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    call.run(400);
    call.raw(1);
    call.frames(1);
    call.gate(0, Source::Camera, GateState::Red);
    call.gate(0, Source::Microphone, GateState::Red);
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(RawReason::GateTripped), false));
    call.send_model(0).unwrap();
    call.world.pass(Duration::from_millis(100));
    assert_eq!(call.plugins(1), [PluginId::VOICE]);
    call.run(200);
    assert_eq!(call.raw(1), [Source::Camera, Source::Microphone]);
    call.switched(1, 0, Source::Microphone, Form::Raw);
    call.frames(1);
    call.run(200);
    assert_eq!(call.frames(1), []);
}

#[test]
fn what_waits_of_a_face_does_not_leave_any_more_once_the_gate_is_red() {
    let interval = Some(Duration::from_millis(80));
    let config = SfuConfig {
        model_policy: Policy::Frugal,
        bundle_interval: interval,
        ..SfuConfig::default()
    };
    let mut call = Call::shown(config);
    call.run(400);
    call.send_model(0).unwrap();
    call.frames(1);
    call.gate(0, Source::Camera, GateState::Red);
    call.world.pass(Duration::from_millis(200));
    assert_eq!(call.plugins(1), [PluginId::VOICE]);
}

#[test]
fn raw_media_that_nobody_needs_are_stopped_and_on_amber_asked_for_again() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let demands = |call: &mut Call| {
        let (mut voice, mut camera) = (None, None);
        for message in call.told(0) {
            if let ServerMessage::Demand { layers, audio, .. } = message {
                voice = voice.or(audio.map(|audio| audio.active));
                camera = camera.or(layers.first().map(|layer| layer.active));
            }
        }
        (voice, camera)
    };
    call.run(15_000);
    assert_eq!(demands(&mut call), (Some(false), Some(false)));
    call.gate(0, Source::Camera, GateState::Amber);
    call.gate(0, Source::Microphone, GateState::Amber);
    assert_eq!(demands(&mut call), (Some(true), Some(true)));
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Model, None, false), "and it is shown");
    call.run(5_000);
    assert_eq!(demands(&mut call), (Some(true), Some(true)));
}

#[test]
fn a_policy_that_wants_raw_has_both_until_the_client_has_gone_over() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    for round in 0..20 {
        call.policy(1, Policy::Quality);
        assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(RawReason::Policy), true));
        call.raw(1);
        call.frames(1);
        call.run(600);
        assert_eq!(call.raw(1), [Source::Camera, Source::Microphone], "round {round}");
        assert_eq!(call.plugins(1), [PluginId::VOICE, PluginId::FACE], "round {round}");
        for source in [Source::Microphone, Source::Camera] {
            call.switched(1, 0, source, Form::Raw);
        }
        call.policy(1, Policy::Frugal);
        assert_eq!(call.form(1, 0, Source::Camera), (Form::Model, None, true));
        call.run(80);
        for source in [Source::Microphone, Source::Camera] {
            call.switched(1, 0, source, Form::Model);
        }
        call.world.client(call.people[1]).messages.truncate(200);
    }
}

#[test]
fn a_refinement_is_used_once_those_who_show_the_model_hold_it() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let epoch = |call: &mut Call| {
        let demand = call.demand(0).unwrap();
        demand.sources.iter().find(|s| s.source == Source::Camera).unwrap().epoch
    };
    call.upload(0, PluginId::FACE, 2);
    assert_eq!(epoch(&mut call), 1);
    let fetched = call.fetch_all(1);
    let last = fetched.last().unwrap();
    assert_eq!((last.epoch, last.base), (2, Some(header(PluginId::FACE, 1).hash)));
    assert_eq!(epoch(&mut call), 2);
    assert_eq!(call.received(1, 0, Source::Camera).unwrap().epoch, Some(2));
    // Frames of the epoch before are on their way still.
    call.frames(1);
    call.send_model(0).unwrap();
    call.world.pass(Duration::from_millis(100));
    assert_eq!(call.plugins(1), [PluginId::VOICE, PluginId::FACE]);
}

#[test]
fn whoever_does_not_get_a_refinement_in_time_goes_over_to_raw_media_before_it_is_used() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    call.upload(0, PluginId::FACE, 2);
    call.run(1_000);
    let demanded = |call: &mut Call| call.demand(0).unwrap().sources[1].epoch;
    assert_eq!(demanded(&mut call), 1);
    call.run(800);
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(RawReason::NotFetched), true));
    call.run(260);
    assert_eq!(demanded(&mut call), 2);
    call.fetch_all(1);
    call.run(200);
    assert_eq!(call.form(1, 0, Source::Camera).0, Form::Model);
}

#[test]
fn somebody_who_comes_late_fetches_the_model_and_shows_it() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let peer = call.world.join_with("blue", "late", everything(), model_offer());
    call.join(peer);
    call.world.say(peer, support(Decoding::Yes, ModelTransport::Data));
    assert_eq!(call.fetch_all(2).len(), 2);
    assert_eq!(call.form(2, 0, Source::Microphone), (Form::Model, None, true));
    call.send_model(0).unwrap();
    call.world.pass(Duration::from_millis(100));
    let routes = call.world.client(peer).bundles.iter().map(|(_, route, _)| *route);
    assert_eq!(routes.collect::<Vec<_>>(), [BundleRoute::Data]);
}

#[test]
fn what_is_known_of_a_speaker_is_forgotten_when_he_leaves_or_withdraws() {
    let forgotten = |call: &mut Call| {
        let told = call.told(1).into_iter().filter_map(|message| match message {
            ServerMessage::ForgetModel(forget) => Some(forget.source),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    let config = SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() };
    let mut call = Call::shown(config);
    let consent = ClientMessage::Consent { source: Source::Camera, granted: false };
    call.world.say(call.people[0], consent);
    assert_eq!(forgotten(&mut call), [Source::Camera]);
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(RawReason::Disabled), false));
    call.world.leave(call.people[0]);
    assert_eq!(forgotten(&mut call), [Source::Microphone, Source::Camera]);
    call.world.leave(call.people[1]);
    assert_eq!(call.world.sfu.census(), sotto_core::Census::default());
}

#[test]
fn every_reason_to_stay_raw_is_told() {
    use RawReason::{
        Disabled, GateTripped, LearnersBusy, Learning, LossyModel, NoModelSupport, NotFetched,
        NotInCanary, Stalled, TooSlow,
    };
    let config = SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() };
    let check = |call: &mut Call, reason| {
        call.run(600);
        let (form, told, _) = call.form(1, 0, Source::Camera);
        assert_eq!((form, told), (Form::Raw, Some(reason)));
    };
    let mut call = Call::with(2, config);
    check(&mut call, Learning);
    let busy = ClientMessage::Learning { source: Source::Camera, state: LearningState::Busy };
    call.world.say(call.people[0], busy);
    check(&mut call, LearnersBusy);
    call.upload(0, PluginId::FACE, 1);
    check(&mut call, NotFetched);
    call.world.say(call.people[1], support(Decoding::No, ModelTransport::Rtp));
    check(&mut call, NoModelSupport);
    call.world.say(call.people[1], support(Decoding::TooSlow, ModelTransport::Rtp));
    check(&mut call, TooSlow);
    call.world.say(call.people[1], support(Decoding::Yes, ModelTransport::Rtp));
    call.policy(1, Policy::Quality);
    check(&mut call, RawReason::Policy);
    call.policy(1, Policy::Frugal);
    call.gate(0, Source::Camera, GateState::Amber);
    check(&mut call, GateTripped);
    call.gate(0, Source::Camera, GateState::Green);
    let estimate = Estimate { bitrate: 900_000, round_trip: None, loss_per_mille: 400 };
    call.world.drive(Input::Bandwidth { peer: call.people[1], estimate });
    call.run(1_200);
    check(&mut call, LossyModel);
    let consent = ClientMessage::Consent { source: Source::Camera, granted: false };
    call.world.say(call.people[0], consent);
    check(&mut call, Disabled);
    let mut call = Call::with(2, SfuConfig { model_canary: 0, ..config });
    call.upload(0, PluginId::FACE, 1);
    check(&mut call, NotInCanary);
    let mut call = Call::shown(config);
    call.world.pass(Duration::from_secs(4));
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Raw, Some(Stalled), false));
}

#[test]
fn lost_bundles_are_sent_again_and_lost_model_packets_asked_for() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    call.run(400);
    let (peer, route) = (call.people[1], call.world.clients[&call.people[1]].bundles.last());
    let Some((_, BundleRoute::Rtp { ssrc, seq, .. }, _)) = route.cloned() else { panic!() };
    call.world.feedback(peer, Feedback::Lost { ssrc, seq });
    assert_eq!(call.world.client(peer).resends, [(ssrc, seq)]);
    call.world.feedback(peer, Feedback::Nack { ssrc, first: seq, following: 0 });
    assert_eq!(call.world.client(peer).resends.len(), 1, "it is on its way");
    let lost = call.packet(0, 1, &[0; 26], &[0; 24]);
    call.world.pass(Duration::from_millis(80));
    call.send_model(0).unwrap();
    call.world.pass(Duration::from_millis(50));
    let asked = &call.world.clients[&call.people[0]].nacks;
    assert!(asked.iter().any(|(ssrc, missing)| *ssrc == MODEL_SSRC && missing.len() == 1));
    call.frames(1);
    call.world.arrive(call.people[0], lost).unwrap();
    call.world.pass(Duration::from_millis(100));
    assert_eq!(call.frames(1).len(), 2, "late, and still of use");
}

#[test]
fn a_lossy_line_gets_every_frame_twice_and_a_repeated_one_is_forwarded_once() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let estimate = Estimate { bitrate: 900_000, round_trip: None, loss_per_mille: 60 };
    call.world.drive(Input::Bandwidth { peer: call.people[1], estimate });
    call.frames(1);
    let bytes = call.packet(0, 1, &[1], &[2]);
    call.world.arrive(call.people[0], bytes.clone()).unwrap();
    assert!(call.world.arrive(call.people[0], bytes).is_err(), "the same number");
    call.world.pass(Duration::from_millis(300));
    let frames = call.frames(1);
    assert_eq!(frames.len(), 4, "a voice and a face, twice each");
    assert_eq!(frames[..2], frames[2..]);
}

#[test]
fn hostile_model_packets_are_typed_errors_and_reach_nobody() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    call.frames(1);
    let peer = call.people[0];
    for payload in [&[0xff; 40][..], &[0x40; 1_300], &[0x40, 0, 0, 0, 1]] {
        let bytes = call.rtp(0, payload);
        let result = call.world.arrive(peer, bytes);
        assert!(matches!(result, Err(PacketError::ModelPacket(_))), "{payload:?}: {result:?}");
    }
    let bytes = call.packet(0, 5, &[1], &[2]);
    assert_eq!(call.world.arrive(peer, bytes), Err(PacketError::UnknownModel), "no such epoch");
    call.world.pass(Duration::from_millis(200));
    assert_eq!(call.frames(1), []);
}

#[test]
fn what_is_said_about_models_that_are_not_there_is_refused() {
    let mut call = Call::new(2, Policy::Frugal);
    let participant = call.world.client(call.people[0]).participant;
    let (source, epoch) = (Source::Camera, 3);
    let model = ModelEpoch { participant, source, epoch };
    let messages = [
        (ClientMessage::ModelHeld(model), ErrorCode::NotFound),
        (
            ClientMessage::Gate { source: Source::Screen, state: GateState::Red },
            ErrorCode::Malformed,
        ),
        (
            ClientMessage::Consent { source: Source::ScreenAudio, granted: true },
            ErrorCode::Malformed,
        ),
    ];
    for (message, code) in messages {
        call.world.heard(call.people[1]);
        call.world.say(call.people[1], message.clone());
        assert_eq!(call.world.errors(call.people[1]), [code], "{message:?}");
    }
    let failed = ClientMessage::ModelFailed { model, reason: ModelFailure::Fetch };
    call.world.say(call.people[1], failed);
    assert_eq!(call.world.errors(call.people[1]), [], "late news of a model that was replaced");
}

#[test]
fn a_client_is_told_when_model_media_was_captured_once_the_clock_is_known() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    assert_eq!(call.received(1, 0, Source::Camera).unwrap().capture_time, None);
    // The speaker's clock is an hour and 300 us behind.
    let behind = Duration::from_secs(3_600) + Duration::from_micros(300);
    let ntp = NtpTime((call.world.now - behind).to_ntp().0);
    let report = Feedback::SenderReport { ssrc: MODEL_SSRC, ntp, rtp: Default::default() };
    call.world.feedback(call.people[0], report);
    call.run(1_200);
    let form = call.received(1, 0, Source::Camera).unwrap();
    let captured = form.capture_time.unwrap() - behind.as_micros() as u64;
    let difference = (captured / 1_000) as u32 as i64 - i64::from(form.timestamp.unwrap());
    assert!(difference.abs() <= 1, "{difference} ms");
}

#[test]
fn what_is_sent_is_booked_by_track_and_form() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let ledger = |call: &Call, source| {
        let participant = call.world.clients[&call.people[0]].participant;
        let is_it =
            |account: &Account| (account.participant, account.source) == (participant, source);
        call.world.sfu.accounts().find(is_it).unwrap().ledger
    };
    let before = [Source::Microphone, Source::Camera].map(|source| ledger(&call, source));
    assert!(before.iter().all(|ledger| ledger.raw.count > 0), "it was raw first");
    call.frames(1);
    call.run(4_000);
    let after = [Source::Microphone, Source::Camera].map(|source| ledger(&call, source));
    let bundles = &call.world.clients[&call.people[1]].bundles;
    let wire: u64 = bundles.iter().map(|(_, _, bytes)| bytes.len() as u64 + BUNDLE_OVERHEAD).sum();
    let mut booked = 0;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.raw, after.raw, "nothing raw any more");
        assert_eq!(after.model.count - before.model.count, 50);
        booked += after.model.bytes - before.model.bytes;
    }
    assert!(wire - booked <= bundles.len() as u64, "{wire} on the wire, {booked} booked");
    let model = header(PluginId::FACE, 1);
    let served = Input::ModelServed { peer: call.people[1], hash: model.hash, bytes: 20_000 };
    call.world.drive(served);
    assert_eq!(ledger(&call, Source::Camera).fetched, Sent { count: 1, bytes: 20_000 });
}

#[test]
fn padding_on_the_model_stream_is_passed_over_and_no_loss() {
    let mut call = Call::shown(SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() });
    let padding = call.rtp(0, &[]);
    assert_eq!(call.world.arrive(call.people[0], padding), Err(PacketError::Padding));
    call.send_model(0).unwrap();
    call.world.pass(Duration::from_millis(200));
    assert!(call.world.clients[&call.people[0]].nacks.is_empty());
}

#[test]
fn model_lines_are_no_publications_and_no_slots() {
    let mut call = Call::new(1, Policy::Frugal);
    let peer = call.people[0];
    let answer = call.world.client(peer).answer.clone();
    let line = |name| answer.media.iter().find(|line| line.mid == mid(name)).unwrap();
    assert_eq!(line("mod").direction, Direction::Send);
    assert!(line("bun").ssrc.is_some());
    for name in ["mod", "bun"] {
        let known = |&(extension, _): &(Extension, _)| extension == Extension::Mid;
        assert!(line(name).extensions.iter().all(known), "no level of a voice that is none");
    }
    call.world.heard(peer);
    let publish = ClientMessage::Publish {
        mid: mid("mod"),
        source: Source::ScreenAudio,
        muted: false,
        encrypted: false,
        layers: Vec::new(),
    };
    call.world.say(peer, publish);
    assert_eq!(call.world.errors(peer), [ErrorCode::NotFound]);
    let ssrc = line("bun").ssrc;
    call.world.offer(peer, model_offer());
    let renewed = call.world.client(peer).answer.clone();
    assert_eq!(renewed.media.iter().find(|line| line.mid == mid("bun")).unwrap().ssrc, ssrc);
}
