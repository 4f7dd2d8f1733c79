//! Who is served in which quality, what publishers are asked for, and what clients are told of it.

use std::time::Duration;

use sotto_core::{
    Input, SfuConfig,
    id::{Mid, PeerId},
    media::Kind,
    signal::{
        AudioDemand, ClientMessage, Decoding, ErrorCode, Form, FormSwitched, GateState, ModelEpoch,
        ModelTransport, Policy, PublishedLayer, QualityLimit, ServerMessage, SlotQuality,
        SlotViewport, Source, View,
    },
};
use sotto_frame::PluginId;

use crate::{
    call::{header, support},
    media::{RIDS, Sender, offer, rid, simulcast_offer},
    world::{World, everything, line},
};

use QualityLimit::{Bandwidth, Publisher, Viewport};

/// Heights of the layers, and payload sizes that make 45, 135 and 320 kbit/s on the wire of them at
/// 30 frames a second.
const LAYERS: [(u16, usize); 3] = [(180, 120), (360, 500), (720, 1_250)];

const SECOND: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(33);

/// One camera in three layers, which does as it is asked, and those who see it.
struct Call {
    world: World,
    camera: PeerId,
    viewers: Vec<PeerId>,
    layers: [Sender; 3],
    /// The layers that the camera was asked for.
    asked: [bool; 3],
    /// The layers that its line carries.
    able: [bool; 3],
    /// What it was asked for, with the seconds since the start.
    demands: Vec<(f64, [bool; 3])>,
    begun: f64,
}

impl Call {
    fn new(viewers: &[&str]) -> Self {
        let mut world = World::new(SfuConfig::default());
        let camera = world.join_with("blue", "cam", everything(), simulcast_offer(1, 1));
        let viewers = viewers
            .iter()
            .map(|name| {
                let mut offer = offer(2, 2);
                let slots = offer.media.iter_mut().filter(|m| m.kind == Kind::Video);
                slots.flat_map(|media| &mut media.formats).for_each(|f| f.transport_cc = true);
                world.join_with("blue", name, everything(), offer)
            })
            .collect();
        let described = LAYERS.iter().zip(RIDS).map(|(&(height, _), name)| PublishedLayer {
            rid: Some(rid(name)),
            width: height / 9 * 16,
            height,
            max_bitrate: None,
            scalability_mode: None,
        });
        let layers = described.collect();
        let (mid, source) = (line(Source::Camera), Source::Camera);
        let publish =
            ClientMessage::Publish { mid, source, muted: false, encrypted: false, layers };
        world.say(camera, publish);
        let layers = [0, 1, 2]
            .map(|index| Sender { size: LAYERS[index].1, ..Sender::layer(camera, index as u8) });
        let begun = world.now.as_micros() as f64 / 1e6;
        let (asked, able, demands) = ([true; 3], [true; 3], Vec::new());
        Self { world, camera, viewers, layers, asked, able, demands, begun }
    }

    fn seconds(&self) -> f64 {
        self.world.now.as_micros() as f64 / 1e6 - self.begun
    }

