//! Voices in the generic model: on thin lines, until there is a model of their speaker.

use std::time::Duration;

use sotto_core::{
    Input, PacketError, SfuConfig,
    bandwidth::Estimate,
    signal::{
        ClientMessage, ErrorCode, Form, GateState, GenericModel, ModelDemand, Policy, RawReason,
        ServerMessage, Source, SourceDemand,
    },
};
use sotto_frame::PluginId;

use crate::call::{Call, header};

const VOICE: Source = Source::Microphone;
const RAW: (Form, Option<RawReason>, bool) = (Form::Raw, Some(RawReason::Learning), false);

/// A speaker who agreed to be learned, and a listener each on a line of 50 kbit/s and a free one.
fn agreed(policy: Policy) -> Call {
    let mut call = Call::new(3, policy);
    line(&mut call, 1, 50);
    line(&mut call, 2, 5_000);
    call.run(200);
    agree(&mut call, VOICE, PluginId::VOICE);
    call.run(100);
    call
}

fn agree(call: &mut Call, source: Source, plugin: PluginId) {
    let generic = Some(GenericModel { plugin: plugin.get(), version: 1 });
    call.world.say(call.people[0], ClientMessage::Consent { source, granted: true, generic });
}

fn line(call: &mut Call, who: usize, kbps: u64) {
    let estimate =
        Estimate { bitrate: kbps * 1_000, round_trip: None, loss_per_mille: 0, away: false };
    call.world.drive(Input::Bandwidth { peer: call.people[who], estimate });
}

fn demand(epoch: u32, active: bool) -> Option<ModelDemand> {
    let sources = vec![SourceDemand { source: VOICE, active, epoch }];
    Some(ModelDemand { sources, packet_time: 80, redundancy: 0 })
}

/// The speaker talks for so long in the model of this epoch, and raw.
fn speak(call: &mut Call, ms: u64, epoch: u8) {
    for _ in 0..ms / 80 {
        let bytes = call.packet(0, epoch, &[1; 26], &[]);
        call.world.arrive(call.people[0], bytes).unwrap();
        call.world.send(call.people[0], VOICE).unwrap();
        call.world.pass(Duration::from_millis(80));
    }
}

/// Both forms of the voice, as they reached a client since it was last asked.
fn reached(call: &mut Call, who: usize) -> (bool, bool) {
    (call.raw(who).contains(&VOICE), call.plugins(who) == [PluginId::VOICE])
}

fn changes(call: &mut Call, who: usize) -> usize {
    let told = call.told(who);
    let forms = told.iter().filter_map(|message| match message {
        ServerMessage::Forms { forms } => Some(forms),
        _ => None,
    });
    forms.flatten().filter(|form| form.source == VOICE && form.epoch.is_some()).count()
}

#[test]
fn on_a_thin_line_a_voice_is_in_the_generic_model_at_once_and_raw_on_a_free_one() {
    for policy in [Policy::Quality, Policy::Balanced, Policy::Frugal] {
        let mut call = agreed(policy);
        assert_eq!(call.form(1, 0, VOICE), (Form::Model, None, true), "{policy:?}");
        let received = call.received(1, 0, VOICE).unwrap();
        assert_eq!((received.epoch, received.plugin), (Some(0), Some(PluginId::VOICE.get())));
        assert_eq!(call.form(2, 0, VOICE), RAW);
        assert_eq!(call.demand(0), demand(0, true));
        assert_eq!([1, 2].map(|who| call.fetch_all(who).len()), [0, 0], "it is never fetched");
        call.switched(1, 0, VOICE, Form::Model);
        reached(&mut call, 1);
        reached(&mut call, 2);
        speak(&mut call, 800, 0);
        assert_eq!([1, 2].map(|who| reached(&mut call, who)), [(false, true), (true, false)]);
    }
}

#[test]
fn whoever_was_sent_the_generic_model_goes_on_in_the_speakers_own_without_raw_media_between() {
    let mut call = agreed(Policy::Balanced);
    call.switched(1, 0, VOICE, Form::Model);
    call.upload(0, PluginId::VOICE, 1);
    speak(&mut call, 12_000, 0);
    assert_eq!(call.received(1, 0, VOICE).unwrap().epoch, Some(0), "its line takes a while for it");
    assert_eq!((call.form(1, 0, VOICE).0, call.form(2, 0, VOICE)), (Form::Model, RAW));
    let fetched = call.fetch_all(1);
    assert_eq!(fetched.len(), 1);
    assert_eq!((fetched[0].hash, fetched[0].base), (header(PluginId::VOICE, 1).hash, None));
    assert_eq!(call.demand(0), demand(1, true));
    assert_eq!(call.received(1, 0, VOICE).unwrap().epoch, Some(1));
    assert_eq!(call.form(1, 0, VOICE), (Form::Model, None, false));
    speak(&mut call, 200, 1);
    assert_eq!(call.fetch_all(2).len(), 1, "now there is one for those on free lines, too");
    assert_eq!(call.form(2, 0, VOICE), (Form::Model, None, true));
    reached(&mut call, 1);
    speak(&mut call, 400, 1);
    assert_eq!(reached(&mut call, 1), (false, true));
}

#[test]
fn whoever_cannot_get_the_speakers_own_model_keeps_no_one_waiting_for_ever() {
    let mut call = agreed(Policy::Balanced);
    call.switched(1, 0, VOICE, Form::Model);
    call.upload(0, PluginId::VOICE, 1);
    speak(&mut call, 19_000, 0);
    assert_eq!(call.form(1, 0, VOICE).0, Form::Model);
    speak(&mut call, 1_900, 0);
    assert_eq!(call.form(1, 0, VOICE), (Form::Raw, Some(RawReason::NotFetched), true));
    speak(&mut call, 800, 0);
    assert_eq!(call.demand(0).unwrap().sources[0].epoch, 1);
}

