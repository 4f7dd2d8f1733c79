//! Simulcast: which layer comes, what happens when layers come and go.

use std::time::Duration;

use sotto_core::{
    PacketError, SfuConfig,
    id::{LayerIndex, PeerId, Ssrc},
    signal::{ClientMessage, ErrorCode, PublishedLayer, Source},
};

use crate::{
    media::{RIDS, Sender, rid, simulcast_offer},
    world::{World, everything, line},
};

/// A camera with three layers, and somebody who sees it.
struct Call {
    world: World,
    publisher: PeerId,
    viewer: PeerId,
    layers: [Sender; 3],
    /// Which layers are sent.
    active: [bool; 3],
}

impl Call {
    fn new() -> Self {
        let mut world = World::new(SfuConfig::default());
        let offer = simulcast_offer(1, 1);
        let publisher = world.join_with("blue", "ann", everything(), offer);
        let viewer = world.join("blue", "ben");
        world.publish(publisher, Source::Camera);
        let layers = [0, 1, 2].map(|index| Sender::layer(publisher, index));
        Self { world, publisher, viewer, layers, active: [true; 3] }
    }

    /// The camera runs: a frame each 33 ms in every active layer, keyframes where asked for.
    fn run(&mut self, span: Duration) {
        let end = self.world.now + span;
        while self.world.now < end {
            for (layer, active) in self.layers.iter_mut().zip(self.active) {
                if active {
                    let bytes = layer.next(self.world.now);
                    self.world.arrive(self.publisher, bytes).unwrap();
                }
            }
            self.world.pass(Duration::from_millis(33));
            for (_, ssrc) in self.world.client(self.publisher).keyframes_asked.drain(..) {
                let asked = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc);
                asked.unwrap().keyframe = true;
            }
        }
    }

    /// The layers of the packets that the viewer got since it was last asked, repetitions left out.
    fn seen(&mut self) -> Vec<u8> {
        let got = std::mem::take(&mut self.world.client(self.viewer).media);
        let mut layers: Vec<u8> = got.iter().map(|got| got.stamp.layer.0).collect();
        layers.dedup();
        layers
    }
}

#[test]
fn the_best_layer_comes_and_each_layer_is_one_unbroken_stream() {
    let mut call = Call::new();
    call.run(Duration::from_secs(1));
    call.seen();
    call.run(Duration::from_secs(2));
    assert_eq!(call.seen(), [2]);
}

#[test]
fn when_a_layer_stops_the_next_one_takes_over_and_it_comes_back_when_it_goes_on() {
    let mut call = Call::new();
    call.run(Duration::from_secs(1));
    call.active = [true, true, false];
    call.run(Duration::from_millis(1_500));
    call.seen();
    call.run(Duration::from_secs(1));
    assert_eq!(call.seen(), [1]);
    call.active = [true, false, false];
    call.run(Duration::from_millis(1_500));
    call.seen();
    call.run(Duration::from_secs(1));
    assert_eq!(call.seen(), [0]);
    call.active = [true; 3];
    call.run(Duration::from_secs(1));
    call.seen();
    call.run(Duration::from_secs(1));
    assert_eq!(call.seen(), [2]);
}

#[test]
fn a_camera_that_pauses_as_a_whole_goes_on_in_the_same_layer() {
    let mut call = Call::new();
    call.run(Duration::from_secs(1));
    call.seen();
    call.active = [false; 3];
    call.run(Duration::from_secs(5));
    call.active = [true; 3];
    call.run(Duration::from_millis(300));
    assert_eq!(call.seen(), [2], "no way round over another layer");
}

#[test]
fn a_layer_belongs_to_its_tag_whatever_its_source() {
    let mut call = Call::new();
    call.run(Duration::from_secs(1));
    for layer in &mut call.layers {
        layer.tagged = false;
    }
    call.run(Duration::from_millis(100));
    call.layers[2].restart();
    call.run(Duration::from_secs(1));
    call.seen();
    call.run(Duration::from_secs(1));
    assert_eq!(call.seen(), [2]);
}

#[test]
fn a_layer_that_was_not_negotiated_and_a_source_without_a_tag_are_refused_by_name() {
    let mut call = Call::new();
    let now = call.world.now;
    let stranger = Sender { rid: Some(rid("x")), ..call.layers[0].clone() }.next(now);
    let result = call.world.arrive(call.publisher, stranger);
    assert_eq!(result, Err(PacketError::UnknownLayer));
    let untagged = Sender { tagged: false, ..call.layers[0].clone() }.next(now);
    let result = call.world.arrive(call.publisher, untagged);
    assert_eq!(result, Err(PacketError::UnknownSource));
    let mid_alone = Sender { rid: None, ..call.layers[0].clone() }.next(now);
    let result = call.world.arrive(call.publisher, mid_alone);
    assert_eq!(result, Err(PacketError::UnknownSource));
}

