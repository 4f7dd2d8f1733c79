use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use sotto_core::{
    id::{ParticipantId, PeerId},
    input::Join,
    signal::{
        ClientMessage, ErrorCode, LeaveReason, ModelLines, Permissions, ServerMessage, Source,
    },
};
use sotto_server::shard::{
    Command, DropReason, PeerEvent, Shard, ShardAddresses, ShardConfig, ShardEnd, Undelivered,
    socket::Batching, transport::TransportError,
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    media::opus_packet,
    support::{CAMERA, KeyedTransport, MIC, Offering, Rig, offer},
};

fn join(number: u64) -> Join {
    Join {
        peer: PeerId(number),
        participant: ParticipantId(Uuid::from_u128(number.into())),
        room: "room".into(),
        identity: format!("identity-{number}"),
        name: "name".into(),
        permissions: Permissions {
            publish: true,
            sources: None,
            model_consent: None,
            subscribe: true,
            data: true,
            admin: false,
            hidden: false,
        },
        model_key: None,
        resumption: None,
    }
}

fn config() -> ShardConfig {
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ShardConfig::at(ShardAddresses { bind, advertised: vec![bind] })
}

#[test]
fn what_strangers_send_is_counted_and_goes_nowhere() {
    let mut rig = Rig::new(Batching::Segments);
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let send = |bytes: &[u8]| stranger.send_to(bytes, rig.address).unwrap();
    send(&[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    send(&[0x80, 200, 0, 1, 0, 0, 0, 0]);
    send(&[22, 254, 253, 0, 0]);
    send(&[99, 1, 2, 3]);
    send(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    send(&[2]);
    send(&[]);
    rig.turn();
    let counters = rig.stats().counters;
    assert_eq!(counters.drops_of(DropReason::UnknownPath), 3);
    assert_eq!(counters.drops_of(DropReason::Unclassified), 1);
    assert_eq!(counters.drops_of(DropReason::UnknownUser), 2);
    assert_eq!(counters.sent.packets, 0, "nothing is answered");
}

#[test]
fn a_flood_of_checks_from_one_address_is_cut() {
    let mut rig = Rig::new(Batching::Segments);
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..40 {
        for _ in 0..100 {
            stranger.send_to(&[0, 1, 0, 0], rig.address).unwrap();
        }
        rig.turn();
        rig.turn();
        rig.turn();
        rig.turn();
    }
    let counters = rig.stats().counters;
    let (cut, looked_at) =
        (counters.drops_of(DropReason::TooManyChecks), counters.drops_of(DropReason::UnknownUser));
    assert!(cut > 500, "{cut} cut");
    assert!((2_000..3_500).contains(&looked_at), "{looked_at} looked at");
}

#[test]
fn forged_and_repeated_media_does_not_reach_anybody() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    let mut listener = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    let mut sealed = opus_packet(1, b"voice");
    let len = sealed.len();
    sealed.resize(len + 20, 0);
    let len = speaker.sealer.seal_rtp(&mut sealed, len).unwrap();
    sealed.truncate(len);
    for _ in 0..3 {
        speaker.socket.send_to(&sealed, speaker.node).unwrap();
    }
    sealed[20] ^= 1;
    sealed[3] = 2;
    speaker.socket.send_to(&sealed, speaker.node).unwrap();
    rig.turn();
    assert_eq!(&listener.receive_rtp()[16..], b"voice");
    let counters = rig.stats().counters;
    assert_eq!(counters.forwarded, 1);
    assert_eq!(counters.drops_of(DropReason::Transport(TransportError::Replayed)), 2);
    assert_eq!(counters.drops_of(DropReason::Transport(TransportError::Unauthenticated)), 1);
}

#[test]
fn a_client_that_does_not_read_its_events_is_dropped() {
    let mut rig = Rig::new(Batching::Segments);
    let (sender, mut events) = mpsc::channel(4);
    rig.handle.try_send(Command::Join { join: join(1), events: sender }).unwrap();
    for id in 0..20 {
        let message = ClientMessage::Ping { id };
        rig.handle.try_send(Command::Message { peer: PeerId(1), message }).unwrap();
    }
    rig.turn();
    let stats = rig.stats();
    assert_eq!((stats.counters.slow_readers, stats.peers.len()), (1, 0));
    while events.try_recv().is_ok() {}
    assert_eq!(events.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
}

#[test]
fn a_full_shard_says_so() {
    let mut rig = Rig::with(ShardConfig { max_peers: 1, ..config() });
    rig.client("room", 1, 1);
    let (sender, mut events) = mpsc::channel(4);
    rig.handle.try_send(Command::Join { join: join(77), events: sender }).unwrap();
    rig.turn();
    let Ok(PeerEvent::Message(ServerMessage::Error { code, fatal: true, .. })) = events.try_recv()
    else {
        panic!("no refusal")
    };
    assert_eq!(code, ErrorCode::Full);
    assert_eq!(events.try_recv(), Ok(PeerEvent::Close(LeaveReason::Removed)));
    assert_eq!(events.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
}

#[test]
fn an_offer_that_cannot_be_read_is_refused_and_the_client_stays() {
    let mut rig = Rig::new(Batching::Segments);
    let mut client = rig.client("room", 1, 1);
    let sdp = "v=0\r\n".repeat(10_000);
    rig.handle
        .try_send(Command::Offer { peer: client.peer, id: 2, sdp, models: ModelLines::default() })
        .unwrap();
    let code = rig.until(|| match client.events.try_recv() {
        Ok(PeerEvent::Message(ServerMessage::Error { code, fatal: false, .. })) => Some(code),
        _ => None,
    });
    assert_eq!(code, ErrorCode::BadOffer);
    assert_eq!(rig.stats().peers.len(), 1);
}

#[test]
fn a_full_command_queue_refuses_the_newest() {
    let rig = Rig::with(ShardConfig { command_queue: 2, ..config() });
    let message = || Command::Message { peer: PeerId(1), message: ClientMessage::Leave };
    assert_eq!(rig.handle.try_send(message()), Ok(()));
    assert_eq!(rig.handle.try_send(message()), Ok(()));
    assert_eq!(rig.handle.try_send(message()), Err(Undelivered::Full));
    let handle = rig.handle.clone();
    drop(rig);
    assert_eq!(handle.try_send(message()), Err(Undelivered::Stopped));
}

#[test]
fn nothing_remains_of_clients_that_left() {
    let mut rig = Rig::new(Batching::Segments);
    let clients: Vec<_> = (0..5).map(|_| rig.client("room", 2, 2)).collect();
    for client in &clients {
        client.publish(&mut rig, "cam", Source::Camera);
    }
    for mut client in clients {
        client.send_rtp(&crate::support::vp8_packet(0, 900));
        rig.turn();
        let reason = LeaveReason::ConnectionLost;
        rig.handle.try_send(Command::Disconnect { peer: client.peer, reason }).unwrap();
        rig.turn();
    }
    let stats = rig.stats();
    assert_eq!((stats.peers.len(), stats.slab_in_use), (0, 0));
    assert_eq!(rig.handle.peers(), 0);
}

#[test]
fn a_stopped_shard_closes_its_clients_and_says_how_it_ended() {
    let make = |_| KeyedTransport::new(1, true);
    let shard = Shard::start(config(), Box::new(make), None).unwrap();
    assert_ne!(shard.addresses.bind.port(), 0);
    assert_eq!(shard.addresses.advertised, [shard.addresses.bind]);
    let (sender, mut events) = mpsc::channel(64);
    shard.handle.try_send(Command::Join { join: join(1), events: sender }).unwrap();
    let (reply, answer) = oneshot::channel();
    shard.handle.try_send(Command::Stats { reply }).unwrap();
    assert_eq!(answer.blocking_recv().unwrap().peers.len(), 1);
    shard.handle.try_send(Command::Stop).unwrap();
    let last = std::iter::from_fn(|| events.blocking_recv()).last();
    assert_eq!(last, Some(PeerEvent::Close(LeaveReason::Removed)));
    let ended = shard.ended.blocking_recv();
    assert_eq!(ended, Ok(ShardEnd::Stopped));
    shard.thread.join().unwrap();
}

#[test]
fn a_panic_costs_the_shard_its_peers_but_is_not_silent() {
    let make = |_| -> KeyedTransport { panic!("a fault for the test") };
    let shard = Shard::start(config(), Box::new(make), None).unwrap();
    let (sender, mut events) = mpsc::channel(64);
    shard.handle.try_send(Command::Join { join: join(1), events: sender }).unwrap();
    let sdp = crate::support::offer(Offering::default(), "abcd", 1, 1);
    shard
        .handle
        .try_send(Command::Offer { peer: PeerId(1), id: 1, sdp, models: ModelLines::default() })
        .unwrap();
    assert_eq!(shard.ended.blocking_recv(), Ok(ShardEnd::Panicked));
    while let Some(event) = events.blocking_recv() {
        assert!(!matches!(event, PeerEvent::Message(ServerMessage::Answer { .. })));
    }
    shard.thread.join().unwrap();
}

#[test]
fn an_offer_that_is_refused_leaves_the_connection_as_it_was() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    let mut listener = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    // Another transport, but one source on two m-lines.
    let sdp = offer(Offering::default(), "restarted", 1, 1)
        .replace(&CAMERA.to_string(), &MIC.to_string());
    rig.handle
        .try_send(Command::Offer { peer: listener.peer, id: 2, sdp, models: ModelLines::default() })
        .unwrap();
    let events = &mut listener.events;
    let refused = rig.until(|| match events.try_recv() {
        Ok(PeerEvent::Message(ServerMessage::Error { code, .. })) => Some(code),
        _ => None,
    });
    assert_eq!(refused, ErrorCode::BadOffer);
    speaker.send_rtp(&opus_packet(0, b"voice"));
    rig.turn();
    assert!(listener.receive_rtp().ends_with(b"voice"));
}
