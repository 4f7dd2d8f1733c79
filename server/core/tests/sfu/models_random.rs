//! Histories that nobody thought of: whoever says anything at any time, nobody is shown what must not
//! be shown, and nothing is left behind.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use sotto_core::{
    Census, Input, SfuConfig,
    bandwidth::Estimate,
    id::{ShortId, Ssrc},
    input::Feedback,
    output::BundleRoute,
    signal::{
        ClientMessage, Decoding, Form, FormSwitched, GateState, GenericModel, LearningState,
        ModelEpoch, ModelFailure, ModelTransport, Policy, ServerMessage, Source,
    },
};
use sotto_frame::{Bundle, PluginId, PluginKind};

use crate::call::{Call, support};

/// People in the room.
const PEOPLE: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Upload { who: usize, face: bool, epoch: u32 },
    Support { who: usize, decode: Decoding, transport: ModelTransport },
    Policy { who: usize, policy: Policy },
    Consent { who: usize, face: bool, granted: bool, generic: bool },
    Uplink { who: usize, kbps: u64 },
    Learning { who: usize, busy: bool },
    Gate { who: usize, face: bool, state: GateState },
    Held { who: usize, of: usize, face: bool, epoch: u32 },
    Failed { who: usize, of: usize, face: bool, epoch: u32, reason: ModelFailure },
    Switched { who: usize, of: usize, face: bool, form: Form },
    Fetch { who: usize },
    Mute { who: usize, face: bool, muted: bool },
    Estimate { who: usize, kbps: u64, loss: u16 },
    Frames { who: usize, epoch: u8 },
    Lost { who: usize, back: u16 },
    Run { ms: u64 },
    Rejoin { who: usize },
}

fn any_op() -> impl Strategy<Value = Op> {
    let who = || 0..PEOPLE;
    let form = prop_oneof![Just(Form::Raw), Just(Form::Model)];
    let decode = prop_oneof![6 => Just(Decoding::Yes), 1 => Just(Decoding::No), 1 => Just(Decoding::TooSlow)];
    let transport = prop_oneof![3 => Just(ModelTransport::Rtp), 1 => Just(ModelTransport::Data)];
    let policy = prop_oneof![
        3 => Just(Policy::Frugal), 1 => Just(Policy::Balanced), 1 => Just(Policy::Quality)
    ];
    let state = prop_oneof![
        3 => Just(GateState::Green), 1 => Just(GateState::Amber), 2 => Just(GateState::Red)
    ];
    let reason = prop_oneof![
        Just(ModelFailure::Fetch),
        Just(ModelFailure::Corrupt),
        Just(ModelFailure::Unsupported),
        Just(ModelFailure::Decoder)
    ];
    let epoch = || 1_u32..4;
    let yes = any::<bool>;
    prop_oneof![
        3 => (who(), yes(), epoch()).prop_map(|(who, face, epoch)| Op::Upload { who, face, epoch }),
        2 => (who(), decode, transport).prop_map(|(who, decode, transport)| Op::Support { who, decode, transport }),
        1 => (who(), policy).prop_map(|(who, policy)| Op::Policy { who, policy }),
        2 => (who(), yes(), yes(), yes())
            .prop_map(|(who, face, granted, generic)| Op::Consent { who, face, granted, generic }),
        1 => (who(), 20_u64..150).prop_map(|(who, kbps)| Op::Uplink { who, kbps }),
        1 => (who(), yes()).prop_map(|(who, busy)| Op::Learning { who, busy }),
        3 => (who(), yes(), state).prop_map(|(who, face, state)| Op::Gate { who, face, state }),
        2 => (who(), who(), yes(), epoch()).prop_map(|(who, of, face, epoch)| Op::Held { who, of, face, epoch }),
        1 => (who(), who(), yes(), epoch(), reason)
            .prop_map(|(who, of, face, epoch, reason)| Op::Failed { who, of, face, epoch, reason }),
        4 => (who(), who(), yes(), form).prop_map(|(who, of, face, form)| Op::Switched { who, of, face, form }),
        5 => who().prop_map(|who| Op::Fetch { who }),
        1 => (who(), yes(), yes()).prop_map(|(who, face, muted)| Op::Mute { who, face, muted }),
        1 => (who(), prop_oneof![20_u64..150, 20_u64..3_000], 0_u16..500).prop_map(|(who, kbps, loss)| Op::Estimate { who, kbps, loss }),
        3 => (who(), 0_u8..5).prop_map(|(who, epoch)| Op::Frames { who, epoch }),
        1 => (who(), 0_u16..70).prop_map(|(who, back)| Op::Lost { who, back }),
        6 => (1_u64..2_000).prop_map(|ms| Op::Run { ms }),
        1 => who().prop_map(|who| Op::Rejoin { who }),
    ]
}