    fn run(&mut self, span: Duration) {
        let end = self.world.now + span;
        while self.world.now < end {
            for (index, layer) in self.layers.iter_mut().enumerate() {
                if self.asked[index] && self.able[index] {
                    let bytes = layer.next(self.world.now);
                    self.world.arrive(self.camera, bytes).unwrap();
                }
            }
            self.world.pass(FRAME);
            let now = self.seconds();
            let camera = self.world.client(self.camera);
            for (_, ssrc) in camera.keyframes_asked.drain(..) {
                if let Some(layer) = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc) {
                    layer.keyframe = true;
                }
            }
            for message in self.world.heard(self.camera) {
                let ServerMessage::Demand { layers, audio: None, .. } = message else { continue };
                let before = self.asked;
                for demand in layers {
                    let index = RIDS.iter().position(|name| demand.rid == Some(rid(name)));
                    self.asked[index.unwrap()] = demand.active;
                }
                for (index, layer) in self.layers.iter_mut().enumerate() {
                    layer.keyframe |= self.asked[index] && !before[index];
                }
                self.demands.push((now, self.asked));
            }
        }
    }

    /// The layers that a viewer got within a second, repetitions left out.
    fn seen(&mut self, viewer: usize) -> Vec<u8> {
        let viewer = self.viewers[viewer];
        self.world.client(viewer).media.clear();
        self.run(SECOND);
        let got = std::mem::take(&mut self.world.client(viewer).media);
        let mut layers: Vec<u8> = got.iter().map(|got| got.stamp.layer.0).collect();
        layers.dedup();
        layers
    }

    /// What a viewer was last told about its first slot: height, and what limits it.
    fn told(&mut self, viewer: usize) -> Option<(Option<u16>, Option<QualityLimit>)> {
        let heard = self.world.heard(self.viewers[viewer]);
        let told: Vec<SlotQuality> = heard
            .into_iter()
            .filter_map(|message| match message {
                ServerMessage::Quality { slots } => Some(slots),
                _ => None,
            })
            .flatten()
            .collect();
        let last = told.last()?;
        Some((last.layer.and_then(|layer| layer.height), last.limit))
    }

    fn show(&mut self, viewer: usize, height: u16) {
        let slots = vec![viewport("v0", height)];
        self.world.say(self.viewers[viewer], ClientMessage::Viewport { slots });
    }
}

fn viewport(mid: &str, height: u16) -> SlotViewport {
    SlotViewport { mid: Mid::new(mid).unwrap(), width: height, height }
}

#[test]
fn a_thin_line_gets_the_small_layer_while_a_wide_one_gets_the_large_and_is_told_why() {
    let mut call = Call::new(&["thin", "wide"]);
    call.world.estimate(call.viewers[0], 120);
    call.world.estimate(call.viewers[1], 3_000);
    call.run(2 * SECOND);
    assert_eq!((call.seen(0), call.seen(1)), (vec![0], vec![2]));
    assert_eq!(call.told(0), Some((Some(180), Some(Bandwidth))));
    assert_eq!(call.told(1), Some((Some(720), None)));
    call.world.estimate(call.viewers[0], 3_000);
    call.run(3 * SECOND);
    assert_eq!(call.seen(0), [2]);
    assert_eq!(call.told(0), Some((Some(720), None)));
}

#[test]
fn what_stands_in_for_a_face_is_small_for_the_frugal_until_it_stays() {
    for (policy, stand_in) in [(Policy::Frugal, 0), (Policy::Balanced, 2)] {
        let mut call = Call::new(&["ann"]);
        let ann = call.viewers[0];
        call.world.estimate(ann, 3_000);
        call.world.say(ann, support(Decoding::Yes, ModelTransport::Data));
        call.world.say(ann, ClientMessage::Policy { policy: Policy::Frugal });
        call.run(2 * SECOND);
        assert_eq!(call.seen(0), [2], "there is no model that it could stand in for");
        let (participant, source) = (call.world.client(call.camera).participant, Source::Camera);
        let model = header(PluginId::FACE, 1);
        call.world.drive(Input::Model { peer: call.camera, model });
        let held = ModelEpoch { participant, source, epoch: 1 };
        call.world.say(ann, ClientMessage::ModelHeld(held));
        call.run(SECOND);
        let switched = FormSwitched { participant, source, form: Form::Model };
        call.world.say(ann, ClientMessage::Switched(switched));
        call.run(SECOND);
        call.world.say(ann, ClientMessage::Policy { policy });
        call.world.say(call.camera, ClientMessage::Gate { source, state: GateState::Red });
        call.run(SECOND);
        assert_eq!(call.seen(0), [stand_in], "{policy:?}");
        call.run(9 * SECOND);
        assert_eq!(call.seen(0), [2], "{policy:?}");
    }
}

#[test]
fn a_line_that_becomes_thin_is_relieved_at_the_very_next_frame_of_the_small_layer() {
    let mut call = Call::new(&["ann"]);
    call.world.estimate(call.viewers[0], 3_000);
    call.run(2 * SECOND);
    assert_eq!(call.seen(0), [2]);
    call.world.estimate(call.viewers[0], 120);
    call.run(Duration::from_millis(700));
    assert_eq!(call.seen(0), [0]);
}

