//! A slot that goes from one simulcast layer to another.

use super::*;
use crate::{
    forward::{MediaClock, SentBefore},
    time::NtpTime,
};

const LOW: LayerIndex = LayerIndex(0);
const HIGH: LayerIndex = LayerIndex(2);

/// A packet of a layer, at its time in ms.
fn take(
    slot: &mut SlotStream,
    index: LayerIndex,
    layer: &mut Layer,
    at: u64,
    sent: &Sent,
) -> Selection {
    slot.forward(index, &layer.take(at, sent))
}

/// A slot that sends the low layer, and both layers. The first frame, with media time 0 of the slot
/// at 0 ms, has been sent.
fn on_low() -> (SlotStream, Layer, Layer) {
    let start = SlotStart { timestamp: RtpTime(0), ..SlotStart::default() };
    let mut slot = slot(Kind::Video, start);
    slot.point(target(1, Codec::Vp8), LayerChoice::whole(LOW));
    let (mut low, high) = (Layer::default(), Layer::default());
    let first = take(&mut slot, LOW, &mut low, 0, &key(100, 50_000).picture(7, true, 3));
    assert!(matches!(first, Selection::Start(_)), "{first:?}");
    (slot, low, high)
}

fn rewrite_of(selection: Selection) -> Rewrite {
    match selection {
        Selection::Send(rewrite) | Selection::Start(rewrite) | Selection::Switch(rewrite) => {
            rewrite
        }
        Selection::Skip(reason) => panic!("skipped: {reason:?}"),
    }
}

#[test]
fn the_present_layer_goes_on_until_the_wanted_one_has_a_keyframe() {
    let (mut slot, mut low, mut high) = on_low();
    let other = take(&mut slot, HIGH, &mut high, 1, &key(4000, 9));
    assert_eq!(other, Selection::Skip(Skip::OtherLayer));
    slot.choose(LayerChoice::whole(HIGH));
    assert_eq!((slot.layer(), slot.awaited()), (Some(LOW), Some(HIGH)));

    let waiting = take(&mut slot, HIGH, &mut high, 34, &video(4001, 3009));
    assert_eq!(waiting, Selection::Skip(Skip::AwaitingKeyframe));
    let sent = video(101, 53_000).picture(8, true, 4);
    let on = seen(&rewrite_of(take(&mut slot, LOW, &mut low, 34, &sent)), &sent);
    assert_eq!((on.seq, on.timestamp, on.picture_id, on.tl0), (2, 3000, Some(2), Some(2)));

    let sent = key(4002, 6009).picture(60, true, 200);
    let switch = take(&mut slot, HIGH, &mut high, 67, &sent);
    let Selection::Switch(rewrite) = switch else { panic!("{switch:?}") };
    let to = seen(&rewrite, &sent);
    assert_eq!((to.seq, to.timestamp, to.picture_id, to.tl0), (3, 6000, Some(3), Some(3)));
    assert_eq!((slot.layer(), slot.awaited()), (Some(HIGH), None));
    assert_eq!(slot.first_timestamp(), Some(RtpTime(0)), "the content is the same");

    let late = take(&mut slot, LOW, &mut low, 68, &video(102, 56_000));
    assert_eq!(late, Selection::Skip(Skip::OtherLayer));
}

#[test]
fn media_time_follows_the_publishers_clock_over_a_switch() {
    let (mut slot, mut low, mut high) = on_low();
    // By the reports, 50,000 of the low layer and 9 of the high one are one instant.
    let clock = |rtp: u32| {
        let mut clock = MediaClock::new(90_000);
        clock.observe(NtpTime(7 << 32), RtpTime(rtp));
        clock
    };
    low.stream.align(&clock(50_000));
    high.stream.align(&clock(9));
    take(&mut slot, LOW, &mut low, 33, &video(101, 53_000));
    slot.choose(LayerChoice::whole(HIGH));
    // The high layer is larger and comes 50 ms later than it should.
    let to = take(&mut slot, HIGH, &mut high, 116, &key(4000, 6009));
    assert_eq!(rewrite_of(to).timestamp, RtpTime(6000));
    // Back, to a frame that has the media time of the last one: one unit later.
    slot.choose(LayerChoice::whole(LOW));
    let back = take(&mut slot, LOW, &mut low, 117, &key(103, 56_000));
    assert_eq!(rewrite_of(back).timestamp, RtpTime(6001));
    // The next switch makes that good.
    slot.choose(LayerChoice::whole(HIGH));
    let again = take(&mut slot, HIGH, &mut high, 216, &key(4003, 15_009));
    assert_eq!(rewrite_of(again).timestamp, RtpTime(15_000));
}

