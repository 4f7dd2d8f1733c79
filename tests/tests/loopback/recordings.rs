//! People who send a recording: raw while nothing is learned, then models, and what their gates say.

use std::sync::Arc;

use sotto_core::{
    media::Kind,
    signal::{Form, ModelTransport, Policy, RawReason, ReceivedForm, Source},
};
use sotto_frame::PluginId;
use sotto_tests::{
    client::{
        Options, Participant, Report,
        models::{ModelOptions, ModelPublish, Talking},
    },
    media::make::recording,
    node::Node,
};

use crate::support::{CAMERA, connected, frames, voice};

/// Blocks of the recording: its face is refused for 0.8 s of 12.
const BLOCKS: usize = 150;

fn recorded(node: &Node, identity: &str) -> Options {
    let recording = Arc::new(recording(identity, BLOCKS));
    node.options("lounge", identity)
        .with_slots(2, 2)
        .publishing(Source::Camera, CAMERA)
        .publishing(Source::Microphone, voice(40))
        .with_models(ModelOptions {
            publish: Some(ModelPublish::recorded(&recording, Talking::Always)),
            receive: true,
            transport: ModelTransport::Rtp,
            nack: true,
        })
}

fn form<'a>(report: &'a Report, of: &Participant, source: Source) -> Option<&'a ReceivedForm> {
    report.models.form(of.id(), source)
}

fn is_in_model(report: &Report, of: &Participant, source: Source) -> bool {
    form(report, of, source).is_some_and(|form| form.form == Form::Model && !form.overlap)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_person_is_raw_while_nothing_is_learned_and_a_model_behind_that() {
    let node = Node::start_with(|config| config.models.policy = Policy::Frugal).await;
    let mut boris = connected(recorded(&node, "boris")).await;
    let mut anna = connected(recorded(&node, "anna")).await;
    let is_learning = |report: &Report| {
        form(report, &anna, Source::Camera)
            .is_some_and(|form| form.reason == Some(RawReason::Learning))
    };
    boris.until("the word that a face is being learned", is_learning).await.unwrap();
    for source in [Source::Microphone, Source::Camera] {
        let report = boris.until("model form", |report| is_in_model(report, &anna, source)).await;
        let plugin = form(&report.unwrap(), &anna, source).and_then(|form| form.plugin);
        let expected = if source == Source::Camera { PluginId::FACE } else { PluginId::VOICE };
        assert_eq!(plugin, Some(expected.get()));
    }
    let second = |report: &Report| {
        report.models.uploads.iter().any(|upload| upload.epoch == 2 && upload.status == 201)
    };
    let report = anna.until("the second model is uploaded", second).await.unwrap();
    assert_eq!(report.models.uploads.len(), 3, "one of the voice, two of the face");
    let id = anna.short_id();
    let heard = |report: &Report| {
        let of = |plugin| report.models.of(id, plugin).received;
        of(PluginId::VOICE) > 20 && of(PluginId::FACE) > 20
    };
    let report = boris.until("payloads of both", heard).await.unwrap();
    let total = report.models.total();
    assert_eq!((total.misattributed, total.unheld), (0, 0), "{:#?}", report.models);
    assert_eq!((report.models.failures.len(), report.refusals.len()), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_recorded_gate_refuses_comes_raw_and_the_model_returns() {
    let node = Node::start_with(|config| config.models.policy = Policy::Frugal).await;
    let anna = connected(recorded(&node, "anna")).await;
    let mut boris = connected(recorded(&node, "boris")).await;
    let is_model = |report: &Report| is_in_model(report, &anna, Source::Camera);
    boris.until("a face in model form", is_model).await.unwrap();
    let tripped = |report: &Report| {
        form(report, &anna, Source::Camera)
            .is_some_and(|form| form.reason == Some(RawReason::GateTripped))
    };
    let report = boris.until("a face that is refused", tripped).await.unwrap();
    assert!(is_in_model(&report, &anna, Source::Microphone), "a voice has a gate of its own");
    let (id, switches) = (anna.short_id(), report.models.switches);
    let before = frames(&report, id, Kind::Video);
    let came = |report: &Report| frames(report, id, Kind::Video) > before + 3;
    boris.until("raw pictures", came).await.unwrap();
    let report = boris.until("the model again", is_model).await.unwrap();
    assert!(report.models.switches > switches);
    node.stop().await;
}
