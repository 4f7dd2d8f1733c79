//! What clients receive, and what they are told about it.

use std::time::Duration;

use sotto_core::{
    SfuConfig,
    id::PeerId,
    signal::{ClientMessage, Permissions, ServerMessage, SlotAssignment, Source, View, ViewMode},
};

use crate::{
    media::{Sender, offer},
    world::{World, everything},
};

const FRAME: Duration = Duration::from_millis(66);

/// A room of people with cameras, each of whom has sent a keyframe.
fn room_of(world: &mut World, names: &[&str]) -> Vec<PeerId> {
    let peers: Vec<PeerId> = names.iter().map(|name| world.join("blue", name)).collect();
    for &peer in &peers {
        world.publish(peer, Source::Camera);
        world.send(peer, Source::Camera).unwrap();
    }
    peers
}

/// Who is in the video slots that are not empty.
fn shown(world: &World, peer: PeerId) -> Vec<&str> {
    world.seen(peer, "v").into_iter().filter(|&name| name != "-").collect()
}

fn slot_messages(messages: Vec<ServerMessage>) -> Vec<Vec<SlotAssignment>> {
    let slots = messages.into_iter().filter_map(|message| match message {
        ServerMessage::Slots { slots } => Some(slots),
        _ => None,
    });
    slots.collect()
}

#[test]
fn everybody_sees_and_hears_everybody_else() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem"]);
    for &peer in &peers {
        world.publish(peer, Source::Microphone);
    }
    for &peer in &peers {
        world.send(peer, Source::Microphone).unwrap();
        world.send(peer, Source::Camera).unwrap();
    }
    assert_eq!(world.seen(peers[0], "v")[..2], ["ben", "cem"]);
    assert_eq!(world.seen(peers[1], "a")[..2], ["ann", "cem"]);
    for &peer in &peers {
        let audio = world.client(peer).media.iter().filter(|got| got.mid.as_str() < "b").count();
        assert_eq!(audio, 2);
    }
}

#[test]
fn a_change_is_told_once_and_again_with_its_first_timestamp() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.heard(ann);
    world.publish(ben, Source::Camera);
    let [first] = &slot_messages(world.heard(ann))[..] else { panic!("one message") };
    let content = first[0].content.clone().unwrap();
    assert_eq!((first.len(), content.rtp_timestamp), (1, None));
    world.send(ben, Source::Camera).unwrap();
    let [second] = &slot_messages(world.heard(ann))[..] else { panic!("one message") };
    let started = second[0].content.clone().unwrap();
    assert_eq!((second[0].mid, started.track), (first[0].mid, content.track));
    let got = world.client(ann).media.remove(0);
    assert_eq!(started.rtp_timestamp, Some(got.timestamp));
    world.pass(FRAME);
    world.send(ben, Source::Camera).unwrap();
    assert_eq!(slot_messages(world.heard(ann)), Vec::<Vec<_>>::new());
}

#[test]
fn one_input_makes_one_slot_message_however_many_slots_change() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee"]);
    world.heard(peers[0]);
    world.view(peers[0], View { tiles: Some(0), ..View::default() });
    let messages = slot_messages(world.heard(peers[0]));
    assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_late_comer_has_a_picture_from_the_cache_at_once() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    for _ in 0..5 {
        world.send(ann, Source::Camera).unwrap();
        world.pass(FRAME);
    }
    let ben = world.join("blue", "ben");
    let got = std::mem::take(&mut world.client(ben).media);
    assert_eq!(got.len(), 5, "the keyframe and what followed");
    assert!(got.windows(2).all(|two| two[1].seq == two[0].seq.next()));
    assert!(got.windows(2).all(|two| two[1].timestamp.distance(two[0].timestamp) > 0));
    assert_eq!(world.client(ann).keyframes_asked, []);
    let said = slot_messages(world.heard(ben)).concat();
    let content = said.into_iter().find_map(|slot| slot.content).unwrap();
    assert_eq!(content.rtp_timestamp, Some(got[0].timestamp));
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.client(ben).media[0].seq, got[4].seq.next());
}

