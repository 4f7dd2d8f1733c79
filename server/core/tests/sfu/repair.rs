//! Lost packets come back, both ways, and no number is used twice on the way.

use std::time::Duration;

use sotto_core::{
    PacketError, SfuConfig,
    forward::Refused,
    id::{ExtensionId, Mid, PayloadType, PeerId, SeqNo, Ssrc},
    input::Feedback,
    media::{Codec, Kind, PayloadFormat},
    rtp::{ExtensionMap, Packet, PacketBuilder},
    signal::{ClientMessage, Source},
};

use crate::{
    lossy::{FIVE_PERCENT, Losses, Lossy, Tally, camera},
    media::{Sender, offer},
    model::rng::Rng,
    world::{World, everything, line},
};

/// A jitter buffer for sound that has seen such a line waits about this long.
const SOUND: Duration = Duration::from_millis(300);
/// So long a decoder waits for a picture before it asks for a keyframe.
const PICTURE: Duration = Duration::from_secs(1);

/// Half a minute of a call: what was lost of sound and of pictures, in 1,000.
fn call(losses: Losses, change: impl FnOnce(&mut Lossy)) -> (f64, f64, Tally) {
    let mut lossy = Lossy::new(&losses, 1, 7, Duration::ZERO);
    lossy.reported_loss = 50;
    change(&mut lossy);
    lossy.run(Duration::from_secs(30), true);
    lossy.run(Duration::from_secs(2), false);
    assert!(lossy.came(Kind::Audio) > 1_300 && lossy.came(Kind::Video) > 800);
    let tally = lossy.tally;
    let lost = (lossy.lost(Kind::Audio, SOUND), lossy.lost(Kind::Video, PICTURE));
    assert_eq!(lossy.end(), 0, "everything that was kept is given back");
    (lost.0, lost.1, tally)
}

