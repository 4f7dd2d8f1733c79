//! The websocket, through a real listener, up to the door of the media side.

use std::{sync::atomic::Ordering, time::Duration};

use crate::support::{Client, Node, join_with, now, token, within};
use sotto_core::signal::{
    ClientMessage, ErrorCode, LeaveReason, MAX_MESSAGE_BYTES, ServerMessage, Source,
};
use sotto_server::{
    http::Origin,
    shard::{Command, PeerEvent},
    token::{Claims, Key},
    turn::{IceUrl, SharedSecret, TurnAccess, TurnConfig},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

#[tokio::test]
async fn a_client_with_a_token_joins_and_messages_go_both_ways() {
    let mut node = Node::start(|_| ()).await;
    let mut client = Client::connect(node.addr()).await;
    let claims =
        Claims { name: Some("Ann".into()), ..Claims::participant("team", "ann", now() + 60) };
    client.say(&join_with(Key::development().sign(&claims))).await;
    let Command::Join { join, events } = node.command().await else { panic!("a join first") };
    assert_eq!((&*join.room, &*join.identity, &*join.name), ("team", "ann", "Ann"));
    assert!(join.permissions.publish && !join.permissions.admin);

    events.send(PeerEvent::Message(ServerMessage::Pong { id: 1 })).await.unwrap();
    assert_eq!(client.hear().await, ServerMessage::Pong { id: 1 });

    client.say(&ClientMessage::Ping { id: 2 }).await;
    let Command::Message { peer, message } = node.command().await else { panic!("a message") };
    assert_eq!((peer, message), (join.peer, ClientMessage::Ping { id: 2 }));
    client.say(&ClientMessage::Offer { id: 3, sdp: "v=0".into(), models: None }).await;
    let Command::Offer { peer, id: 3, sdp, .. } = node.command().await else { panic!("an offer") };
    assert_eq!((peer, &*sdp), (join.peer, "v=0"));

    client.say(&ClientMessage::Leave).await;
    assert_eq!(client.closed().await, (CloseCode::Normal, "left".into()));
    let Command::Disconnect { peer, reason } = node.command().await else { panic!("a goodbye") };
    assert_eq!((peer, reason), (join.peer, LeaveReason::Left));
}

#[tokio::test]
async fn the_name_is_the_tokens_else_the_clients_else_the_identity() {
    let mut node = Node::start(|_| ()).await;
    let mut staying = Vec::new();
    for (asked, expected) in [(Some("Ann B."), "Ann B."), (None, "ann")] {
        let mut client = Client::connect(node.addr()).await;
        let name = asked.map(str::to_owned);
        let token = token("team", "ann");
        client.say(&ClientMessage::Join { version: 1, token, name, resumption: None }).await;
        let Command::Join { join, events } = node.command().await else { panic!("a join") };
        assert_eq!(join.name, expected);
        staying.push((client, events));
    }
    let mut client = Client::connect(node.addr()).await;
    let (token, name) = (token("team", "ann"), Some("a\u{202e}b".into()));
    client.say(&ClientMessage::Join { version: 1, token, name, resumption: None }).await;
    assert!(client.refused("malformed").await.contains("the name has '\\u{202e}' in it"));
}

#[tokio::test]
async fn the_first_message_must_be_a_join_of_this_version() {
    let node = Node::start(|_| ()).await;
    let mut early = Client::connect(node.addr()).await;
    early.say(&ClientMessage::Ping { id: 1 }).await;
    assert_eq!(
        early.error().await,
        ("conflict".into(), "the first message must be a join".into(), Some("ping".into()), true)
    );
    assert_eq!(early.closed().await, (CloseCode::Policy, "refused".into()));

    let mut old = Client::connect(node.addr()).await;
    old.say(&ClientMessage::Join {
        version: 7,
        token: token("team", "ann"),
        name: None,
        resumption: None,
    })
    .await;
    assert!(old.refused("unsupportedVersion").await.contains("version 7 is not spoken here"));
}

#[tokio::test]
async fn a_client_that_does_not_join_in_time_is_closed() {
    let node = Node::start(|config| config.http.join_timeout = Duration::from_millis(100)).await;
    let mut client = Client::connect(node.addr()).await;
    assert_eq!(client.refused("conflict").await, "no join within 100ms");
}

#[tokio::test]
async fn tokens_that_open_nothing_are_refused_with_the_reason() {
    let node = Node::start(|_| ()).await;
    let key = Key::development();
    let good = Claims::participant("team", "ann", now() + 60);
    let mut outside = good.clone();
    outside.video.room_join = false;
    let mut nowhere = good.clone();
    nowhere.video.room = "a b".into();
    let stranger = Key::new(&[7; 32]).unwrap();
    for (token, code, message) in [
        (String::new(), "unauthorized", "the token could not be read: not a JSON web token"),
        (
            key.sign(&Claims { exp: now() - 60, ..good.clone() }),
            "unauthorized",
            "the token has expired",
        ),
        (
            key.sign(&Claims { nbf: Some(now() + 600), ..good.clone() }),
            "unauthorized",
            "the token is not valid yet",
        ),
        (
            stranger.sign(&good),
            "unauthorized",
            "the token was not signed with the key of this node",
        ),
        (key.sign(&outside), "forbidden", "the token does not grant roomJoin"),
        (
            key.sign(&nowhere),
            "forbidden",
            "the room name has ' ' in it; letters, digits, '-', '_' and '.' are allowed",
        ),
    ] {
        let mut client = Client::connect(node.addr()).await;
        client.say(&join_with(token)).await;
        assert_eq!(client.refused(code).await, message);
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_before_the_upgrade() {
    let node = Node::start(|config| {
        config.http.allowed_origins = vec![Origin::new("https://partner.example").unwrap()];
    })
    .await;
    let own = format!("http://{}", node.addr());
    for (origin, expected) in [
        (None, None),
        (Some(&*own), None),
        (Some("https://partner.example"), None),
        (Some("https://evil.example"), Some(403)),
        (Some("null"), Some(403)),
    ] {
        let refused = Client::connect_from(node.addr(), origin).await.err();
        assert_eq!(refused, expected, "{origin:?}");
    }
}

#[tokio::test]
async fn a_message_of_more_than_64_kilobytes_closes_the_connection() {
    let mut node = Node::start(|_| ()).await;
    let (mut client, _events) = node.join().await;
    let sdp = "x".repeat(MAX_MESSAGE_BYTES - 40);
    client.say(&ClientMessage::Offer { id: 1, sdp, models: None }).await;
    assert!(matches!(node.command().await, Command::Offer { .. }), "just below the limit");
    client.send(Message::text("x".repeat(MAX_MESSAGE_BYTES + 1))).await;
    assert_eq!(client.refused("tooMuch").await, "messages may have 65536 bytes");
    let Command::Disconnect { reason, .. } = node.command().await else { panic!("a goodbye") };
    assert_eq!(reason, LeaveReason::Removed);
}

#[tokio::test]
async fn hostile_text_is_answered_with_an_error_and_the_conversation_goes_on() {
    let mut node = Node::start(|_| ()).await;
    let (mut client, _events) = node.join().await;
    let deep = "[".repeat(60_000);
    for (text, code, about) in [
        (r#"{"type":"teleport","to":"mars"}"#, "unknownType", None),
        (r#"{"type":"ping","id":-1}"#, "malformed", Some("ping")),
        (r#"{"type":"ping","id":4294967296}"#, "malformed", Some("ping")),
        (r#"{"type":"mute","mid":"0123456789abcdefX","muted":true}"#, "malformed", Some("mute")),
        (r#"{"type":"publish","mid":"0","source":"soul"}"#, "malformed", Some("publish")),
        (r#"{"type":"view","tiles":65536}"#, "malformed", Some("view")),
        (r#"{"type":["ping"]}"#, "malformed", None),
        (r#"{"type":"ping","type":"leave","id":1}"#, "malformed", None),
        (&*deep, "malformed", None),
        ("{", "malformed", None),
        ("", "malformed", None),
        ("null", "malformed", None),
        ("\u{0}\u{feff}", "malformed", None),
        (r#"{"type":"join","version":1,"token":"x"}"#, "conflict", Some("join")),
    ] {
        client.text(text).await;
        let (found, message, found_about, fatal) = client.error().await;
        assert_eq!(
            (&*found, found_about.as_deref(), fatal),
            (code, about, false),
            "{:.80} {message}",
            text
        );
    }
    client.text(r#"{"type":"teleport"}"#).await;
    assert_eq!(client.error().await.1, r#"unknown message type "teleport""#);
    client.say(&ClientMessage::Ping { id: 9 }).await;
    assert!(matches!(node.command().await, Command::Message { .. }), "still in the room");
}

#[tokio::test]
async fn a_binary_frame_closes_the_connection() {
    let mut node = Node::start(|_| ()).await;
    let (mut client, _events) = node.join().await;
    client.send(Message::binary(vec![1, 2, 3])).await;
    client.refused("malformed").await;
}

#[tokio::test]
async fn too_many_messages_are_refused_and_a_client_that_goes_on_is_closed() {
    let mut node = Node::start(|config| {
        config.limits.messages_per_second = 1;
        config.limits.message_burst = 10;
    })
    .await;
    let (mut client, _events) = node.join().await;
    for id in 0..30 {
        client.say(&ClientMessage::Ping { id }).await;
    }
    let mut refused = 0;
    loop {
        let (code, _, _, fatal) = client.error().await;
        assert_eq!(code, "tooMuch");
        if fatal {
            break;
        }
        refused += 1;
    }
    assert!((8..=11).contains(&refused), "{refused} were refused before the close");
    client.closed().await;
    let mut passed = 0;
    while let Command::Message { .. } = node.command().await {
        passed += 1;
    }
    assert!((9..=12).contains(&passed), "{passed} passed");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let mut node = Node::start(|config| {
        config.limits.event_queue = 16;
        config.http.write_timeout = Duration::from_millis(200);
    })
    .await;
    let (client, events) = node.join().await;
    let large = ServerMessage::Answer { id: 1, sdp: "x".repeat(1 << 20) };
    // More than the buffers of any loopback connection hold.
    let flood = async { while events.send(PeerEvent::Message(large.clone())).await.is_ok() {} };
    within(flood).await;
    let Command::Disconnect { reason, .. } = node.command().await else { panic!("a goodbye") };
    assert_eq!(reason, LeaveReason::ConnectionLost);
    drop(client);
}

#[tokio::test]
async fn a_client_whose_queue_overran_is_told_why_it_is_closed() {
    let mut node = Node::start(|config| config.limits.event_queue = 16).await;
    let (mut client, events) = node.join().await;
    // In one go, so that the websocket's task cannot run in between.
    while events.try_send(PeerEvent::Message(ServerMessage::Pong { id: 1 })).is_ok() {}
    drop(events);
    for _ in 0..16 {
        assert_eq!(client.hear().await, ServerMessage::Pong { id: 1 });
    }
    assert_eq!(client.refused("tooMuch").await, "you did not read what was sent to you");
}

#[tokio::test]
async fn what_was_said_before_a_close_arrives_before_the_close() {
    let mut node = Node::start(|_| ()).await;
    let (mut client, events) = node.join().await;
    let last = ServerMessage::Error {
        code: ErrorCode::Replaced,
        message: "you joined elsewhere".into(),
        about: None,
        fatal: true,
    };
    events.send(PeerEvent::Message(last.clone())).await.unwrap();
    events.send(PeerEvent::Close(LeaveReason::Replaced)).await.unwrap();
    assert_eq!(client.hear().await, last);
    assert_eq!(client.closed().await, (CloseCode::Policy, "replaced".into()));
}

#[tokio::test]
async fn a_silent_client_is_dead_after_the_ping_timeout_and_a_pong_keeps_it_alive() {
    let mut node = Node::start(|config| {
        config.http.ping_interval = Duration::from_millis(100);
        config.http.ping_timeout = Duration::from_millis(400);
    })
    .await;
    // Reads, so its library answers pings.
    let (mut alive, events) = node.join().await;
    let pongs = tokio::spawn(async move {
        alive.frame().await;
        alive
    });
    // Does not read, so nothing answers them.
    let (silent, _events) = node.join().await;
    let Command::Disconnect { reason, .. } = node.command().await else { panic!("a goodbye") };
    assert_eq!(reason, LeaveReason::ConnectionLost);
    assert!(!events.is_closed(), "the other one is still there");
    events.send(PeerEvent::Close(LeaveReason::Removed)).await.unwrap();
    within(pongs).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_node_with_as_many_clients_as_it_may_have_is_full() {
    let mut node = Node::start(|config| config.limits.peers = 1).await;
    let (first, _events) = node.join().await;
    let mut second = Client::connect(node.addr()).await;
    second.say(&join_with(token("team", "bob"))).await;
    assert_eq!(second.error().await.0, "full");
    assert_eq!(second.closed().await.0, CloseCode::Again);
    drop(first);
    assert!(matches!(node.command().await, Command::Disconnect { .. }), "a seat is free");
    node.join().await;
}

#[tokio::test]
async fn a_busy_media_side_refuses_joins_and_closes_clients_but_never_misses_a_goodbye() {
    let mut node = Node::start(|_| ()).await;
    let (mut client, _events) = node.join().await;
    node.media.full.store(true, Ordering::Relaxed);
    let mut late = Client::connect(node.addr()).await;
    late.say(&join_with(token("team", "bob"))).await;
    late.refused("full").await;
    client.say(&ClientMessage::Ping { id: 1 }).await;
    assert_eq!(client.refused("tooMuch").await, "the shard is busy");
    node.media.full.store(false, Ordering::Relaxed);
    let Command::Disconnect { reason, .. } = node.command().await else { panic!("a goodbye") };
    assert_eq!(reason, LeaveReason::Removed);
}

#[tokio::test]
async fn a_stop_closes_every_websocket_joined_or_not() {
    let mut node = Node::start(|_| ()).await;
    let (mut joined, _events) = node.join().await;
    let mut waiting = Client::connect(node.addr()).await;
    let Node { server, mut commands, media: _media } = node;
    let stopping = tokio::spawn(server.stop());
    assert_eq!(joined.closed().await, (CloseCode::Away, "stopping".into()));
    assert_eq!(waiting.closed().await, (CloseCode::Away, "stopping".into()));
    let command = within(commands.recv()).await;
    assert!(matches!(command, Some(Command::Disconnect { reason: LeaveReason::Removed, .. })));
    // The clients answer the close when they are read once more, and the server ends.
    joined.frame().await;
    waiting.frame().await;
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn every_source_of_a_token_reaches_the_permissions() {
    use sotto_server::token::GrantSource;
    let mut node = Node::start(|_| ()).await;
    let mut claims = Claims::participant("team", "ann", now() + 60);
    claims.video.can_publish_sources =
        Some(vec![GrantSource::Microphone, GrantSource::ScreenAudio]);
    let mut client = Client::connect(node.addr()).await;
    client.say(&join_with(Key::development().sign(&claims))).await;
    let Command::Join { join, .. } = node.command().await else { panic!("a join") };
    assert_eq!(join.permissions.sources, Some(vec![Source::Microphone, Source::ScreenAudio]));
}

#[tokio::test]
async fn a_welcome_brings_servers_with_a_password_that_is_not_for_a_name() {
    let mut node = Node::start(|config| {
        let secret = SharedSecret::new(b"north");
        let lifetime = Duration::from_secs(600);
        let urls = vec![IceUrl::new("turn:a.example").unwrap()];
        config.turn = TurnConfig { urls, access: Some(TurnAccess::Shared { secret, lifetime }) };
    })
    .await;
    let mut client = Client::connect(node.addr()).await;
    client.say(&join_with(token("team", "ann"))).await;
    let Command::Join { join, events } = node.command().await else { panic!("a join") };
    events.send(PeerEvent::Message(crate::resume::welcome(&join))).await.unwrap();
    let ServerMessage::Welcome { ice_servers, .. } = client.hear().await else { panic!() };
    assert_eq!((ice_servers.len(), &*ice_servers[0].urls[0]), (1, "turn:a.example"));
    let username = ice_servers[0].username.as_deref().unwrap();
    let (expires, name) = username.split_once(':').unwrap();
    let left = expires.parse::<u64>().unwrap() - now();
    assert!((590..=600).contains(&left), "{left}");
    assert!(!name.contains("ann"), "{name}");
    assert!(ice_servers[0].credential.is_some());
}
