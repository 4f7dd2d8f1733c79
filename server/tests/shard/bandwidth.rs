//! Transport-wide feedback both ways, and pacing.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use sotto_core::{
    bandwidth::{TransportFeedback, TransportFeedbackBuilder},
    id::{SeqNo, Ssrc},
    signal::Source,
    time::Time,
};
use sotto_server::shard::{
    DropReason, ShardAddresses, ShardConfig,
    rtcp::{Message, Messages},
    socket::Batching,
    transport::TransportError,
};

use crate::{
    media::opus_packet,
    support::{Client, OPUS, Offering, Rig, TRANSPORT_ID, VP8, vp8_packet, vp8_packet_with},
};

/// The number that a packet carries: the first element of its extension block, in the one-byte form.
pub(crate) fn number_of(packet: &[u8]) -> SeqNo {
    let start = 12 + 4 * usize::from(packet[0] & 0x0f);
    assert_eq!(packet[start..start + 2], [0xbe, 0xde], "{packet:02x?}");
    assert_eq!(packet[start + 4], TRANSPORT_ID.0 << 4 | 1);
    SeqNo(u16::from_be_bytes([packet[start + 5], packet[start + 6]]))
}

/// A publisher and a subscriber as browsers are, with the camera published.
pub(crate) fn pair(rig: &mut Rig) -> (Client, Client) {
    let publisher = rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
    let watcher = rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
    publisher.publish(rig, "mic", Source::Microphone);
    publisher.publish(rig, "cam", Source::Camera);
    watcher.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    publisher.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    (publisher, watcher)
}

/// Turns the loop and hands what the client gets to `take`, until that gives something.
pub(crate) fn receive_until<R>(
    rig: &mut Rig,
    client: &mut Client,
    mut take: impl FnMut(bool, &[u8]) -> Option<R>,
) -> R {
    let give_up = Instant::now() + Duration::from_secs(20);
    let mut buffer = [0; 2_000];
    loop {
        assert!(Instant::now() < give_up, "it never came");
        rig.turn();
        while let Ok(len) = client.socket.recv(&mut buffer) {
            let rtcp = (192..224).contains(&buffer[1]);
            let len = if rtcp {
                client.opener.open_rtcp(&mut buffer[..len])
            } else {
                client.opener.open_rtp(&mut buffer[..len])
            };
            if let Some(found) = take(rtcp, &buffer[..len.unwrap()]) {
                return found;
            }
        }
    }
}

/// The camera is shown: its first picture, a small one, has come.
fn show(rig: &mut Rig, publisher: &mut Client, watcher: &mut Client) {
    publisher.send_rtp(&vp8_packet(0, 60));
    receive_until(rig, watcher, |rtcp, packet| (!rtcp && packet[1] & 0x7f == VP8).then_some(()));
}

#[test]
fn a_publisher_is_told_which_of_its_numbered_packets_arrived() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, _watcher) = pair(&mut rig);
    let mut sent = Vec::new();
    for number in 65_530..65_550_u32 {
        let number = number as u16;
        if number != 3 {
            let extension: (_, &[u8]) = (TRANSPORT_ID, &number.to_be_bytes());
            publisher.send_rtp(&vp8_packet_with(&[extension], number, 100));
        }
        sent.push((SeqNo(number), number != 3));
    }
    let mut told = Vec::new();
    receive_until(&mut rig, &mut publisher, |rtcp, packet| {
        for message in Messages::of(packet).filter(|_| rtcp) {
            if let Message::TransportWide(message) = message.unwrap() {
                let feedback = TransportFeedback::parse(message).unwrap();
                told.extend(feedback.packets().map(|it| (it.seq, it.arrival_us.is_some())));
            }
        }
        (told.len() >= sent.len()).then_some(())
    });
    assert_eq!(told, sent);
    assert!(rig.stats().counters.feedback_out >= 1);
}

#[test]
fn every_packet_to_a_subscriber_has_the_next_number_whatever_its_source() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    for seq in 0..10 {
        publisher.send_rtp(&vp8_packet(seq, 300));
        publisher.send_rtp(&opus_packet(seq, b"voice"));
        rig.turn();
    }
    let mut numbers = Vec::new();
    let mut media = 0;
    receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        if !rtcp {
            numbers.push(number_of(packet));
            media += usize::from([VP8, OPUS].contains(&(packet[1] & 0x7f)));
        }
        (media == 20).then_some(())
    });
    let first = numbers[0];
    let in_order = numbers.iter().zip(0..).all(|(number, at)| number.distance(first) == at);
    assert!(in_order, "{numbers:?}");
}

