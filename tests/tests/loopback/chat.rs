//! Messages on data channels.

use sotto_core::signal::ErrorCode;
use sotto_tests::{
    client::{Chat, Participant},
    node::Node,
};

use crate::support::connected;

/// Opens the channel and waits until the node has it: from then on messages come.
async fn listen(participant: &mut Participant) {
    participant.open_channel("chat").await;
    participant.until("the channel is open", |r| r.channels == ["chat"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_reaches_everyone_else_with_the_name_of_its_sender() {
    let node = Node::start().await;
    let mut anna = connected(node.options("lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let mut chen = connected(node.options("lounge", "chen")).await;
    for participant in [&mut anna, &mut boris, &mut chen] {
        listen(participant).await;
    }
    boris.chat("hello").await;
    let message = |from, payload: &[u8], text| Chat {
        label: "chat".into(),
        from,
        text,
        payload: payload.into(),
    };
    let hello = message(boris.short_id(), b"hello", true);
    anna.until("a hello", |report| report.chat.contains(&hello)).await.unwrap();
    chen.until("a hello", |report| report.chat.contains(&hello)).await.unwrap();

    anna.data("chat", false, &[0, 255, 1]).await;
    let bytes = message(anna.short_id(), &[0, 255, 1], false);
    boris.until("bytes", |report| report.chat.contains(&bytes)).await.unwrap();
    chen.until("bytes", |report| report.chat.contains(&bytes)).await.unwrap();
    assert!(!anna.report().chat.contains(&bytes), "not to the sender");
    assert_eq!(boris.report().data_failure, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_message_is_refused_and_the_channel_goes_on() {
    let node = Node::start().await;
    let mut anna = connected(node.options("lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    listen(&mut boris).await;
    anna.chat(&"a".repeat(60_000)).await;
    anna.until("a refusal", |report| {
        report.refusals.iter().any(|refusal| refusal.code == ErrorCode::TooMuch && !refusal.fatal)
    })
    .await
    .unwrap();
    anna.chat("short").await;
    let report = boris.until("the short one", |report| !report.chat.is_empty()).await.unwrap();
    assert_eq!(report.chat[0].payload, b"short");
    assert_eq!(report.chat.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_is_refused_after_the_burst() {
    let node = Node::start().await;
    let mut anna = connected(node.options("lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    listen(&mut boris).await;
    for i in 0..200 {
        anna.chat(&format!("message {i}")).await;
    }
    anna.until("a refusal", |report| {
        report.refusals.iter().any(|refusal| refusal.code == ErrorCode::TooMuch)
    })
    .await
    .unwrap();
    let report = boris.until("some come through", |r| r.chat.len() >= 10).await.unwrap();
    assert!(report.chat.len() < 150, "{} of 200 came through", report.chat.len());
}
