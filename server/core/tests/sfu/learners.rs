//! What learners of the node have of a speaker, for how long, and what everybody is told of them.

use std::time::Duration;

use sotto_core::{
    Input, SfuConfig,
    id::{PeerId, Ssrc},
    input::LearnerReport,
    media::Codec,
    output::{LearnJob, LearnOrder, Worth},
    signal::{
        ClientMessage, Decoding, ErrorCode, Form, LearnedModel, LearnerState, LearningPlace,
        LearningState, ModelTransport, Permissions, Policy, PublishedLayer, RawReason,
        ServerMessage, Source,
    },
};
use sotto_frame::{Epoch, PluginId};

use crate::{
    call::{Call, header, model_offer, support},
    media::{RIDS, rid, simulcast_offer},
    world::{World, everything, line},
};

const VOICE: Source = Source::Microphone;
const FACE: Source = Source::Camera;

/// Two people in a room whose node learns.
fn call(learn: LearningPlace) -> Call {
    Call::with(2, SfuConfig { model_policy: Policy::Frugal, learn, ..SfuConfig::default() })
}

fn agree(world: &mut World, peer: PeerId, source: Source) {
    world.say(peer, ClientMessage::Consent { source, granted: true, generic: None });
}

fn ask(world: &mut World, peer: PeerId, source: Source) {
    world.say(peer, ClientMessage::Learning { source, state: LearningState::Node });
}

/// The first of them agrees, and asks the node to learn a source.
fn asked(learn: LearningPlace, source: Source) -> Call {
    let mut call = call(learn);
    let peer = call.people[0];
    agree(&mut call.world, peer, source);
    ask(&mut call.world, peer, source);
    call
}

/// What the shell was to do about the first one's learners since it was last looked at.
fn orders(call: &mut Call) -> Vec<(Source, LearnOrder)> {
    std::mem::take(&mut call.world.client(call.people[0]).learn)
}

/// The job that has just begun, and nothing else was to be done.
fn begun(call: &mut Call) -> LearnJob {
    let orders = orders(call);
    match orders[..] {
        [(_, LearnOrder::Begin(job))] => job,
        _ => panic!("a job, and nothing else: {orders:?}"),
    }
}

fn says(call: &mut Call, source: Source, number: u32, report: LearnerReport) {
    let peer = call.people[0];
    call.world.drive(Input::Learner { peer, source, number, report });
}

/// What the first one was told last of the learner of a source.
fn told(call: &mut Call, source: Source) -> Option<(LearnerState, u16)> {
    call.told(0).into_iter().find_map(|message| match message {
        ServerMessage::Learner { source: of, state, per_mille } if of == source => {
            Some((state, per_mille))
        }
        _ => None,
    })
}

fn reason(call: &mut Call, source: Source) -> Option<RawReason> {
    let (form, reason, _) = call.form(1, 0, source);
    assert_eq!(form, Form::Raw);
    reason
}

#[test]
fn nothing_is_learned_where_devices_do_it_nor_without_a_word_of_consent() {
    let refused = |learn, source, agrees: bool| {
        let mut call = call(learn);
        let peer = call.people[0];
        if agrees {
            agree(&mut call.world, peer, source);
        }
        call.world.heard(peer);
        ask(&mut call.world, peer, source);
        (call.world.errors(peer), orders(&mut call))
    };
    let forbidden = (vec![ErrorCode::Forbidden], vec![]);
    assert_eq!(refused(LearningPlace::Publisher, VOICE, true), forbidden);
    for learn in [LearningPlace::Node, LearningPlace::Auto] {
        assert_eq!(refused(learn, FACE, false), forbidden, "{learn:?}");
        let malformed = (vec![ErrorCode::Malformed], vec![]);
        assert_eq!(refused(learn, Source::Screen, false), malformed, "{learn:?}");
        assert_eq!(refused(learn, VOICE, true).0, [], "{learn:?}");
    }
}

#[test]
fn who_may_not_be_learned_by_his_token_is_not() {
    let mut call = call(LearningPlace::Node);
    let permissions = Permissions { model_consent: Some(vec![VOICE]), ..everything() };
    let peer = call.world.join_with("blue", "eve", permissions, model_offer());
    call.world.publish(peer, FACE);
    call.world.heard(peer);
    agree(&mut call.world, peer, FACE);
    ask(&mut call.world, peer, FACE);
    assert_eq!(call.world.errors(peer), [ErrorCode::Forbidden, ErrorCode::Forbidden]);
    assert_eq!(call.world.client(peer).learn, []);
}

