//! What a token does not allow does not happen.

use sotto_core::{
    media::Kind,
    signal::{ErrorCode, Source},
};
use sotto_server::token::GrantSource;
use sotto_tests::{
    client::{JoinError, Options, Participant},
    node::Node,
};

use crate::support::{CAMERA, check_clean, connected, frames, speaker, voice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_grant_nothing_is_published() {
    let node = Node::start().await;
    let token = node.token_with("lounge", "mute", |claims| claims.video.can_publish = false);
    let mut options = Options::new(node.url(), token);
    options = options.publishing(Source::Camera, CAMERA);
    let mut mute = connected(options).await;
    mute.until("a refusal", |report| {
        report.refusals.iter().any(|refusal| refusal.code == ErrorCode::Forbidden)
    })
    .await
    .unwrap();
    let boris = connected(speaker(&node, "lounge", "boris")).await;
    let id = boris.short_id();
    let report = mute.until("it still sees", |r| frames(r, id, Kind::Video) > 3).await.unwrap();
    assert!(!report.permissions.unwrap().publish);
    assert_eq!(boris.report().shown().len(), 0);
    assert!(boris.report().people.values().all(|person| person.tracks.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_granted_sources_are_published() {
    let node = Node::start().await;
    let token = node.token_with("lounge", "voice", |claims| {
        claims.video.can_publish_sources = Some(vec![GrantSource::Microphone]);
    });
    let options = Options::new(node.url(), token)
        .publishing(Source::Camera, CAMERA)
        .publishing(Source::Microphone, voice(30));
    let voice = connected(options).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let id = voice.short_id();
    let report = boris.until("a voice", |r| frames(r, id, Kind::Audio) > 10).await.unwrap();
    assert_eq!(frames(&report, id, Kind::Video), 0);
    let sources: Vec<_> =
        report.person("voice").unwrap().tracks.iter().map(|track| track.source).collect();
    assert_eq!(sources, [Source::Microphone]);
    assert!(voice.report().refusals.iter().any(|r| r.code == ErrorCode::Forbidden));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_grant_nothing_is_received() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let token = node.token_with("lounge", "blind", |claims| claims.video.can_subscribe = false);
    let options = Options::new(node.url(), token).publishing(Source::Camera, CAMERA);
    let blind = connected(options).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let ids = [anna.short_id(), blind.short_id()];
    boris
        .until("both are seen", |r| ids.iter().all(|id| frames(r, *id, Kind::Video) > 5))
        .await
        .unwrap();
    let report = blind.report();
    assert_eq!(report.slots.iter().map(|slot| slot.packets).sum::<u64>(), 0);
    assert!(report.slots.iter().all(|slot| slot.content.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_hidden_sees_and_is_not_seen() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let token = node.token_with("lounge", "ghost", |claims| claims.video.hidden = true);
    let mut ghost = connected(Options::new(node.url(), token)).await;
    let id = anna.short_id();
    let report = ghost.until("anna", |report| frames(report, id, Kind::Video) > 3).await.unwrap();
    check_clean(&report);
    assert!(anna.report().people.is_empty());
    assert!(anna.report().left.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_room_or_of_another_key_opens_nothing() {
    let node = Node::start().await;
    let closed = node.token_with("lounge", "eve", |claims| claims.video.room_join = false);
    let expired = node.token_with("lounge", "eve", |claims| claims.exp = 1_000);
    for token in [closed, expired, "not a token".into()] {
        let refused = Participant::join(Options::new(node.url(), token)).await;
        match refused {
            Err(JoinError::Refused(refusal)) => {
                let codes = [ErrorCode::Unauthorized, ErrorCode::Forbidden];
                assert!(refusal.fatal && codes.contains(&refusal.code), "{refusal:?}");
            }
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a bad token was accepted"),
        }
    }
}