#[test]
fn what_a_way_cannot_carry_at_once_waits_and_sound_overtakes_it() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    show(&mut rig, &mut publisher, &mut watcher);
    // More than the way is taken to carry at once while it is not known.
    let pictures = 120;
    for seq in 1..=pictures {
        publisher.send_rtp(&vp8_packet(seq, 1_000));
    }
    publisher.send_rtp(&opus_packet(0, b"voice"));
    let mut arrived = Vec::new();
    receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        if !rtcp {
            arrived.push((packet[1] & 0x7f, number_of(packet)));
        }
        arrived.last().is_some_and(|(kind, _)| *kind == OPUS).then_some(())
    });
    let first = arrived[0].1;
    let in_order = arrived.iter().zip(0..).all(|((_, number), at)| number.distance(first) == at);
    assert!(in_order, "{arrived:?}");
    let overtaken = usize::from(pictures) - arrived.iter().filter(|it| it.0 == VP8).count();
    assert!(overtaken > usize::from(pictures) / 2, "{arrived:?}");
    let counters = rig.stats().counters;
    assert!(counters.paced > u64::from(pictures) / 2, "{counters:?}");
}

#[test]
fn pictures_that_waited_too_long_are_dropped_and_a_keyframe_asked_for() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    show(&mut rig, &mut publisher, &mut watcher);
    // What was asked for when the slot was pointed.
    while publisher.socket.recv(&mut [0; 2_000]).is_ok() {}
    // Several seconds at the rate at which an unknown way is begun, before much is known of what the
    // camera sends.
    for seq in 1..1_000 {
        publisher.send_rtp(&vp8_packet(seq, 1_100));
        if seq % 32 == 0 {
            rig.turn();
        }
    }
    let give_up = Instant::now() + Duration::from_secs(20);
    while rig.stats().counters.drops_of(DropReason::Stale) == 0 {
        assert!(Instant::now() < give_up, "{:?}", rig.stats().counters);
        rig.turn();
    }
    receive_until(&mut rig, &mut publisher, |rtcp, packet| {
        let asked = |message| matches!(message, Ok(Message::KeyframeRequest { .. }));
        (rtcp && Messages::of(packet).any(asked)).then_some(())
    });
}

#[test]
fn feedback_of_a_subscriber_is_taken_and_a_broken_one_is_counted() {
    let mut rig = Rig::new(Batching::Segments);
    let (mut publisher, mut watcher) = pair(&mut rig);
    let mut receiver = TransportFeedbackBuilder::new(Ssrc(9));
    for seq in 0..5 {
        publisher.send_rtp(&vp8_packet(seq, 300));
    }
    let start = Time::from_micros(1_000_000);
    let mut seen = 0;
    receive_until(&mut rig, &mut watcher, |rtcp, packet| {
        if !rtcp {
            receiver.received(start, number_of(packet), Ssrc(2), packet.len());
            seen += usize::from(packet[1] & 0x7f == VP8);
        }
        (seen == 5).then_some(())
    });
    let mut message = Vec::new();
    assert!(receiver.poll(receiver.poll_timeout().unwrap(), &mut message));
    watcher.send_rtcp(&message);
    rig.turn();
    assert_eq!(rig.stats().counters.feedback_in, 1);
    // It now speaks of no packet at all.
    message[14..16].fill(0);
    watcher.send_rtcp(&message);
    rig.turn();
    let counters = rig.stats().counters;
    assert_eq!((counters.feedback_in, counters.drops_of(DropReason::Rtcp)), (1, 1));
}

#[test]
fn padding_that_cannot_be_sealed_is_given_up() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let addresses = ShardAddresses { bind: address, advertised: vec![address] };
    let mut rig = Rig::sealing(ShardConfig::at(addresses), false);
    // Its first probe is due as soon as it is connected.
    rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
    let refused = DropReason::Transport(TransportError::TooManySources);
    let counters = rig.stats().counters;
    assert!(counters.drops_of(refused) > 0, "{counters:?}");
    assert_eq!(counters.padding, 0);
}