#[test]
fn a_learner_has_what_was_agreed_to_until_that_is_taken_back() {
    for source in [VOICE, FACE] {
        let mut call = asked(LearningPlace::Auto, source);
        let job = begun(&mut call);
        let codec = if source == VOICE { Codec::Opus } else { Codec::Vp8 };
        let ssrc = call.world.client(call.people[0]).senders[&line(source)].ssrc;
        assert_eq!((job.number, job.consent, job.format.codec), (1, 0, codec), "{source:?}");
        assert_eq!((job.stream.ssrc, job.first_epoch), (ssrc, Epoch(1)), "{source:?}");
        assert_eq!(job.worth.subscribers, 1);
        assert_eq!(told(&mut call, source), Some((LearnerState::Learning, 0)));
        call.run(5_000);
        let left = orders(&mut call);
        assert!(left.iter().all(|(_, order)| matches!(order, LearnOrder::Value(_))), "{left:?}");

        let peer = call.people[0];
        call.world.say(peer, ClientMessage::Consent { source, granted: false, generic: None });
        assert_eq!(orders(&mut call), [(source, LearnOrder::End)]);
        assert_eq!(reason(&mut call, source), Some(RawReason::Disabled));
        ask(&mut call.world, peer, source);
        assert_eq!(orders(&mut call), [], "{source:?}: not before it agrees again");
        agree(&mut call.world, peer, source);
        ask(&mut call.world, peer, source);
        let again = begun(&mut call);
        assert_eq!((again.number, again.consent), (2, 1), "{source:?}");
    }
}

#[test]
fn what_is_muted_is_not_looked_at_and_what_was_learned_of_it_stays() {
    let mut call = asked(LearningPlace::Node, FACE);
    let (peer, job) = (call.people[0], begun(&mut call));
    call.world.mute(peer, FACE, true);
    assert_eq!(orders(&mut call), [(FACE, LearnOrder::Follow(None))]);
    call.run(3_000);
    let before = call.world.client(peer).keyframes_asked.len();
    call.world.mute(peer, FACE, false);
    call.world.pass(Duration::from_millis(500));
    let follow = (FACE, LearnOrder::Follow(Some(job.stream)));
    assert!(orders(&mut call).contains(&follow));
    assert!(call.world.client(peer).keyframes_asked.len() > before);
}

#[test]
fn a_learner_has_no_track_that_is_gone_or_encrypted() {
    let mut call = asked(LearningPlace::Node, FACE);
    begun(&mut call);
    let peer = call.people[0];
    call.world.say(peer, ClientMessage::Unpublish { mid: line(FACE) });
    assert_eq!(orders(&mut call), [(FACE, LearnOrder::End)]);
    call.world.publish(peer, FACE);
    assert_eq!(begun(&mut call).number, 2, "it is wanted still");
    call.world.say(peer, ClientMessage::Unpublish { mid: line(FACE) });
    orders(&mut call);
    call.world.say(
        peer,
        ClientMessage::Publish {
            mid: line(FACE),
            source: FACE,
            muted: false,
            encrypted: true,
            layers: Vec::new(),
        },
    );
    assert_eq!(orders(&mut call), []);
    assert_eq!(told(&mut call, FACE), Some((LearnerState::Refused, 0)));
}

