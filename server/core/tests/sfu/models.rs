//! Tracks in model form: who gets frames instead of raw media, and what everybody is told.

use std::time::Duration;

use sotto_core::{
    Input, PacketError, SfuConfig,
    bandwidth::Estimate,
    id::ShortId,
    input::Feedback,
    ledger::{Account, BUNDLE_OVERHEAD, Sent},
    media::{Direction, Extension},
    output::BundleRoute,
    signal::{
        ClientMessage, Decoding, ErrorCode, Form, GateState, LearningState, ModelDemand,
        ModelEpoch, ModelFailure, ModelTransport, Permissions, Policy, RawReason, ServerMessage,
        Source, SourceDemand,
    },
    time::NtpTime,
};
use sotto_frame::PluginId;

use crate::{
    call::{Call, Frame, MODEL_SSRC, header, mid, model_offer, support},
    media::{OPUS, offer},
    world::{World, everything},
};

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
    let consent = ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
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
    call.gate(0, Source::Camera, GateState::Red);
    check(&mut call, GateTripped);
    call.gate(0, Source::Camera, GateState::Green);
    let estimate =
        Estimate { bitrate: 900_000, round_trip: None, loss_per_mille: 400, away: false };
    call.world.drive(Input::Bandwidth { peer: call.people[1], estimate });
    call.run(1_200);
    check(&mut call, LossyModel);
    let consent = ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
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
    let estimate = Estimate { bitrate: 900_000, round_trip: None, loss_per_mille: 60, away: false };
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
            ClientMessage::Consent { source: Source::ScreenAudio, granted: true, generic: None },
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
fn consent_to_what_a_token_does_not_allow_is_refused_and_can_always_be_taken_back() {
    let mut world = World::new(SfuConfig::default());
    let model_consent = Some(vec![Source::Microphone]);
    let permissions = Permissions { model_consent, ..everything() };
    let ann = world.join_with("blue", "ann", permissions, offer(4, 9));
    world.heard(ann);
    for (source, granted, expected) in [
        (Source::Microphone, true, &[][..]),
        (Source::Camera, true, &[ErrorCode::Forbidden]),
        (Source::Camera, false, &[]),
    ] {
        world.say(ann, ClientMessage::Consent { source, granted, generic: None });
        assert_eq!(world.errors(ann), expected, "{source:?} {granted}");
    }
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
