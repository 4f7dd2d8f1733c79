//! Data channel messages.

use std::time::Duration;

use sotto_core::{
    Input, SfuConfig,
    id::PeerId,
    input::DataMessage,
    signal::{ErrorCode, Permissions},
};

use crate::{
    media::offer,
    world::{World, everything},
};

fn send(world: &mut World, peer: PeerId, label: &str, len: usize) {
    let message = DataMessage { label: label.into(), text: true, payload: vec![b'x'; len] };
    world.drive(Input::Data { peer, message });
}

#[test]
fn a_message_goes_to_everybody_else_in_the_room_with_its_sender() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    let hidden = Permissions { hidden: true, ..everything() };
    let spy = world.join_with("blue", "spy", hidden, offer(1, 1));
    let elsewhere = world.join("red", "eve");
    send(&mut world, ann, "chat", 5);
    let from = world.client(ann).short_id.unwrap();
    let message = DataMessage { label: "chat".into(), text: true, payload: b"xxxxx".to_vec() };
    assert_eq!(world.client(ben).data, [(from, message)]);
    assert_eq!(world.client(spy).data.len(), 1, "a hidden participant may read");
    assert_eq!((world.client(ann).data.len(), world.client(elsewhere).data.len()), (0, 0));
}

#[test]
fn what_is_not_allowed_is_refused_and_the_connection_stays() {
    let mut world = World::new(SfuConfig::default());
    let ben = world.join("blue", "ben");
    let mute = Permissions { data: false, ..everything() };
    let ann = world.join_with("blue", "ann", mute, offer(1, 1));
    send(&mut world, ann, "chat", 1);
    assert_eq!(world.errors(ann), [ErrorCode::Forbidden]);
    send(&mut world, ben, "chat", 4_097);
    send(&mut world, ben, &"l".repeat(65), 1);
    assert_eq!(world.errors(ben), [ErrorCode::TooMuch, ErrorCode::TooMuch]);
    send(&mut world, ben, "chat", 4_096);
    assert_eq!(world.client(ann).data.len(), 1);
    assert_eq!((world.client(ann).closed, world.client(ben).closed), (None, None));
}

#[test]
fn a_flood_is_cut_to_ten_a_second_after_a_burst_of_twenty() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.heard(ann);
    for _ in 0..100 {
        send(&mut world, ann, "chat", 1);
    }
    assert_eq!(world.client(ben).data.len(), 20);
    assert_eq!(world.errors(ann), [ErrorCode::TooMuch; 80]);
    world.pass(Duration::from_secs(1));
    for _ in 0..100 {
        send(&mut world, ann, "chat", 1);
    }
    assert_eq!(world.client(ben).data.len(), 30);
}