#[test]
fn a_line_that_carries_no_picture_pauses_it_and_goes_on_when_it_does_again() {
    let mut call = Call::new(&["ann"]);
    call.world.estimate(call.viewers[0], 40);
    call.run(2 * SECOND);
    assert_eq!(call.seen(0), Vec::<u8>::new());
    assert_eq!(call.told(0), Some((None, Some(Bandwidth))));
    let demand = *call.world.client(call.viewers[0]).demands.last().unwrap();
    assert!(demand.allocated < 40_000 && demand.next_step > Some(40_000), "{demand:?}");
    call.world.estimate(call.viewers[0], 90);
    call.run(4 * SECOND);
    assert_eq!(call.seen(0), [0]);
    assert_eq!(call.told(0), Some((Some(180), Some(Bandwidth))));
}

#[test]
fn what_is_not_shown_is_not_sent_and_what_is_shown_small_is_sent_small() {
    let mut call = Call::new(&["ann"]);
    call.world.estimate(call.viewers[0], 3_000);
    call.run(SECOND);
    call.show(0, 180);
    call.run(Duration::from_millis(700));
    assert_eq!(call.seen(0), [0]);
    assert_eq!(call.told(0), Some((Some(180), Some(Viewport))));
    call.show(0, 0);
    assert_eq!(call.seen(0), Vec::<u8>::new());
    assert_eq!(call.told(0), Some((None, Some(Viewport))));
    call.show(0, 720);
    call.run(Duration::from_millis(700));
    assert_eq!(call.seen(0), [2]);
    assert_eq!(call.told(0), Some((Some(720), None)));
}

#[test]
fn where_a_picture_goes_on_after_a_pause_is_told_also_when_it_was_kept() {
    let mut call = Call::new(&["ann"]);
    call.world.estimate(call.viewers[0], 3_000);
    call.run(Duration::from_millis(300));
    call.show(0, 0);
    call.run(Duration::from_millis(100));
    call.world.heard(call.viewers[0]);
    call.show(0, 180);
    call.run(Duration::from_millis(100));
    let heard = call.world.heard(call.viewers[0]);
    let began: Vec<_> = heard
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::Slots { slots } => Some(slots),
            _ => None,
        })
        .flatten()
        .filter_map(|slot| slot.content?.rtp_timestamp)
        .collect();
    assert_eq!(call.seen(0), [0]);
    assert!(!began.is_empty(), "the client cannot know at which frame the picture is back");
}

#[test]
fn layers_that_nobody_needs_are_stopped_after_a_while_and_asked_for_at_once() {
    let mut call = Call::new(&["ann", "ben"]);
    call.world.estimate(call.viewers[0], 3_000);
    call.world.estimate(call.viewers[1], 3_000);
    call.show(0, 180);
    call.show(1, 360);
    call.run(4 * SECOND);
    let [(at, asked)] = call.demands[..] else { panic!("{:?}", call.demands) };
    assert_eq!(asked, [true, true, false]);
    assert!((2.0..3.3).contains(&at), "stopped after {at} s");
    let before = call.seconds();
    call.show(0, 720);
    call.run(2 * FRAME);
    let (at, asked) = *call.demands.last().unwrap();
    assert_eq!(asked, [true, true, true]);
    assert!(at - before < 0.04, "asked for after {} s", at - before);
    call.run(Duration::from_millis(300));
    assert_eq!((call.seen(0), call.seen(1)), (vec![2], vec![1]));
    for viewer in 0..2 {
        call.show(viewer, 0);
    }
    call.run(15 * SECOND);
    assert_eq!(call.demands.last().unwrap().1, [false; 3]);
    call.show(0, 180);
    call.run(Duration::from_millis(300));
    assert_eq!(call.seen(0), [0]);
}

