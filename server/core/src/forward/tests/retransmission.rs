use std::time::Duration;

use super::*;
use crate::forward::{Answered, RepairBudget, unwrap_retransmission};

#[test]
fn a_retransmission_becomes_the_packet_that_it_repeats() {
    let original = key(700, 3000).picture(9, true, 4);
    let bytes = original.bytes();
    let packet = original.packet();
    let mut body = 700u16.to_be_bytes().to_vec();
    body.extend(packet.payload(&bytes));
    // As the publisher sends it: another source, number and type, the payload two bytes later.
    let mut repeated = bytes[..usize::from(packet.header_len)].to_vec();
    repeated[1] = 97;
    repeated[2..4].copy_from_slice(&5u16.to_be_bytes());
    repeated[8..12].copy_from_slice(&77u32.to_be_bytes());
    repeated.extend(body);
    let outer = Packet::parse(&repeated, &ExtensionMap::default()).unwrap();
    let mut inner =
        unwrap_retransmission(&outer, outer.payload(&repeated), packet.ssrc, packet.payload_type)
            .unwrap();
    assert_eq!(inner.payload(&repeated), packet.payload(&bytes));
    inner.video = VideoDescriptor::parse(Codec::Vp8, inner.payload(&repeated), false);
    assert_eq!(inner, Packet { header_len: packet.header_len + 2, ..packet });
}

#[test]
fn a_retransmission_of_nothing_is_padding() {
    let packet = Sent { body: vec![], ..audio(1, 0) }.packet();
    assert_eq!(unwrap_retransmission(&packet, &[], Ssrc(1), PayloadType(96)), None);
    assert_eq!(unwrap_retransmission(&packet, &[1], Ssrc(1), PayloadType(96)), None);
}

#[test]
fn a_packet_is_repeated_once_in_a_round_trip() {
    let mut answered = Answered::new();
    let rtt = Duration::from_millis(80);
    assert!(answered.admit(ms(0), SeqNo(1), rtt, || true));
    assert!(answered.admit(ms(10), SeqNo(2), rtt, || true));
    assert!(!answered.admit(ms(79), SeqNo(1), rtt, || true));
    assert!(answered.admit(ms(80), SeqNo(1), rtt, || true));
    assert!(!answered.admit(ms(81), SeqNo(2), rtt, || true));
    assert!(answered.admit(ms(90), SeqNo(2), rtt, || true));
}

#[test]
fn what_could_not_be_paid_for_is_repeated_as_soon_as_it_can() {
    let mut answered = Answered::new();
    let rtt = Duration::from_millis(80);
    assert!(!answered.admit(ms(0), SeqNo(1), rtt, || false));
    assert!(answered.admit(ms(1), SeqNo(1), rtt, || true));
    assert!(!answered.admit(ms(2), SeqNo(1), rtt, || panic!("it is on its way")));
}

#[test]
fn a_flood_of_requests_forgets_the_oldest_answers_and_not_more() {
    let mut answered = Answered::new();
    let rtt = Duration::from_millis(80);
    for seq in 0..129 {
        assert!(answered.admit(ms(0), SeqNo(seq), rtt, || true));
    }
    assert!(!answered.admit(ms(1), SeqNo(1), rtt, || true));
    assert!(answered.admit(ms(1), SeqNo(0), rtt, || true));
}

#[test]
fn repeated_packets_take_a_quarter_of_the_line() {
    let mut budget = RepairBudget::new(ms(0));
    let mut repeated = 0;
    for at in 0..10_000 {
        repeated += usize::from(budget.take(ms(at), 1000, Some(2_000_000)));
    }
    // A second saved up, then 500 kbit/s: 62.5 packets each.
    assert_eq!(repeated, 687);
    let mut narrow = RepairBudget::new(ms(0));
    assert_eq!((0..20).filter(|_| narrow.take(ms(0), 1200, Some(60_000))).count(), 12, "a burst");
}
