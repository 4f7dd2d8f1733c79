//! Ends of a participation, and what others see of them.

use sotto_core::{
    media::Kind,
    signal::{ErrorCode, LeaveReason},
};
use sotto_tests::{
    client::{Ended, Report},
    node::Node,
};

use crate::support::{check_announced, connected, frames, speaker};

fn why(report: &Report, id: sotto_core::id::ParticipantId) -> Option<LeaveReason> {
    report.left.iter().find(|(gone, _)| *gone == id).map(|(_, reason)| *reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_goodbye_has_left() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let (id, short_id) = (anna.id(), anna.short_id());
    boris.until("anna", |report| frames(report, short_id, Kind::Video) > 3).await.unwrap();
    let report = anna.leave().await.unwrap();
    assert_eq!(report.ended, Some(Ended::Left));
    let report = boris.until("anna left", |report| report.people.is_empty()).await.unwrap();
    assert_eq!(why(&report, id), Some(LeaveReason::Left));
    boris
        .until("her slots are empty", |r| r.slots.iter().all(|s| s.content.is_none()))
        .await
        .unwrap();
    check_announced(&mut boris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanishes_without_a_word_is_lost() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let (id, short_id) = (anna.id(), anna.short_id());
    boris.until("anna", |report| frames(report, short_id, Kind::Video) > 3).await.unwrap();
    anna.vanish().await;
    let report = boris.until("anna is gone", |report| report.people.is_empty()).await.unwrap();
    assert_eq!(why(&report, id), Some(LeaveReason::ConnectionLost));
    boris
        .until("her slots are empty", |r| r.slots.iter().all(|s| s.content.is_none()))
        .await
        .unwrap();
    check_announced(&mut boris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_again_replaces_himself() {
    let node = Node::start().await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let mut old = connected(speaker(&node, "lounge", "anna")).await;
    let (old_id, old_short_id) = (old.id(), old.short_id());
    boris.until("anna", |report| frames(report, old_short_id, Kind::Video) > 3).await.unwrap();
    let new = connected(speaker(&node, "lounge", "anna")).await;
    assert_eq!(old.ended().await.unwrap(), Ended::ClosedByNode);
    let refusals = old.report().refusals;
    assert!(refusals.iter().any(|r| r.code == ErrorCode::Replaced && r.fatal), "{refusals:?}");
    let new_short_id = new.short_id();
    assert_ne!(new_short_id, old_short_id, "a number is not given twice");
    let report = boris
        .until("the new one", |report| frames(report, new_short_id, Kind::Video) > 3)
        .await
        .unwrap();
    assert_eq!(why(&report, old_id), Some(LeaveReason::Replaced));
    assert_eq!(report.people.len(), 1);
    check_announced(&mut boris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_closes_everyone() {
    let node = Node::start().await;
    let mut anna = connected(speaker(&node, "lounge", "anna")).await;
    let mut boris = connected(speaker(&node, "lounge", "boris")).await;
    node.stop().await;
    assert_eq!(anna.ended().await.unwrap(), Ended::ClosedByNode);
    assert_eq!(boris.ended().await.unwrap(), Ended::ClosedByNode);
}
