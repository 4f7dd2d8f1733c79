//! Spatial and temporal layers, and switches between simulcast layers, of every codec: whatever is
//! chosen, a subscriber gets frames that it can decode, numbered as if nothing had been left out.
//!
//! The [`publisher`] is a model that knows which frame needs which; the subscriber is a model of a
//! [`decoder`] that knows nothing but what it gets.

mod decoder;
mod publisher;

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::rtp::DependencyReader;
use decoder::{check_clean, check_numbers, check_references};
use publisher::{Encoder, MODES, Mode, Packed, targets};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Each layer makes a picture, of so many packets a frame; of the bits, those of layers whose
    /// picture is a keyframe are set.
    Picture {
        keys: u8,
        packets: u8,
        lose: u8,
        hold: u8,
    },
    Choose {
        layer: u8,
        spatial: u8,
        temporal: u8,
    },
    Point,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![12 => Just(0u8), 1 => 1..4u8];
    let bad = || prop_oneof![3 => Just(255u8), 1 => 0..12u8];
    let step = prop_oneof![
        12 => (key, 1..4u8, bad(), bad())
            .prop_map(|(keys, packets, lose, hold)| Step::Picture { keys, packets, lose, hold }),
        4 => (0..2u8, prop_oneof![0..3u8, Just(255)], prop_oneof![0..3u8, Just(255)])
            .prop_map(|(layer, spatial, temporal)| Step::Choose { layer, spatial, temporal }),
        1 => Just(Step::Point),
    ];
    vec(step, 0..120)
}

/// A packet as the subscriber got it.
#[derive(Clone, Debug)]
struct Got {
    life: u32,
    layer: u8,
    frame: u32,
    part: u8,
    parts: u8,
    seen: Seen,
    marker: bool,
    /// Active targets that the subscriber knows of after this packet, and those of what is sent.
    active: Option<(u16, u16)>,
}

struct World {
    mode: Mode,
    clean: bool,
    now: u64,
    encoders: Vec<Encoder>,
    layers: Vec<Layer>,
    slot: SlotStream,
    wanted: [bool; 2],
    life: u32,
    subscriber: DependencyReader,
    held: Vec<Packed>,
    /// Of those that are held, how many were held already a picture ago.
    fresh: usize,
    arrived: HashSet<(u8, u32, u8, u32)>,
    got: Vec<Got>,
    lost: usize,
}

impl World {
    fn new(mode: Mode, clean: bool) -> Self {
        let start = SlotStart {
            seq: SeqNo(65_500),
            picture_id: 32_700,
            tl0_picture_index: 250,
            frame_number: 65_500,
            ..SlotStart::default()
        };
        let mut world = Self {
            mode,
            clean,
            now: 0,
            encoders: (0..2).map(|index| Encoder::new(mode, index)).collect(),
            layers: (0..2).map(|_| Layer::default()).collect(),
            slot: slot(Kind::Video, start),
            wanted: [true; 2],
            life: 0,
            subscriber: DependencyReader::new(),
            held: Vec::new(),
            fresh: 0,
            arrived: HashSet::new(),
            got: Vec::new(),
            lost: 0,
        };
        world.point();
        world
    }

    fn point(&mut self) {
        let choice = self.slot.choice();
        self.slot.point(target(1, self.mode.codec), choice);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Picture { keys, packets, lose, hold } => {
                self.now += 33;
                for index in 0..2 {
                    let wanted = std::mem::take(&mut self.wanted[index]);
                    let key = wanted || keys >> index & 1 == 1;
                    let picture = self.encoders[index].encode(key, packets);
                    for (at, packet) in (0..).zip(picture) {
                        // Keyframes come whole and in order: what they are for is known.
                        if !self.clean && !packet.key && at == lose {
                            self.lost += 1;
                        } else if !self.clean && !packet.key && at == hold {
                            self.held.push(packet);
                        } else {
                            self.arrive(&packet);
                        }
                    }
                }
                // Late by a picture, or two.
                let waiting = self.held.len() - std::mem::replace(&mut self.fresh, self.held.len());
                if waiting > 0 || self.held.len() > 3 {
                    for packet in std::mem::take(&mut self.held) {
                        self.arrive(&packet);
                    }
                    self.fresh = 0;
                }
            }
            Step::Choose { layer, spatial, temporal } => {
                self.slot.choose(LayerChoice { layer: LayerIndex(layer), spatial, temporal });
            }
            Step::Point => self.point(),
        }
    }

    fn arrive(&mut self, packed: &Packed) {
        let index = usize::from(packed.layer.0);
        let stream = &mut self.layers[index].stream;
        let mut packet = Packet::parse(&packed.bytes, &extensions()).unwrap();
        stream.describe(&mut packet, &packed.bytes, self.mode.codec, false);
        let received = stream.receive(ms(self.now), &packet).expect("each number once");
        let body = packet.payload(&packed.bytes);
        let (_, frame, part, _) = identity(body);
        let rewrite = match self.slot.forward(packed.layer, &received) {
            Selection::Send(rewrite) => rewrite,
            Selection::Start(rewrite) => {
                self.life += 1;
                rewrite
            }
            Selection::Switch(rewrite) => {
                self.life += 1;
                rewrite
            }
            Selection::Skip(Skip::AwaitingKeyframe) => {
                self.wanted[index] = true;
                self.note_arrival(packed, frame, part);
                return;
            }
            Selection::Skip(_) => {
                self.note_arrival(packed, frame, part);
                return;
            }
        };
        self.note_arrival(packed, frame, part);
        let before = self.slot.sent_before(rewrite.seq).expect("sent just now");
        assert_eq!(before.seq, received.seq);
        assert_eq!(self.slot.rewrite_again(&before, &received), Some(rewrite));
        self.get(packed, &rewrite);
    }

    fn note_arrival(&mut self, packed: &Packed, frame: u32, part: u8) {
        self.arrived.insert((packed.layer.0, frame, part, self.life));
    }

    fn get(&mut self, packed: &Packed, rewrite: &Rewrite) {
        let mut out = [0xaa; 1500];
        let len = rewrite.write(&packed.bytes, &mut out, None).unwrap();
        let mut packet = Packet::parse(&out[..len], &extensions()).unwrap();
        packet.describe(&out[..len], self.mode.codec, false, &mut self.subscriber);
        let (layer, frame, part, parts) = identity(packet.payload(&out[..len]));
        let (picture_id, tl0) = match packet.video {
            Some(VideoDescriptor::Vp8 { picture_id, tl0_picture_index, .. }) => {
                (picture_id.map(|(id, _)| id), tl0_picture_index)
            }
            Some(VideoDescriptor::Vp9(vp9)) => (
                vp9.picture_id.map(|(id, _)| id),
                vp9.layers.and_then(|layers| layers.tl0_picture_index),
            ),
            _ => (None, None),
        };
        let active = packet.frame.map(|seen| {
            let sending = self.slot.sending().expect("sent just now");
            let target = seen_target(self.mode, sending);
            (seen.active, seen.within_all(target))
        });
        self.got.push(Got {
            life: self.life,
            layer,
            frame,
            part,
            parts,
            seen: Seen {
                seq: packet.seq.0,
                timestamp: packet.timestamp.0,
                picture_id,
                tl0,
                frame_number: packet.dependency.map(|frame| frame.frame_number),
            },
            marker: packet.marker,
            active,
        });
    }
}

