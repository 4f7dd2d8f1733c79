//! Sessions that go on behind a websocket that broke.

use std::time::Duration;

use crate::support::{Client, Node, token};
use sotto_core::{
    id::ParticipantId,
    input::Join,
    signal::{
        AccessKey, ClientMessage, JoinResumption, LeaveReason, Participant, Resumption,
        ServerMessage, SlotLimits,
    },
};
use sotto_server::shard::{Command, PeerEvent};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Somebody who joined and can come back.
struct Session {
    client: Client,
    join: Join,
    events: mpsc::Sender<PeerEvent>,
    resumption: Resumption,
}

fn join_again(identity: &str, token_before: Option<AccessKey>) -> ClientMessage {
    ClientMessage::Join {
        version: 1,
        token: token("team", identity),
        name: None,
        resumption: Some(JoinResumption { token: token_before }),
    }
}

async fn joined(node: &mut Node, identity: &str, before: Option<AccessKey>) -> Session {
    let mut client = Client::connect(node.addr()).await;
    client.say(&join_again(identity, before)).await;
    let Command::Join { join, events } = node.command().await else { panic!("a join") };
    let resumption = join.resumption.clone().expect("the client said that it can come back");
    // As the media side does: the welcome is the first thing that one hears.
    events.send(PeerEvent::Message(welcome(&join))).await.unwrap();
    let ServerMessage::Welcome { resumption: told, .. } = client.hear().await else { panic!() };
    assert_eq!(told.as_deref(), Some(&resumption));
    Session { client, join, events, resumption }
}

pub(crate) fn welcome(join: &Join) -> ServerMessage {
    let participant = Participant {
        id: join.participant,
        short_id: sotto_core::id::ShortId(1),
        identity: join.identity.clone(),
        name: join.name.clone(),
        tracks: Vec::new(),
    };
    ServerMessage::Welcome {
        version: 1,
        room: join.room.clone(),
        participant,
        permissions: Box::new(join.permissions.clone()),
        participants: Vec::new(),
        limits: SlotLimits { audio: 1, video: 1 },
        models: None,
        resumption: join.resumption.clone().map(Box::new),
        ice_servers: Box::default(),
    }
}

async fn resume(node: &Node, token: &AccessKey, received: u64) -> Client {
    let mut client = Client::connect(node.addr()).await;
    client.say(&ClientMessage::Resume { version: 1, token: token.clone(), received }).await;
    client
}

async fn say(session: &Session, id: u32) {
    session.events.send(PeerEvent::Message(ServerMessage::Pong { id })).await.unwrap();
}

async fn message(node: &mut Node) -> (sotto_core::id::PeerId, ClientMessage) {
    match node.command().await {
        Command::Message { peer, message } => (peer, message),
        other => panic!("a message is expected, found {other:?}"),
    }
}

#[tokio::test]
async fn a_session_goes_on_over_another_websocket_and_nothing_is_lost_on_either_way() {
    let mut node = Node::start(|_| ()).await;
    let mut session = joined(&mut node, "ann", None).await;
    session.client.say(&ClientMessage::Ping { id: 1 }).await;
    assert_eq!(message(&mut node).await, (session.join.peer, ClientMessage::Ping { id: 1 }));
    say(&session, 1).await;
    assert_eq!(session.client.hear().await, ServerMessage::Pong { id: 1 });
    // Told, and never read by the client: its connection broke.
    say(&session, 2).await;
    let Session { client, ref join, ref resumption, .. } = session;
    drop(client);
    let gone = session.events.clone();
    gone.send(PeerEvent::Message(ServerMessage::Pong { id: 3 })).await.unwrap();

    let mut back = resume(&node, &resumption.token, 2).await;
    assert_eq!(back.hear().await, ServerMessage::Resumed { received: 2 });
    for id in [2, 3] {
        assert_eq!(back.hear().await, ServerMessage::Pong { id });
    }
    gone.send(PeerEvent::Message(ServerMessage::Pong { id: 4 })).await.unwrap();
    assert_eq!(back.hear().await, ServerMessage::Pong { id: 4 });
    back.say(&ClientMessage::Ping { id: 5 }).await;
    assert_eq!(message(&mut node).await, (join.peer, ClientMessage::Ping { id: 5 }));

    // And once more.
    drop(back);
    let mut back = resume(&node, &resumption.token, 5).await;
    assert_eq!(back.hear().await, ServerMessage::Resumed { received: 3 });
    back.say(&ClientMessage::Leave).await;
    let Command::Disconnect { peer, reason } = node.command().await else { panic!("a goodbye") };
    assert_eq!((peer, reason), (join.peer, LeaveReason::Left));
}

