//! Coming, going, and what others see of it.

use sotto_core::{
    SfuConfig,
    signal::{ClientMessage, ErrorCode, LeaveReason, Permissions, ServerMessage, Source},
};

use crate::world::{World, everything};

#[test]
fn a_joiner_is_welcomed_with_those_who_are_there_and_they_learn_of_it() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    world.heard(ann);
    let ben = world.join("blue", "ben");
    let [ServerMessage::Welcome { room, participant, participants, .. }, ..] =
        &world.heard(ben)[..]
    else {
        panic!("the first thing one hears is the welcome");
    };
    assert_eq!((room.as_str(), participant.name.as_str()), ("blue", "BEN"));
    assert_eq!(participants.len(), 1);
    assert_eq!(participants[0].identity, "ann");
    assert_eq!(participants[0].tracks[0].source, Source::Camera);
    assert_ne!(participants[0].short_id, participant.short_id);
    let heard = world.heard(ann);
    let [ServerMessage::ParticipantJoined { participant }] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(participant.identity, "ben");
}

#[test]
fn rooms_do_not_hear_of_one_another() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.heard(ann);
    let ben = world.join("red", "ben");
    world.publish(ben, Source::Camera);
    world.send(ben, Source::Camera).unwrap();
    world.leave(ben);
    assert_eq!(world.heard(ann), []);
    assert_eq!(world.client(ann).media, []);
}

#[test]
fn the_same_identity_takes_the_place_of_the_first() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.heard(ben);
    let again = world.join("blue", "ann");
    assert_eq!(world.client(ann).closed, Some(LeaveReason::Replaced));
    assert_eq!(world.errors(ann), [ErrorCode::Replaced]);
    let (first, second) = (world.client(ann).participant, world.client(again).participant);
    let heard = world.heard(ben);
    assert!(
        matches!(&heard[..], [
        ServerMessage::ParticipantLeft { participant, reason: LeaveReason::Replaced },
        ServerMessage::ParticipantJoined { participant: joined },
    ] if *participant == first && joined.id == second),
        "{heard:?}"
    );
    // What the first one still says comes to nothing.
    world.publish(ann, Source::Camera);
    assert_eq!(world.heard(ben), []);
}

#[test]
fn a_participant_that_comes_back_is_itself_to_the_others_and_never_left() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    let ben = world.join("blue", "ben");
    let (participant, number) = (world.client(ann).participant, world.client(ann).short_id);
    world.heard(ben);
    let again = world.enter_as(participant, "blue", "ann", everything());
    assert_eq!(world.client(ann).closed, Some(LeaveReason::Replaced));
    let heard = world.heard(ben);
    let returned = heard.iter().find_map(|said| match said {
        ServerMessage::ParticipantReturned { participant } => Some(participant),
        ServerMessage::ParticipantLeft { .. } | ServerMessage::ParticipantJoined { .. } => {
            panic!("nobody came or left: {said:?}")
        }
        _ => None,
    });
    let returned = returned.expect("the others learn of the new number");
    assert_eq!((returned.id, Some(returned.short_id)), (participant, world.client(again).short_id));
    assert_ne!(Some(returned.short_id), number, "packets of both connections can be told apart");
    assert_eq!(returned.tracks, [], "what it published before is over");
    assert_eq!(world.client(ben).tracks.len(), 0);
    let second = world.heard(again);
    assert!(matches!(&second[..], [ServerMessage::Welcome { participants, .. }, ..]
        if participants.iter().all(|other| other.id != participant)));
}

#[test]
fn nobody_comes_back_as_somebody_else() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let participant = world.client(ann).participant;
    let eve = world.enter_as(participant, "blue", "eve", everything());
    assert_eq!(world.errors(eve), [ErrorCode::Conflict]);
    assert_eq!(world.client(ann).closed, None);
}

#[test]
fn a_full_room_lets_those_back_in_who_are_in_it() {
    let config = SfuConfig { max_participants: 2, ..SfuConfig::default() };
    let mut world = World::new(config);
    let ann = world.join("blue", "ann");
    world.join("blue", "ben");
    let participant = world.client(ann).participant;
    let again = world.enter_as(participant, "blue", "ann", everything());
    assert_eq!((world.client(again).closed, world.client(again).short_id.is_some()), (None, true));
}

#[test]
fn numbers_are_not_given_out_twice_while_the_room_lives() {
    let mut world = World::new(SfuConfig::default());
    world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    let number = world.client(ben).short_id;
    world.leave(ben);
    let cem = world.join("blue", "cem");
    assert_ne!(world.client(cem).short_id, number);
}

#[test]
fn a_full_room_lets_nobody_in_but_those_who_come_again() {
    let mut world = World::new(SfuConfig { max_participants: 2, ..SfuConfig::default() });
    world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    let cem = world.enter("blue", "cem", everything());
    assert_eq!(world.errors(cem), [ErrorCode::Full]);
    assert_eq!(world.client(cem).closed, Some(LeaveReason::Removed));
    let again = world.join("blue", "ben");
    assert_eq!(world.client(ben).closed, Some(LeaveReason::Replaced));
    assert_eq!(world.client(again).closed, None);
}

#[test]
fn a_hidden_participant_sees_and_is_not_seen() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    world.heard(ann);
    let hidden = Permissions { hidden: true, ..everything() };
    let spy = world.join_with("blue", "spy", hidden, crate::media::offer(4, 9));
    let ben = world.join("blue", "ben");
    let Some(ServerMessage::Welcome { participants, .. }) = world.heard(ben).into_iter().next()
    else {
        panic!("a welcome");
    };
    assert_eq!(participants.len(), 1);
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.client(spy).media.len(), 1);
    world.publish(spy, Source::Camera);
    assert_eq!(world.errors(spy), [ErrorCode::Forbidden]);
    world.leave(spy);
    let others: Vec<_> = world.heard(ann);
    assert_eq!(others.len(), 1, "only that ben joined: {others:?}");
}

#[test]
fn leaving_and_losing_the_connection_are_told_apart_and_nothing_stays() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    let cem = world.join("blue", "cem");
    for (peer, source) in [(ann, Source::Camera), (ben, Source::Microphone), (cem, Source::Screen)]
    {
        world.publish(peer, source);
        world.send(peer, source).unwrap();
    }
    world.heard(ann);
    world.leave(ben);
    assert_eq!(world.client(ben).closed, Some(LeaveReason::Left));
    world.lose(cem);
    let reasons: Vec<_> = world
        .heard(ann)
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::ParticipantLeft { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [LeaveReason::Left, LeaveReason::ConnectionLost]);
    world.leave(ann);
    assert_eq!(world.sfu.census(), sotto_core::Census::default());
    assert_eq!((world.kept(), world.sfu.poll_timeout()), (0, None));
}

#[test]
fn a_ping_is_answered_and_a_second_join_is_not() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.heard(ann);
    world.say(ann, ClientMessage::Ping { id: 7 });
    assert_eq!(world.heard(ann), [ServerMessage::Pong { id: 7 }]);
    world.say(
        ann,
        ClientMessage::Join { version: 1, token: String::new(), name: None, resumption: None },
    );
    assert_eq!(world.errors(ann), [ErrorCode::Conflict]);
}