#[test]
fn a_layer_that_its_publisher_cannot_send_is_done_without_and_stays_asked_for() {
    let mut call = Call::new(&["ann"]);
    call.world.estimate(call.viewers[0], 3_000);
    call.able = [true, true, false];
    call.run(4 * SECOND);
    assert_eq!(call.seen(0), [1]);
    assert_eq!(call.told(0), Some((Some(360), Some(Publisher))));
    call.run(10 * SECOND);
    assert_eq!(call.demands, [], "the third layer is still wanted");
    call.able = [true; 3];
    call.run(SECOND);
    assert_eq!(call.seen(0), [2]);
}

#[test]
fn who_is_pinned_comes_first_when_there_is_not_enough_for_all() {
    let mut world = World::new(SfuConfig::default());
    let viewer = world.join("blue", "viewer");
    let people = ["ann", "ben", "cem"].map(|name| world.join("blue", name));
    for &person in &people {
        world.publish(person, Source::Camera);
    }
    let shown = |world: &mut World| {
        let end = world.now + 3 * SECOND;
        while world.now < end {
            for &person in &people {
                world.send_with(person, Source::Camera, |sender| sender.size = 1_000).unwrap();
                if !world.client(person).keyframes_asked.is_empty() {
                    world.client(person).keyframes_asked.clear();
                    world.send_with(person, Source::Camera, |s| s.keyframe = true).unwrap();
                }
            }
            world.pass(FRAME);
        }
        world.client(viewer).media.clear();
        for &person in &people {
            world.send(person, Source::Camera).unwrap();
        }
        let mut got: Vec<PeerId> =
            world.client(viewer).media.iter().map(|got| got.stamp.peer).collect();
        got.sort();
        got
    };
    assert_eq!(shown(&mut world), people);
    // Each takes about 260 kbit/s.
    world.estimate(viewer, 400);
    assert_eq!(shown(&mut world), people[..1]);
    let pins = vec![world.client(people[2]).participant];
    world.view(viewer, View { pins, ..View::default() });
    assert_eq!(shown(&mut world), people[2..]);
    world.estimate(viewer, 700);
    assert_eq!(shown(&mut world), [people[0], people[2]]);
}

#[test]
fn viewports_that_do_not_fit_are_refused_as_a_whole() {
    let mut call = Call::new(&["ann"]);
    let ann = call.viewers[0];
    call.world.heard(ann);
    let unknown = vec![viewport("v0", 0), viewport("v7", 180)];
    call.world.say(ann, ClientMessage::Viewport { slots: unknown });
    assert_eq!(call.world.errors(ann), [ErrorCode::NotFound]);
    let sound = vec![viewport("a0", 180)];
    call.world.say(ann, ClientMessage::Viewport { slots: sound });
    assert_eq!(call.world.errors(ann), [ErrorCode::NotFound]);
    let many = vec![viewport("v0", 0); 3];
    call.world.say(ann, ClientMessage::Viewport { slots: many });
    assert_eq!(call.world.errors(ann), [ErrorCode::TooMuch]);
    call.run(SECOND);
    assert!(!call.seen(0).is_empty(), "nothing was hidden");
}

#[test]
fn clients_are_told_of_their_bandwidth_once_a_second_when_it_changes_by_a_tenth() {
    let mut call = Call::new(&["ann"]);
    let ann = call.viewers[0];
    call.run(2 * SECOND);
    call.world.heard(ann);
    for step in 0..40 {
        call.world.estimate(ann, 1_000 + step * 50);
        call.run(Duration::from_millis(100));
    }
    call.run(10 * SECOND);
    let heard = call.world.heard(ann).into_iter();
    let told = heard.filter(|message| matches!(message, ServerMessage::Bandwidth { .. }));
    let told: Vec<ServerMessage> = told.collect();
    assert!((4..=6).contains(&told.len()), "{told:?}");
    let Some(ServerMessage::Bandwidth { estimate, allocated, wanted }) = told.last() else {
        panic!("{told:?}")
    };
    assert!(*estimate > 2_500_000 && allocated <= wanted && *allocated > 200_000, "{told:?}");
}

