//! Models' frames on their way through a shard: as packets, and as messages of a data channel.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use sotto_core::{
    bandwidth::TransportFeedbackBuilder,
    id::{SeqNo, Ssrc},
    signal::{ModelTransport, ServerMessage},
    time::Time,
};
use sotto_frame::Bundle;
use sotto_server::shard::{DropReason, PeerEvent, Traffic, Wire};

use crate::{
    bandwidth::number_of,
    call::Call,
    media::opus_packet,
    repair::{name, payload},
    support::{MODELS_MESSAGE, OPUS},
};

const TURN: Duration = Duration::from_millis(5);

impl Call {
    /// The speaker sends a packet of each form, and a turn later the listener has got these datagrams.
    fn step(&mut self) -> Vec<Vec<u8>> {
        self.speaker.send_rtp(&opus_packet(self.sent, b"voice"));
        self.send_frame();
        self.turn()
    }

    /// What the listener gets within a few milliseconds.
    fn turn(&mut self) -> Vec<Vec<u8>> {
        let next = Instant::now() + TURN;
        while let Some(rest) = next.checked_duration_since(Instant::now()) {
            assert!(self.rig.worker.turn(Some(rest)).unwrap().is_continue());
        }
        let mut buffer = [0; 2_000];
        let mut got = Vec::new();
        while let Ok(len) = self.listener.socket.recv(&mut buffer) {
            got.push(buffer[..len].to_vec());
        }
        self.switch();
        got
    }

    fn is_bundle(&self, sealed: &[u8]) -> bool {
        sealed.len() > 12 && is_rtp(sealed) && name(sealed).0 == self.bundles
    }

    /// Sends until the listener got a bundle, and gives it as it was sealed.
    fn next_bundle(&mut self) -> Vec<u8> {
        for _ in 0..2_000 {
            let got = self.step();
            if let Some(bundle) = got.into_iter().find(|sealed| self.is_bundle(sealed)) {
                return bundle;
            }
        }
        panic!("no bundle came");
    }

    fn traffic(&mut self) -> Traffic {
        let listener = self.listener.peer;
        let peers = self.rig.stats().peers;
        peers.into_iter().find(|(peer, _)| *peer == listener).unwrap().1
    }
}

fn is_rtp(datagram: &[u8]) -> bool {
    datagram[0] >> 6 == 2 && !(192..224).contains(&datagram[1])
}

/// The numbers of the frames in a bundle.
fn frames(bundle: &[u8]) -> Vec<u16> {
    let bundle = Bundle::parse(bundle).unwrap();
    let entries = bundle.blocks().flat_map(|block| block.entries());
    entries.map(|entry| u16::from_be_bytes(entry.payload.try_into().unwrap())).collect()
}

#[test]
fn a_bundle_leaves_as_a_numbered_packet_of_its_own_stream() {
    let mut call = Call::new(ModelTransport::Rtp);
    let mut last = None;
    let mut heard = HashSet::new();
    for _ in 0..10 {
        let mut bundle = call.next_bundle();
        let len = call.listener.opener.open_rtp(&mut bundle).unwrap();
        let packet = &bundle[..len];
        let number = number_of(packet);
        assert_eq!((packet[0] & 0x0f, packet[1]), (0, OPUS), "no contributing source, no marker");
        let seq = name(packet).1;
        assert!(last.is_none_or(|(before, at): (SeqNo, SeqNo)| {
            seq.distance(before) > 0 && number.distance(at) > 0
        }));
        last = Some((seq, number));
        let new = frames(payload(packet));
        assert!(!new.is_empty());
        heard.extend(new);
    }
    assert!(heard.len() >= 10, "{heard:?}");
    let counters = call.rig.stats().counters;
    assert!(counters.bundles >= 10 && counters.bundle_bytes >= 10 * 8, "{counters:?}");
}