#[test]
fn caches_leave_the_rest_of_the_buffers_to_live_media() {
    let config = SfuConfig { max_kept_packets: 6, ..SfuConfig::default() };
    let mut world = World::new(config);
    let people = ["ann", "ben", "cem"].map(|name| world.join("blue", name));
    for sender in people {
        world.publish(sender, Source::Camera);
    }
    for _ in 0..4 {
        for sender in people {
            world.send(sender, Source::Camera).unwrap();
            assert!(world.kept() <= 6, "more is kept than the limit: {}", world.kept());
        }
        world.pass(FRAME);
    }
    for receiver in people {
        assert_eq!(world.client(receiver).media.len(), 8, "live media goes on");
    }
    world.pass(Duration::from_secs(2));
    assert_eq!(world.kept(), 0, "what was kept is given back");
    for sender in people {
        world.send_with(sender, Source::Camera, |sender| sender.keyframe = true).unwrap();
    }
    assert_eq!(world.kept(), 3, "and there is room again");
}

#[test]
fn without_a_fresh_keyframe_the_publisher_is_asked_once_for_all_who_come() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    world.send(ann, Source::Camera).unwrap();
    world.pass(Duration::from_secs(5));
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.kept(), 0, "a keyframe of 5 s ago is of no use");
    let others: Vec<PeerId> = (0..20).map(|n| world.join("blue", &format!("p{n}"))).collect();
    assert_eq!(world.client(ann).keyframes_asked.len(), 1);
    world.send(ann, Source::Camera).unwrap();
    assert!(others.iter().all(|other| world.clients[other].media.is_empty()));
    world.pass(Duration::from_millis(400));
    assert_eq!(world.client(ann).keyframes_asked.len(), 1);
    world.pass(Duration::from_millis(200));
    assert_eq!(world.client(ann).keyframes_asked.len(), 2, "it may have been lost");
    world.send_with(ann, Source::Camera, |sender| sender.keyframe = true).unwrap();
    assert!(others.iter().all(|other| world.clients[other].media.len() == 1));
    world.pass(Duration::from_millis(1_900));
    assert_eq!(world.client(ann).keyframes_asked.len(), 2);
}

#[test]
fn nobody_receives_its_own_tracks_or_those_it_hides_or_those_that_are_muted() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee"]);
    let ben = world.client(peers[1]).participant;
    world.view(peers[0], View { hidden: vec![ben], ..View::default() });
    world.mute(peers[2], Source::Camera, true);
    world.client(peers[0]).media.clear();
    for &peer in &peers {
        let _refused_where_muted = world.send(peer, Source::Camera);
    }
    let csrcs: Vec<_> = world.client(peers[0]).media.iter().map(|got| got.csrc).collect();
    assert_eq!(csrcs, [world.client(peers[3]).short_id.unwrap()]);
    assert_eq!(world.seen(peers[0], "v")[..3], ["-", "-", "dee"]);
}

#[test]
fn tiles_stay_where_they_are_when_others_come_and_go() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee"]);
    assert_eq!(world.seen(peers[0], "v")[..3], ["ben", "cem", "dee"]);
    world.leave(peers[1]);
    assert_eq!(world.seen(peers[0], "v")[..3], ["-", "cem", "dee"]);
    room_of(&mut world, &["eve"]);
    assert_eq!(world.seen(peers[0], "v")[..3], ["eve", "cem", "dee"]);
    world.mute(peers[2], Source::Camera, true);
    assert_eq!(world.seen(peers[0], "v")[..3], ["eve", "-", "dee"]);
    world.mute(peers[2], Source::Camera, false);
    assert_eq!(world.seen(peers[0], "v")[..3], ["eve", "cem", "dee"]);
}

#[test]
fn a_pin_that_is_not_among_the_tiles_takes_the_place_of_the_last() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee"]);
    world.view(peers[0], View { tiles: Some(2), ..View::default() });
    assert_eq!(shown(&world, peers[0]), ["ben", "cem"]);
    let pins = vec![world.client(peers[3]).participant];
    world.view(peers[0], View { tiles: Some(2), pins, ..View::default() });
    assert_eq!(shown(&world, peers[0]), ["ben", "dee"]);
}

#[test]
fn in_speaker_view_the_speaker_appears_and_stays() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee"]);
    for &peer in &peers {
        world.publish(peer, Source::Microphone);
    }
    let view = View { mode: ViewMode::Speaker, tiles: Some(1), ..View::default() };
    world.view(peers[0], view);
    assert_eq!(shown(&world, peers[0]), ["ben"]);
    for _ in 0..20 {
        world.send_with(peers[3], Source::Microphone, |sender| sender.level = 25).unwrap();
        world.pass(Duration::from_millis(20));
    }
    assert_eq!(shown(&world, peers[0]), ["dee"]);
    world.pass(Duration::from_secs(5));
    assert_eq!(shown(&world, peers[0]), ["dee"], "who spoke last stays");
}