#[test]
fn clocks_that_are_seconds_wrong_are_not_followed() {
    let (mut slot, mut low, mut high) = on_low();
    for (layer, seconds) in [(&mut low, 7), (&mut high, 12)] {
        let mut clock = MediaClock::new(90_000);
        clock.observe(NtpTime(seconds << 32), RtpTime(0));
        layer.stream.align(&clock);
    }
    take(&mut slot, LOW, &mut low, 33, &video(101, 53_000));
    slot.choose(LayerChoice::whole(HIGH));
    let to = take(&mut slot, HIGH, &mut high, 66, &key(4000, 6000));
    // By arrival: 33 ms after the last frame, which is less than a frame.
    assert_eq!(rewrite_of(to).timestamp, RtpTime(6000));
}

#[test]
fn what_was_sent_is_found_again_and_rewritten_alike_across_a_switch() {
    let (mut slot, mut low, mut high) = on_low();
    let mut sent = Vec::new();
    for frame in 1..4u16 {
        let packet = video(100 + frame, 50_000 + u32::from(frame) * 3000).picture(
            7 + frame,
            true,
            3 + frame as u8,
        );
        let received = low.take(u64::from(frame) * 33, &packet);
        sent.push((LOW, received, rewrite_of(slot.forward(LOW, &received))));
    }
    slot.choose(LayerChoice::whole(HIGH));
    for frame in 0..3u16 {
        let base = if frame == 0 { key(9000, 77) } else { video(9000 + frame, 77) };
        let packet = base.picture(500 + frame, true, frame as u8);
        let received = high.take(200 + u64::from(frame) * 33, &packet);
        sent.push((HIGH, received, rewrite_of(slot.forward(HIGH, &received))));
    }
    let counted = slot.sent();
    for (layer, received, rewrite) in &sent {
        let found: SentBefore = slot.sent_before(rewrite.seq).expect("sent a moment ago");
        assert_eq!((found.layer, found.seq), (*layer, received.seq));
        assert_eq!(slot.rewrite_again(&found, received), Some(*rewrite));
    }
    assert_eq!(slot.sent_before(SeqNo(8)), None, "not sent yet");
    assert_eq!(slot.sent_before(SeqNo(0)), None, "before the content");
    assert_eq!(slot.sent(), counted, "looking back counts nothing");
    slot.point(target(2, Codec::Vp8), LayerChoice::whole(LOW));
    assert_eq!(slot.sent_before(SeqNo(5)), None, "never across a re-point");
}

#[test]
fn a_replay_of_another_layer_starts_the_content_until_the_wanted_one_has_a_keyframe() {
    let mut history = crate::forward::History::new(Kind::Video);
    let mut low = Layer::default();
    history.push(crate::id::PacketId(1), &low.take(0, &key(1, 0)), true, |_| {});
    let mut slot = slot(Kind::Video, SlotStart::default());
    slot.point(target(1, Codec::Vp8), LayerChoice::whole(HIGH));
    assert_eq!(slot.awaited(), Some(HIGH));
    assert_eq!(slot.replay(ms(10), LOW, &history).count(), 1);
    assert_eq!((slot.layer(), slot.awaited()), (Some(LOW), Some(HIGH)));
    let switch = take(&mut slot, HIGH, &mut Layer::default(), 20, &key(5, 5));
    assert!(matches!(switch, Selection::Switch(_)), "{switch:?}");
}
