//! What learners have of the packets of those who asked for them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use sotto_core::{
    id::{PeerId, Ssrc},
    input::{LearnerReport, ModelHeader},
    output::{LearnJob, Worth},
    signal::{ClientMessage, LearnerState, LearningState, ServerMessage, Source},
};
use sotto_frame::{Epoch, ModelHash, PluginId};
use sotto_server::shard::{Command, MediaTap, PeerEvent, socket::Batching};

use crate::{
    media::opus_packet,
    support::{Client, MIC, Rig, vp8_packet},
};

/// What the learners of a shard were given.
#[derive(Clone, Default)]
struct Learners {
    begun: Arc<Mutex<Vec<(PeerId, Source, LearnJob)>>>,
    packets: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Jobs that go on.
    alive: Arc<AtomicU32>,
}

struct Tap(Learners);

impl MediaTap for Tap {
    fn packet(&mut self, rtp: &[u8]) {
        self.0.packets.lock().unwrap().push(rtp.to_vec());
    }

    fn set_worth(&mut self, _: Worth) {}
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Learners {
    fn rig(&self) -> Rig {
        let learners = self.clone();
        let begin = move |peer, source, job| -> Box<dyn MediaTap> {
            learners.begun.lock().unwrap().push((peer, source, job));
            learners.alive.fetch_add(1, Ordering::Relaxed);
            Box::new(Tap(learners.clone()))
        };
        Rig::learning(Batching::Segments, Box::new(begin))
    }

    fn alive(&self) -> u32 {
        self.alive.load(Ordering::Relaxed)
    }

    fn packets(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.packets.lock().unwrap())
    }
}

/// Agrees to a model of a source, and leaves the learning to the node.
fn ask(rig: &mut Rig, client: &Client, source: Source) {
    client.say(rig, ClientMessage::Consent { source, granted: true, generic: None });
    client.say(rig, ClientMessage::Learning { source, state: LearningState::Node });
}

#[test]
fn a_learner_has_each_packet_of_its_source_as_it_came_and_none_of_another() {
    let learners = Learners::default();
    let mut rig = learners.rig();
    let mut speaker = rig.client("room", 1, 1);
    let mut listener = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    speaker.publish(&mut rig, "cam", Source::Camera);
    ask(&mut rig, &speaker, Source::Microphone);
    let begun = learners.begun.lock().unwrap().clone();
    let [(peer, Source::Microphone, job)] = begun[..] else { panic!("{begun:?}") };
    assert_eq!((peer, job.stream.ssrc, job.number), (speaker.peer, Ssrc(MIC), 1));
    let sent: Vec<Vec<u8>> = (0..20).map(|seq| opus_packet(seq, b"voice")).collect();
    for (seq, packet) in (0..).zip(&sent) {
        speaker.send_rtp(packet);
        speaker.send_rtp(&vp8_packet(seq, 500));
        rig.turn();
    }
    assert_eq!(learners.packets(), sent);
    assert_eq!(&listener.receive_rtp()[16..], b"voice", "and the listener hears it");
}

#[test]
fn a_learner_has_nothing_any_more_once_the_consent_is_taken_back_or_the_speaker_has_left() {
    let learners = Learners::default();
    let mut rig = learners.rig();
    let mut speaker = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    ask(&mut rig, &speaker, Source::Microphone);
    speaker.send_rtp(&opus_packet(1, b"voice"));
    rig.turn();
    assert_eq!((learners.alive(), learners.packets().len()), (1, 1));
    let source = Source::Microphone;
    speaker.say(&mut rig, ClientMessage::Consent { source, granted: false, generic: None });
    assert_eq!(learners.alive(), 0);
    speaker.send_rtp(&opus_packet(2, b"voice"));
    rig.turn();
    assert_eq!(learners.packets(), Vec::<Vec<u8>>::new());
    ask(&mut rig, &speaker, Source::Microphone);
    assert_eq!(learners.alive(), 1);
    speaker.say(&mut rig, ClientMessage::Leave);
    assert_eq!(learners.alive(), 0);
}

#[test]
fn what_is_muted_reaches_no_learner_and_goes_on_to_the_same_one() {
    let learners = Learners::default();
    let mut rig = learners.rig();
    let mut speaker = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    ask(&mut rig, &speaker, Source::Microphone);
    for (muted, heard) in [(true, 0), (false, 1)] {
        let mid = sotto_core::id::Mid::new("mic").unwrap();
        speaker.say(&mut rig, ClientMessage::Mute { mid, muted });
        speaker.send_rtp(&opus_packet(3 + heard as u16, b"voice"));
        rig.turn();
        assert_eq!(learners.packets().len(), heard, "muted: {muted}");
    }
    assert_eq!(learners.begun.lock().unwrap().len(), 1);
}

#[test]
fn what_a_learner_says_comes_to_its_speaker_through_the_queue_of_commands() {
    let learners = Learners::default();
    let mut rig = learners.rig();
    let mut speaker = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    ask(&mut rig, &speaker, Source::Microphone);
    let model = ModelHeader {
        plugin: PluginId::VOICE,
        version: 1,
        epoch: Epoch(1),
        hash: ModelHash([9; 32]),
        bytes: 4_000,
    };
    let (peer, source) = (speaker.peer, Source::Microphone);
    for report in [LearnerReport::Waiting, LearnerReport::Model(model)] {
        rig.handle.try_send(Command::Learner { peer, source, number: 1, report }).unwrap();
    }
    let mut states = Vec::new();
    let learned = rig.until(|| match speaker.events.try_recv() {
        Ok(PeerEvent::Message(ServerMessage::ModelLearned(learned))) => Some(learned),
        Ok(PeerEvent::Message(ServerMessage::Learner { state, .. })) => {
            states.push(state);
            None
        }
        _ => None,
    });
    assert_eq!((learned.hash, learned.epoch), (model.hash, 1));
    assert_eq!(states, [LearnerState::Learning, LearnerState::Waiting]);
}
