//! Tracks in model form where things go wrong, or nothing else happens in the room.

use std::time::Duration;

use sotto_core::{
    Input, SfuConfig,
    input::ModelHeader,
    signal::{
        ClientMessage, Decoding, ErrorCode, Form, FormSwitched, GateState, ModelEpoch,
        ModelFailure, ModelTransport, Policy, RawReason, ServerMessage, SlotViewport, Source,
    },
};
use sotto_frame::{Entry, MediaTime, PacketWriter, PluginId};

use crate::{
    call::{Call, header, model_offer, support},
    world::{everything, line},
};

fn frugal() -> SfuConfig {
    SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() }
}

/// Two people with nothing but microphones, of whom the second hears the first one's model.
fn voices_alone() -> Call {
    let mut call = Call::with(0, frugal());
    for name in ["0", "1"] {
        let peer = call.world.join_with("blue", name, everything(), model_offer());
        call.join(peer);
        call.world.say(peer, support(Decoding::Yes, ModelTransport::Rtp));
        call.world.publish(peer, Source::Microphone);
    }
    for who in 0..2 {
        call.upload(who, PluginId::VOICE, 1);
    }
    call.world.pass(Duration::from_millis(60));
    for who in 0..2 {
        call.fetch_all(who);
        call.switched(who, 1 - who, Source::Microphone, Form::Model);
        assert_eq!(call.form(who, 1 - who, Source::Microphone), (Form::Model, None, false));
    }
    call
}

/// Both speak for so long: a frame each 80 ms.
fn speak(call: &mut Call, ms: u64) {
    for _ in 0..ms / 80 {
        for who in 0..2 {
            let bytes = call.packet(who, 1, &[1; 26], &[]);
            call.world.arrive(call.people[who], bytes).unwrap();
        }
        call.world.pass(Duration::from_millis(80));
    }
}

#[test]
fn among_voices_alone_one_that_stops_is_noticed() {
    let mut call = voices_alone();
    speak(&mut call, 4_000);
    call.world.pass(Duration::from_secs(4));
    assert_eq!(call.form(1, 0, Source::Microphone).1, Some(RawReason::Stalled));
}

#[test]
fn among_voices_alone_raw_ones_are_stopped() {
    let mut call = voices_alone();
    speak(&mut call, 6_000);
    let demand = call.told(0).into_iter().find_map(|message| match message {
        ServerMessage::Demand { audio, .. } => audio,
        _ => None,
    });
    assert!(demand.is_some_and(|demand| !demand.active), "{demand:?}");
}

#[test]
fn a_refinement_is_used_after_two_seconds_and_raw_media_are_there_a_second_before() {
    let mut call = voices_alone();
    speak(&mut call, 4_000);
    call.upload(0, PluginId::VOICE, 2);
    let epoch = |call: &mut Call| call.demand(0).unwrap().sources[0].epoch;
    let form = |call: &mut Call| call.form(1, 0, Source::Microphone);
    speak(&mut call, 960);
    assert_eq!((epoch(&mut call), form(&mut call)), (1, (Form::Model, None, false)));
    speak(&mut call, 80);
    let lags = (Form::Raw, Some(RawReason::NotFetched), true);
    assert_eq!((epoch(&mut call), form(&mut call)), (1, lags));
    speak(&mut call, 880);
    assert_eq!((epoch(&mut call), form(&mut call)), (1, lags));
    speak(&mut call, 160);
    assert_eq!(epoch(&mut call), 2);
}

#[test]
fn a_media_time_as_far_away_as_can_be_is_of_another_clock() {
    let mut call = Call::shown(frugal());
    call.frames(1);
    let now = (call.world.now.as_micros() / 1_000) as u32;
    for time in [now, now.wrapping_add(1 << 31), now.wrapping_add(1 << 31).wrapping_add(80)] {
        let mut payload = Vec::new();
        let mut writer = PacketWriter::begin(&mut payload, MediaTime(time), false);
        let entry = Entry { plugin: PluginId::FACE, epoch: 1, activity: None, payload: &[7] };
        writer.entry(&entry).unwrap();
        writer.finish().unwrap();
        let bytes = call.rtp(0, &payload);
        call.world.arrive(call.people[0], bytes).unwrap();
        call.world.pass(Duration::from_millis(100));
    }
    assert_eq!(call.frames(1).len(), 3);
}

#[test]
fn what_its_gate_said_outlives_a_withdrawal() {
    let mut call = Call::shown(frugal());
    call.gate(0, Source::Camera, GateState::Red);
    let consent = ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
    call.world.say(call.people[0], consent);
    call.upload(0, PluginId::FACE, 2);
    call.run(200);
    let raw = (Form::Raw, Some(RawReason::GateTripped), false);
    assert_eq!(call.form(1, 0, Source::Camera), raw);
}

#[test]
fn an_epoch_that_frames_cannot_tell_from_the_one_in_use_is_refused() {
    let mut call = Call::shown(frugal());
    call.world.heard(call.people[0]);
    call.upload(0, PluginId::FACE, 9);
    assert_eq!(call.world.errors(call.people[0]), [ErrorCode::Conflict]);
    call.upload(0, PluginId::FACE, 8);
    assert_eq!(call.fetch_all(1).last().map(|fetch| fetch.epoch), Some(8));
}