#[test]
fn of_two_who_speak_the_dominant_one_is_on_stage() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem"]);
    for &peer in &peers {
        world.publish(peer, Source::Microphone);
    }
    let view = View { mode: ViewMode::Speaker, tiles: Some(1), ..View::default() };
    world.view(peers[0], view);
    for packet in 0..100 {
        let speaking = if packet < 50 { &peers[2..] } else { &peers[1..] };
        for &peer in speaking {
            world.send_with(peer, Source::Microphone, |sender| sender.level = 25).unwrap();
        }
        world.pass(Duration::from_millis(20));
    }
    assert_eq!(shown(&world, peers[0]), ["cem"]);
}

#[test]
fn when_the_first_keyframe_of_a_restarted_encoder_is_lost_another_is_asked_for() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben"]);
    world.pass(Duration::from_secs(3));
    world.client(peers[1]).keyframes_asked.clear();
    let lose_the_keyframe = |sender: &mut Sender| {
        sender.restart();
        sender.keyframe = false;
    };
    world.send_with(peers[1], Source::Camera, lose_the_keyframe).unwrap();
    world.pass(Duration::ZERO);
    assert_eq!(world.client(peers[1]).keyframes_asked.len(), 1);
}

#[test]
fn without_the_grant_to_subscribe_there_are_no_slots() {
    let mut world = World::new(SfuConfig::default());
    let blind = Permissions { subscribe: false, ..everything() };
    let ann = world.join_with("blue", "ann", blind, offer(4, 9));
    let peers = room_of(&mut world, &["ben"]);
    world.send(peers[0], Source::Camera).unwrap();
    assert_eq!(world.client(ann).media, []);
    assert!(world.client(ann).slots.is_empty());
}

#[test]
fn slots_are_filled_when_the_transport_is_there_and_not_before() {
    let mut world = World::new(SfuConfig::default());
    let ben = world.join("blue", "ben");
    world.publish(ben, Source::Camera);
    world.send(ben, Source::Camera).unwrap();
    let ann = world.enter("blue", "ann", everything());
    world.offer(ann, offer(4, 9));
    world.send(ben, Source::Camera).unwrap();
    assert!(world.client(ann).slots.is_empty());
    world.drive(sotto_core::Input::Connected { peer: ann });
    assert_eq!(world.client(ann).media.len(), 2);
}

#[test]
fn a_view_that_names_too_many_is_refused() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let pins = vec![world.client(ann).participant; 257];
    world.view(ann, View { pins, ..View::default() });
    assert_eq!(world.errors(ann), [sotto_core::signal::ErrorCode::TooMuch]);
}

#[test]
fn an_encrypted_camera_is_replayed_and_switched_by_its_dependency_descriptor() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let mid = crate::world::line(Source::Camera);
    let source = Source::Camera;
    world.say(
        ann,
        ClientMessage::Publish { mid, source, muted: false, encrypted: true, layers: Vec::new() },
    );
    for _ in 0..3 {
        world.send_with(ann, source, |sender| sender.opaque = true).unwrap();
        world.pass(FRAME);
    }
    let ben = world.join("blue", "ben");
    assert_eq!(world.client(ben).media.len(), 3);
    world.pass(Duration::from_secs(2));
    let cem = world.join("blue", "cem");
    world.send(ann, source).unwrap();
    assert_eq!(world.client(cem).media.len(), 0);
    world.send_with(ann, source, |sender| sender.keyframe = true).unwrap();
    assert_eq!(world.client(cem).media.len(), 1);
}

#[test]
fn an_encoder_that_starts_anew_goes_on_in_the_same_slot() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben"]);
    world.heard(peers[0]);
    world.pass(FRAME);
    world.send_with(peers[1], Source::Camera, Sender::restart).unwrap();
    let messages = slot_messages(world.heard(peers[0])).concat();
    let got = world.client(peers[0]).media.last().unwrap().clone();
    let content = messages[0].content.clone().unwrap();
    assert_eq!((messages.len(), content.rtp_timestamp), (1, Some(got.timestamp)));
}
