//! The node's learners break, are busy or have no decoder: media go on, and everybody knows why
//! somebody is raw.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use sotto_core::{
    media::Kind,
    signal::{
        ClientMessage, Form, LearnerState, LearningPlace, LearningState, ModelTransport, Policy,
        RawReason, Source,
    },
};
use sotto_server::config::{Isolation, LearnConfig};
use sotto_tests::{
    client::{Options, Participant, Report, models::ModelOptions},
    node::Node,
};

use crate::support::{CAMERA, check_clean, connected, frames, voice};

/// Longer than any learner here is to live.
const EVER: Duration = Duration::from_secs(3_600);

/// A folder with programs that are no learners; removed behind the test.
struct Programs(PathBuf);

impl Programs {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sotto-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// A shell script in place of the learner.
    fn script(&self, name: &str, lines: &str) -> Isolation {
        let program = self.0.join(name);
        fs::write(&program, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Isolation::Process { program }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.0);
    }
}

/// A node that learns in this way.
async fn node(change: impl FnOnce(&mut LearnConfig)) -> Node {
    Node::start_with(|config| {
        config.models.policy = Policy::Frugal;
        config.models.learn = LearningPlace::Auto;
        config.models.learners.places = 1;
        (config.models.learners.patience, config.models.learners.idle) = (EVER, EVER);
        change(&mut config.models.learners);
    })
    .await
}

/// Somebody with camera and voice, who shows models.
fn person(node: &Node, identity: &str) -> Options {
    node.options("hall", identity)
        .with_slots(4, 4)
        .publishing(Source::Camera, CAMERA)
        .publishing(Source::Microphone, voice(40))
        .with_models(ModelOptions {
            receive: true,
            transport: ModelTransport::Rtp,
            nack: true,
            ..ModelOptions::default()
        })
}

/// Somebody agrees, and leaves the learning of a source to the node.
async fn ask(person: &Participant, source: Source) {
    person.say(ClientMessage::Consent { source, granted: true, generic: None }).await;
    person.say(ClientMessage::Learning { source, state: LearningState::Node }).await;
}

fn learner(report: &Report, source: Source) -> Option<LearnerState> {
    report.models.learners.get(&source).map(|(state, _)| *state)
}

async fn until_learner(person: &mut Participant, source: Source, state: LearnerState) {
    let what = format!("a learner of {source:?} that is {state:?}");
    person.until(&what, |report| learner(report, source) == Some(state)).await.unwrap();
}

/// Waits until `one` is told why `other` is raw.
async fn until_raw(one: &mut Participant, other: &Participant, source: Source, why: RawReason) {
    let id = other.id();
    let told = |report: &Report| {
        let form = report.models.form(id, source);
        form.is_some_and(|form| (form.form, form.reason) == (Form::Raw, Some(why)))
    };
    one.until(&format!("{source:?} raw: {why:?}"), told).await.unwrap();
}