#[test]
fn models_that_were_replaced_by_those_of_another_version_are_forgotten() {
    let mut call = Call::shown(frugal());
    for epoch in 2..30 {
        let model = ModelHeader { version: 1 + (epoch % 2) as u8, ..header(PluginId::FACE, epoch) };
        call.world.drive(Input::Model { peer: call.people[0], model });
        call.run(2_400);
        call.fetch_all(1);
    }
    let (mut given, mut forgotten) = (0, 0);
    for message in call.told(1) {
        match message {
            ServerMessage::FetchModel(_) => given += 1,
            ServerMessage::ForgetModel(_) => forgotten += 1,
            _ => {}
        }
    }
    assert!(given > 10 && given - forgotten <= 4, "{given} given, {forgotten} forgotten");
}

#[test]
fn a_refinement_of_no_use_is_not_fetched_again_and_again() {
    let mut call = Call::shown(frugal());
    let participant = call.world.client(call.people[0]).participant;
    call.world.heard(call.people[1]);
    call.upload(0, PluginId::FACE, 2);
    let mut fetched = 0;
    for _ in 0..100 {
        let told = call.world.heard(call.people[1]);
        for message in told {
            if let ServerMessage::FetchModel(fetch) = message {
                fetched += 1;
                let (source, epoch) = (fetch.source, fetch.epoch);
                let model = ModelEpoch { participant, source, epoch };
                let reason = ModelFailure::Unsupported;
                call.world.say(call.people[1], ClientMessage::ModelFailed { model, reason });
            }
        }
        call.world.pass(Duration::from_millis(20));
    }
    assert_eq!(fetched, 1);
}

#[test]
fn a_tile_that_is_not_shown_is_no_failure_and_its_frames_come_as_soon_as_it_is() {
    let mut call = Call::with(2, frugal());
    let show = |call: &mut Call, height| {
        let slots = call.world.client(call.people[1]).slots.clone();
        let line = slots
            .iter()
            .find(|(mid, content)| content.is_some() && mid.to_string().starts_with('v'));
        let mid = *line.expect("a slot has the camera").0;
        let slots = vec![SlotViewport { mid, width: height, height }];
        call.world.say(call.people[1], ClientMessage::Viewport { slots });
    };
    call.run(200);
    show(&mut call, 0);
    call.upload(0, PluginId::FACE, 1);
    call.fetch_all(1);
    for _ in 0..60 {
        call.run(100);
        assert_eq!(call.form(1, 0, Source::Camera).1, Some(RawReason::Policy));
    }
    show(&mut call, 180);
    call.run(200);
    call.fetch_all(1);
    assert_eq!(call.form(1, 0, Source::Camera), (Form::Model, None, true));
    call.switched(1, 0, Source::Camera, Form::Model);
    show(&mut call, 0);
    call.run(2_000);
    call.frames(1);
    call.run(400);
    assert_eq!(call.frames(1), []);
    show(&mut call, 180);
    call.run(200);
    assert_eq!(call.plugins(1), [PluginId::FACE]);
}

/// A client that does what it is told, and how often the form of a camera changed for it.
fn follow(call: &mut Call, who: usize) -> usize {
    let peer = call.people[who];
    let mut changes = 0;
    for message in call.world.heard(peer) {
        match message {
            ServerMessage::FetchModel(fetch) => {
                let (participant, source, epoch) = (fetch.participant, fetch.source, fetch.epoch);
                let held = ModelEpoch { participant, source, epoch };
                call.world.say(peer, ClientMessage::ModelHeld(held));
            }
            ServerMessage::Forms { forms } => {
                for form in forms.into_iter().filter(|form| form.overlap) {
                    changes += usize::from(form.source == Source::Camera);
                    let (participant, source, form) = (form.participant, form.source, form.form);
                    let switched = FormSwitched { participant, source, form };
                    call.world.say(peer, ClientMessage::Switched(switched));
                }
            }
            _ => {}
        }
    }
    changes
}

#[test]
fn a_line_that_carries_some_pictures_raw_gets_the_others_as_models_and_they_stay() {
    for kbps in [200, 400, 800, 1_200] {
        let config = SfuConfig { model_policy: Policy::Quality, ..SfuConfig::default() };
        let mut call = Call::with(5, config);
        for who in 1..5 {
            call.upload(who, PluginId::FACE, 1);
        }
        let mut changes = 0;
        for step in 0..300 {
            call.world.estimate(call.people[0], kbps);
            call.run(100);
            let changed = follow(&mut call, 0);
            changes += if step < 100 { 0 } else { changed };
        }
        assert!(changes <= 2, "{changes} changes at {kbps} kbit/s");
    }
}

#[test]
fn the_way_back_from_models_is_probed_for() {
    let config = SfuConfig { model_policy: Policy::Quality, ..SfuConfig::default() };
    let mut call = Call::with(3, config);
    for who in 1..3 {
        call.upload(who, PluginId::FACE, 1);
    }
    for _ in 0..100 {
        call.world.estimate(call.people[0], 60);
        call.run(100);
        follow(&mut call, 0);
    }
    let cameras = |call: &mut Call| {
        call.world.client(call.people[0]).media.clear();
        call.run(400);
        let media = std::mem::take(&mut call.world.client(call.people[0]).media);
        let mut cameras: Vec<_> = media
            .iter()
            .filter(|got| got.stamp.line == line(Source::Camera))
            .map(|got| got.csrc)
            .collect();
        cameras.sort_unstable();
        cameras.dedup();
        cameras.len()
    };
    assert!(cameras(&mut call) < 2);
    // A line that carries whatever is probed for.
    for _ in 0..100 {
        let demand = *call.world.client(call.people[0]).demands.last().unwrap();
        if let Some(next) = demand.next_step {
            call.world.estimate(call.people[0], demand.wanted.max(next) / 1_000 + 1);
        }
        call.run(100);
        follow(&mut call, 0);
    }
    assert_eq!(cameras(&mut call), 2, "all come raw again");
}
