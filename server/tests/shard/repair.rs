//! Lost packets, both ways, and the rule that no number is sealed twice.

use std::{collections::HashMap, time::Duration};

use sotto_core::{
    id::{SeqNo, Ssrc},
    signal::Source,
};
use sotto_server::shard::{
    DropReason,
    rtcp::{Compound, Message, Messages},
    socket::Batching,
};

use crate::{
    bandwidth::{pair, receive_until},
    media::opus_packet,
    support::{CAMERA, CAMERA_RTX, Client, OPUS, Offering, Rig, VP8, VP8_RTX, packet, vp8_packet},
};

/// Payload of a packet to a subscriber: behind fixed header, contributing source and extensions.
pub(crate) fn payload(packet: &[u8]) -> &[u8] {
    let mut start = 12 + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        start += 4 + 4 * usize::from(u16::from_be_bytes([packet[start + 2], packet[start + 3]]));
    }
    &packet[start..]
}

pub(crate) fn name(packet: &[u8]) -> (Ssrc, SeqNo) {
    (
        Ssrc(u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]])),
        SeqNo(u16::from_be_bytes([packet[2], packet[3]])),
    )
}

fn kind(packet: &[u8]) -> u8 {
    packet[1] & 0x7f
}

impl Client {
    /// Says that packets of a source did not come.
    pub(crate) fn miss(&mut self, ssrc: Ssrc, missing: &[SeqNo]) {
        let mut buffer = [0; 200];
        let mut compound = Compound::new(&mut buffer);
        assert!(compound.nack(ssrc, missing));
        let len = compound.len();
        self.send_rtcp(&buffer[..len]);
    }
}

#[test]
fn a_lost_picture_comes_again_on_a_source_of_its_own() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    for seq in 0..6 {
        publisher.send_rtp(&vp8_packet(seq, 300 + usize::from(seq)));
    }
    let mut got = Vec::new();
    receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        if !rtcp && kind(packet) == VP8 {
            got.push(packet.to_vec());
        }
        (got.len() == 6).then_some(())
    });
    let (slot, lost) = name(&got[3]);
    watcher.miss(slot, &[lost]);
    let again = receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        (!rtcp && kind(packet) == VP8_RTX && payload(packet).len() == 305).then(|| packet.to_vec())
    });
    assert_ne!(name(&again).0, slot);
    assert_eq!(payload(&again)[..2], lost.0.to_be_bytes());
    assert_eq!(payload(&again)[2..], *payload(&got[3]));
    assert_eq!(again[4..8], got[3][4..8], "the same media time");
    let counters = rig.stats().counters;
    assert_eq!((counters.nacks_in, counters.retransmitted), (1, 1));
}

#[test]
fn lost_sound_comes_again_byte_by_byte_as_it_was_sealed() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    for seq in 0..6 {
        publisher.send_rtp(&opus_packet(seq, &[seq as u8; 60]));
    }
    let mut got: Vec<Vec<u8>> = Vec::new();
    raw_until(&mut rig, &mut watcher, |sealed| {
        if kind(sealed) == OPUS {
            got.push(sealed.to_vec());
        }
        (got.len() == 6).then_some(())
    });
    let (slot, lost) = name(&got[2]);
    watcher.miss(slot, &[lost]);
    let again = raw_until(&mut rig, &mut watcher, |sealed| {
        (name(sealed) == (slot, lost)).then(|| sealed.to_vec())
    });
    assert_eq!(again, got[2]);
    let counters = rig.stats().counters;
    assert_eq!((counters.nacks_in, counters.resent, counters.forwarded), (1, 1, 6));
}

#[test]
fn a_publisher_is_asked_for_what_is_missing_and_its_repair_goes_on_in_its_place() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    for seq in [0, 1, 3, 4, 5, 6] {
        publisher.send_rtp(&vp8_packet(seq, 300 + usize::from(seq)));
    }
    receive_until(&mut rig, &mut publisher, |rtcp, packet| {
        let asked = |message| {
            let nack = Message::Nack { ssrc: Ssrc(CAMERA), first: SeqNo(2), following: 0 };
            message == Ok(nack)
        };
        (rtcp && Messages::of(packet).any(asked)).then_some(())
    });
    let lost = vp8_packet(2, 302);
    let repair = [&2_u16.to_be_bytes()[..], &lost[12..]].concat();
    publisher.send_rtp(&packet(CAMERA_RTX, VP8_RTX, 0, 2 * 6_000, &[], &repair));
    let mut got: HashMap<usize, SeqNo> = HashMap::new();
    receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        if !rtcp && kind(packet) == VP8 {
            got.insert(payload(packet).len() - 300, name(packet).1);
        }
        (got.len() == 7).then_some(())
    });
    for at in 0..6 {
        assert_eq!(got[&at].next(), got[&(at + 1)], "{got:?}");
    }
    assert!(rig.stats().counters.nacks_out >= 1);
}

