//! Hostile signalling: every message is answered with a typed error or a closed socket, and nobody
//! else notices.

use sotto_core::{
    media::Kind,
    signal::{ClientMessage, ErrorCode},
};
use sotto_tests::{client::Participant, node::Node};

use crate::support::{check_clean, connected, frames, speaker};

/// A meeting of two that must not notice what a third does.
struct Bystanders {
    seen: Participant,
    watcher: Participant,
}

impl Bystanders {
    async fn new(node: &Node) -> Self {
        let seen = connected(speaker(node, "lounge", "seen")).await;
        let mut watcher = connected(node.options("lounge", "watcher")).await;
        let id = seen.short_id();
        watcher.until("a picture", |report| frames(report, id, Kind::Video) > 3).await.unwrap();
        Self { seen, watcher }
    }

    async fn unharmed(&mut self) {
        let id = self.seen.short_id();
        let before = frames(&self.watcher.report(), id, Kind::Video);
        let report = self
            .watcher
            .until("the picture goes on", |report| frames(report, id, Kind::Video) > before + 5)
            .await
            .unwrap();
        check_clean(&report);
        assert_eq!(report.ended, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_ten_thousand_lines_is_refused_and_the_next_one_is_answered() {
    let node = Node::start().await;
    let mut others = Bystanders::new(&node).await;
    let mut eve = connected(node.options("lounge", "eve")).await;
    let sdp = "v=0\n".to_owned() + &"a=\n".repeat(10_000);
    eve.say(ClientMessage::Offer { id: 99, sdp, models: None }).await;
    eve.until("a refusal", |report| {
        report.refusals.iter().any(|r| r.code == ErrorCode::BadOffer && !r.fatal)
    })
    .await
    .unwrap();
    eve.offer(4, 9).await;
    eve.until("an answer", |report| report.answers == 2).await.unwrap();
    others.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_are_no_offers_are_refused() {
    let node = Node::start().await;
    let mut others = Bystanders::new(&node).await;
    let mut eve = connected(node.options("lounge", "eve")).await;
    let m_lines = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\n".repeat(300);
    let offers = [
        String::new(),
        "v=0".into(),
        "\0\u{ffff}\n".repeat(100),
        format!("v=0\r\n{m_lines}"),
        "v=0\r\nm=audio 99999 UDP/TLS/RTP/SAVPF 999 -1 x\r\na=rtpmap:999 opus/48000\r\n".into(),
        "v=0\r\na=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=extmap:0 x\r\n"
            .into(),
        format!("v=0\r\na=ice-ufrag:{}\r\n", "u".repeat(40_000)),
    ];
    for (i, sdp) in offers.into_iter().enumerate() {
        eve.say(ClientMessage::Offer { id: i as u32, sdp, models: None }).await;
        eve.until(&format!("a refusal of offer {i}"), |report| {
            report.refusals.iter().filter(|r| r.code == ErrorCode::BadOffer).count() > i
        })
        .await
        .unwrap();
    }
    others.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_that_is_no_message_is_named_or_ends_the_connection() {
    let node = Node::start().await;
    let mut others = Bystanders::new(&node).await;
    let deep = "[".repeat(30_000);
    let deep_view = format!(r#"{{"type":"view","pins":{}}}"#, "[".repeat(20_000));
    let wide = format!(r#"{{"type":"ping","id":1,{}"x":0}}"#, r#""a":0,"#.repeat(5_000));
    let long = format!(r#"{{"type":"{}"}}"#, "t".repeat(50_000));
    let bombs = [
        deep.as_str(),
        &deep_view,
        &wide,
        &long,
        "",
        "null",
        "7",
        r#"{"type":null}"#,
        r#"{"type":"ping","id":1e999}"#,
        r#"{"type":"ping","id":-1}"#,
        r#"{"type":"publish","mid":"\u0000","source":"camera"}"#,
        r#"{"type":"publish","mid":"","source":"camera"}"#,
        r#"{"type":"mute","mid":"nowhere","muted":true}"#,
        r#"{"type":"unpublish","mid":"nowhere"}"#,
        r#"{"type":"view","tiles":65536}"#,
        r#"{"type":"join","version":1,"token":"x"}"#,
        r#"{"type":"teleport"}"#,
    ];
    for bomb in bombs {
        let mut eve = connected(node.options("lounge", "eve")).await;
        eve.say_raw(bomb).await;
        eve.say(ClientMessage::Ping { id: 42 }).await;
        let what = format!("an answer to {}", &bomb[..bomb.len().min(60)]);
        let report = eve
            .until(&what, |report| report.ended.is_some() || report.pongs.contains(&42))
            .await
            .unwrap();
        let named = !report.refusals.is_empty();
        assert!(named || bomb == wide, "{what}: {:?}", report.refusals);
    }
    others.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_above_the_limit_ends_its_sender_alone() {
    let node = Node::start().await;
    let mut others = Bystanders::new(&node).await;
    let mut eve = connected(node.options("lounge", "eve")).await;
    eve.say_raw("x".repeat(70_000)).await;
    eve.until("the end", |report| report.ended.is_some()).await.unwrap();
    others.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_ends_its_sender_alone() {
    let node = Node::start().await;
    let mut others = Bystanders::new(&node).await;
    let mut eve = connected(node.options("lounge", "eve")).await;
    for id in 0..2_000 {
        eve.say(ClientMessage::Ping { id }).await;
    }
    let report = eve.until("the end", |report| report.ended.is_some()).await.unwrap();
    assert!(report.refusals.iter().any(|r| r.code == ErrorCode::TooMuch), "{:?}", report.refusals);
    others.unharmed().await;
}