/// A camera in layers of these widths, that nobody watches, and the node learns.
fn simulcast(widths: [u16; 3], active: [bool; 3]) -> (LearnJob, Vec<bool>) {
    let learn = LearningPlace::Node;
    let mut world = World::new(SfuConfig { learn, ..SfuConfig::default() });
    let peer = world.join_with("blue", "ann", everything(), simulcast_offer(0, 0));
    let layers = RIDS.iter().zip(widths).map(|(name, width)| PublishedLayer {
        rid: Some(rid(name)),
        width,
        height: width * 9 / 16,
        max_bitrate: None,
        scalability_mode: None,
    });
    world.say(
        peer,
        ClientMessage::Publish {
            mid: line(FACE),
            source: FACE,
            muted: false,
            encrypted: false,
            layers: layers.collect(),
        },
    );
    agree(&mut world, peer, FACE);
    ask(&mut world, peer, FACE);
    let mut last = None;
    for _ in 0..15_000 / 40 {
        for (at, carried) in active.into_iter().enumerate() {
            let now = world.now;
            let layer = &mut world.client(peer).layers[at];
            if carried && layer.active {
                let bytes = layer.next(now);
                world.arrive(peer, bytes).unwrap();
            }
        }
        world.pass(Duration::from_millis(40));
        for message in world.heard(peer) {
            if let ServerMessage::Demand { layers, .. } = message {
                let wanted: Vec<bool> = layers.iter().map(|layer| layer.active).collect();
                for (sender, &wanted) in world.client(peer).layers.iter_mut().zip(&wanted) {
                    sender.active = wanted;
                }
                last = Some(wanted);
            }
        }
    }
    let mut job = None;
    for (_, order) in std::mem::take(&mut world.client(peer).learn) {
        match order {
            LearnOrder::Begin(begun) => job = Some(begun),
            LearnOrder::Follow(Some(stream)) => {
                job = job.map(|job| LearnJob { stream, ..job });
            }
            _ => {}
        }
    }
    (job.unwrap(), last.unwrap_or_default())
}

#[test]
fn a_face_is_learned_from_the_smallest_layer_that_is_large_enough_which_then_goes_on() {
    let of = |layer: u8| crate::media::Sender::layer(PeerId(1_000), layer).ssrc;
    let all = [true; 3];
    for (widths, active, layer, wanted) in [
        ([160, 320, 640], all, 1, [false, true, false]),
        ([320, 640, 1_280], all, 0, [true, false, false]),
        ([80, 160, 240], all, 2, [false, false, true]),
    ] {
        let (job, asked) = simulcast(widths, active);
        assert_eq!(job.stream.ssrc, of(layer), "{widths:?}");
        assert_eq!(asked, wanted, "{widths:?}");
    }
    // The line of the publisher carries the smallest alone.
    let (job, _) = simulcast([160, 320, 640], [true, false, false]);
    assert_eq!(job.stream.ssrc, of(0));
}

#[test]
fn a_voice_that_everybody_hears_from_a_model_is_sent_raw_while_it_is_learned() {
    let mut call = Call::shown(SfuConfig {
        model_policy: Policy::Frugal,
        learn: LearningPlace::Auto,
        ..SfuConfig::default()
    });
    let is_wanted = |call: &mut Call| {
        call.told(0).into_iter().find_map(|message| match message {
            ServerMessage::Demand { audio: Some(audio), .. } => Some(audio.active),
            _ => None,
        })
    };
    call.run(5_000);
    assert_eq!(is_wanted(&mut call), Some(false));
    let peer = call.people[0];
    agree(&mut call.world, peer, VOICE);
    ask(&mut call.world, peer, VOICE);
    assert_eq!(begun(&mut call).first_epoch, Epoch(2), "behind what there is");
    assert_eq!(is_wanted(&mut call), Some(true));
    call.run(5_000);
    assert_eq!(is_wanted(&mut call), Some(true));
}

#[test]
fn keyframes_are_asked_for_at_the_beginning_and_when_a_learner_wants_one_within_limits() {
    let mut call = asked(LearningPlace::Node, FACE);
    let (peer, job) = (call.people[0], begun(&mut call));
    call.world.pass(Duration::from_millis(100));
    let asked: Vec<Ssrc> =
        call.world.client(peer).keyframes_asked.iter().map(|(_, ssrc)| *ssrc).collect();
    assert_eq!(asked, [job.stream.ssrc]);
    call.run(2_000);
    call.world.client(peer).keyframes_asked.clear();
    for _ in 0..50 {
        says(&mut call, FACE, job.number, LearnerReport::KeyframeWanted);
        call.world.pass(Duration::from_millis(20));
    }
    let asked = call.world.client(peer).keyframes_asked.len();
    assert!((2..=3).contains(&asked), "{asked} in a second");
}

