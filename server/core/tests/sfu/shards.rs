//! Two shards that share a room: what one says, the other hears.

use std::time::Duration;

use sotto_core::{
    Census, Input, SfuConfig,
    config::Numbering,
    id::Mid,
    input::{DataMessage, Feedback, RemoteEvent},
    signal::{ClientMessage, ServerMessage, SlotViewport, Source},
};

use crate::{
    media::{Sender, offer, simulcast_offer},
    world::{World, everything, line},
};

/// Two shards and what lies between them.
struct Shards([World; 2]);

impl Shards {
    fn new() -> Self {
        Self([1, 2].map(|first| {
            let numbering = Numbering { first, step: 2 };
            World::new(SfuConfig { relay: true, numbering, ..SfuConfig::default() })
        }))
    }

    /// Does something on one shard; the other hears of it, and so on.
    fn on<T>(&mut self, shard: usize, act: impl FnOnce(&mut World) -> T) -> T {
        let result = act(&mut self.0[shard]);
        self.exchange();
        result
    }

    fn pass(&mut self, span: Duration) {
        for world in &mut self.0 {
            world.pass(span);
        }
        self.exchange();
    }

    fn exchange(&mut self) {
        for round in 0.. {
            assert!(round < 10, "two shards talk to one another for ever");
            let told = [0, 1].map(|shard: usize| std::mem::take(&mut self.0[shard].relayed));
            if told.iter().all(Vec::is_empty) {
                return;
            }
            for (from, events) in told.into_iter().enumerate() {
                for (room, event, bytes) in events {
                    self.0[1 - from].hear_of(room, event, bytes);
                }
            }
        }
    }
}

#[test]
fn people_of_two_shards_see_hear_and_write_to_one_another() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    let ben = shards.on(1, |world| world.join("blue", "ben"));
    for (shard, peer) in [(0, ann), (1, ben)] {
        for source in [Source::Camera, Source::Microphone] {
            shards.on(shard, |world| world.publish(peer, source));
            for _ in 0..3 {
                shards.on(shard, |world| world.send(peer, source)).unwrap();
            }
        }
    }
    assert_eq!(shards.0[0].client(ann).media.len(), 6);
    assert_eq!(shards.0[1].client(ben).media.len(), 6);
    let numbers = [shards.0[0].client(ann).short_id, shards.0[1].client(ben).short_id];
    assert_ne!(numbers[0], numbers[1]);
    let message = DataMessage { label: "chat".into(), text: true, payload: b"hello".to_vec() };
    let input = Input::Data { peer: ann, message: message.clone() };
    shards.on(0, |world| world.drive(input));
    assert_eq!(shards.0[1].client(ben).data, [(numbers[0].unwrap(), message)]);
}

#[test]
fn muting_and_ending_a_track_cross_over() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    let ben = shards.on(1, |world| world.join("blue", "ben"));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    shards.on(0, |world| world.send(ann, Source::Camera)).unwrap();
    let carried = |shards: &Shards| {
        shards.0[1].clients[&ben].slots.values().filter(|content| content.is_some()).count()
    };
    assert_eq!(carried(&shards), 1);
    shards.on(0, |world| world.mute(ann, Source::Camera, true));
    assert_eq!((carried(&shards), shards.0[1].kept()), (0, 0));
    shards.on(0, |world| world.mute(ann, Source::Camera, false));
    assert_eq!(carried(&shards), 1);
    let mid = line(Source::Camera);
    shards.on(0, |world| world.say(ann, ClientMessage::Unpublish { mid }));
    assert_eq!((carried(&shards), shards.0[1].sfu.census().tracks), (0, 0));
}

#[test]
fn who_comes_late_on_one_shard_gets_a_keyframe_from_the_other() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    shards.on(1, |world| world.join("blue", "cem"));
    shards.on(0, |world| world.send(ann, Source::Camera)).unwrap();
    shards.pass(Duration::from_secs(5));
    shards.0[0].client(ann).keyframes_asked.clear();
    shards.on(0, |world| world.send(ann, Source::Camera)).unwrap();
    shards.on(1, |world| world.join("blue", "ben"));
    shards.pass(Duration::ZERO);
    assert_eq!(shards.0[0].client(ann).keyframes_asked.len(), 1);
    let ask =
        |world: &mut World| world.send_with(ann, Source::Camera, |sender| sender.keyframe = true);
    shards.on(0, ask).unwrap();
    let ben = *shards.0[1].clients.keys().last().unwrap();
    assert_eq!(shards.0[1].client(ben).media.len(), 1);
    let late = shards.on(1, |world| world.join("blue", "dee"));
    assert_eq!(shards.0[1].client(late).media.len(), 1, "kept on this shard too");
}

#[test]
fn layers_cross_over_and_keyframes_are_asked_of_the_one_that_needs_one() {
    let mut shards = Shards::new();
    let offer = simulcast_offer(1, 1);
    let ann = shards.on(0, |world| world.join_with("blue", "ann", everything(), offer));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    let ben = shards.on(1, |world| world.join("blue", "ben"));
    let mut layers = [0, 1, 2].map(|index| Sender::layer(ann, index));
    let mut asked = Vec::new();
    let mut run = |shards: &mut Shards, frames: u32| {
        for _ in 0..frames {
            for layer in &mut layers {
                shards.on(0, |world| {
                    let bytes = layer.next(world.now);
                    world.arrive(ann, bytes).unwrap();
                });
            }
            shards.pass(Duration::from_millis(33));
            for (_, ssrc) in shards.0[0].client(ann).keyframes_asked.drain(..) {
                asked.push(ssrc);
                let layer = layers.iter_mut().find(|layer| layer.ssrc == ssrc).unwrap();
                layer.keyframe = true;
            }
        }
        std::mem::take(&mut asked)
    };
    run(&mut shards, 60);
    shards.0[1].client(ben).media.clear();
    assert_eq!(run(&mut shards, 30), []);
    let got = std::mem::take(&mut shards.0[1].client(ben).media);
    assert!(got.len() == 30 && got.iter().all(|got| got.stamp.layer.0 == 2), "{got:?}");
    let ssrc = got[0].ssrc;
    shards.on(1, |world| world.feedback(ben, Feedback::KeyframeRequest { ssrc }));
    assert_eq!(run(&mut shards, 10), [layers[2].ssrc]);
}

