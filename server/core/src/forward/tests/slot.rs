use super::*;
use crate::forward::PayloadRewrite;

fn seq_and_time(seen: &[Result<Seen, Skip>]) -> Vec<Option<(u16, u32)>> {
    seen.iter().map(|seen| seen.ok().map(|seen| (seen.seq, seen.timestamp))).collect()
}

fn sent_numbers(seen: &[Result<Seen, Skip>]) -> Vec<u16> {
    seen.iter().flatten().map(|seen| seen.seq).collect()
}

#[test]
fn an_empty_slot_sends_nothing() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    let mut layer = Layer::default();
    let at = |seq| (0, audio(seq, 0));
    assert_eq!(drive(&mut slot, &mut layer, [at(1)]), [Err(Skip::Empty)]);
    point(&mut slot, target(1, Codec::Opus));
    assert!(slot.is_waiting());
    assert!(drive(&mut slot, &mut layer, [at(2)])[0].is_ok());
    assert!(!slot.is_waiting());
    slot.clear();
    assert_eq!(drive(&mut slot, &mut layer, [at(3)]), [Err(Skip::Empty)]);
    assert_eq!(slot.first_timestamp(), None);
}

#[test]
fn every_counter_goes_on_over_its_wrap() {
    let start = SlotStart {
        seq: SeqNo(65_535),
        timestamp: RtpTime(u32::MAX - 2999),
        picture_id: 32_767,
        tl0_picture_index: 255,
        frame_number: 65_535,
    };
    let frame = |n: u16, sent: Sent| {
        let [high, low] = 65_534u16.wrapping_add(n).to_be_bytes();
        let sent =
            sent.picture(32_766u16.wrapping_add(n) & 0x7fff, true, 254u8.wrapping_add(n as u8));
        (33 * u64::from(n), Sent { dependency: Some(vec![0xc0, high, low]), ..sent })
    };
    let time = |n: u32| (u32::MAX - 4000).wrapping_add(n * 3000);
    let mut slot = slot(Kind::Video, start);
    point(&mut slot, target(1, Codec::Vp8));
    let seen = drive(
        &mut slot,
        &mut Layer::default(),
        [
            frame(0, key(65_534, time(0))),
            frame(1, video(65_535, time(1))),
            frame(2, video(0, time(2))),
            frame(3, video(1, time(3))),
        ],
    );
    let expected = [
        (65_535, u32::MAX - 2999, 32_767, 255, 65_535),
        (0, 0, 0, 0, 0),
        (1, 3000, 1, 1, 1),
        (2, 6000, 2, 2, 2),
    ];
    let expected = expected.map(|(seq, timestamp, picture, tl0, number)| {
        Ok(Seen {
            seq,
            timestamp,
            picture_id: Some(picture),
            tl0: Some(tl0),
            frame_number: Some(number),
        })
    });
    assert_eq!(seen, expected);
}

#[test]
fn order_and_gaps_of_the_source_are_those_of_the_slot() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    let packets = [100, 102, 101, 105, 104].map(|seq| (0, audio(seq, u32::from(seq) * 960)));
    let seen = drive(&mut slot, &mut Layer::default(), packets);
    let expected = [0, 2, 1, 5, 4].map(|n: u16| Some((1 + n, 1 + u32::from(n) * 960)));
    assert_eq!(seq_and_time(&seen), expected);
}

#[test]
fn a_re_point_goes_on_by_one_packet_and_by_the_time_that_passed() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    let (mut a, mut b) = (Layer::default(), Layer::default());
    let seen = drive(&mut slot, &mut a, [(0, audio(500, 10_000)), (20, audio(501, 10_960))]);
    assert_eq!(seq_and_time(&seen), [Some((1, 1)), Some((2, 961))]);
    point(&mut slot, target(2, Codec::Opus));
    let seen = drive(&mut slot, &mut b, [(120, audio(7, 99)), (140, audio(8, 1059))]);
    // 100 ms after the last packet: 4800 units.
    assert_eq!(seq_and_time(&seen), [Some((3, 5761)), Some((4, 6721))]);
    assert_eq!(slot.first_timestamp(), Some(RtpTime(5761)));
}

#[test]
fn a_re_point_within_one_frame_moves_time_on_by_a_frame_and_makes_it_good_later() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    let mut out = Vec::new();
    // A re-point after 10 ms (900 units) has to take 3000: 2100 too many. The next, after 100 ms
    // (9000 units), takes 6900.
    for (source, at) in [(1, 0), (2, 10), (3, 110), (4, 210)] {
        point(&mut slot, target(source, Codec::Vp8));
        out.extend(drive(&mut slot, &mut Layer::default(), [(at, key(9, 77))]));
    }
    assert_eq!(
        seq_and_time(&out),
        [Some((1, 1)), Some((2, 3001)), Some((3, 9901)), Some((4, 18_901))]
    );
}

