//! A client and the node's transport on one seeded link, in virtual time.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    CloseCause, Path, PeerTransport, RemoteParameters, SEAL_OVERHEAD, SrtpProfile, Transport,
    TransportError, TransportEvent,
    dtls::{
        Identity,
        tests::{CM, Client, GCM},
    },
    guard,
    srtp::{Opener, Sealer},
};
use crate::shard::demux::{Demux, PeerIndex};

/// One way of the link.
const DELAY: Duration = Duration::from_millis(10);

/// What happens to the nth datagram of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrive,
    Drop,
    /// Arrives after what was sent in the next 15 ms.
    Late,
    Twice,
    /// Arrives with a few bytes changed, by this seed.
    Mangled(u32),
}

struct Pair {
    now: Instant,
    client: Client,
    server: PeerTransport,
    /// Keyed by arrival and a counter; true: towards the server.
    wire: BTreeMap<(Instant, u32), (bool, Vec<u8>)>,
    sent: [u32; 2],
    events: Vec<TransportEvent>,
}

fn path(port: u16) -> Path {
    Path {
        local: SocketAddr::from(([127, 0, 0, 1], 5_000)),
        remote: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

/// A check with the right password.
fn check(server: &PeerTransport, remote_ufrag: &str, nominates: bool) -> Vec<u8> {
    use rtc_stun::{
        attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME},
        fingerprint::FINGERPRINT,
        integrity::MessageIntegrity,
        message::{BINDING_REQUEST, Message, Setter as _, TransactionId},
        textattrs::TextAttribute,
    };
    let provider = rtc_crypto::providers::RingProvider::new();
    let crypto = rtc_crypto::RTCCryptoProvider::crypto(&provider);
    let local = server.local();
    let user = format!("{}:{remote_ufrag}", local.ufrag);
    let mut message = Message::new();
    BINDING_REQUEST.add_to(&mut message).unwrap();
    TransactionId([7; 12]).add_to(&mut message).unwrap();
    message.write_header();
    TextAttribute::new(ATTR_USERNAME, user).add_to(&mut message).unwrap();
    if nominates {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    let integrity = MessageIntegrity::new_raw_integrity_with_provider(local.pwd, crypto);
    integrity.add_to(&mut message).unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

impl Pair {
    fn new(profiles: &[rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile]) -> Self {
        Self::with_mtu(profiles, 1_200)
    }

    fn with_mtu(
        profiles: &[rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile],
        mtu: usize,
    ) -> Self {
        let now = Instant::now();
        let client = Client::start(now, profiles, mtu);
        let fingerprint = client.fingerprint();
        Self::assemble(now, client, fingerprint)
    }

    fn assemble(now: Instant, client: Client, fingerprint: [u8; 32]) -> Self {
        let mut server = PeerTransport::new(Arc::new(Identity::generate().unwrap()));
        let remote = RemoteParameters {
            ufrag: "them".into(),
            pwd: "their password, never used".into(),
            fingerprint,
            sctp: Some((5_000, 262_144)),
        };
        server.set_remote(now, remote);
        let mut pair =
            Self { now, client, server, wire: BTreeMap::new(), sent: [0; 2], events: Vec::new() };
        pair.check();
        pair
    }

    fn check(&mut self) {
        let check = check(&self.server, "them", true);
        self.server.handle_stun(self.now, path(1), &check).unwrap();
        while self.server.poll_transmit().is_some() {}
    }

    /// Runs until nothing is under way and no timer is due before `limit`.
    fn run(&mut self, limit: Duration, fate: impl Fn(bool, u32) -> Fate) {
        let end = self.now + limit;
        loop {
            while let Some(payload) = self.client.poll_transmit() {
                self.put(true, payload, &fate);
            }
            while let Some(datagram) = self.server.poll_transmit() {
                self.put(false, datagram.payload, &fate);
            }
            self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timers = [arrival, self.client.poll_timeout(), self.server.poll_timeout()];
            let Some(next) = timers.into_iter().flatten().min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if arrival.is_some_and(|arrival| arrival <= self.now) {
                let (_, (to_server, payload)) = self.wire.pop_first().unwrap();
                if to_server {
                    // Errors are what a test looks at through events.
                    let _ = self.server.handle_dtls(self.now, path(1), &payload);
                } else {
                    self.client.handle(self.now, &payload);
                }
            }
            if self.client.poll_timeout().is_some_and(|due| due <= self.now) {
                self.client.handle_timeout(self.now);
            }
            if self.server.poll_timeout().is_some_and(|due| due <= self.now) {
                self.server.handle_timeout(self.now);
            }
        }
    }

    fn put(&mut self, to_server: bool, mut payload: Vec<u8>, fate: &impl Fn(bool, u32) -> Fate) {
        let number = self.sent[usize::from(to_server)];
        self.sent[usize::from(to_server)] += 1;
        let copies: &[u32] = match fate(to_server, number) {
            Fate::Arrive => &[1],
            Fate::Mangled(seed) => {
                let mut state = seed.wrapping_mul(0x9E37_79B1) | 1;
                for _ in 0..1 + seed % 4 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = (state >> 8) as usize % payload.len();
                    payload[at] = (state >> 24) as u8;
                }
                &[1]
            }
            Fate::Drop => &[],
            Fate::Late => &[3],
            Fate::Twice => &[1, 2],
        };
        for copy in copies {
            let order = self.sent[0] + self.sent[1];
            let at = self.now + DELAY * *copy;
            self.wire.insert((at, order * 4 + copy), (to_server, payload.clone()));
        }
    }

    fn connected(&self) -> Option<SrtpProfile> {
        self.events.iter().find_map(|event| match event {
            TransportEvent::Connected { profile } if self.client.connected => Some(*profile),
            _ => None,
        })
    }
}

fn arrive(_: bool, _: u32) -> Fate {
    Fate::Arrive
}

#[test]
fn a_client_connects_within_three_round_trips_and_gets_gcm_wherever_it_puts_it() {
    for (offer, profile) in [
        (&[CM, GCM][..], SrtpProfile::AeadAes128Gcm),
        (&[GCM, CM][..], SrtpProfile::AeadAes128Gcm),
        (&[GCM][..], SrtpProfile::AeadAes128Gcm),
        (&[CM][..], SrtpProfile::Aes128CmHmacSha1_80),
    ] {
        let mut pair = Pair::new(offer);
        pair.run(DELAY * 6, arrive);
        assert_eq!(pair.connected(), Some(profile), "{offer:?}");
        assert_eq!(pair.sent, [3, 3], "every flight fits one datagram");
    }
}

#[test]
fn media_flows_both_ways_with_the_exported_keys() {
    for offer in [GCM, CM] {
        let mut pair = Pair::new(&[offer]);
        pair.run(DELAY * 6, arrive);
        let profile = pair.connected().unwrap();
        let keys = pair.client.keys(profile);
        let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3];
        let len = packet.len();
        packet.resize(len + SEAL_OVERHEAD, 0);
        let plain = packet.clone();
        let sealed = Sealer::new(profile, &keys.client).seal_rtp(&mut packet, len).unwrap();
        assert_eq!(pair.server.open_rtp(&mut packet[..sealed]), Ok(len));
        assert_eq!(packet[..len], plain[..len]);
        let sealed = pair.server.seal_rtp(&mut packet, len).unwrap();
        assert_eq!(Opener::new(profile, &keys.server).open_rtp(&mut packet[..sealed]), Ok(len));
        assert_eq!(packet[..len], plain[..len]);
    }
}

#[test]
fn any_two_datagrams_may_be_lost() {
    for first in 0..8 {
        for second in first..8 {
            let lost = |to_server: bool, number: u32| {
                let index = number * 2 + u32::from(!to_server);
                if index == first || index == second { Fate::Drop } else { Fate::Arrive }
            };
            let mut pair = Pair::new(&[CM, GCM]);
            pair.run(Duration::from_secs(10), lost);
            assert!(pair.connected().is_some(), "lost {first} and {second}");
        }
    }
}

#[test]
fn a_fragmented_handshake_survives_loss_reordering_and_repetition_of_any_datagram() {
    for fate in [Fate::Drop, Fate::Late, Fate::Twice] {
        for target in 0..20 {
            let mut pair = Pair::with_mtu(&[CM, GCM], 150);
            pair.run(Duration::from_secs(20), |to_server, number| {
                if to_server && number == target { fate } else { Fate::Arrive }
            });
            assert!(pair.connected().is_some(), "{fate:?} of {target}");
        }
    }
}

#[test]
fn a_burst_of_heavy_loss_only_delays_the_handshake() {
    for seed in 1..40_u32 {
        let mut pair = Pair::new(&[CM, GCM]);
        pair.run(Duration::from_secs(25), |to_server, number| {
            let mixed = (seed * 977 + number * 31 + u32::from(to_server)).wrapping_mul(0x9E37_79B1);
            if number < 12 && mixed >> 30 == 0 { Fate::Drop } else { Fate::Arrive }
        });
        assert!(pair.connected().is_some(), "seed {seed}");
    }
}

#[test]
fn a_certificate_other_than_the_announced_one_ends_the_connection_before_media() {
    let now = Instant::now();
    let client = Client::start(now, &[GCM], 1_200);
    let mut pair = Pair::assemble(now, client, [7; 32]);
    pair.run(Duration::from_secs(1), arrive);
    assert!(pair.events.contains(&TransportEvent::Closed(CloseCause::Handshake)));
    assert_eq!(pair.connected(), None);
    assert_eq!(pair.server.open_rtp(&mut [0x80; 40]), Err(TransportError::NotConnected));
    assert!(pair.client.failed, "it is told");
}

#[test]
fn a_client_without_a_profile_of_ours_is_refused_at_once() {
    let mut pair = Pair::new(&[]);
    pair.run(DELAY * 2, arrive);
    assert!(pair.events.contains(&TransportEvent::Closed(CloseCause::Handshake)));
    assert!(pair.client.failed, "it is told");
}

#[test]
fn dtls_and_media_before_ice_are_refused() {
    let mut pair = Pair::new(&[GCM]);
    let hello = pair.client.poll_transmit().unwrap();
    let (now, server) = (pair.now, &mut pair.server);
    assert_eq!(server.handle_dtls(now, path(2), &hello), Err(TransportError::PathNotValidated));
    assert_eq!(server.open_rtp(&mut [0x80; 40]), Err(TransportError::NotConnected));
    assert_eq!(server.seal_rtp(&mut [0x80; 60], 40), Err(TransportError::NotConnected));
    assert_eq!(server.poll_transmit(), None);
    assert_eq!(server.handle_dtls(now, path(1), b"junk"), Err(TransportError::Malformed));
    assert_eq!(server.handle_dtls(now, path(1), &hello), Ok(()));
}

#[test]
fn a_goodbye_of_either_side_is_heard() {
    let mut pair = Pair::new(&[GCM]);
    pair.run(DELAY * 6, arrive);
    pair.client.close(pair.now);
    pair.run(DELAY * 2, arrive);
    assert_eq!(pair.events.last(), Some(&TransportEvent::Closed(CloseCause::ByPeer)));

    let mut pair = Pair::new(&[GCM]);
    pair.run(DELAY * 6, arrive);
    pair.server.close(pair.now);
    pair.run(DELAY * 2, arrive);
    assert!(pair.client.failed);
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn data_that_is_not_sctp_is_dropped_and_no_channel_is_open() {
    let mut pair = Pair::new(&[GCM]);
    pair.run(DELAY * 6, arrive);
    for junk in [&b"hello"[..], &[0; 1_100], &[]] {
        pair.client.send(pair.now, junk);
    }
    pair.run(DELAY * 2, arrive);
    assert!(pair.connected().is_some());
    let sent = pair.server.send_data(pair.now, "chat", true, b"hi");
    assert_eq!(sent, Err(TransportError::NoChannel));
}

#[test]
fn consent_expires_thirty_seconds_after_the_last_check() {
    let mut pair = Pair::new(&[GCM]);
    pair.run(Duration::from_secs(20), arrive);
    pair.check();
    pair.run(Duration::from_secs(29), arrive);
    assert!(pair.connected().is_some());
    pair.run(Duration::from_secs(2), arrive);
    assert_eq!(pair.events.last(), Some(&TransportEvent::Closed(CloseCause::ConsentExpired)));
    assert_eq!(pair.server.open_rtp(&mut [0x80; 40]), Err(TransportError::NotConnected));
}

#[test]
fn an_ice_restart_keeps_the_keys_and_another_certificate_starts_over() {
    let mut pair = Pair::new(&[GCM]);
    pair.run(DELAY * 6, arrive);
    let keys = pair.client.keys(SrtpProfile::AeadAes128Gcm);
    let before = pair.server.local();
    let mut remote = RemoteParameters {
        ufrag: "next".into(),
        pwd: "their password, never used".into(),
        fingerprint: pair.client.fingerprint(),
        sctp: None,
    };
    pair.server.set_remote(pair.now, remote.clone());
    assert_ne!(pair.server.local().ufrag, before.ufrag);
    let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3];
    packet.resize(15 + SEAL_OVERHEAD, 0);
    let mut sealer = Sealer::new(SrtpProfile::AeadAes128Gcm, &keys.client);
    let len = sealer.seal_rtp(&mut packet, 15).unwrap();
    assert_eq!(pair.server.open_rtp(&mut packet[..len]), Ok(15));

    remote.ufrag = "them".into();
    let client = Client::start(pair.now, &[CM], 1_200);
    remote.fingerprint = client.fingerprint();
    pair.server.set_remote(pair.now, remote);
    assert_eq!(pair.server.poll_event(), Some(TransportEvent::PathLost(path(1))));
    assert_eq!(pair.server.open_rtp(&mut packet[..len]), Err(TransportError::NotConnected));
    pair.client = client;
    pair.events.clear();
    pair.check();
    pair.run(DELAY * 6, arrive);
    assert_eq!(pair.connected(), Some(SrtpProfile::Aes128CmHmacSha1_80));
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let mut pair = Pair::new(&[GCM]);
    let hello = pair.client.poll_transmit().unwrap();
    pair.server.handle_dtls(pair.now, path(1), &hello).unwrap();
    for _ in 0..30 {
        pair.check();
        pair.now += Duration::from_secs(1);
        pair.server.handle_timeout(pair.now);
        pair.events.extend(std::iter::from_fn(|| pair.server.poll_event()));
    }
    assert_eq!(pair.events.last(), Some(&TransportEvent::Closed(CloseCause::Handshake)));
}

#[test]
fn forged_records_neither_end_a_connection_nor_grow_anything() {
    let mut pair = Pair::new(&[GCM]);
    pair.run(DELAY * 6, arrive);
    let mut state = 3_u32;
    for round in 0..20_000_u32 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let kind = 20 + (round % 4) as u8;
        let epoch = (round / 4 % 3) as u8;
        let mut record = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 1, 0, 0, 0, 24];
        record.extend(state.to_be_bytes().repeat(6));
        assert_eq!(pair.server.handle_dtls(pair.now, path(1), &record), Ok(()));
        assert!(std::iter::from_fn(|| pair.server.poll_transmit()).count() <= 1);
        assert_eq!(pair.server.poll_event(), None);
    }
}

