//! Hostile datagrams: dropped and counted, never amplified, and nobody else notices.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use sotto_core::{PacketError, media::Kind, rtp::ParseError};
use sotto_server::shard::{DropReason, transport::TransportError};
use sotto_tests::{
    client::{
        Participant,
        ice::{Checker, Credentials},
    },
    node::Node,
};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::{check_clean, connected, frames, speaker};

const DATAGRAMS: usize = 3_000;

struct Scene {
    node: Node,
    seen: Participant,
    watcher: Participant,
    media: SocketAddr,
    random: SmallRng,
}

impl Scene {
    async fn new() -> Self {
        let node = Node::start().await;
        let seen = connected(speaker(&node, "lounge", "seen")).await;
        let mut watcher = connected(node.options("lounge", "watcher")).await;
        let id = seen.short_id();
        watcher.until("a picture", |report| frames(report, id, Kind::Video) > 3).await.unwrap();
        let media = seen.look(|report| report.remote).unwrap();
        Self { node, seen, watcher, media, random: SmallRng::seed_from_u64(7) }
    }

    /// A datagram of random length and content behind that first byte.
    fn junk(&mut self, first: u8) -> Vec<u8> {
        let len = self.random.random_range(1..1_400);
        let mut datagram = vec![0; len];
        self.random.fill(&mut datagram[..]);
        datagram[0] = first;
        datagram
    }

    /// Every kind of junk was counted as what it is.
    async fn counted(&self, reasons: &[DropReason]) {
        let stats = self.node.stats().await;
        for reason in reasons {
            assert!(stats.counters.drops_of(*reason) > 0, "{reason:?}: {:?}", stats.counters);
        }
        assert!(stats.slab_in_use < 100, "junk is kept: {stats:?}");
    }