#[test]
fn of_a_flood_of_requests_in_one_packet_the_first_few_hundred_are_looked_at() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    publisher.send_rtp(&vp8_packet(0, 300));
    let slot = receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        (!rtcp && kind(packet) == VP8).then(|| name(packet).0)
    });
    // 300 entries of 17 numbers.
    let mut flood = vec![0x81, 205, 0x01, 0x2e, 0, 0, 0, 1];
    flood.extend(slot.0.to_be_bytes());
    flood.extend((0..300_u16).flat_map(|_| [0, 9, 0xff, 0xff]));
    watcher.send_rtcp(&flood);
    while rig.stats().counters.nacks_in < 300 {
        rig.turn();
    }
    let dropped = rig.stats().counters.drops_of(DropReason::TooManyMissing);
    assert_eq!(dropped, 17 * (300 - 16));
}

/// The nonce of a packet is made of source, roll-over counter and sequence number (RFC 7714 section
/// 8.1): under one of them there must never be two different packets.
#[test]
fn no_two_different_packets_are_sealed_under_one_number() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut first, mut watcher) = pair(&mut rig);
    let mut second = rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
    second.publish(&mut rig, "mic", Source::Microphone);
    second.publish(&mut rig, "cam", Source::Camera);
    let mut state = 3_u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut sealed: HashMap<(Ssrc, SeqNo), Vec<u8>> = HashMap::new();
    let mut repeated = 0;
    let mut sound: HashMap<Ssrc, Vec<SeqNo>> = HashMap::new();
    for round in 0..400_u16 {
        // The speaker, and with it who is in the slots, changes now and then.
        let loud = if round / 100 % 2 == 0 { &mut first } else { &mut second };
        loud.send_rtp(&opus_packet(round, &[round as u8; 40]));
        for (offset, client) in [(0, &mut first), (7, &mut second)] {
            let seq = round.wrapping_mul(2).wrapping_add(offset);
            client.send_rtp(&vp8_packet(seq, 60 + random(40) as usize));
        }
        rig.turn();
        let mut buffer = [0; 2_000];
        while let Ok(len) = watcher.socket.recv(&mut buffer) {
            if (192..224).contains(&buffer[1]) {
                continue;
            }
            let packet = buffer[..len].to_vec();
            let (ssrc, seq) = name(&packet);
            if let Some(before) = sealed.insert((ssrc, seq), packet.clone()) {
                assert_eq!(before, packet, "{ssrc:?} {seq:?} in round {round}");
                repeated += 1;
            }
            sound.entry(ssrc).or_default().push(seq);
        }
        for (ssrc, seqs) in &sound {
            if random(4) == 0 && seqs.len() > 3 {
                let lost = seqs[seqs.len() - 1 - random(3) as usize];
                watcher.miss(*ssrc, &[lost]);
            }
        }
    }
    rig.turn();
    let counters = rig.stats().counters;
    assert!(counters.retransmitted > 10 && counters.resent > 10, "{counters:?}");
    assert!(repeated > 10, "{repeated}");
    assert!(sealed.len() > 300, "{}", sealed.len());
}

/// Turns the loop and hands the sealed RTP packets that the client gets to `take`.
fn raw_until<R>(rig: &mut Rig, client: &mut Client, mut take: impl FnMut(&[u8]) -> Option<R>) -> R {
    let mut buffer = [0; 2_000];
    client.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    rig.until(|| {
        while let Ok(len) = client.socket.recv(&mut buffer) {
            if !(192..224).contains(&buffer[1])
                && let Some(found) = take(&buffer[..len])
            {
                return Some(found);
            }
        }
        None
    })
}
