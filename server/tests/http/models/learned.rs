//! Models that the node learned itself.

use sotto_core::{input::LearnerReport, signal::LearnerState};
use sotto_server::learned::{Delivery, Said, Told};

use super::*;

/// What a learner of a person's camera says, who had never taken anything back.
fn told(of: &Person, said: Said) -> Told {
    Told { peer: of.peer, source: Source::Camera, number: 1, consent: 0, said }
}

fn model(of: &Person, model: &Model) -> Told {
    told(of, Said::Model(model.bytes.clone()))
}

fn delivery(node: &Node) -> Delivery {
    Delivery::new(node.server.models().unwrap().clone(), node.media.clone())
}

/// A person takes back the consent for its camera.
async fn take_back(node: &mut Node, person: &mut Person) {
    let source = Source::Camera;
    person.client.say(&ClientMessage::Consent { source, granted: false, generic: None }).await;
    assert!(matches!(node.command().await, Command::Message { .. }));
}

fn held(node: &Node) -> (usize, u64) {
    let stats = node.server.models().unwrap().stats();
    (stats.models, stats.bytes)
}

#[tokio::test]
async fn a_speaker_fetches_what_was_learned_of_him_and_uses_it_without_sending_it() {
    let mut node = Node::start(|_| {}).await;
    let (ann, bob) = (node.person("team", "ann").await, node.person("team", "bob").await);
    let first = Model::face(1, 5_000);
    delivery(&node).deliver(model(&ann, &first)).await;
    let Command::Learner { peer, source, number, report } = node.command().await else {
        panic!("the shard is told")
    };
    let LearnerReport::Model(header) = report else { panic!("{report:?}") };
    assert_eq!((peer, source, number), (ann.peer, Source::Camera, 1));
    assert_eq!(
        (header.hash, header.epoch.0, header.bytes),
        (first.hash, 1, first.bytes.len() as u32)
    );

    assert_eq!(node.fetch(&bob, &first).await.status, 403, "it is nobody else's");
    assert_eq!(node.ask("PUT", &first.path(), &bob.key, &[]).await.status, 404);
    assert_eq!(node.fetch(&ann, &first).await.body, first.bytes);
    assert!(matches!(node.command().await, Command::ModelServed { .. }));
    assert_eq!(node.ask("PUT", &first.path(), &ann.key, &[]).await.status, 201);
    let Command::Model { peer, model } = node.command().await else { panic!("it is used") };
    assert_eq!((peer, model), (ann.peer, header));
    assert_eq!(held(&node), (1, u64::from(header.bytes)), "once, not twice");
}

#[tokio::test]
async fn nothing_is_left_of_what_was_learned_once_the_consent_is_taken_back() {
    let mut node = Node::start(|_| {}).await;
    let mut ann = node.person("team", "ann").await;
    let (first, second) = (Model::face(1, 5_000), Model::face(2, 5_000));
    let delivery = delivery(&node);
    for model_of in [&first, &second] {
        delivery.deliver(model(&ann, model_of)).await;
        node.command().await;
    }
    assert_eq!(node.ask("PUT", &first.path(), &ann.key, &[]).await.status, 201);
    node.command().await;
    assert!(held(&node).1 > 10_000);
    let said = Instant::now();
    take_back(&mut node, &mut ann).await;
    while held(&node) != (0, 0) {
        assert!(said.elapsed() < Duration::from_millis(200));
        tokio::task::yield_now().await;
    }
    assert_eq!(node.fetch(&ann, &second).await.status, 403);

    // What a learner was just about to say.
    let third = Model::face(3, 5_000);
    delivery.deliver(model(&ann, &third)).await;
    assert_eq!(held(&node), (0, 0));
    delivery.deliver(told(&ann, Said::Report(LearnerReport::Running))).await;
    let Command::Learner { report: LearnerReport::Running, .. } = node.command().await else {
        panic!("no word of the model came before")
    };
    // Under a consent that was given since.
    let again = Told { consent: 1, number: 2, ..model(&ann, &third) };
    delivery.deliver(again).await;
    assert!(matches!(node.command().await, Command::Learner { number: 2, .. }));
    assert_eq!(node.fetch(&ann, &third).await.body, third.bytes);
}

#[tokio::test]
async fn what_is_no_model_of_its_source_or_of_nobody_here_is_not_held() {
    let mut node = Node::start(|_| {}).await;
    let mut ann = node.person("team", "ann").await;
    let delivery = delivery(&node);
    let face = Model::face(1, 5_000);
    let broken = Said::Model(face.bytes[1..].to_vec());
    delivery.deliver(told(&ann, broken)).await;
    delivery.deliver(Told { source: Source::Microphone, ..model(&ann, &face) }).await;
    delivery.deliver(Told { peer: PeerId(99), ..model(&ann, &face) }).await;
    assert_eq!(held(&node), (0, 0));
    ann.client.say(&ClientMessage::Leave).await;
    assert!(matches!(node.command().await, Command::Disconnect { .. }), "and nobody was told");
    delivery.deliver(model(&ann, &face)).await;
    assert_eq!(held(&node), (0, 0));
}

#[tokio::test]
async fn the_last_two_that_were_learned_of_a_source_wait_for_its_speaker() {
    let mut node = Node::start(|_| {}).await;
    let ann = node.person("team", "ann").await;
    let delivery = delivery(&node);
    let models = [1, 2, 3].map(|epoch| Model::face(epoch, 5_000));
    for learned in &models {
        delivery.deliver(model(&ann, learned)).await;
    }
    let mut got = Vec::new();
    for learned in &models {
        got.push(node.fetch(&ann, learned).await.status);
    }
    assert_eq!(got, [403, 200, 200]);
}

#[tokio::test]
async fn a_busy_shard_is_told_later_what_must_not_be_lost() {
    let mut node = Node::start(|_| {}).await;
    let ann = node.person("team", "ann").await;
    node.media.full.store(true, Ordering::Relaxed);
    let delivery = delivery(&node);
    let progress = LearnerReport::Progress { per_mille: 500 };
    delivery.deliver(told(&ann, Said::Report(progress))).await;
    let face = Model::face(1, 5_000);
    let delivered = tokio::spawn({
        let model = model(&ann, &face);
        async move { delivery.deliver(model).await }
    });
    // It is held before the shard hears of it, which it cannot yet.
    while held(&node) == (0, 0) {
        tokio::task::yield_now().await;
    }
    node.media.full.store(false, Ordering::Relaxed);
    within(delivered).await.unwrap();
    assert!(matches!(
        node.command().await,
        Command::Learner { report: LearnerReport::Model(_), .. }
    ));
}

#[tokio::test]
async fn what_the_core_says_of_learners_reaches_their_speaker() {
    let mut node = Node::start(|_| {}).await;
    let mut ann = node.person("team", "ann").await;
    let (source, state) = (Source::Camera, LearnerState::Waiting);
    ann.told(ServerMessage::Learner { source, state, per_mille: 0 }).await;
}