#[test]
fn who_leaves_one_shard_leaves_the_other_and_nothing_stays_on_either() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    let ben = shards.on(1, |world| world.join("blue", "ben"));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    shards.on(0, |world| world.send(ann, Source::Camera)).unwrap();
    shards.on(0, |world| world.lose(ann));
    assert_eq!(shards.0[1].sfu.census().participants, 1);
    shards.on(1, |world| world.leave(ben));
    for world in &shards.0 {
        assert_eq!((world.sfu.census(), world.kept()), (Census::default(), 0));
    }
}

#[test]
fn news_of_what_is_not_known_changes_nothing_and_its_packets_are_given_back() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    shards.0[0].send(ann, Source::Camera).unwrap();
    let events = std::mem::take(&mut shards.0[0].relayed);
    let mut stranger = World::new(SfuConfig::default());
    for (room, event, bytes) in events {
        assert!(matches!(event, RemoteEvent::Packet { .. }));
        stranger.hear_of(room.clone(), event.clone(), bytes.clone());
        stranger.join("blue", "eve");
        stranger.hear_of(room, event, bytes);
    }
    assert_eq!((stranger.kept(), stranger.sfu.census().tracks), (0, 0));
}

#[test]
fn what_is_watched_on_another_shard_alone_is_not_stopped() {
    let mut shards = Shards::new();
    let offer = simulcast_offer(1, 1);
    let ann = shards.on(0, |world| world.join_with("blue", "ann", everything(), offer));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    let ben = shards.on(1, |world| world.join("blue", "ben"));
    let mut layers = [0, 1, 2].map(|index| Sender::layer(ann, index));
    let mut asked = [true; 3];
    let mut run = |shards: &mut Shards, frames: u32| -> [bool; 3] {
        for _ in 0..frames {
            for (layer, _) in layers.iter_mut().zip(asked).filter(|(_, asked)| *asked) {
                shards.on(0, |world| {
                    let bytes = layer.next(world.now);
                    world.arrive(ann, bytes).unwrap();
                });
            }
            shards.pass(Duration::from_millis(33));
            for message in shards.0[0].heard(ann) {
                if let ServerMessage::Demand { layers, .. } = message {
                    asked = [0, 1, 2].map(|index: usize| layers[index].active);
                }
            }
        }
        asked
    };
    assert_eq!(run(&mut shards, 600), [true, false, true], "the largest, and the smallest");
    shards.on(1, |world| {
        let slots = vec![SlotViewport { mid: Mid::new("v0").unwrap(), width: 320, height: 180 }];
        world.say(ben, ClientMessage::Viewport { slots });
    });
    assert_eq!(run(&mut shards, 240), [true, false, false]);
    shards.on(1, |world| world.leave(ben));
    assert_eq!(run(&mut shards, 500), [false; 3]);
}

#[test]
fn who_comes_back_over_another_shard_never_left() {
    let mut shards = Shards::new();
    let ann = shards.on(0, |world| world.join("blue", "ann"));
    shards.on(0, |world| world.publish(ann, Source::Camera));
    let near = shards.on(0, |world| world.join("blue", "near"));
    let far = shards.on(1, |world| world.join("blue", "far"));
    let participant = shards.0[0].client(ann).participant;
    for (shard, peer) in [(0, near), (1, far)] {
        shards.0[shard].heard(peer);
    }
    let again = shards.on(1, |world| world.enter_as(participant, "blue", "ann", everything()));
    assert!(shards.0[0].client(ann).closed.is_some(), "the first connection is over");
    for (shard, peer) in [(0, near), (1, far)] {
        let heard = shards.0[shard].heard(peer);
        let came_or_left = |said: &ServerMessage| {
            matches!(
                said,
                ServerMessage::ParticipantLeft { .. } | ServerMessage::ParticipantJoined { .. }
            )
        };
        assert!(!heard.iter().any(came_or_left), "{heard:?}");
        let number = shards.0[1].client(again).short_id;
        let returned = |said: &ServerMessage| {
            matches!(said, ServerMessage::ParticipantReturned { participant: returned }
                if returned.id == participant && Some(returned.short_id) == number)
        };
        assert_eq!(heard.iter().filter(|said| returned(said)).count(), 1, "{heard:?}");
    }
    // Whatever the first connection still says is nobody's.
    shards.on(0, |world| world.leave(ann));
    shards.on(1, |world| world.offer(again, offer(4, 9)));
    shards.on(1, |world| world.drive(Input::Connected { peer: again }));
    shards.on(1, |world| world.publish(again, Source::Camera));
    let heard = shards.0[0].heard(near);
    assert!(
        heard
            .iter()
            .any(|said| matches!(said, ServerMessage::TrackPublished { participant: whose, .. }
            if *whose == participant)),
        "{heard:?}"
    );
}