#[test]
fn a_bundle_that_is_asked_for_comes_again_byte_by_byte() {
    let mut call = Call::new(ModelTransport::Rtp);
    // A busy machine may answer later than is of use: one of them comes again.
    let again = (0..50).find_map(|_| {
        let bundle = call.next_bundle();
        let (ssrc, seq) = name(&bundle);
        call.listener.miss(ssrc, &[seq]);
        let got: Vec<_> = (0..10).flat_map(|_| call.turn()).collect();
        got.into_iter().find(|sealed| is_rtp(sealed) && name(sealed) == (ssrc, seq)).map(|again| {
            assert_eq!(again, bundle);
            again
        })
    });
    let again = again.expect("a bundle that came again");
    let Traffic { bundle, .. } = call.traffic();
    assert!(call.rig.stats().counters.resent >= 1);
    assert!(bundle.bytes >= 2 * (again.len() as u64 + 28), "a repair is of the form it repairs");
}

#[test]
fn a_bundle_that_feedback_misses_comes_again_without_being_asked_for() {
    let mut call = Call::new(ModelTransport::Rtp);
    let mut receiver = TransportFeedbackBuilder::new(Ssrc(9));
    let mut now = Time::from_micros(1_000_000);
    let mut lost: HashMap<(Ssrc, SeqNo), Vec<u8>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut bundles = 0;
    let mut raw = 0;
    let mut repaired = 0;
    for _ in 0..3_000 {
        for sealed in call.step() {
            if !is_rtp(&sealed) {
                continue;
            }
            let named = name(&sealed);
            if lost.get(&named).is_some_and(|before| {
                assert_eq!(*before, sealed);
                true
            }) {
                repaired += 1;
                continue;
            }
            assert!(seen.insert(named), "{named:?} was not lost");
            let is_bundle = named.0 == call.bundles;
            bundles += u32::from(is_bundle);
            if is_bundle && bundles % 5 == 3 {
                lost.insert(named, sealed);
                continue;
            }
            // Of sound as it was coded one is lost too: its receiver sees to that itself.
            raw += u32::from(!is_bundle);
            if !is_bundle && raw == 1 {
                continue;
            }
            receiver.received(now, number_of(&sealed), Ssrc(2), sealed.len());
        }
        now = now + TURN;
        let mut message = Vec::new();
        while receiver.poll(now, &mut message) {
            call.listener.send_rtcp(&std::mem::take(&mut message));
        }
        if repaired >= 3 {
            break;
        }
    }
    let counters = call.rig.stats().counters;
    assert!(
        raw > 0 && repaired >= 3,
        "{repaired} of {} lost in {bundles}: {counters:?}",
        lost.len()
    );
    assert!(counters.lost >= repaired && counters.nacks_in == 0, "{counters:?}");
}

/// The nonce of a packet is made of source, roll-over counter and sequence number (RFC 7714 section
/// 8.1): under one of them there must never be two different packets.
#[test]
fn no_two_different_bundles_are_sealed_under_one_number() {
    let mut call = Call::new(ModelTransport::Rtp);
    let mut sealed: HashMap<(Ssrc, SeqNo), Vec<u8>> = HashMap::new();
    let mut repeated = 0;
    for round in 0..2_000 {
        let got = call.step();
        for packet in got.into_iter().filter(|packet| is_rtp(packet)) {
            let (ssrc, seq) = name(&packet);
            if round % 3 == 0 {
                call.listener.miss(ssrc, &[seq]);
            }
            if let Some(before) = sealed.insert((ssrc, seq), packet.clone()) {
                assert_eq!(before, packet, "{ssrc:?} {seq:?} in round {round}");
                repeated += u32::from(ssrc == call.bundles);
            }
        }
        if repeated > 5 && sealed.len() > 60 {
            return;
        }
    }
    panic!("{repeated} of {} repeated", sealed.len());
}