#[test]
fn five_percent_both_ways_are_repaired() {
    let (sound, pictures, tally) = call(FIVE_PERCENT, |_| {});
    assert!(sound < 5.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(pictures < 1.0, "pictures lost: {pictures} in 1,000, {tally:?}");
    assert!(tally.retransmissions > 20 && tally.repeated > 40, "{tally:?}");
    // What is on its way is not sent again: of 50 in 1,000 lost and the answers to it lost again.
    assert!(tally.retransmissions < 100, "{tally:?}");
}

#[test]
fn without_repair_they_are_lost() {
    let losses = Losses { nack: false, red: false, ..FIVE_PERCENT };
    let (sound, pictures, tally) = call(losses, |_| {});
    assert!((60.0..140.0).contains(&sound), "sound lost: {sound} in 1,000");
    assert!((60.0..140.0).contains(&pictures), "pictures lost: {pictures} in 1,000");
    assert_eq!(
        (tally.retransmissions, tally.redundant, tally.resent, tally.repeated),
        (0, 0, 0, 0)
    );
}

#[test]
fn bursts_of_ten_are_repaired() {
    let losses = Losses { per_mille: 5, burst: 10, ..FIVE_PERCENT };
    let (sound, pictures, tally) = call(losses, |_| {});
    assert!(sound < 10.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(pictures < 2.0, "pictures lost: {pictures} in 1,000, {tally:?}");
}

#[test]
fn redundancy_repairs_sound_where_nothing_is_asked_for_again() {
    let losses = Losses { nack: false, up: false, ..FIVE_PERCENT };
    let (sound, _, tally) = call(losses, |_| {});
    // Two in a row are lost in 2.5 of 1,000.
    assert!(sound < 6.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(tally.redundant > 1_000 && tally.resent == 0, "{tally:?}");
    let (sound, _, tally) = call(losses, |lossy| lossy.reported_loss = 0);
    assert!(sound > 30.0 && tally.redundant == 0, "who loses nothing gets plain sound: {tally:?}");
}

#[test]
fn a_publishers_redundancy_repairs_its_line() {
    let losses = Losses { nack: false, down: false, ..FIVE_PERCENT };
    let (sound, _, _) = call(losses, |lossy| lossy.reported_loss = 0);
    assert!(sound > 30.0, "sound lost: {sound} in 1,000");
    let (sound, _, tally) = call(losses, |lossy| {
        lossy.reported_loss = 0;
        lossy.publisher_red = true;
    });
    assert!(sound < 6.0, "sound lost: {sound} in 1,000");
    assert_eq!(tally.redundant, 0, "the subscriber gets it plain");
}

#[test]
fn a_publisher_is_asked_for_redundancy_while_its_line_loses() {
    let mut lossy = Lossy::new(&Losses { down: false, ..FIVE_PERCENT }, 1, 7, Duration::ZERO);
    lossy.run(Duration::from_secs(8), true);
    assert!(lossy.asked_red, "though all of it is repaired");
    let mut clean = Lossy::new(&Losses { up: false, ..FIVE_PERCENT }, 1, 7, Duration::ZERO);
    clean.run(Duration::from_secs(8), true);
    assert!(!clean.asked_red, "what its listeners lose is not its affair");
}

#[test]
fn sound_is_not_asked_for_again_where_it_would_come_too_late() {
    let far = Duration::from_millis(90);
    let losses = Losses { up: false, delay: far, ..FIVE_PERCENT };
    let (sound, _, tally) = call(losses, |lossy| lossy.reported_loss = 10);
    assert_eq!(tally.resent, 0, "{tally:?}");
    assert!(tally.redundant > 1_000 && sound < 6.0, "sound lost: {sound} in 1,000, {tally:?}");
}

/// The life of two slots through everything that can happen to them. [`Lossy::seal`] checks.
#[test]
fn no_number_of_a_source_ever_stands_for_two_packets() {
    let mut all = Tally::default();
    for seed in 0..12 {
        let losses = Losses { per_mille: 80, burst: 3, ..FIVE_PERCENT };
        let mut lossy = Lossy::new(&losses, 3, seed, Duration::from_millis(30));
        let mut rng = Rng::new(seed);
        let mut muted = false;
        for _ in 0..150 {
            match rng.below(8) {
                0 => {
                    muted = !muted;
                    lossy.say(ClientMessage::Mute { mid: camera(), muted });
                }
                1 => {
                    let layer = rng.below(3) as usize;
                    lossy.active[layer] = !lossy.active[layer];
                    lossy.layers[layer].keyframe = true;
                }
                2 => lossy.reported_loss = rng.pick(&[0, 20, 50, 200]),
                3 => (0..rng.below(20)).for_each(|_| lossy.pad()),
                4 => lossy.publisher_red = !lossy.publisher_red,
                5 => lossy.layers[rng.below(3) as usize].restart(),
                _ => {}
            }
            lossy.run(Duration::from_millis(rng.below(300)), true);
        }
        let Tally { forwards, retransmissions, redundant, resent, padding, .. } = lossy.tally;
        all.forwards += forwards;
        all.retransmissions += retransmissions;
        all.redundant += redundant;
        all.resent += resent;
        all.padding += padding;
        assert_eq!(lossy.end(), 0, "everything that was kept is given back");
    }
    let each = [all.forwards, all.retransmissions, all.redundant, all.resent, all.padding];
    assert!(each.iter().all(|count| *count > 100), "everything happened: {all:?}");
}

/// A retransmission of `bytes` with original number `seq`.
fn again(bytes: &[u8], seq: SeqNo, number: u16, payload_type: PayloadType) -> Vec<u8> {
    let packet = Packet::parse(bytes, &ExtensionMap::default()).unwrap();
    let payload = [&seq.0.to_be_bytes(), packet.payload(bytes)].concat();
    let builder = PacketBuilder {
        ssrc: Ssrc(9_002),
        payload_type,
        seq: SeqNo(number),
        timestamp: packet.timestamp,
        marker: packet.marker,
        csrcs: &[],
        extensions: &[(ExtensionId(4), b"cam")],
        payload: &payload,
        padding: 0,
    };
    let mut out = vec![0; 400];
    let len = builder.write(&mut out).unwrap();
    out.truncate(len);
    out
}

/// A camera with a source for its retransmissions, and H.264 beside VP8, and somebody who watches.
fn watched() -> (World, PeerId, PeerId) {
    let mut repaired = offer(1, 1);
    for media in repaired.media.iter_mut().filter(|media| media.kind == Kind::Video) {
        let h264 = PayloadFormat {
            payload_type: PayloadType(102),
            codec: Codec::H264,
            rtx: Some(PayloadType(103)),
            ..media.formats[0]
        };
        media.formats.push(h264);
    }
    repaired.media[1].rtx_ssrc = Some(Ssrc(9_002));
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), repaired.clone());
    let ben = world.join_with("blue", "ben", everything(), repaired);
    world.publish(ann, Source::Camera);
    (world, ann, ben)
}

#[test]
fn late_retransmissions_do_not_begin_a_layer_anew() {
    let (mut world, ann, ben) = watched();
    for _ in 0..1_100 {
        world.send(ann, Source::Camera).unwrap();
        world.pass(Duration::from_millis(2));
    }
    world.heard(ben);
    let sent = world.client(ann).senders[&line(Source::Camera)].clone();
    let first = world.client(ann).senders[&line(Source::Camera)].seq.0.wrapping_sub(1_100);
    let bytes = Sender { keyframe: true, ..sent }.next(world.now);
    for late in 0..4 {
        let seq = SeqNo(first.wrapping_add(late));
        let taken = world.arrive(ann, again(&bytes, seq, late + 1, PayloadType(97)));
        assert_eq!(taken, Err(PacketError::Refused(Refused::Duplicate)));
    }
    let before = world.client(ben).media.len();
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.client(ben).media.len(), before + 1, "the layer goes on");
    assert!(world.heard(ben).is_empty(), "and nobody is told of a new one");
}