#[test]
fn after_hours_of_silence_media_time_still_moves_forwards() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    let mut out = Vec::new();
    for (source, at) in [(1, 0), (2, 12 * 3_600_000)] {
        point(&mut slot, target(source, Codec::Vp8));
        out.extend(drive(&mut slot, &mut Layer::default(), [(at, key(9, 77))]));
    }
    assert_eq!(seq_and_time(&out), [Some((1, 1)), Some((2, 1 + (1 << 30)))]);
}

#[test]
fn what_comes_late_from_before_a_re_point_is_not_sent() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    let (mut a, mut b) = (Layer::default(), Layer::default());
    point(&mut slot, target(1, Codec::Opus));
    drive(&mut slot, &mut a, [(0, audio(10, 0)), (40, audio(12, 1920))]);
    point(&mut slot, target(2, Codec::Opus));
    let seen = drive(&mut slot, &mut b, [(60, audio(200, 0)), (61, audio(199, 0))]);
    assert_eq!(seen[1], Err(Skip::BeforeStart));
    assert_eq!(sent_numbers(&seen), [4]);
    // Back to the first source: 11 is from before, 14 comes before 13.
    point(&mut slot, target(1, Codec::Opus));
    let back =
        [(80, audio(14, 3840)), (81, audio(11, 960)), (82, audio(13, 2880)), (83, audio(16, 0))];
    let seen = drive(&mut slot, &mut a, back);
    let skipped = Err(Skip::BeforeStart);
    assert_eq!((seen[1], seen[2]), (skipped, skipped));
    assert_eq!(sent_numbers(&seen), [5, 7]);
}

#[test]
fn video_waits_for_a_keyframe() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    let mut layer = Layer::default();
    point(&mut slot, target(1, Codec::Vp8));
    let rest = |seq, time| Sent { start_of_frame: false, keyframe: true, ..video(seq, time) };
    let seen = drive(
        &mut slot,
        &mut layer,
        [
            (0, video(1, 0)),
            (1, rest(4, 3000)),
            (2, key(3, 3000)),
            (3, video(2, 0)),
            (4, rest(5, 3000)),
            (5, video(6, 6000)),
        ],
    );
    let waiting = Err(Skip::AwaitingKeyframe);
    assert_eq!((seen[0], seen[1], seen[3]), (waiting, waiting, Err(Skip::BeforeStart)));
    assert_eq!(seq_and_time(&seen[4..]), [Some((3, 1)), Some((4, 3001))]);
}

#[test]
fn a_publisher_that_starts_its_numbers_anew_is_started_anew() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    let mut layer = Layer::default();
    point(&mut slot, target(1, Codec::Vp8));
    let again = |seq, time, sent: Sent| Sent { ssrc: 9, seq, timestamp: time, ..sent };
    let seen = drive(
        &mut slot,
        &mut layer,
        [
            (0, key(40_000, 1_000_000)),
            (1000, again(3, 50, video(0, 0))),
            (2000, again(4, 60, key(0, 0))),
            (2033, again(5, 3030, video(0, 0))),
        ],
    );
    assert_eq!(seen[1], Err(Skip::AwaitingKeyframe));
    assert_eq!(seq_and_time(&seen)[2..], [Some((2, 180_001)), Some((3, 182_971))]);
}

#[test]
fn picture_ids_wrap_in_the_width_of_their_source() {
    let start = SlotStart { picture_id: 126, ..SlotStart::default() };
    let mut slot = slot(Kind::Video, start);
    let mut pictures = Vec::new();
    let mut show = |slot: &mut SlotStream, source: u32, long: bool, ids: [u16; 4]| {
        point(slot, target(source, Codec::Vp8));
        let packets = ids.into_iter().zip(1..).map(|(id, seq)| {
            let sent = if seq == 1 { key(1, 0) } else { video(seq, u32::from(seq)) };
            (0, sent.picture(id, long, 0))
        });
        let seen = drive(slot, &mut Layer::default(), packets);
        pictures
            .push(seen.iter().map(|seen| seen.unwrap().picture_id.unwrap()).collect::<Vec<_>>());
    };
    show(&mut slot, 1, false, [5, 6, 7, 8]);
    show(&mut slot, 2, false, [126, 127, 0, 2]);
    show(&mut slot, 3, true, [32_766, 32_767, 0, 1]);
    assert_eq!(pictures, [[126, 127, 0, 1], [2, 3, 4, 6], [135, 136, 137, 138]]);
}

#[test]
fn the_temporal_index_counts_on_and_stands_still_with_its_source() {
    let mut slot = slot(Kind::Video, SlotStart { tl0_picture_index: 254, ..SlotStart::default() });
    let mut indices = Vec::new();
    for source in [1, 2] {
        point(&mut slot, target(source, Codec::Vp8));
        let frames = [key(1, 0), video(2, 3000), video(3, 6000), video(4, 9000)]
            .into_iter()
            .zip([40, 40, 41, 41])
            .map(|(sent, tl0)| (0, sent.picture(1, true, tl0)));
        let seen = drive(&mut slot, &mut Layer::default(), frames);
        indices.extend(seen.into_iter().map(|seen| seen.unwrap().tl0.unwrap()));
    }
    assert_eq!(indices, [254, 254, 255, 255, 0, 0, 1, 1]);
}