#[tokio::test]
async fn a_client_that_finds_its_websocket_broken_first_moves_at_once() {
    let mut node = Node::start(|_| ()).await;
    let session = joined(&mut node, "ann", None).await;
    let mut back = resume(&node, &session.resumption.token, 1).await;
    assert_eq!(back.hear().await, ServerMessage::Resumed { received: 1 });
    say(&session, 7).await;
    assert_eq!(back.hear().await, ServerMessage::Pong { id: 7 });
    // The node let go of the first one.
    let Session { mut client, .. } = session;
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn who_does_not_come_back_in_time_is_lost_and_so_is_the_session() {
    let mut node =
        Node::start(|config| config.http.resume_window = Duration::from_millis(200)).await;
    let session = joined(&mut node, "ann", None).await;
    drop(session.client);
    let Command::Disconnect { peer, reason } = node.command().await else { panic!("a goodbye") };
    assert_eq!((peer, reason), (session.join.peer, LeaveReason::ConnectionLost));
    let mut late = resume(&node, &session.resumption.token, 1).await;
    let refused = late.refused("notFound").await;
    assert_eq!(refused, "there is no such session any more: join anew");
}

#[tokio::test]
async fn a_page_that_closes_is_not_waited_for_and_one_that_gives_a_websocket_up_is() {
    let mut node = Node::start(|_| ()).await;
    for (code, waited) in [(1000, false), (1001, false), (4000, true)] {
        let mut session = joined(&mut node, "ann", None).await;
        let code = CloseCode::from(code);
        session.client.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
        if waited {
            let mut back = resume(&node, &session.resumption.token, 1).await;
            assert_eq!(back.hear().await, ServerMessage::Resumed { received: 1 });
        } else {
            let goodbye = node.command().await;
            assert!(matches!(goodbye, Command::Disconnect { .. }), "{goodbye:?}");
        }
    }
}

#[tokio::test]
async fn only_its_own_token_resumes_a_session() {
    let mut node = Node::start(|_| ()).await;
    let ann = joined(&mut node, "ann", None).await;
    let ben = joined(&mut node, "ben", None).await;
    let mixed = format!("{}{}", &ann.resumption.token.0[..21], &ben.resumption.token.0[21..]);
    for token in ["".into(), "x".repeat(64), mixed] {
        let mut stranger = resume(&node, &AccessKey(token), 1).await;
        stranger.refused("notFound").await;
    }
    say(&ann, 1).await;
    let Session { mut client, .. } = ann;
    assert_eq!(client.hear().await, ServerMessage::Pong { id: 1 });
}

#[tokio::test]
async fn a_client_that_missed_more_than_is_kept_joins_anew_as_the_same_participant() {
    let mut node = Node::start(|_| ()).await;
    let session = joined(&mut node, "ann", None).await;
    let large = ServerMessage::Answer { id: 1, sdp: "x".repeat(200 * 1024) };
    drop(session.client);
    for _ in 0..3 {
        session.events.send(PeerEvent::Message(large.clone())).await.unwrap();
    }
    // Until the node has taken them all.
    while session.events.capacity() < session.events.max_capacity() {
        tokio::task::yield_now().await;
    }
    let mut back = resume(&node, &session.resumption.token, 1).await;
    assert_eq!(back.refused("notFound").await, "more was missed than is kept: join anew");
    let Command::Disconnect { .. } = node.command().await else { panic!("the session ends") };
    let again = joined(&mut node, "ann", Some(session.resumption.token)).await;
    assert_eq!(again.join.participant, session.join.participant);
    assert_ne!(again.join.peer, session.join.peer);
}

#[tokio::test]
async fn a_participant_is_the_same_behind_a_restart_of_the_node_and_nobody_elses() {
    let mut before = Node::start(|_| ()).await;
    let session = joined(&mut before, "ann", None).await;
    let token = session.resumption.token.clone();
    before.server.stop().await;

    let mut after = Node::start(|_| ()).await;
    let mut early = resume(&after, &token, 1).await;
    early.refused("notFound").await;
    let ann = joined(&mut after, "ann", Some(token.clone())).await;
    assert_eq!(ann.join.participant, session.join.participant);
    assert_ne!(
        ann.resumption.node, session.resumption.node,
        "the client sees that it was restarted"
    );
    let eve = joined(&mut after, "eve", Some(token)).await;
    assert_ne!(eve.join.participant, session.join.participant);
}

#[tokio::test]
async fn a_node_that_waits_for_nobody_says_so() {
    let mut node = Node::start(|config| config.http.resume_window = Duration::ZERO).await;
    let mut client = Client::connect(node.addr()).await;
    client.say(&join_again("ann", None)).await;
    let Command::Join { join, events: _events } = node.command().await else { panic!("a join") };
    assert_eq!(join.resumption, None);
    assert_ne!(join.participant, ParticipantId(uuid::Uuid::nil()));
    drop(client);
    assert!(matches!(node.command().await, Command::Disconnect { .. }));
}