#[test]
fn a_mangled_datagram_of_any_flight_fails_the_handshake_at_most() {
    for seed in 0..1_500 {
        let mtu = [150, 300, 1_200][seed as usize % 3];
        let mut pair = Pair::with_mtu(&[CM, GCM], mtu);
        pair.run(Duration::from_secs(3), |to_server, number| {
            let hit = to_server && number == seed / 3 % 16;
            if hit { Fate::Mangled(seed) } else { Fate::Arrive }
        });
    }
    assert_eq!(guard::PANICS.get(), 0);
}

#[test]
fn whoever_follows_the_paths_by_their_events_knows_those_that_are_valid() {
    let mut pair = Pair::new(&[GCM]);
    let mut demux = Demux::default();
    let peer = PeerIndex(0);
    let follow = |server: &mut PeerTransport, demux: &mut Demux| {
        while let Some(event) = server.poll_event() {
            match event {
                TransportEvent::PathValidated(path) => demux.add_path(peer, path),
                TransportEvent::PathLost(path) => demux.remove_path(peer, &path),
                _ => {}
            }
        }
    };
    follow(&mut pair.server, &mut demux);
    // The first path stays selected; many more come, as of a client behind several networks.
    for last in 2..40 {
        let request = check(&pair.server, "them", false);
        pair.server.handle_stun(pair.now, path(last), &request).unwrap();
        follow(&mut pair.server, &mut demux);
        for port in 1..40 {
            let known = demux.by_path(&path(port)) == Some(peer);
            let refused = pair.server.handle_dtls(pair.now, path(port), &[0]);
            let valid = refused != Err(TransportError::PathNotValidated);
            assert_eq!(known, valid, "path {port} after a check over {last}");
        }
    }
    assert_eq!(demux.by_path(&path(1)), Some(peer), "the selected path is never given up");
}
