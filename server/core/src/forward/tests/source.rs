use super::*;
use crate::forward::{Refused, SourceStatistics};

/// What becomes of packets with these sequence numbers: the distance from the first one's number,
/// or why they are refused.
fn numbers(seqs: impl IntoIterator<Item = u16>) -> (Vec<Result<i64, Refused>>, SourceStatistics) {
    let mut stream = SourceStream::new();
    let mut first = None;
    let results = seqs
        .into_iter()
        .map(|seq| {
            let received = stream.receive(ms(0), &audio(seq, 0).packet())?;
            let first = *first.get_or_insert(received.seq);
            Ok(received.seq.wrapping_sub(first) as i64)
        })
        .collect();
    (results, *stream.statistics())
}

#[test]
fn sequence_numbers_go_on_over_the_wrap_and_late_ones_find_their_place() {
    let (numbers, statistics) = numbers([65_534, 65_535, 1, 0, 2]);
    assert_eq!(numbers, [Ok(0), Ok(1), Ok(3), Ok(2), Ok(4)]);
    assert_eq!((statistics.packets, statistics.lost), (5, 0));
}

#[test]
fn a_packet_that_comes_again_is_refused() {
    let (numbers, statistics) = numbers([10, 11, 10, 13, 12, 12]);
    let again = Err(Refused::Duplicate);
    assert_eq!(numbers, [Ok(0), Ok(1), again, Ok(3), Ok(2), again]);
    assert_eq!((statistics.packets, statistics.duplicates), (4, 2));
}

#[test]
fn gaps_are_counted_as_lost_until_the_late_packet_comes() {
    let (_, statistics) = numbers([10, 15]);
    assert_eq!(statistics.lost, 4);
    let (_, statistics) = numbers([10, 15, 12]);
    assert_eq!(statistics.lost, 3);
}

#[test]
fn a_gap_of_three_thousand_is_loss_and_a_larger_one_needs_a_second_packet() {
    let (near, _) = numbers([0, 3000]);
    assert_eq!(near, [Ok(0), Ok(3000)]);

    let mut stream = SourceStream::new();
    let mut take = |seq| stream.receive(ms(0), &audio(seq, 0).packet());
    let first = take(0).unwrap();
    assert_eq!(take(3001), Err(Refused::Stray));
    assert_eq!(take(1).unwrap().epoch, first.epoch, "a stray alone changes nothing");
    assert_eq!(take(3002), Err(Refused::Stray), "what it would have confirmed is forgotten");
    assert_eq!(take(3003).unwrap().epoch, first.epoch + 1);
    assert_eq!(take(2), Err(Refused::Stray), "the old numbers are over");
}

#[test]
fn numbers_far_behind_are_strays_and_two_of_them_are_a_restart() {
    let (numbers, statistics) = numbers([5000, 5000 - 1023, 5000 - 1024]);
    assert_eq!(numbers, [Ok(0), Ok(-1023), Err(Refused::Stray)]);
    assert_eq!(statistics.strays, 1);
}

#[test]
fn a_new_source_is_a_new_epoch() {
    let mut layer = Layer::default();
    let first = layer.take(0, &audio(100, 0));
    let second = layer.take(0, &Sent { ssrc: 2, ..audio(100, 0) });
    assert_eq!(second.epoch, first.epoch + 1);
    assert_eq!(layer.stream.ssrc(), Some(Ssrc(2)));
    assert_eq!(layer.stream.statistics().packets, 2);
}

#[test]
fn bytes_and_keyframes_are_counted() {
    let mut layer = Layer::default();
    let sent = [key(1, 0), video(2, 3000), key(3, 6000)];
    for sent in &sent {
        layer.take(0, sent);
    }
    let bytes: usize = sent.iter().map(|sent| sent.bytes().len()).sum();
    let statistics = layer.stream.statistics();
    assert_eq!((statistics.bytes, statistics.keyframes), (bytes as u64, 2));
}

#[test]
fn an_opaque_payload_has_its_keyframes_in_the_dependency_descriptor() {
    let cases: [(&[u8], bool); 5] = [
        (&[0x80, 0, 1, 0x80], true),
        (&[0xc0, 0, 1, 0x80], true),
        (&[0x80, 0, 1], false),
        (&[0x80, 0, 1, 0x40], false),
        (&[0x40, 0, 1, 0x80], false),
    ];
    for (data, starts) in cases {
        let mut packet = Sent { dependency: Some(data.to_vec()), ..video(1, 0) }.packet();
        packet.video = VideoDescriptor::parse(Codec::Vp8, &[0x10, 0], true);
        let received = SourceStream::new().receive(ms(0), &packet).unwrap();
        assert_eq!(received.starts_keyframe, starts, "{data:x?}");
    }
}

#[test]
fn an_h264_keyframe_starts_with_its_parameter_sets_where_it_has_them() {
    let (mut layer, mut seq) = (SourceStream::new(), 0);
    let mut starts = |timestamp: u32, payload: &[u8]| {
        seq += 1;
        let mut packet = audio(seq, timestamp).packet();
        packet.video = VideoDescriptor::parse(Codec::H264, payload, false);
        layer.receive(ms(0), &packet).unwrap().starts_keyframe
    };
    let (sets, pictures, idr, slice) =
        (&[0x67, 0x42][..], &[0x68, 0xce][..], &[0x65, 0x88][..], &[0x41, 0x9a][..]);
    assert_eq!([sets, pictures, idr].map(|payload| starts(0, payload)), [true, false, false]);
    assert!(!starts(3000, slice));
    assert!(starts(6000, idr), "one that is sent without them");
    assert!(starts(9000, &[0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 0x88]), "all in one packet");
}