#[test]
fn a_voice_is_asked_for_at_a_low_rate_while_somebody_hears_it_over_a_thin_line() {
    let mut world = World::new(SfuConfig::default());
    let speaker = world.join("blue", "speaker");
    let hearers = ["ann", "ben"].map(|name| world.join("blue", name));
    world.publish(speaker, Source::Microphone);
    let demands = |world: &mut World| -> Vec<AudioDemand> {
        let heard = world.heard(speaker).into_iter();
        let demands = heard.filter_map(|message| match message {
            ServerMessage::Demand { audio, .. } => audio,
            _ => None,
        });
        demands.collect()
    };
    world.estimate(hearers[0], 1_000);
    world.estimate(hearers[1], 1_000);
    world.pass(2 * SECOND);
    assert_eq!(demands(&mut world), []);
    world.estimate(hearers[1], 40);
    world.pass(SECOND);
    let (active, max_bitrate) = (true, Some(10_000));
    let low = AudioDemand { active, max_bitrate, packet_time: 60, dtx: true, red: false };
    assert_eq!(demands(&mut world), [low]);
    // To and fro, and never wide for ten seconds.
    for _ in 0..5 {
        world.estimate(hearers[1], 1_000);
        world.pass(8 * SECOND);
        world.estimate(hearers[1], 40);
        world.pass(SECOND);
    }
    assert_eq!(demands(&mut world), []);
    world.estimate(hearers[1], 1_000);
    world.pass(11 * SECOND);
    let max_bitrate = None;
    let normal = AudioDemand { active, max_bitrate, packet_time: 20, dtx: false, red: false };
    assert_eq!(demands(&mut world), [normal]);
}

#[test]
fn a_voice_that_loses_packets_on_its_way_here_is_asked_for_with_redundancy() {
    let mut world = World::new(SfuConfig::default());
    let mut offer = offer(1, 0);
    offer.media[0].formats[0].red = Some(sotto_core::id::PayloadType(63));
    let speaker = world.join_with("blue", "speaker", everything(), offer);
    world.publish(speaker, Source::Microphone);
    world.join("blue", "hearer");
    let mut talk = |lossy: bool| -> Vec<bool> {
        for n in 0..500 {
            if lossy && n % 15 == 0 {
                let now = world.now;
                let client = world.client(speaker);
                client.senders.get_mut(&line(Source::Microphone)).unwrap().next(now);
            }
            world.send(speaker, Source::Microphone).unwrap();
            world.pass(Duration::from_millis(20));
        }
        let heard = world.heard(speaker).into_iter();
        let demands = heard.filter_map(|message| match message {
            ServerMessage::Demand { audio, .. } => audio.map(|audio| audio.red),
            _ => None,
        });
        demands.collect()
    };
    assert_eq!(talk(false), Vec::<bool>::new());
    assert_eq!(talk(true), [true]);
    assert_eq!(talk(false), [false]);
}

#[test]
fn the_first_picture_does_not_wait_for_an_estimate_unless_that_has_fallen() {
    for (estimate, expected) in [(300, true), (40, false)] {
        let mut call = Call::new(&["ann"]);
        for layer in &mut call.layers {
            layer.size = 1_250;
        }
        // What the camera says of itself is too much for the estimate to begin with.
        let layers = RIDS.map(|name| PublishedLayer {
            rid: Some(rid(name)),
            width: 1_280,
            height: 720,
            max_bitrate: Some(1_200_000),
            scalability_mode: None,
        });
        let mid = line(Source::Camera);
        call.world.say(call.camera, ClientMessage::Layers { mid, layers: layers.to_vec() });
        call.world.estimate(call.viewers[0], estimate);
        call.run(FRAME);
        assert_eq!(!call.seen(0).is_empty(), expected, "{estimate} kbit/s");
    }
}

#[test]
fn no_more_videos_are_sent_than_the_room_allows() {
    let mut world = World::new(SfuConfig { max_video: 2, ..SfuConfig::default() });
    let viewer = world.join("blue", "viewer");
    for name in ["ann", "ben", "cem"] {
        let peer = world.join("blue", name);
        world.publish(peer, Source::Camera);
    }
    assert_eq!(world.seen(viewer, "v").iter().filter(|&&name| name != "-").count(), 2);
}