/// Pictures of `other` go on coming to `one`, and everything that came was whole.
async fn check_unharmed(one: &mut Participant, other: &Participant) {
    let id = other.short_id();
    let before = one.look(|report| frames(report, id, Kind::Video));
    let more = |report: &Report| frames(report, id, Kind::Video) >= before + 10;
    check_clean(&one.until("ten more pictures", more).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_that_crash_hang_or_write_garbage_cost_nobody_a_picture() {
    let programs = Programs::new("broken-learners");
    let broken = [
        ("crashes", "exit 3", EVER),
        ("hangs", "exec sleep 1000", Duration::from_millis(300)),
        ("garbage", "exec yes 'no report'", EVER),
        ("missing", "", EVER),
    ];
    for (name, lines, patience) in broken {
        let isolation = match name {
            "missing" => Isolation::Process { program: programs.file("nowhere") },
            _ => programs.script(name, lines),
        };
        let node = node(|learners| {
            learners.isolation = isolation;
            learners.patience = patience;
        })
        .await;
        let mut anna = connected(person(&node, "anna")).await;
        let mut boris = connected(person(&node, "boris")).await;
        ask(&anna, Source::Camera).await;
        // It rests before the next try.
        until_learner(&mut anna, Source::Camera, LearnerState::Waiting).await;
        until_raw(&mut boris, &anna, Source::Camera, RawReason::LearnersBusy).await;
        check_unharmed(&mut boris, &anna).await;
        assert_eq!(node.running().learners().unwrap().failed, 1, "{name}");
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_is_killed_is_begun_again_beside_media_that_go_on() {
    let programs = Programs::new("killed-learner");
    let number = programs.file("number");
    let lines = format!("echo $$ > {0}.part; mv {0}.part {0}; exec sleep 1000", number.display());
    let isolation = programs.script("learner", &lines);
    let node = node(|learners| learners.isolation = isolation).await;
    let mut anna = connected(person(&node, "anna")).await;
    let mut boris = connected(person(&node, "boris")).await;
    ask(&anna, Source::Camera).await;
    until_learner(&mut anna, Source::Camera, LearnerState::Learning).await;
    let process = written(&number).await;
    assert!(Command::new("kill").args(["-9", process.trim()]).status().unwrap().success());
    fs::remove_file(&number).unwrap();
    until_learner(&mut anna, Source::Camera, LearnerState::Waiting).await;
    until_raw(&mut boris, &anna, Source::Camera, RawReason::LearnersBusy).await;
    check_unharmed(&mut boris, &anna).await;
    until_learner(&mut anna, Source::Camera, LearnerState::Learning).await;
    assert_ne!(written(&number).await, process, "another one");
    until_raw(&mut boris, &anna, Source::Camera, RawReason::Learning).await;
    node.stop().await;
}

/// What a script wrote, once it has.
async fn written(file: &Path) -> String {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(text) = fs::read_to_string(file) {
            return text;
        }
        assert!(Instant::now() < give_up, "nothing was written");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_place_is_raw_because_of_that_until_it_is_free() {
    let programs = Programs::new("busy-learners");
    let isolation = programs.script("learner", "exec sleep 1000");
    let node = node(|learners| learners.isolation = isolation).await;
    let mut anna = connected(person(&node, "anna")).await;
    let mut boris = connected(person(&node, "boris")).await;
    ask(&anna, Source::Camera).await;
    until_learner(&mut anna, Source::Camera, LearnerState::Learning).await;
    until_raw(&mut boris, &anna, Source::Camera, RawReason::Learning).await;
    ask(&boris, Source::Camera).await;
    until_learner(&mut boris, Source::Camera, LearnerState::Waiting).await;
    until_raw(&mut anna, &boris, Source::Camera, RawReason::LearnersBusy).await;
    check_unharmed(&mut anna, &boris).await;
    anna.say(ClientMessage::Consent { source: Source::Camera, granted: false, generic: None })
        .await;
    until_learner(&mut boris, Source::Camera, LearnerState::Learning).await;
    until_raw(&mut anna, &boris, Source::Camera, RawReason::Learning).await;
    until_raw(&mut boris, &anna, Source::Camera, RawReason::Disabled).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_decoder_faces_stay_raw_and_voices_are_learned() {
    let node = node(|learners| learners.ffmpeg = "/nowhere/ffmpeg".into()).await;
    let mut anna = connected(person(&node, "anna")).await;
    let mut boris = connected(person(&node, "boris")).await;
    for source in [Source::Camera, Source::Microphone] {
        ask(&anna, source).await;
    }
    until_learner(&mut anna, Source::Camera, LearnerState::Refused).await;
    until_raw(&mut boris, &anna, Source::Camera, RawReason::Disabled).await;
    until_learner(&mut anna, Source::Microphone, LearnerState::Learning).await;
    until_raw(&mut boris, &anna, Source::Microphone, RawReason::Learning).await;
    check_unharmed(&mut boris, &anna).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_voice_at_all_is_learned_from_in_vain_and_harms_nobody() {
    // What synthetic voices send is no Opus.
    let node = node(|_| {}).await;
    let mut anna = connected(person(&node, "anna")).await;
    let mut boris = connected(person(&node, "boris")).await;
    ask(&anna, Source::Microphone).await;
    until_learner(&mut anna, Source::Microphone, LearnerState::Learning).await;
    for _ in 0..3 {
        check_unharmed(&mut boris, &anna).await;
    }
    let stats = node.running().learners().unwrap();
    assert_eq!((stats.models, anna.look(|report| report.models.learned.len())), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_learned_any_more_within_200_ms_of_taking_it_back() {
    let programs = Programs::new("withdrawn");
    let isolation = programs.script("learner", "exec sleep 1000");
    let node = node(|learners| learners.isolation = isolation).await;
    let mut anna = connected(person(&node, "anna")).await;
    for source in [Source::Microphone, Source::Camera] {
        ask(&anna, source).await;
    }
    until_learner(&mut anna, Source::Microphone, LearnerState::Learning).await;
    until_learner(&mut anna, Source::Camera, LearnerState::Waiting).await;
    let running = || {
        let stats = node.running().learners().unwrap();
        stats.running + stats.waiting
    };
    assert_eq!(running(), 2);
    let said = Instant::now();
    for source in [Source::Microphone, Source::Camera] {
        anna.say(ClientMessage::Consent { source, granted: false, generic: None }).await;
    }
    while running() > 0 {
        assert!(said.elapsed() < Duration::from_millis(200), "{} still", running());
        tokio::task::yield_now().await;
    }
    let models = node.running().models().unwrap().stats();
    assert_eq!((models.models, models.bytes), (0, 0));
    node.stop().await;
}