#[test]
fn sources_of_layers_that_a_later_offer_no_longer_has_are_forgotten() {
    let mut world = World::new(SfuConfig::default());
    let mut offer = simulcast_offer(1, 1);
    let ann = world.join_with("blue", "ann", everything(), offer.clone());
    let mut full = Sender::layer(ann, 2);
    let bytes = full.next(world.now);
    assert_eq!(world.arrive(ann, bytes), Err(PacketError::NotPublished));
    offer.media[1].rids.pop();
    world.offer(ann, offer);
    world.publish(ann, Source::Camera);
    full.tagged = false;
    let bytes = full.next(world.now);
    assert_eq!(world.arrive(ann, bytes), Err(PacketError::UnknownSource));
}

#[test]
fn the_order_of_the_layers_is_that_of_their_description() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), simulcast_offer(1, 1));
    let ben = world.join("blue", "ben");
    // Packets come before the publication: their sources are known by the old order.
    let mut layers = [0, 1, 2].map(|index| Sender::layer(ann, index));
    for layer in &mut layers {
        let bytes = layer.next(world.now);
        assert_eq!(world.arrive(ann, bytes), Err(PacketError::NotPublished));
        layer.tagged = false;
        layer.keyframe = true;
    }
    let described = [(2, 180), (1, 360), (0, 720)].map(|(n, height)| described(RIDS[n], height));
    world.say(ann, publish(described.to_vec()));
    assert_eq!(world.errors(ann), []);
    for frame in 0..10 {
        for layer in &mut layers {
            layer.keyframe |= frame == 5;
            let bytes = layer.next(world.now);
            world.arrive(ann, bytes).unwrap();
        }
        world.pass(Duration::from_millis(33));
    }
    let last = world.client(ben).media.last().unwrap().stamp;
    assert_eq!(last.layer, LayerIndex(0), "the one that was called the largest");
}

#[test]
fn descriptions_that_do_not_fit_are_refused_and_change_nothing() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), simulcast_offer(1, 1));
    let mut check = |what: &str, layers: Vec<PublishedLayer>| {
        world.say(ann, publish(layers));
        assert_eq!(world.errors(ann), [ErrorCode::Malformed], "{what}");
        assert_eq!(world.sfu.census().tracks, 0, "{what}");
    };
    check("unknown", vec![described("x", 90)]);
    check("twice", vec![described("q", 90), described("q", 180)]);
    check("no size", vec![described("q", 0)]);
    check("too large", vec![described("q", 8_193)]);
    check("no tag", vec![PublishedLayer { rid: None, ..described("q", 90) }]);
    check("too many", vec![described("q", 90); 4]);
    let mode = Some("S2T1".to_owned());
    check("mode", vec![PublishedLayer { scalability_mode: mode, ..described("q", 90) }]);
    world.say(ann, publish(vec![described("q", 90), described("h", 180)]));
    let mid = line(Source::Camera);
    world.say(ann, ClientMessage::Layers { mid, layers: vec![described("f", 720)] });
    assert_eq!(world.errors(ann), []);
    world.say(ann, ClientMessage::Layers { mid, layers: vec![described("f", 0)] });
    assert_eq!(world.errors(ann), [ErrorCode::Malformed]);
    let mid = line(Source::Screen);
    world.say(ann, ClientMessage::Layers { mid, layers: Vec::new() });
    assert_eq!(world.errors(ann), [ErrorCode::NotFound]);
}

#[test]
fn a_lone_layer_may_be_described_with_a_tag_that_was_not_negotiated() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.say(ann, publish(vec![described("q", 90)]));
    assert_eq!((world.errors(ann), world.sfu.census().tracks), (vec![], 1));
    let (mid, layers) = (line(Source::Camera), vec![described("q", 90), described("h", 180)]);
    world.say(ann, ClientMessage::Layers { mid, layers });
    assert_eq!(world.errors(ann), [ErrorCode::Malformed], "there is one layer");
}

#[test]
fn keyframes_are_asked_of_the_layer_that_needs_one() {
    let mut call = Call::new();
    call.run(Duration::from_secs(2));
    call.world.client(call.publisher).keyframes_asked.clear();
    let ssrc = call.world.client(call.viewer).media.last().unwrap().ssrc;
    let request = sotto_core::input::Feedback::KeyframeRequest { ssrc };
    call.world.feedback(call.viewer, request);
    call.world.pass(Duration::from_secs(1));
    let asked = &call.world.client(call.publisher).keyframes_asked;
    assert!(!asked.is_empty() && asked.iter().all(|(_, ssrc)| *ssrc == Ssrc(400_000)), "{asked:?}");
}

#[test]
fn pictures_are_kept_of_the_first_layer_and_of_those_that_somebody_sees() {
    let mut call = Call::new();
    call.run(Duration::from_millis(330));
    call.world.leave(call.viewer);
    call.run(Duration::from_millis(330));
    let first = call.layers[0].clone();
    call.layers.iter_mut().for_each(|layer| layer.keyframe = true);
    call.run(Duration::from_millis(330));
    assert_eq!(call.world.sfu.census().kept_packets, 10, "of {first:?} alone");
}

fn described(rid: &str, height: u16) -> PublishedLayer {
    PublishedLayer {
        rid: Some(self::rid(rid)),
        width: 160,
        height,
        max_bitrate: None,
        scalability_mode: None,
    }
}

fn publish(layers: Vec<PublishedLayer>) -> ClientMessage {
    let source = Source::Camera;
    ClientMessage::Publish { mid: line(source), source, muted: false, encrypted: false, layers }
}