#[test]
fn a_retransmission_does_not_change_the_codec_of_a_track() {
    let (mut world, ann, ben) = watched();
    world.send(ann, Source::Camera).unwrap();
    let seq = world.client(ann).senders[&line(Source::Camera)].seq;
    let now = world.now;
    let lost = world.client(ann).senders.get_mut(&line(Source::Camera)).unwrap().next(now);
    // Parameter sets: as the first packet of a picture that can be decoded alone.
    let mut picture = lost.clone();
    picture[12] = 0x67;
    let taken = world.arrive(ann, again(&picture, seq, 1, PayloadType(103)));
    assert_eq!(taken, Err(PacketError::Codec));
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.client(ben).media.len(), 2, "VP8 goes on");
    world.arrive(ann, again(&lost, seq, 2, PayloadType(97))).unwrap();
    assert_eq!(world.client(ben).media.len(), 3, "and is repaired");
}

#[test]
fn what_is_gone_is_made_good_by_one_keyframe_and_not_by_another() {
    let (mut world, ann, ben) = watched();
    world.send(ann, Source::Camera).unwrap();
    let mid = Mid::new("v0").unwrap();
    let ssrc = world.client(ben).ssrc(mid).unwrap();
    let first = world.client(ben).media[0].seq;
    let lost = Feedback::Nack { ssrc, first: first.next(), following: 0 };
    let mut asked = Vec::new();
    for keyframe in [false, true] {
        // Longer ago than packets are kept.
        for frame in 0..300 {
            let keyframe = keyframe && frame == 0;
            world.send_with(ann, Source::Camera, |camera| camera.keyframe = keyframe).unwrap();
            world.pass(Duration::from_millis(33));
        }
        world.client(ann).keyframes_asked.clear();
        world.feedback(ben, lost);
        world.pass(Duration::from_millis(10));
        asked.push(world.client(ann).keyframes_asked.len());
    }
    assert_eq!(asked, [1, 0]);
}