#[test]
fn every_reason_why_there_is_no_model_is_told() {
    use LearnerState::{Learning, Refused, Waiting};
    for (report, state, told_others) in [
        (LearnerReport::Waiting, Waiting, RawReason::LearnersBusy),
        (LearnerReport::Running, Learning, RawReason::Learning),
        (LearnerReport::Progress { per_mille: 10 }, Learning, RawReason::Learning),
        (LearnerReport::Failed, Waiting, RawReason::LearnersBusy),
        (LearnerReport::Full, Waiting, RawReason::LearnersBusy),
        (LearnerReport::Refused, Refused, RawReason::Disabled),
    ] {
        let mut call = asked(LearningPlace::Node, FACE);
        let job = begun(&mut call);
        assert_eq!(reason(&mut call, FACE), Some(RawReason::Learning));
        says(&mut call, FACE, job.number, report);
        assert_eq!(told(&mut call, FACE).map(|(state, _)| state), Some(state), "{report:?}");
        assert_eq!(reason(&mut call, FACE), Some(told_others), "{report:?}");
        let goes_on = matches!(state, Learning) || report == LearnerReport::Waiting;
        let ended = orders(&mut call).contains(&(FACE, LearnOrder::End));
        assert_eq!(ended, !goes_on, "{report:?}");
    }
}

#[test]
fn a_learner_that_fails_begins_again_and_is_given_up_after_the_fourth_time() {
    let mut call = asked(LearningPlace::Node, FACE);
    for (number, rest) in [(1, 5), (2, 20), (3, 60)] {
        assert_eq!(begun(&mut call).number, number);
        call.run(1_500);
        orders(&mut call);
        says(&mut call, FACE, number, LearnerReport::Failed);
        assert_eq!(orders(&mut call), [(FACE, LearnOrder::End)]);
        call.run((rest - 1) * 1_000);
        assert_eq!(orders(&mut call), []);
        call.run(2_100);
    }
    let job = begun(&mut call);
    says(&mut call, FACE, job.number, LearnerReport::Failed);
    assert_eq!(reason(&mut call, FACE), Some(RawReason::Disabled));
    call.run(100_000);
    assert_eq!(orders(&mut call), [(FACE, LearnOrder::End)]);
    let peer = call.people[0];
    ask(&mut call.world, peer, FACE);
    assert_eq!(begun(&mut call).number, 5, "asked for again, it is tried again");
}

#[test]
fn a_learned_model_is_told_to_its_speaker_and_learned_on_until_it_is_good_enough() {
    let mut call = asked(LearningPlace::Node, FACE);
    let job = begun(&mut call);
    says(&mut call, FACE, job.number, LearnerReport::Model(header(PluginId::FACE, 1)));
    let model = header(PluginId::FACE, 1);
    let learned = ServerMessage::ModelLearned(LearnedModel {
        source: FACE,
        plugin: model.plugin.get(),
        version: model.version,
        epoch: 1,
        hash: model.hash,
        bytes: model.bytes,
    });
    assert_eq!(call.told(0).iter().filter(|said| **said == learned).count(), 1);
    // The speaker fetched it, and uploads it without a body.
    call.upload(0, PluginId::FACE, 1);
    assert_eq!(call.fetch_all(1).len(), 1);
    assert!(!orders(&mut call).contains(&(FACE, LearnOrder::End)));
    says(&mut call, FACE, job.number, LearnerReport::Model(header(PluginId::FACE, 1)));
    assert_eq!(call.told(0).iter().filter(|said| **said == learned).count(), 1, "once");
    says(&mut call, FACE, job.number, LearnerReport::Progress { per_mille: 1_000 });
    assert!(orders(&mut call).contains(&(FACE, LearnOrder::End)));
    assert_eq!(told(&mut call, FACE), Some((LearnerState::Finished, 1_000)));
    call.run(3_000);
    assert_eq!(orders(&mut call), []);
}

#[test]
fn a_job_ends_after_four_models_and_after_two_minutes_of_refining() {
    let mut call = asked(LearningPlace::Node, VOICE);
    let job = begun(&mut call);
    for epoch in 1..=4 {
        assert_eq!(told(&mut call, VOICE).map(|(state, _)| state), Some(LearnerState::Learning));
        says(&mut call, VOICE, job.number, LearnerReport::Model(header(PluginId::VOICE, epoch)));
    }
    assert_eq!(told(&mut call, VOICE).map(|(state, _)| state), Some(LearnerState::Finished));

    let mut call = asked(LearningPlace::Node, VOICE);
    let job = begun(&mut call);
    says(&mut call, VOICE, job.number, LearnerReport::Model(header(PluginId::VOICE, 1)));
    call.run(118_000);
    assert!(!orders(&mut call).contains(&(VOICE, LearnOrder::End)));
    call.run(4_000);
    assert!(orders(&mut call).contains(&(VOICE, LearnOrder::End)));
}