#[test]
fn where_nobody_is_sent_the_generic_model_the_speakers_own_is_used_at_once() {
    let mut call = agreed(Policy::Balanced);
    line(&mut call, 1, 5_000);
    speak(&mut call, 5_000, 0);
    call.switched(1, 0, VOICE, Form::Raw);
    speak(&mut call, 500, 0);
    assert_eq!([1, 2].map(|who| call.form(who, 0, VOICE)), [RAW, RAW]);
    call.upload(0, PluginId::VOICE, 1);
    assert_eq!(call.demand(0), demand(1, false));
}

#[test]
fn a_line_that_swings_around_the_border_changes_no_form_and_a_wider_one_has_both_at_first() {
    let mut call = agreed(Policy::Balanced);
    call.switched(1, 0, VOICE, Form::Model);
    speak(&mut call, 400, 0);
    let before = changes(&mut call, 1);
    for swing in 0..60 {
        line(&mut call, 1, if swing % 2 == 0 { 72 } else { 52 });
        speak(&mut call, 480, 0);
    }
    assert_eq!(changes(&mut call, 1), before);
    line(&mut call, 1, 90);
    speak(&mut call, 2_400, 0);
    assert_eq!(call.form(1, 0, VOICE), (Form::Model, None, false), "it may be an error");
    speak(&mut call, 2_400, 0);
    assert_eq!(call.form(1, 0, VOICE), (Form::Raw, Some(RawReason::Policy), true));
    call.switched(1, 0, VOICE, Form::Raw);
    speak(&mut call, 1_600, 0);
    assert_eq!(call.form(1, 0, VOICE), RAW);
    assert_eq!(call.demand(0), demand(0, false));
}

#[test]
fn a_speaker_whose_own_line_is_thin_is_in_the_generic_model_with_everybody() {
    let mut call = agreed(Policy::Quality);
    line(&mut call, 1, 5_000);
    call.world.say(call.people[0], ClientMessage::Uplink { bitrate: 100_000 });
    call.run(100);
    assert_eq!(call.form(2, 0, VOICE), RAW);
    call.world.say(call.people[0], ClientMessage::Uplink { bitrate: 45_000 });
    speak(&mut call, 160, 0);
    assert_eq!(call.form(2, 0, VOICE), (Form::Model, None, true));
    for who in [1, 2] {
        call.switched(who, 0, VOICE, Form::Model);
    }
    speak(&mut call, 6_000, 0);
    let sound = call.told(0).into_iter().find_map(|message| match message {
        ServerMessage::Demand { audio, .. } => audio,
        _ => None,
    });
    assert!(sound.is_some_and(|sound| !sound.active), "raw sound would fill the line: {sound:?}");
    call.world.say(call.people[0], ClientMessage::Uplink { bitrate: 100_000 });
    speak(&mut call, 5_000, 0);
    assert_eq!(call.form(2, 0, VOICE), (Form::Raw, Some(RawReason::Policy), true));
}

#[test]
fn a_generic_voice_that_its_gate_refuses_is_raw_on_a_thin_line_too() {
    let mut call = agreed(Policy::Balanced);
    call.switched(1, 0, VOICE, Form::Model);
    speak(&mut call, 400, 0);
    call.gate(0, VOICE, GateState::Red);
    assert_eq!(call.form(1, 0, VOICE), (Form::Raw, Some(RawReason::GateTripped), false));
    speak(&mut call, 400, 0);
    call.switched(1, 0, VOICE, Form::Raw);
    call.gate(0, VOICE, GateState::Green);
    speak(&mut call, 4_000, 0);
    assert_eq!(call.form(1, 0, VOICE), (Form::Model, None, true), "and comes back after a while");
}

#[test]
fn nothing_goes_in_the_generic_model_of_whoever_has_not_agreed_or_does_not_any_more() {
    let nothing = |call: &mut Call| {
        let bytes = call.packet(0, 0, &[1; 26], &[]);
        let sent = call.world.arrive(call.people[0], bytes);
        assert_eq!(sent.map(|_| ()), Err(PacketError::UnknownModel));
        call.run(1_000);
        assert_eq!([1, 2].map(|who| call.frames(who)), [vec![], vec![]]);
    };
    let mut call = Call::new(3, Policy::Frugal);
    line(&mut call, 1, 50);
    call.run(200);
    assert_eq!(call.form(1, 0, VOICE), RAW);
    nothing(&mut call);
    let mut call = agreed(Policy::Frugal);
    call.switched(1, 0, VOICE, Form::Model);
    speak(&mut call, 400, 0);
    call.frames(1);
    let no = ClientMessage::Consent { source: VOICE, granted: false, generic: None };
    call.world.say(call.people[0], no);
    assert_eq!(call.form(1, 0, VOICE), (Form::Raw, Some(RawReason::Disabled), false));
    nothing(&mut call);
}

#[test]
fn only_voices_have_a_generic_model() {
    let mut call = Call::with(1, SfuConfig::default());
    for (source, plugin) in [(VOICE, PluginId::FACE), (Source::Camera, PluginId::FACE)] {
        agree(&mut call, source, plugin);
        assert_eq!(call.world.errors(call.people[0]), [ErrorCode::Malformed]);
        call.world.heard(call.people[0]);
    }
    assert_eq!(call.demand(0), None);
}
