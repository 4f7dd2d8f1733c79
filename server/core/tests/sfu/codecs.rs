//! Several codecs in one room: who sends what, who can show it.

use std::time::Duration;

use sotto_core::{
    PacketError, SfuConfig,
    id::{PayloadType, PeerId},
    media::{Codec, Direction, Kind, Offer, PayloadFormat},
    signal::{ClientMessage, QualityLimit, ServerMessage, Source},
};

use crate::{
    media::{Sender, VP8, offer},
    world::{World, everything, line},
};

const H264: PayloadType = PayloadType(102);

/// As [`offer`], and every video line takes H.264 too, by preference.
fn two_codecs() -> Offer {
    let mut offer = offer(1, 2);
    for media in offer.media.iter_mut().filter(|media| media.kind == Kind::Video) {
        let format = PayloadFormat { payload_type: H264, codec: Codec::H264, ..media.formats[0] };
        media.formats.insert(0, PayloadFormat { rtx: None, ..format });
    }
    offer
}

/// As [`two_codecs`], but slots take VP8 alone.
fn vp8_slots() -> Offer {
    let mut offer = two_codecs();
    for media in offer.media.iter_mut().filter(|media| media.direction == Direction::Receive) {
        media.formats.retain(|format| format.codec != Codec::H264);
    }
    offer
}

/// A camera whose frames are known from their dependency descriptors, whatever they are coded in.
fn publish(world: &mut World, peer: PeerId) {
    let (mid, source) = (line(Source::Camera), Source::Camera);
    let layers = Vec::new();
    let message = ClientMessage::Publish { mid, source, muted: false, encrypted: true, layers };
    world.say(peer, message);
}

fn coded_in(payload_type: PayloadType, keyframe: bool) -> impl FnOnce(&mut Sender) {
    move |sender| {
        (sender.payload_type, sender.keyframe, sender.opaque) = (payload_type, keyframe, true);
        // The slots take it for a restart.
        sender.epoch = payload_type.0;
    }
}

#[test]
fn a_camera_goes_over_to_another_codec_at_a_keyframe_and_its_slots_go_on() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), two_codecs());
    let ben = world.join_with("blue", "ben", everything(), two_codecs());
    publish(&mut world, ann);
    world.send_with(ann, Source::Camera, coded_in(VP8, true)).unwrap();
    world.send_with(ann, Source::Camera, coded_in(VP8, false)).unwrap();
    world.pass(Duration::from_millis(33));
    let early = world.send_with(ann, Source::Camera, coded_in(H264, false));
    assert_eq!(early, Err(PacketError::Codec), "nobody could decode it");
    world.send_with(ann, Source::Camera, coded_in(H264, true)).unwrap();
    let late = world.send_with(ann, Source::Camera, coded_in(VP8, false));
    assert_eq!(late, Err(PacketError::Codec), "one that was overtaken");
    world.send_with(ann, Source::Camera, coded_in(H264, false)).unwrap();
    let counts: Vec<u32> = world.client(ben).media.iter().map(|got| got.stamp.count).collect();
    assert_eq!(counts, [0, 1, 3, 5]);
}

#[test]
fn a_camera_that_starts_without_a_keyframe_of_its_codec_is_asked_for_one() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), two_codecs());
    world.join_with("blue", "ben", everything(), two_codecs());
    publish(&mut world, ann);
    let refused = world.send_with(ann, Source::Camera, coded_in(VP8, false));
    assert_eq!(refused, Err(PacketError::Codec), "H.264 was expected");
    world.pass(Duration::from_millis(10));
    assert_eq!(world.client(ann).keyframes_asked.len(), 1);
}

#[test]
fn who_cannot_decode_a_codec_gets_nothing_of_it_and_the_others_all() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), two_codecs());
    let ben = world.join_with("blue", "ben", everything(), two_codecs());
    let cem = world.join_with("blue", "cem", everything(), vp8_slots());
    publish(&mut world, ann);
    world.send_with(ann, Source::Camera, coded_in(H264, true)).unwrap();
    world.pass(Duration::from_millis(33));
    world.send_with(ann, Source::Camera, coded_in(H264, false)).unwrap();
    assert_eq!((world.client(ben).media.len(), world.client(cem).media.len()), (2, 0));
    assert_eq!(world.seen(cem, "v")[0], "ann", "the tile is there all the same");
    world.pass(Duration::from_secs(1));
    let told = world.heard(cem).into_iter().filter_map(|message| match message {
        ServerMessage::Quality { slots } => Some(slots),
        _ => None,
    });
    let told: Vec<_> = told.flatten().map(|slot| (slot.layer, slot.limit)).collect();
    assert_eq!(told, [(None, Some(QualityLimit::Codec))], "and says why it is dark");
    world.send_with(ann, Source::Camera, coded_in(VP8, true)).unwrap();
    assert_eq!(world.client(cem).media.len(), 1, "from the keyframe of one that it decodes");
}

#[test]
fn a_publisher_that_changes_its_codec_all_the_time_does_not_flood_the_others() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), two_codecs());
    let ben = world.join_with("blue", "ben", everything(), two_codecs());
    publish(&mut world, ann);
    world.heard(ben);
    for round in 0..1_000 {
        let codec = if round % 2 == 0 { VP8 } else { H264 };
        world.send_with(ann, Source::Camera, coded_in(codec, true)).ok();
        world.pass(Duration::from_millis(4));
    }
    let told = world.heard(ben).len();
    assert!(told <= 40, "{told} messages in four seconds");
}
