//! More slots, and publications that come later.

use sotto_core::{media::Kind, signal::Source};
use sotto_tests::node::Node;

use crate::support::{CAMERA, check_announced, connected, frames, shown, speaker, voice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_offer_adds_slots_and_leaves_the_first_ones_alone() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    // He says nothing: in a grid with too few slots, whoever speaks comes first.
    let silent = node.options("lounge", "boris").publishing(Source::Camera, CAMERA);
    let boris = connected(silent).await;
    let mut watcher = connected(node.options("lounge", "watcher").with_slots(2, 1)).await;
    let first = anna.short_id();
    watcher.until("one is shown", |r| frames(r, first, Kind::Video) > 3).await.unwrap();
    let before = watcher.report();

    watcher.offer(2, 2).await;
    let both = [first, boris.short_id()];
    let report = watcher
        .until("both are shown", |report| {
            shown(report) == both && frames(report, both[1], Kind::Video) > 3
        })
        .await
        .unwrap();
    assert_eq!((report.offers, report.answers), (2, 2));
    let slot = |report: &sotto_tests::client::Report| {
        let slot = report.slots.iter().find(|slot| slot.mid == "v0").unwrap();
        (slot.ssrc, slot.csrc)
    };
    assert_eq!(slot(&report), slot(&before));
    assert_eq!(report.source(first, Kind::Video).unwrap().freezes, 0);
    check_announced(&mut watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_publishes_later_is_seen_and_heard_without_a_new_offer() {
    let node = Node::start().await;
    let anna = connected(node.options("lounge", "anna").with_slots(0, 0)).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let id = anna.short_id();
    boris.until("anna is here", |report| report.person("anna").is_some()).await.unwrap();
    assert!(boris.report().shown().is_empty());
    anna.publish(Source::Camera, CAMERA).await;
    anna.publish(Source::Microphone, voice(30)).await;
    let report = boris
        .until("anna is seen and heard", |report| {
            frames(report, id, Kind::Video) > 3 && frames(report, id, Kind::Audio) > 10
        })
        .await
        .unwrap();
    assert_eq!((report.offers, anna.report().offers), (1, 1));
    anna.unpublish(Source::Camera).await;
    boris.until("her slot is empty", |report| report.shown().is_empty()).await.unwrap();
    check_announced(&mut boris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_audio_slots_carry_the_loudest() {
    let node = Node::start().await;
    let mut people = Vec::new();
    for (i, level) in [127, 127, 25, 30].into_iter().enumerate() {
        let options = node.options("lounge", &format!("person-{i}")).with_slots(0, 0);
        people.push(connected(options.publishing(Source::Microphone, voice(level))).await);
    }
    let mut listener = connected(node.options("lounge", "listener").with_slots(2, 0)).await;
    let loud = [people[2].short_id(), people[3].short_id()];
    listener
        .until("the two loud ones have the slots", |report| {
            let mut ids: Vec<_> = report.slots.iter().filter_map(|slot| slot.csrc).collect();
            ids.sort_unstable();
            ids == loud && loud.iter().all(|id| frames(report, *id, Kind::Audio) > 10)
        })
        .await
        .unwrap();
    check_announced(&mut listener).await;
}
