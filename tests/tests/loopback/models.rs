//! People who are seen and heard by their models: uploads, fetches, model packets, bundles.

use sotto_core::{
    media::Kind,
    signal::{ClientMessage, Form, GateState, ModelTransport, Policy, RawReason, Source},
};
use sotto_tests::{
    client::{
        Options, Participant, Report,
        models::{BAR, ModelOptions, ModelPublish, TONE},
    },
    node::Node,
};

use crate::support::{CAMERA, connected, frames, voice};

/// Payloads of each source of which it is said that they arrive: four seconds of them.
const ENOUGH: u64 = 50;
const SOURCES: [Source; 2] = [Source::Microphone, Source::Camera];

/// A node that shows models wherever it can.
async fn frugal() -> Node {
    Node::start_with(|config| config.models.policy = Policy::Frugal).await
}

/// Somebody with camera, microphone, and models of both, who shows those of everybody else.
fn person(node: &Node, room: &str, identity: &str, publish: ModelPublish) -> Options {
    let mut options =
        node.options(room, identity).with_slots(5, 9).publishing(Source::Camera, CAMERA);
    if publish.voice.is_some() {
        options = options.publishing(Source::Microphone, voice(40));
    }
    options.with_models(ModelOptions {
        publish: Some(publish),
        receive: true,
        transport: ModelTransport::Rtp,
        nack: true,
    })
}

fn talker(node: &Node, room: &str, identity: &str) -> Options {
    person(node, room, identity, ModelPublish::TALKING)
}

/// The same over data channels.
fn by_messages(mut options: Options) -> Options {
    options.models.transport = ModelTransport::Data;
    options
}

/// In which form somebody's source is played, while nothing is about to change.
fn settled(report: &Report, of: &Participant, source: Source) -> Option<Form> {
    let form = report.models.form(of.id(), source).filter(|form| !form.overlap);
    form.map(|form| form.form)
}

/// Both sources of somebody are played in model form.
fn in_model(report: &Report, of: &Participant) -> bool {
    SOURCES.iter().all(|source| settled(report, of, *source) == Some(Form::Model))
}

/// Every payload came as it was sent, under the right name, of a model that we hold.
fn check_whole(report: &Report) {
    let total = report.models.total();
    assert_eq!((total.misattributed, total.unheld), (0, 0), "{:#?}", report.models);
    assert_eq!(report.models.bundles.malformed, 0, "{:#?}", report.models.bundles);
    assert_eq!(report.models.failures, Vec::<String>::new());
    assert_eq!(report.refusals, []);
}

/// So many payloads of a source of somebody came.
fn heard(report: &Report, of: &Participant, source: Source) -> u64 {
    let plugin = if source == Source::Camera { BAR } else { TONE };
    report.models.of(of.short_id(), plugin).received
}

/// Waits until `one` has got so many more payloads of both sources of `other`.
async fn until_more(one: &mut Participant, other: &Participant, more: u64) -> Report {
    let before = one.look(|report| SOURCES.map(|source| heard(report, other, source)));
    let enough = |report: &Report| {
        SOURCES.iter().zip(before).all(|(source, had)| heard(report, other, *source) >= had + more)
    };
    one.until("more payloads of both sources", enough).await.unwrap()
}