#[test]
fn a_source_without_counters_does_not_disturb_those_of_the_next() {
    let mut slot = slot(Kind::Video, SlotStart { picture_id: 10, ..SlotStart::default() });
    let mut pictures = Vec::new();
    for sent in [key(1, 0).picture(900, true, 1), key(1, 0), key(1, 0).picture(4, true, 1)] {
        point(&mut slot, target(1, Codec::Vp8));
        let received = Layer::default().take(0, &sent);
        let (Selection::Send(rewrite) | Selection::Start(rewrite)) = slot.forward(LAYER, &received)
        else {
            panic!("a keyframe starts a slot");
        };
        pictures.push(rewrite.payload);
    }
    let picture =
        |picture_id, tl0_picture_index| PayloadRewrite::Vp8 { picture_id, tl0_picture_index };
    assert_eq!(pictures, [picture(10, 1), PayloadRewrite::Unchanged, picture(11, 2)]);
}

#[test]
fn the_first_packet_of_a_voice_is_marked_and_announced() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    let mut layer = Layer::default();
    point(&mut slot, target(7, Codec::Opus));
    let first = slot.forward(LAYER, &layer.take(0, &audio(1, 0)));
    let Selection::Start(rewrite) = first else { panic!("{first:?}") };
    assert!(rewrite.marker);
    assert_eq!(rewrite.csrc, ShortId(7));
    let second = slot.forward(LAYER, &layer.take(20, &audio(2, 960)));
    let Selection::Send(rewrite) = second else { panic!("{second:?}") };
    assert!(!rewrite.marker);
}

#[test]
fn the_end_of_a_frame_is_marked_as_in_the_source() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    let mut layer = Layer::default();
    point(&mut slot, target(7, Codec::Vp8));
    let marks = [(key(1, 0), false), (Sent { marker: true, ..video(2, 0) }, true)];
    for (sent, expected) in marks {
        let (Selection::Send(rewrite) | Selection::Start(rewrite)) =
            slot.forward(LAYER, &layer.take(0, &sent))
        else {
            panic!("a keyframe starts a slot");
        };
        assert_eq!(rewrite.marker, expected);
    }
}

#[test]
fn a_descriptor_goes_only_to_those_who_negotiated_it() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    point(&mut slot, Target { dependency: None, ..target(7, Codec::Vp8) });
    let sent = Sent { dependency: Some(vec![0x80, 0, 1, 0x80]), ..key(1, 0) };
    let seen = drive(&mut slot, &mut Layer::default(), [(0, sent)]);
    assert_eq!(seen[0].unwrap().frame_number, None);
}

#[test]
fn packets_and_payload_bytes_are_counted() {
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    let mut layer = Layer::default();
    drive(
        &mut slot,
        &mut layer,
        [(0, audio(1, 0)), (20, Sent { body: vec![0; 90], ..audio(2, 960) })],
    );
    drive(&mut slot, &mut layer, [(20, audio(0, 0))]);
    assert_eq!(slot.sent(), (2, 100));
}

#[test]
fn a_descriptor_that_a_later_offer_has_is_sent_from_then_on() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    point(&mut slot, Target { dependency: None, ..target(7, Codec::Vp8) });
    let mut layer = Layer::default();
    let sent = |n: u8, sent: Sent| (0, Sent { dependency: Some(vec![0x80, 0, n]), ..sent });
    let before = drive(&mut slot, &mut layer, [sent(1, key(1, 0))]);
    slot.set_dependency(Some(DEPENDENCY));
    let after = drive(&mut slot, &mut layer, [sent(2, video(2, 3000))]);
    slot.set_dependency(None);
    let again = drive(&mut slot, &mut layer, [sent(3, video(3, 6000))]);
    let numbers = [before, after, again].map(|seen| seen[0].unwrap().frame_number);
    assert_eq!(numbers, [None, Some(2), None], "numbers count from the first frame");
}

#[test]
fn padding_of_a_publisher_goes_to_nobody_and_leaves_no_gap() {
    let mut slot = slot(Kind::Video, SlotStart::default());
    point(&mut slot, target(7, Codec::Vp8));
    let mut layer = Layer::default();
    drive(&mut slot, &mut layer, [(0, key(1, 0))]);
    let mut padding = video(2, 0).packet();
    (padding.payload_len, padding.video) = (0, None);
    let received = layer.stream.receive(ms(1), &padding).unwrap();
    assert_eq!(slot.forward(LAYER, &received), Selection::Skip(Skip::LeftOut));
    assert_eq!(sent_numbers(&drive(&mut slot, &mut layer, [(33, video(3, 3000))])), [2]);
}