#[test]
fn a_speaker_who_learns_himself_or_has_a_model_of_his_own_ends_it() {
    let mut call = asked(LearningPlace::Auto, FACE);
    begun(&mut call);
    call.upload(0, PluginId::FACE, 1);
    assert!(orders(&mut call).contains(&(FACE, LearnOrder::End)));

    let mut call = asked(LearningPlace::Auto, FACE);
    begun(&mut call);
    let peer = call.people[0];
    let state = LearningState::Learning;
    call.world.say(peer, ClientMessage::Learning { source: FACE, state });
    assert_eq!(orders(&mut call), [(FACE, LearnOrder::End)]);
    call.run(2_000);
    assert_eq!(orders(&mut call), []);
}

#[test]
fn what_comes_late_of_a_job_that_has_ended_changes_nothing() {
    let mut call = asked(LearningPlace::Auto, FACE);
    let first = begun(&mut call);
    let peer = call.people[0];
    call.world.say(peer, ClientMessage::Consent { source: FACE, granted: false, generic: None });
    agree(&mut call.world, peer, FACE);
    ask(&mut call.world, peer, FACE);
    orders(&mut call);
    call.world.heard(peer);
    for report in [
        LearnerReport::Model(header(PluginId::FACE, 1)),
        LearnerReport::Refused,
        LearnerReport::Failed,
    ] {
        says(&mut call, FACE, first.number, report);
    }
    assert_eq!((orders(&mut call), call.world.heard(peer)), (vec![], vec![]));
}

#[test]
fn a_model_of_the_other_kind_is_none_of_this_source() {
    let mut call = asked(LearningPlace::Node, FACE);
    let job = begun(&mut call);
    let peer = call.people[0];
    call.world.heard(peer);
    says(&mut call, FACE, job.number, LearnerReport::Model(header(PluginId::VOICE, 1)));
    assert_eq!(call.world.heard(peer), []);
}

#[test]
fn how_far_a_learner_is_is_told_once_a_second() {
    let mut call = asked(LearningPlace::Node, VOICE);
    let job = begun(&mut call);
    let peer = call.people[0];
    call.world.heard(peer);
    for step in 0..200 {
        says(&mut call, VOICE, job.number, LearnerReport::Progress { per_mille: step });
        call.world.pass(Duration::from_millis(20));
    }
    let said = call.world.heard(peer).into_iter();
    let said = said.filter(|said| matches!(said, ServerMessage::Learner { .. })).count();
    assert!((3..=5).contains(&said), "{said} times in 4 s");
}

#[test]
fn a_job_is_worth_what_its_model_saves_those_who_can_use_it() {
    let mut call = asked(LearningPlace::Node, VOICE);
    let job = begun(&mut call);
    assert_eq!(job.worth, Worth { subscribers: 1, bytes_per_second: 6_250 });
    let late = call.world.join_with("blue", "late", everything(), model_offer());
    call.join(late);
    call.world.say(late, support(Decoding::Yes, ModelTransport::Rtp));
    for source in [VOICE, FACE] {
        call.world.publish(late, source);
    }
    call.run(1_500);
    let worth = |subscribers, bytes_per_second| {
        (VOICE, LearnOrder::Value(Worth { subscribers, bytes_per_second }))
    };
    assert_eq!(orders(&mut call), [worth(2, 6_250)]);
    call.world.say(late, support(Decoding::TooSlow, ModelTransport::Rtp));
    call.run(1_500);
    assert_eq!(orders(&mut call), [worth(1, 6_250)]);
    says(&mut call, VOICE, job.number, LearnerReport::Model(header(PluginId::VOICE, 1)));
    call.upload(0, PluginId::VOICE, 1);
    call.run(1_500);
    assert_eq!(orders(&mut call), [worth(1, 390)], "a refinement saves less");
}