fn seen_target(mode: Mode, sending: LayerChoice) -> (u8, u8) {
    let all = targets(mode);
    let within = |&&(s, t): &&(u8, u8)| s <= sending.spatial && t <= sending.temporal;
    *all.iter().filter(within).max().expect("the smallest target is always within")
}

impl crate::rtp::FrameDependency {
    /// The targets within some layers.
    fn within_all(&self, (spatial, temporal): (u8, u8)) -> u16 {
        (0..16)
            .filter(|&target| target < self.targets.count)
            .filter(|&target| {
                let (s, t) = self.target_layers(target);
                s <= spatial && t <= temporal
            })
            .fold(0, |mask, target| mask | 1 << target)
    }
}

fn extensions() -> ExtensionMap {
    let mut extensions = ExtensionMap::default();
    extensions.insert(DEPENDENCY, Extension::DependencyDescriptor);
    extensions
}

/// Layer, frame, part and parts of a packet.
fn identity(payload: &[u8]) -> (u8, u32, u8, u8) {
    let body = &payload[payload.len() - 7..];
    let frame = u32::from_be_bytes([body[1], body[2], body[3], body[4]]);
    (body[0], frame, body[5], body[6])
}

fn check(mode: Mode, clean: bool, steps: &[Step]) {
    let mut world = World::new(mode, clean);
    for &step in steps {
        world.step(step);
    }
    check_numbers(&world);
    check_references(&world);
    if clean {
        check_clean(&world);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_chosen_every_codec_stays_decodable(steps in steps()) {
        for mode in MODES {
            check(mode, true, &steps);
        }
    }

    #[test]
    fn losses_and_disorder_change_nothing_about_that(steps in steps()) {
        for mode in MODES {
            check(mode, false, &steps);
        }
    }
}

/// Sends pictures until `ask` for keyframes is answered, and gives what is sent then.
fn settle(world: &mut World, pictures: usize) -> (u8, u8, u8) {
    for _ in 0..pictures {
        world.step(Step::Picture { keys: 0, packets: 2, lose: 255, hold: 255 });
    }
    let LayerChoice { layer, spatial, temporal } = world.slot.sending().expect("started");
    (layer.0, spatial, temporal)
}

#[test]
fn a_choice_is_reached_soon_in_every_mode() {
    for mode in MODES {
        let mut world = World::new(mode, true);
        let choices = targets(mode);
        for &(spatial, temporal) in choices.iter().chain(choices.iter().rev()) {
            world.step(Step::Choose { layer: 0, spatial, temporal });
            // A keyframe is asked for at once where one is needed; two rounds of temporal layers.
            let reached = settle(&mut world, 9);
            assert_eq!(reached, (0, spatial, temporal), "{mode:?}");
        }
    }
}

#[test]
fn fewer_temporal_layers_need_no_keyframe_and_no_wait() {
    for mode in MODES.into_iter().filter(|mode| mode.temporal) {
        let mut world = World::new(mode, true);
        settle(&mut world, 5);
        let top = mode.spatial - 1;
        world.step(Step::Choose { layer: 0, spatial: top, temporal: 0 });
        let reached = settle(&mut world, 1);
        assert_eq!(reached, (0, top, 0), "{mode:?}");
        assert!(!world.wanted[0], "{mode:?} asks for a keyframe");
    }
}
