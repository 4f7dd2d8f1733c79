//! Publications: who may, what others hear of it, which packets belong to them.

use std::time::Duration;

use sotto_core::{
    PacketError, SfuConfig,
    id::{Mid, PayloadType, SeqNo},
    media::Extension,
    signal::{ClientMessage, ErrorCode, Permissions, ServerMessage, Source},
};

use crate::{
    media::{Sender, offer},
    world::{World, everything, line},
};

#[test]
fn others_hear_of_a_publication_its_muting_and_its_end() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.heard(ann);
    world.heard(ben);
    let encrypted = ClientMessage::Publish {
        mid: line(Source::Camera),
        source: Source::Camera,
        muted: true,
        encrypted: true,
        layers: Vec::new(),
    };
    world.say(ben, encrypted);
    world.mute(ben, Source::Camera, false);
    world.mute(ben, Source::Camera, false);
    world.say(ben, ClientMessage::Unpublish { mid: line(Source::Camera) });
    let heard = world.heard(ann);
    let told: Vec<String> = heard
        .iter()
        .filter_map(|message| match message {
            ServerMessage::TrackPublished { track, .. } => {
                Some(format!("{:?} {} {}", track.source, track.muted, track.encrypted))
            }
            ServerMessage::TrackMuted { muted, .. } => Some(format!("muted {muted}")),
            ServerMessage::TrackUnpublished { .. } => Some("ended".into()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["Camera true true", "muted false", "ended"]);
    assert_eq!(world.heard(ben), [], "the publisher knows");
}

#[test]
fn what_does_not_fit_is_refused_by_its_reason() {
    let mut world = World::new(SfuConfig::default());
    let sources = Some(vec![Source::Microphone, Source::Camera]);
    let permissions = Permissions { sources, ..everything() };
    let ann = world.join_with("blue", "ann", permissions, offer(4, 9));
    let publish = |mid: &str, source| ClientMessage::Publish {
        mid: Mid::new(mid).unwrap(),
        source,
        muted: false,
        encrypted: false,
        layers: Vec::new(),
    };
    let mid = |mid: &str| Mid::new(mid).unwrap();
    world.say(ann, publish("mic", Source::Microphone));
    world.heard(ann);
    let mut check = |message: ClientMessage, expected: ErrorCode| {
        world.say(ann, message.clone());
        assert_eq!(world.errors(ann), [expected], "{message:?}");
    };
    check(publish("scr", Source::Screen), ErrorCode::Forbidden);
    check(publish("none", Source::Camera), ErrorCode::NotFound);
    check(publish("v0", Source::Camera), ErrorCode::NotFound);
    check(publish("sca", Source::Camera), ErrorCode::Conflict);
    check(publish("mic", Source::Microphone), ErrorCode::Conflict);
    check(publish("sca", Source::Microphone), ErrorCode::Conflict);
    check(ClientMessage::Unpublish { mid: mid("cam") }, ErrorCode::NotFound);
    check(ClientMessage::Mute { mid: mid("none"), muted: true }, ErrorCode::NotFound);
}

#[test]
fn a_packet_belongs_to_the_line_that_announced_its_source_or_that_it_names() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.publish(ann, Source::ScreenAudio);
    world.send(ann, Source::Microphone).unwrap();
    let unknown = world.send_with(ann, Source::Microphone, |sender| {
        sender.restart();
        sender.tagged = false;
    });
    assert_eq!(unknown, Err(PacketError::UnknownSource));
    let named = world.send_with(ann, Source::Microphone, |sender| sender.tagged = true);
    assert!(named.is_ok());
    let learned = world.send_with(ann, Source::Microphone, |sender| sender.tagged = false);
    assert!(learned.is_ok(), "from then on the source is known");
    assert_eq!(world.client(ben).media.len(), 3);
}

#[test]
fn packets_that_belong_nowhere_are_refused_by_their_reason() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    assert_eq!(world.send(ann, Source::Camera), Err(PacketError::NotPublished));
    world.publish(ann, Source::Camera);
    assert!(world.send(ann, Source::Camera).is_ok());
    world.mute(ann, Source::Camera, true);
    assert_eq!(world.send(ann, Source::Camera), Err(PacketError::Muted));
    world.mute(ann, Source::Camera, false);
    let mut bytes = world
        .client(ann)
        .senders
        .get_mut(&line(Source::Camera))
        .unwrap()
        .next(sotto_core::Time::default());
    bytes[1] = 0x80 | PayloadType(97).0;
    assert_eq!(world.arrive(ann, bytes.clone()), Err(PacketError::PayloadType));
    bytes.truncate(5);
    assert!(matches!(world.arrive(ann, bytes), Err(PacketError::Malformed(_))));
    world.lose(ann);
    let stranger = sotto_core::id::PeerId(99);
    assert_eq!(world.arrive(stranger, vec![0x80; 40]), Err(PacketError::UnknownPeer));
}

#[test]
fn a_publisher_that_starts_anew_all_the_time_does_not_flood_the_others() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.heard(ben);
    for _ in 0..1_000 {
        // Refused or not: what counts is what Ben hears of it.
        world.send_with(ann, Source::Microphone, Sender::restart).ok();
        world.pass(Duration::from_millis(4));
    }
    let told = world.heard(ben).len();
    assert!(told <= 20, "{told} messages in four seconds");
    // And it is heard again once it goes on for a while.
    world.pass(Duration::from_secs(5));
    world.send(ann, Source::Microphone).unwrap();
}

#[test]
fn silence_sent_while_muted_costs_nothing_when_the_voice_comes_back() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    for _ in 0..1_000 {
        world.send(ann, Source::Microphone).unwrap();
    }
    world.mute(ann, Source::Microphone, true);
    // 21 minutes of it: the numbers go round, to 500 below the last one that was heard.
    for _ in 0..65_036 / 1_000 {
        let skip = |sender: &mut Sender| sender.seq = SeqNo(sender.seq.0.wrapping_add(999));
        let sent = world.send_with(ann, Source::Microphone, skip);
        assert_eq!(sent, Err(PacketError::Muted));
    }
    world.mute(ann, Source::Microphone, false);
    let before = world.client(ben).media.len();
    for _ in 0..1_000 {
        world.send(ann, Source::Microphone).unwrap();
    }
    assert_eq!(world.client(ben).media.len(), before + 1_000);
}

#[test]
fn encrypted_video_whose_keyframes_nobody_could_know_is_refused() {
    let mut world = World::new(SfuConfig::default());
    let mut plain = offer(1, 1);
    for media in &mut plain.media {
        media.extensions.retain(|(known, _)| *known != Extension::DependencyDescriptor);
    }
    let ann = world.enter("blue", "ann", everything());
    world.offer(ann, plain);
    let publish = |source: Source| ClientMessage::Publish {
        mid: line(source),
        source,
        muted: false,
        encrypted: true,
        layers: Vec::new(),
    };
    world.say(ann, publish(Source::Camera));
    assert_eq!(world.errors(ann), [ErrorCode::Conflict]);
    world.say(ann, publish(Source::Microphone));
    assert_eq!(world.errors(ann), []);
}
