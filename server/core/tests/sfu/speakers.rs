//! Who speaks, who is heard.

use std::time::Duration;

use sotto_core::{
    SfuConfig, Time,
    id::{ParticipantId, PeerId},
    signal::{ServerMessage, Source},
};

use crate::{
    media::offer,
    world::{World, everything},
};

const PACKET: Duration = Duration::from_millis(20);

/// People with microphones and `slots` audio slots each.
fn room_of(world: &mut World, names: &[&str], slots: usize) -> Vec<PeerId> {
    let join = |name: &&str| {
        let peer = world.join_with("blue", name, everything(), offer(slots, 0));
        world.publish(peer, Source::Microphone);
        peer
    };
    names.iter().map(join).collect()
}

/// Everybody sends for a while, those named at their level in -dBov and the others silence.
fn talk(world: &mut World, peers: &[PeerId], speaking: &[(PeerId, u8)], span: Duration) {
    let end = world.now + span;
    while world.now < end {
        for &peer in peers {
            let level = speaking.iter().find(|(who, _)| *who == peer).map_or(127, |(_, l)| *l);
            world.send_with(peer, Source::Microphone, |sender| sender.level = level).unwrap();
        }
        world.pass(PACKET);
    }
}

fn speakers(messages: Vec<ServerMessage>) -> Vec<Vec<ParticipantId>> {
    let said = messages.into_iter().filter_map(|message| match message {
        ServerMessage::Speakers { speakers } => {
            Some(speakers.into_iter().map(|speaker| speaker.participant).collect())
        }
        _ => None,
    });
    said.collect()
}

#[test]
fn speakers_are_told_when_they_change_with_the_dominant_one_first() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem"], 4);
    let [ann, ben] = [0, 1].map(|n| world.client(peers[n]).participant);
    world.heard(peers[2]);
    let second = Duration::from_secs(1);
    talk(&mut world, &peers, &[], second);
    assert_eq!(speakers(world.heard(peers[2])), Vec::<Vec<_>>::new());
    talk(&mut world, &peers, &[(peers[0], 25)], second);
    assert_eq!(speakers(world.heard(peers[2])), [[ann]]);
    talk(&mut world, &peers, &[(peers[0], 25), (peers[1], 25)], second);
    assert_eq!(speakers(world.heard(peers[2])), [[ann, ben]]);
    talk(&mut world, &peers, &[(peers[1], 25)], 2 * second);
    let said = speakers(world.heard(peers[2]));
    assert_eq!(said.last(), Some(&vec![ben]));
    talk(&mut world, &peers, &[], 2 * second);
    assert_eq!(speakers(world.heard(peers[2])), [Vec::<ParticipantId>::new()]);
}

#[test]
fn speakers_are_told_at_most_five_times_a_second() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem", "dee", "eve", "fay"], 4);
    let mut times: Vec<Time> = Vec::new();
    let start = world.now;
    for step in 0..300 {
        let speaking = [(peers[step / 7 % 6], 15)];
        talk(&mut world, &peers, &speaking, PACKET);
        let now = world.now;
        times.extend(speakers(world.heard(peers[0])).iter().map(|_| now));
    }
    assert!(times.len() > 5, "{} messages since {start:?}", times.len());
    for pair in times.windows(2) {
        // Both ends are rounded to a packet here.
        assert!(pair[1].saturating_since(pair[0]) >= Duration::from_millis(180), "{pair:?}");
    }
}

#[test]
fn a_silent_room_has_no_timers() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben"], 0);
    talk(&mut world, &peers, &[(peers[0], 20)], Duration::from_secs(1));
    assert!(world.sfu.poll_timeout().is_some());
    world.pass(Duration::from_secs(5));
    assert_eq!(world.sfu.poll_timeout(), None);
}

#[test]
fn who_speaks_is_heard_at_once_though_all_slots_are_taken() {
    let mut world = World::new(SfuConfig::default());
    let names = ["ann", "ben", "cem", "dee", "eve"];
    let peers = room_of(&mut world, &names, 2);
    assert_eq!(world.seen(peers[0], "a"), ["ben", "cem"]);
    let start = world.now;
    while !world.seen(peers[0], "a").contains(&"eve") {
        talk(&mut world, &peers, &[(peers[4], 25)], PACKET);
    }
    let late = world.now.saturating_since(start);
    assert!(late <= Duration::from_millis(160), "{late:?} of speech are missing");
}

#[test]
fn a_conversation_among_many_does_not_churn_slots() {
    let mut world = World::new(SfuConfig::default());
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let peers = room_of(&mut world, &names, 4);
    let turn = Duration::from_millis(1_500);
    for speaker in [3, 7, 9] {
        talk(&mut world, &peers, &[(peers[speaker], 25)], turn);
    }
    world.heard(peers[0]);
    for round in 0..10 {
        for speaker in [3, 7, 9] {
            let noise = (peers[1], if round % 2 == 0 { 50 } else { 127 });
            talk(&mut world, &peers, &[(peers[speaker], 25), noise], turn);
        }
    }
    let changes = world.heard(peers[0]);
    let slots = changes.iter().filter(|message| matches!(message, ServerMessage::Slots { .. }));
    assert_eq!(slots.count(), 0, "the three who talk keep their slots");
}

#[test]
fn a_muted_or_departed_speaker_speaks_no_longer() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben", "cem"], 4);
    let second = Duration::from_secs(1);
    talk(&mut world, &peers, &[(peers[0], 20), (peers[1], 20)], second);
    world.heard(peers[2]);
    world.mute(peers[0], Source::Microphone, true);
    world.leave(peers[1]);
    world.pass(Duration::from_millis(200));
    let said = speakers(world.heard(peers[2]));
    assert_eq!(said, [Vec::<ParticipantId>::new()]);
}

#[test]
fn a_late_comer_learns_who_speaks() {
    let mut world = World::new(SfuConfig::default());
    let peers = room_of(&mut world, &["ann", "ben"], 4);
    talk(&mut world, &peers, &[(peers[0], 20)], Duration::from_secs(1));
    let late = world.join("blue", "cem");
    let ann = world.client(peers[0]).participant;
    assert_eq!(speakers(world.heard(late)), [[ann]]);
}