    async fn unharmed(&mut self) {
        let id = self.seen.short_id();
        let before = frames(&self.watcher.report(), id, Kind::Video);
        let report = self
            .watcher
            .until("the picture goes on", |report| frames(report, id, Kind::Video) > before + 10)
            .await
            .unwrap();
        check_clean(&report);
        // The node still lets people in, on the very socket that was shot at.
        let guest = connected(self.node.options("lounge", "guest")).await;
        guest.leave().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_from_nowhere_are_dropped_without_an_answer() {
    let mut scene = Scene::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // STUN, DTLS, TURN channel data, RTP, RTCP, and what is none of them (RFC 7983).
    let firsts = [0, 1, 3, 19, 20, 22, 23, 63, 64, 79, 127, 128, 144, 191, 192, 255];
    for i in 0..DATAGRAMS {
        let datagram = scene.junk(firsts[i % firsts.len()]);
        // The receiver's buffer may be full: that is part of the game.
        if socket.send_to(&datagram, scene.media).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    scene.unharmed().await;
    scene
        .counted(&[DropReason::Unclassified, DropReason::UnknownPath, DropReason::UnknownUser])
        .await;
    let mut buffer = [0; 2_048];
    let answer = timeout(Duration::from_millis(200), socket.recv_from(&mut buffer)).await;
    assert!(answer.is_err(), "somebody unknown was answered: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_well_formed_checks_for_nobody_is_limited_and_not_answered() {
    let mut scene = Scene::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let now = Instant::now();
    for _ in 0..DATAGRAMS {
        let mut checker = Checker::new(now, &Credentials::random(), &Credentials::random());
        socket.send_to(&checker.poll(now).unwrap(), scene.media).await.unwrap();
    }
    scene.unharmed().await;
    scene.counted(&[DropReason::UnknownUser, DropReason::TooManyChecks]).await;
    let mut buffer = [0; 2_048];
    let answer = timeout(Duration::from_millis(200), socket.recv_from(&mut buffer)).await;
    assert!(answer.is_err(), "a check for nobody was answered: {answer:?}");
}

/// A ClientHello in the form that browsers send it, from an address that no check of ICE vouched
/// for: an answer would be thousands of bytes to whomever the sender names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_from_an_unvalidated_address_is_not_answered() {
    let mut scene = Scene::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut hello = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 56];
    hello.extend([1, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 44]);
    hello.extend([0xfe, 0xfd]);
    hello.extend([7; 32]);
    hello.extend([0, 0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    for _ in 0..200 {
        socket.send_to(&hello, scene.media).await.unwrap();
    }
    scene.unharmed().await;
    scene.counted(&[DropReason::UnknownPath]).await;
    let mut buffer = [0; 2_048];
    let answer = timeout(Duration::from_millis(200), socket.recv_from(&mut buffer)).await;
    assert!(answer.is_err(), "a handshake began: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_on_a_live_connection_is_dropped() {
    let mut scene = Scene::new().await;
    let eve = connected(speaker(&scene.node, "lounge", "eve")).await;
    for i in 0..DATAGRAMS {
        match i % 6 {
            // Sealed with the right key, and junk inside.
            0 => {
                let packet = scene.junk(0x90);
                eve.send_rtp(packet).await;
            }
            1 => {
                let mut packet = scene.junk(0x81);
                packet.resize(packet.len().max(12).next_multiple_of(4), 0);
                packet[1] = [200, 201, 202, 203, 204, 205, 206, 207][i / 6 % 8];
                eve.send_rtcp(packet).await;
            }
            2 => {
                let record = scene.junk((i % 256) as u8);
                eve.send_record(record).await;
            }
            // Not even that.
            3 => {
                let datagram = scene.junk(0x80);
                eve.send_datagram(datagram).await;
            }
            4 => {
                let datagram = scene.junk(0x16 + (i / 6 % 4) as u8);
                eve.send_datagram(datagram).await;
            }
            _ => {
                let datagram = scene.junk((i / 6 % 4) as u8);
                eve.send_datagram(datagram).await;
            }
        }
    }
    scene.unharmed().await;
    scene
        .counted(&[
            DropReason::Rtcp,
            DropReason::Transport(TransportError::Unauthenticated),
            DropReason::Transport(TransportError::Malformed),
        ])
        .await;
}

/// Well-formed packets that break a rule each: foreign sources, payload types that were not
/// negotiated, extensions that run past the end, empty payloads, one frame that never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_that_break_the_rules_are_dropped() {
    let mut scene = Scene::new().await;
    let eve = connected(speaker(&scene.node, "lounge", "eve")).await;
    let victim = scene.watcher.look(|report| report.slots.iter().find_map(|slot| slot.ssrc));
    for i in 0..1_000_u32 {
        let mut packet = vec![0x80, 96, (i >> 8) as u8, i as u8];
        packet.extend(i.wrapping_mul(3_000).to_be_bytes());
        let ssrc = match i % 4 {
            0 => victim.unwrap(),
            1 => i,
            _ => 0xdead_beef,
        };
        packet.extend(ssrc.to_be_bytes());
        match i % 5 {
            0 => packet[1] = (i % 128) as u8,
            1 => {
                packet[0] = 0x90;
                packet.extend([0xbe, 0xde, 0xff, 0xff]);
            }
            2 => packet[0] = 0x8f,
            3 => {
                packet[0] = 0xa0;
                packet.push(255);
            }
            // Claims to be of an m-line of ours, and of VP8, and goes on for ever.
            _ => {
                packet[0] = 0x90;
                packet.extend([0xbe, 0xde, 0, 1, 0x40, b'1', 0, 0]);
                packet.extend([0x80, 0x80, 0xff, 0xff, 1]);
                packet.resize(1_200, 7);
            }
        }
        eve.send_rtp(packet).await;
    }
    scene.unharmed().await;
    scene
        .counted(&[
            DropReason::Packet(PacketError::Malformed(ParseError::Padding)),
            DropReason::Packet(PacketError::UnknownSource),
        ])
        .await;
}