#[test]
fn bundles_and_model_packets_pass_the_data_channel_bare() {
    let mut call = Call::new(ModelTransport::Data);
    let mut bundles = Vec::new();
    for _ in 0..2_000 {
        let frame = call.frame();
        let message = [&[MODELS_MESSAGE], &frame[..]].concat();
        call.speaker.send_rtp(&opus_packet(call.sent, b"voice"));
        // 25 at once and 50 a second may pass.
        if call.sent.is_multiple_of(4) {
            call.speaker.socket.send_to(&message, call.speaker.node).unwrap();
        }
        let got = call.turn();
        assert!(got.iter().all(|datagram| !call.is_bundle(datagram)), "as packets nothing comes");
        bundles.extend(got.into_iter().filter(|datagram| datagram[0] == MODELS_MESSAGE));
        if bundles.len() >= 3 {
            break;
        }
    }
    let bytes: usize = bundles.iter().map(|bundle| bundle.len()).sum();
    assert!(bundles.iter().all(|bundle| !frames(&bundle[1..]).is_empty()), "{bundles:?}");
    let counters = call.rig.stats().counters;
    assert_eq!(counters.bundles as usize, bundles.len());
    assert_eq!(counters.bundle_bytes as usize, bytes - bundles.len());
    assert!(bundles.len() >= 3);
    let packets = bundles.len() as u64;
    let wire = Wire { packets, bytes: bytes as u64 + packets * 28 };
    assert_eq!(call.traffic().bundle, wire);
}

#[test]
fn model_packets_on_a_data_channel_have_limits_of_their_own() {
    let mut call = Call::new(ModelTransport::Data);
    let long = [MODELS_MESSAGE; 1_202];
    call.speaker.socket.send_to(&long, call.speaker.node).unwrap();
    for _ in 0..80 {
        let message = [&[MODELS_MESSAGE], &call.frame()[..]].concat();
        call.speaker.socket.send_to(&message, call.speaker.node).unwrap();
    }
    for _ in 0..5 {
        call.turn();
    }
    let counters = call.rig.stats().counters;
    assert_eq!(counters.drops_of(DropReason::ModelPacket), 1);
    let dropped = counters.drops_of(DropReason::TooManyModelPackets);
    assert!((1..=55).contains(&dropped), "{dropped} of 80");
    let events = std::iter::from_fn(|| call.speaker.events.try_recv().ok());
    let refused =
        events.filter(|event| matches!(event, PeerEvent::Message(ServerMessage::Error { .. })));
    assert_eq!(refused.count(), 0, "they are dropped like packets, and chat is not touched");
}

#[test]
fn what_a_client_is_sent_is_counted_by_its_form_with_all_headers() {
    let mut call = Call::new(ModelTransport::Rtp);
    let mut expected = call.traffic();
    for round in 0..400 {
        // Some of it is said again.
        for datagram in call.step() {
            let wire = if !is_rtp(&datagram) {
                &mut expected.control
            } else if call.is_bundle(&datagram) {
                &mut expected.bundle
            } else if datagram[1] & 0x7f == OPUS {
                &mut expected.raw
            } else {
                &mut expected.control
            };
            wire.packets += 1;
            wire.bytes += datagram.len() as u64 + 28;
            if round % 10 == 0 && is_rtp(&datagram) {
                let (ssrc, seq) = name(&datagram);
                call.listener.miss(ssrc, &[seq]);
            }
        }
    }
    // What left in the last turn of asking is still on the loopback.
    let traffic = call.traffic();
    let close = |counted: Wire, seen: Wire| counted.packets.abs_diff(seen.packets) <= 3;
    assert!(close(traffic.raw, expected.raw), "{traffic:?} {expected:?}");
    assert!(close(traffic.bundle, expected.bundle), "{traffic:?} {expected:?}");
    assert!(close(traffic.control, expected.control), "{traffic:?} {expected:?}");
    let forms = [traffic.raw, traffic.bundle, traffic.control];
    assert_eq!(forms.iter().map(|form| form.packets).sum::<u64>(), traffic.packets_out);
    let on_the_wire: u64 = forms.iter().map(|form| form.bytes).sum();
    assert_eq!(on_the_wire, traffic.bytes_out + 28 * traffic.packets_out);
    assert!(traffic.raw.packets > 0 && traffic.bundle.packets > 0);
}
