//! What a page asks to see, it sees.

use sotto_core::{
    media::Kind,
    signal::{Source, View, ViewMode},
};
use sotto_tests::node::Node;

use crate::support::{CAMERA, check_announced, connected, frames, pinning, shown, speaker, voice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_person_is_shown_before_all_others() {
    let node = Node::start().await;
    let mut people = Vec::new();
    for name in ["anna", "boris", "chen"] {
        people.push(connected(speaker(&node, "lounge", name)).await);
    }
    let mut watcher = connected(node.options("lounge", "watcher").with_slots(1, 1)).await;
    let ids: Vec<_> = people.iter().map(|person| person.short_id()).collect();
    watcher.until("the first is shown", |report| shown(report) == [ids[0]]).await.unwrap();

    watcher.view(pinning(&[&people[2]], None)).await;
    watcher
        .until("the pinned one is shown", |report| {
            shown(report) == [ids[2]] && frames(report, ids[2], Kind::Video) > 3
        })
        .await
        .unwrap();
    watcher.view(View::default()).await;
    watcher.until("the grid is back", |report| shown(report).len() == 1).await.unwrap();
    check_announced(&mut watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_screen_comes_before_cameras() {
    let node = Node::start().await;
    let _anna = connected(speaker(&node, "lounge", "anna")).await;
    let boris = connected(speaker(&node, "lounge", "boris")).await;
    let mut watcher = connected(node.options("lounge", "watcher").with_slots(1, 1)).await;
    watcher.until("somebody is shown", |report| shown(report).len() == 1).await.unwrap();

    boris.publish(Source::Screen, CAMERA).await;
    let id = boris.short_id();
    let report = watcher
        .until("the screen is shown", |report| {
            let screen = report
                .person("boris")
                .and_then(|boris| boris.tracks.iter().find(|track| track.source == Source::Screen));
            screen.is_some_and(|screen| {
                report.shown().iter().any(|content| content.track == screen.id)
            }) && frames(report, id, Kind::Video) > 3
        })
        .await
        .unwrap();
    assert_eq!(shown(&report), [id]);
    boris.unpublish(Source::Screen).await;
    watcher
        .until("a camera is back", |report| {
            report.person("boris").is_some_and(|boris| boris.tracks.len() == 2)
                && shown(report).len() == 1
        })
        .await
        .unwrap();
    check_announced(&mut watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_people_and_people_beyond_the_tiles_are_not_sent() {
    let node = Node::start().await;
    let mut people = Vec::new();
    for name in ["anna", "boris", "chen"] {
        people.push(connected(speaker(&node, "lounge", name)).await);
    }
    let ids: Vec<_> = people.iter().map(|person| person.short_id()).collect();
    let mut watcher = connected(node.options("lounge", "watcher")).await;
    watcher.until("all are shown", |report| shown(report) == ids).await.unwrap();

    watcher.view(View { hidden: vec![people[1].id()], ..View::default() }).await;
    watcher.until("one is hidden", |r| shown(r) == [ids[0], ids[2]]).await.unwrap();
    watcher.view(View { tiles: Some(1), ..View::default() }).await;
    watcher.until("one is left", |report| shown(report).len() == 1).await.unwrap();
    watcher.view(View { tiles: Some(0), ..View::default() }).await;
    let report = watcher.until("nobody is left", |report| shown(report).is_empty()).await.unwrap();
    let before: u64 = ids.iter().map(|id| frames(&report, *id, Kind::Video)).sum();
    let heard = frames(&report, ids[0], Kind::Audio);
    let report = watcher
        .until("voices go on", |report| frames(report, ids[0], Kind::Audio) > heard + 20)
        .await
        .unwrap();
    let after: u64 = ids.iter().map(|id| frames(&report, *id, Kind::Video)).sum();
    assert!(after <= before + 3, "{} frames came for nobody", after - before);
    check_announced(&mut watcher).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_speaker_view_the_one_tile_goes_to_who_speaks() {
    let node = Node::start().await;
    let _silent = connected(
        node.options("lounge", "silent").with_slots(0, 0).publishing(Source::Camera, CAMERA),
    )
    .await;
    let options = node.options("lounge", "talker").with_slots(0, 0);
    let options = options.publishing(Source::Camera, CAMERA);
    let talker = connected(options.publishing(Source::Microphone, voice(20))).await;
    let mut watcher = connected(node.options("lounge", "watcher").with_slots(1, 1)).await;
    watcher.view(View { mode: ViewMode::Speaker, ..View::default() }).await;
    let id = talker.short_id();
    watcher
        .until("the talker is shown", |report| {
            shown(report) == [id] && frames(report, id, Kind::Video) > 3
        })
        .await
        .unwrap();
    check_announced(&mut watcher).await;
}