const fn source(face: bool) -> Source {
    if face { Source::Camera } else { Source::Microphone }
}

/// A call, and what its checks know of it.
struct Play {
    call: Call,
    /// The gates, as they were said.
    gates: BTreeMap<(usize, Source), GateState>,
    /// Who withdrew what.
    withdrawn: BTreeMap<(usize, Source), bool>,
    /// The numbers of bundles that were seen.
    numbers: BTreeMap<usize, Vec<u16>>,
}

impl Play {
    fn new() -> Self {
        let config = SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() };
        let mut call = Call::with(PEOPLE, config);
        // Lines change more often than anybody is told.
        call.world.untold_pauses = true;
        Self { call, gates: BTreeMap::new(), withdrawn: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    fn say(&mut self, who: usize, message: ClientMessage) {
        let peer = self.call.people[who];
        self.call.world.say(peer, message);
    }

    fn play(&mut self, op: Op) {
        let participant =
            |play: &mut Self, of: usize| play.call.world.client(play.call.people[of]).participant;
        match op {
            Op::Upload { who, face, epoch } => {
                let plugin = if face { PluginId::FACE } else { PluginId::VOICE };
                self.call.upload(who, plugin, epoch);
                self.withdrawn.remove(&(who, source(face)));
            }
            Op::Support { who, decode, transport } => self.say(who, support(decode, transport)),
            Op::Policy { who, policy } => self.say(who, ClientMessage::Policy { policy }),
            Op::Consent { who, face, granted, generic } => {
                let source = source(face);
                let plugin = PluginId::VOICE.get();
                let generic = (generic && !face).then_some(GenericModel { plugin, version: 1 });
                self.say(who, ClientMessage::Consent { source, granted, generic });
                self.withdrawn.insert((who, source), !granted);
            }
            Op::Uplink { who, kbps } => {
                self.say(who, ClientMessage::Uplink { bitrate: kbps * 1_000 });
            }
            Op::Learning { who, busy } => {
                let state = if busy { LearningState::Busy } else { LearningState::Learning };
                self.say(who, ClientMessage::Learning { source: Source::Camera, state });
            }
            Op::Gate { who, face, state } => {
                self.say(who, ClientMessage::Gate { source: source(face), state });
                self.gates.insert((who, source(face)), state);
            }
            Op::Held { who, of, face, epoch } => {
                let participant = participant(self, of);
                let held = ModelEpoch { participant, source: source(face), epoch };
                self.say(who, ClientMessage::ModelHeld(held));
            }
            Op::Failed { who, of, face, epoch, reason } => {
                let participant = participant(self, of);
                let model = ModelEpoch { participant, source: source(face), epoch };
                self.say(who, ClientMessage::ModelFailed { model, reason });
            }
            Op::Switched { who, of, face, form } => {
                let participant = participant(self, of);
                let switched = FormSwitched { participant, source: source(face), form };
                self.say(who, ClientMessage::Switched(switched));
            }
            Op::Fetch { who } => {
                self.call.fetch_all(who);
            }
            Op::Mute { who, face, muted } => {
                let peer = self.call.people[who];
                let is_muted = self.call.muted(who, source(face));
                if is_muted != muted {
                    self.call.world.mute(peer, source(face), muted);
                }
            }
            Op::Estimate { who, kbps, loss } => {
                let estimate = Estimate {
                    bitrate: kbps * 1_000,
                    round_trip: Some(Duration::from_millis(kbps % 300)),
                    loss_per_mille: loss,
                    away: false,
                };
                let peer = self.call.people[who];
                self.call.world.drive(Input::Bandwidth { peer, estimate });
            }
            Op::Frames { who, epoch } => {
                let bytes = self.call.packet(who, epoch, &[who as u8; 20], &[who as u8; 30]);
                let peer = self.call.people[who];
                // Of a model that is not there it goes nowhere.
                let _result = self.call.world.arrive(peer, bytes);
            }
            Op::Lost { who, back } => {
                let peer = self.call.people[who];
                let last = self.numbers.get(&who).and_then(|all| all.last().copied());
                let seq = sotto_core::id::SeqNo(last.unwrap_or(0).wrapping_sub(back));
                let ssrc = self.call.bundle_ssrc(who).unwrap_or(Ssrc(1));
                self.call.world.feedback(peer, Feedback::Lost { ssrc, seq });
            }
            Op::Run { ms } => self.call.run(ms),
            Op::Rejoin { who } => {
                self.call.rejoin(who);
                self.numbers.remove(&who);
                self.gates.retain(|(of, _), _| *of != who);
                self.withdrawn.retain(|(of, _), _| *of != who);
            }
        }
        self.check();
        // What was said long ago is checked already.
        for who in 0..PEOPLE {
            let messages = &mut self.call.world.client(self.call.people[who]).messages;
            let excess = messages.len().saturating_sub(400);
            messages.drain(..excess);
        }
    }

    fn check(&mut self) {
        let ids: Vec<ShortId> =
            self.call.people.iter().map(|p| self.call.world.clients[p].short_id.unwrap()).collect();
        for who in 0..PEOPLE {
            let bundles =
                std::mem::take(&mut self.call.world.client(self.call.people[who]).bundles);
            for (_, route, bytes) in bundles {
                if let BundleRoute::Rtp { seq, .. } = route {
                    let numbers = self.numbers.entry(who).or_default();
                    let follows = numbers.last().is_none_or(|last| seq.0 == last.wrapping_add(1));
                    assert!(follows, "bundles are numbered one by one");
                    numbers.push(seq.0);
                }
                for block in Bundle::parse(&bytes).expect("a bundle").blocks() {
                    let speaker = ids.iter().position(|id| id.0 == block.participant);
                    // Somebody who has just left may have frames on their way.
                    let Some(speaker) = speaker else { continue };
                    assert_ne!(speaker, who, "nobody gets his own");
                    for entry in block.entries() {
                        assert!(entry.payload.iter().all(|&byte| usize::from(byte) == speaker));
                    }
                }
            }
        }
    }

    /// With these gates, no face may leave that was not sent before they turned.
    fn check_gates(&mut self) {
        let red: Vec<usize> = (0..PEOPLE)
            .filter(|&who| self.gates.get(&(who, Source::Camera)) == Some(&GateState::Red))
            .collect();
        let withdrawn = self.withdrawn.clone();
        self.call.run(200);
        let ids: Vec<ShortId> =
            self.call.people.iter().map(|p| self.call.world.clients[p].short_id.unwrap()).collect();
        for who in 0..PEOPLE {
            for frame in self.call.frames(who) {
                let Some(speaker) = ids.iter().position(|&id| id == frame.who) else { continue };
                let is_face = frame.plugin.kind() == PluginKind::Picture;
                assert!(!(is_face && red.contains(&speaker)), "a wrong face of {speaker} at {who}");
                let source = source(is_face);
                let is_withdrawn = withdrawn.get(&(speaker, source)).copied().unwrap_or(false);
                assert!(!is_withdrawn, "a model that was withdrawn");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_nobody_gets_what_he_must_not_and_nothing_is_left(
        ops in prop::collection::vec(any_op(), 1..60),
    ) {
        let mut play = Play::new();
        for op in ops {
            play.play(op);
        }
        play.check_gates();
        for who in 0..PEOPLE {
            // Everybody knows the form of what it is shown.
            let peer = play.call.people[who];
            let told = play.call.world.heard(peer);
            let closed = told.iter().any(|message| matches!(message, ServerMessage::Error { fatal: true, .. }));
            prop_assert!(!closed);
            play.call.world.leave(peer);
        }
        prop_assert_eq!(play.call.world.sfu.census(), Census::default());
    }
}