async fn until_in_model(one: &mut Participant, other: &Participant) {
    one.until("everything in model form", |report| in_model(report, other)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_in_model_form_get_every_payload_whole_and_send_no_raw_media() {
    let node = frugal().await;
    let mut anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut anna, &boris).await;
    until_in_model(&mut boris, &anna).await;
    let is_stopped = |report: &Report| report.sent.iter().all(|sent| !sent.wanted);
    let report = anna.until("raw media are stopped", is_stopped).await.unwrap();
    let sent = |report: &Report| report.sent.iter().map(|sent| sent.packets).sum::<u32>();
    let raw = sent(&report);
    let reports =
        [until_more(&mut anna, &boris, ENOUGH).await, until_more(&mut boris, &anna, ENOUGH).await];
    for report in reports {
        check_whole(&report);
        assert_eq!(report.models.total().lost, 0, "{:#?}", report.models);
        assert_eq!(report.models.fetched.len(), 2);
    }
    assert_eq!(sent(&anna.report()), raw, "raw media that nobody needs");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_people_in_model_form_are_told_apart_in_every_bundle() {
    let node = frugal().await;
    let mut people = Vec::new();
    for i in 0..9 {
        // More voices than a bundle holds are no voices at all.
        let publish = if i < 5 { ModelPublish::TALKING } else { ModelPublish::SILENT };
        people.push(connected(person(&node, "hall", &format!("person-{i}"), publish)).await);
    }
    let ids: Vec<_> = people.iter().map(Participant::short_id).collect();
    for (i, one) in people.iter_mut().enumerate() {
        let others = || (0..9).filter(|other| *other != i);
        let enough = |report: &Report| {
            others().all(|other| {
                let of = |plugin| report.models.of(ids[other], plugin).received >= ENOUGH;
                of(BAR) && (other >= 5 || of(TONE))
            })
        };
        let report = one.until("four seconds of everybody", enough).await.unwrap();
        check_whole(&report);
        let total = report.models.total();
        assert_eq!(total.lost, 0, "{:#?}", report.models);
        let strangers = report.models.entries.keys().any(|(id, _)| *id == ids[i]);
        assert!(!strangers, "nobody gets what is his own");
        let blocks = report.models.bundles.blocks as f64 / report.models.bundles.packets as f64;
        assert!(blocks > 1.5, "people share bundles: {blocks} in one");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_is_given_the_models_and_goes_over_to_them() {
    let node = frugal().await;
    let mut anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut boris, &anna).await;
    let mut late = connected(node.options("lounge", "late").with_models(ModelOptions {
        receive: true,
        nack: true,
        ..ModelOptions::default()
    }))
    .await;
    for other in [&anna, &boris] {
        until_in_model(&mut late, other).await;
    }
    let report = until_more(&mut late, &anna, ENOUGH).await;
    check_whole(&report);
    assert_eq!(report.models.fetched.len(), 4);
    let raw = frames(&report, anna.short_id(), Kind::Video);
    assert!(raw > 0, "raw pictures until the models were there");
    check_whole(&until_more(&mut anna, &boris, 1).await);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_red_gate_brings_raw_pictures_and_a_green_one_the_model_again() {
    let node = frugal().await;
    let anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut boris, &anna).await;
    until_more(&mut boris, &anna, 5).await;
    let id = anna.short_id();
    anna.gate(Source::Camera, GateState::Red).await;
    let report = boris
        .until("the word that pictures are raw", |report| {
            settled(report, &anna, Source::Camera) == Some(Form::Raw)
        })
        .await
        .unwrap();
    let form = report.models.form(anna.id(), Source::Camera).unwrap();
    assert_eq!(form.reason, Some(RawReason::GateTripped));
    let before = frames(&report, id, Kind::Video);
    let report = boris
        .until("raw pictures", |report| frames(report, id, Kind::Video) > before + 5)
        .await
        .unwrap();
    let voice = settled(&report, &anna, Source::Microphone);
    assert_eq!(voice, Some(Form::Model), "a voice has a gate of its own");
    check_whole(&report);
    anna.gate(Source::Camera, GateState::Green).await;
    until_in_model(&mut boris, &anna).await;
    check_whole(&until_more(&mut boris, &anna, 5).await);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_models_of_whoever_leaves_are_forgotten() {
    let node = frugal().await;
    let anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut boris, &anna).await;
    let id = anna.id();
    anna.leave().await.unwrap();
    let report = boris
        .until("both models are forgotten", |report| {
            let models = &report.models;
            models.held.is_empty() && models.forgotten.len() == 2 && models.forms.is_empty()
        })
        .await
        .unwrap();
    assert!(report.models.forgotten.iter().all(|forgotten| forgotten.participant == id));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_models_that_were_taken_back_nobody_has_anything_and_nothing_travels() {
    let node = frugal().await;
    let anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut boris, &anna).await;
    for source in SOURCES {
        anna.say(ClientMessage::Consent { source, granted: false, generic: None }).await;
    }
    let taken_back = |report: &Report| {
        let models = &report.models;
        let form = |source| models.form(anna.id(), source).map(|form| form.reason);
        let is_raw = SOURCES.iter().all(|it| form(*it) == Some(Some(RawReason::Disabled)));
        is_raw && models.held.is_empty() && models.forgotten.len() == 2
    };
    let report = boris.until("both models are forgotten", taken_back).await.unwrap();
    let payloads = |report: &Report| SOURCES.map(|source| heard(report, &anna, source));
    let (before, id) = (payloads(&report), anna.short_id());
    let pictures = frames(&report, id, Kind::Video);
    let more = |report: &Report| frames(report, id, Kind::Video) >= pictures + 20;
    let report = boris.until("two seconds of raw pictures", more).await.unwrap();
    assert_eq!(payloads(&report), before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refined_model_travels_as_the_difference_and_is_used_from_then_on() {
    let node = frugal().await;
    let mut anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    until_in_model(&mut boris, &anna).await;
    anna.refine(Source::Camera).await;
    let wanted = |report: &Report| {
        let demand = report.models.demand.as_ref();
        let mut sources = demand.into_iter().flat_map(|demand| &demand.sources);
        sources.any(|asked| asked.source == Source::Camera && asked.epoch == 2 && asked.active)
    };
    let report = anna.until("the second epoch is asked for", wanted).await.unwrap();
    let upload = report.models.uploads.iter().find(|upload| upload.epoch == 2).unwrap();
    assert_eq!(upload.status, 201);
    let report = until_more(&mut boris, &anna, 12).await;
    assert_eq!(report.models.holds(anna.id(), Source::Camera), Some(2));
    let fetched = report.models.fetched.iter().find(|fetched| fetched.epoch == 2).unwrap();
    assert!(fetched.delta && fetched.bytes < 4_096, "{fetched:?}");
    check_whole(&report);
    assert_eq!(report.models.total().lost, 0, "{:#?}", report.models);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_rtp_cannot_carry_models_messages_do() {
    let node = frugal().await;
    let mut anna = connected(by_messages(talker(&node, "lounge", "anna"))).await;
    let mut boris = connected(by_messages(talker(&node, "lounge", "boris"))).await;
    let mut chen = connected(talker(&node, "lounge", "chen")).await;
    for (one, other) in [(&mut boris, &anna), (&mut chen, &anna)] {
        until_in_model(one, other).await;
        check_whole(&until_more(one, other, ENOUGH).await);
    }
    until_in_model(&mut anna, &chen).await;
    let report = until_more(&mut anna, &chen, ENOUGH).await;
    check_whole(&report);
    assert_eq!((report.models.ssrc, report.data_failure), (None, None));
    assert!(report.channels.iter().any(|label| label == "models"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_knows_no_models_gets_raw_media_beside_those_who_do() {
    let node = frugal().await;
    let anna = connected(talker(&node, "lounge", "anna")).await;
    let mut boris = connected(talker(&node, "lounge", "boris")).await;
    let mut plain = connected(node.options("lounge", "plain")).await;
    until_in_model(&mut boris, &anna).await;
    let id = anna.short_id();
    let before = frames(&plain.report(), id, Kind::Video);
    let report = plain
        .until("raw pictures", |report| frames(report, id, Kind::Video) > before + 10)
        .await
        .unwrap();
    assert_eq!(report.models.bundles.packets, 0);
    assert_eq!(report.models.forms.len(), 0);
    node.stop().await;
}
