//! The native client's connection and the node's transport, face to face in one process: no socket,
//! no clock but the one that the test moves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_server::shard::{
    sdp,
    transport::{
        Path, PeerTransport, SEAL_OVERHEAD, SrtpProfile, Transport, TransportEvent, dtls::Identity,
    },
};
use sotto_tests::client::{
    Answer, Link, LinkEvent, ModelMedia, Offer, Profiles, Repair, ice::Credentials, srtp::Profile,
};

/// Twenty seconds of virtual time: lost flights are sent again after one, two, four seconds.
const STEPS: usize = 4_000;
const STEP: Duration = Duration::from_millis(5);

struct Pair {
    now: Instant,
    client: Link,
    node: PeerTransport,
    path: Path,
    profile: Option<SrtpProfile>,
    received: Vec<LinkEvent>,
    messages: Vec<(String, bool, Vec<u8>)>,
    /// Datagrams on the way: to the node or not.
    dropped: usize,
    every: Option<usize>,
    count: usize,
}

impl Pair {
    fn new(profiles: Profiles, every: Option<usize>) -> Self {
        let now = Instant::now();
        let local = SocketAddr::from(([127, 0, 0, 1], 4_000));
        let remote = SocketAddr::from(([127, 0, 0, 1], 5_000));
        let credentials = Credentials::random();
        let offer = Offer {
            credentials: credentials.clone(),
            ssrcs: [1, 2, 3],
            models: ModelMedia::default(),
            audio_slots: 4,
            video_slots: 9,
            repair: Repair::ALL,
            version: 1,
        };
        let identity = Arc::new(Identity::generate().unwrap());
        let mut node = PeerTransport::new(identity);
        let parsed = sdp::parse(&offer.to_sdp()).expect("the node reads our offer");
        assert_eq!(parsed.offer.media.len(), 16);
        node.set_remote(now, parsed.remote);
        let answer = Answer {
            ufrag: node.local().ufrag,
            pwd: node.local().pwd,
            fingerprint: node.local().fingerprint,
            candidates: vec![remote],
            lite: true,
            lines: Vec::new(),
        };
        let client = Link::new(now, local, &credentials, &answer, profiles).unwrap();
        Self {
            now,
            client,
            node,
            path: Path { local: remote, remote: local },
            profile: None,
            received: Vec::new(),
            messages: Vec::new(),
            dropped: 0,
            every,
            count: 0,
        }
    }

    fn lost(&mut self) -> bool {
        self.count += 1;
        let lost = self.every.is_some_and(|every| self.count.is_multiple_of(every));
        self.dropped += usize::from(lost);
        lost
    }

    fn step(&mut self) {
        self.now += STEP;
        self.client.handle_timeout(self.now);
        self.node.handle_timeout(self.now);
        while let Some(datagram) = self.client.poll_transmit() {
            if self.lost() {
                continue;
            }
            let result = match datagram[0] {
                0..=3 => self.node.handle_stun(self.now, self.path, &datagram),
                _ => self.node.handle_dtls(self.now, self.path, &datagram),
            };
            result.expect("the node understands the client");
        }
        while let Some(datagram) = self.node.poll_transmit() {
            if !self.lost() {
                self.client.handle(self.now, &datagram.payload);
            }
        }
        while let Some(event) = self.node.poll_event() {
            match event {
                TransportEvent::Connected { profile } => self.profile = Some(profile),
                TransportEvent::Data { label, text, payload } => {
                    self.messages.push((label, text, payload));
                }
                TransportEvent::Closed(cause) => panic!("closed: {cause:?}"),
                _ => {}
            }
        }
        while let Some(event) = self.client.poll_event() {
            assert!(!matches!(event, LinkEvent::Failed(_)), "{event:?}");
            self.received.push(event);
        }
    }

    fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let met = (0..STEPS).any(|_| {
            self.step();
            condition(self)
        });
        assert!(met, "{what}; the client saw {:?}", self.received);
    }

    fn connect(&mut self) -> Profile {
        self.until("both sides are connected", |pair| {
            let connected = |event: &LinkEvent| matches!(event, LinkEvent::Connected(_));
            pair.profile.is_some() && pair.received.iter().any(connected)
        });
        let profile = self.received.iter().find_map(|event| match event {
            LinkEvent::Connected(profile) => Some(*profile),
            _ => None,
        });
        profile.unwrap()
    }

    fn exchange_media(&mut self) {
        let rtp = [&[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9][..], &[7; 100]].concat();
        let mut sealed = self.client.seal_rtp(&rtp).unwrap();
        let len = self.node.open_rtp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], rtp);
        assert!(self.node.open_rtp(&mut self.client.seal_rtp(&rtp).unwrap()).is_err(), "a replay");

        let mut buffer = rtp.clone();
        buffer.resize(rtp.len() + SEAL_OVERHEAD, 0);
        let len = self.node.seal_rtp(&mut buffer, rtp.len()).unwrap();
        self.client.handle(self.now, &buffer[..len]);
        assert!(matches!(self.client.poll_event(), Some(LinkEvent::Rtp(packet)) if packet == rtp));

        let rtcp = [0x80, 201, 0, 1, 0, 0, 0, 9];
        let mut sealed = self.client.seal_rtcp(&rtcp).unwrap();
        let len = self.node.open_rtcp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], rtcp);
        let mut buffer = rtcp.to_vec();
        buffer.resize(rtcp.len() + SEAL_OVERHEAD, 0);
        let len = self.node.seal_rtcp(&mut buffer, rtcp.len()).unwrap();
        self.client.handle(self.now, &buffer[..len]);
        assert!(matches!(self.client.poll_event(), Some(LinkEvent::Rtcp(p)) if p[..] == rtcp));
    }
}

#[test]
fn gcm_is_taken_although_the_client_prefers_cm() {
    let mut pair = Pair::new(Profiles::GcmAndCm, None);
    assert_eq!(pair.connect(), Profile::Gcm);
    assert_eq!(pair.profile, Some(SrtpProfile::AeadAes128Gcm));
    pair.exchange_media();
}

#[test]
fn a_client_without_gcm_gets_cm() {
    let mut pair = Pair::new(Profiles::CmOnly, None);
    assert_eq!(pair.connect(), Profile::Cm);
    assert_eq!(pair.profile, Some(SrtpProfile::Aes128CmHmacSha1_80));
    pair.exchange_media();
}

#[test]
fn the_connection_comes_up_when_every_third_datagram_is_lost() {
    let mut pair = Pair::new(Profiles::GcmAndCm, Some(3));
    pair.connect();
    assert!(pair.dropped > 0);
}
