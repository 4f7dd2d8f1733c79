//! Offers and answers.

use sotto_core::{
    SfuConfig,
    id::{ExtensionId, Mid, PeerId, Ssrc},
    media::{AnsweredMedia, Direction, Extension, Kind, Offer},
    signal::{ClientMessage, ErrorCode, Permissions, ServerMessage, SlotLimits, Source},
};

use crate::{
    media::{OPUS, VP8, media, offer, rich_offer, rid},
    world::{World, everything},
};

fn answered<'a>(world: &'a World, peer: PeerId, mid: &str) -> &'a AnsweredMedia {
    let mid = Mid::new(mid).unwrap();
    world.clients[&peer].answer.media.iter().find(|media| media.mid == mid).unwrap()
}

#[test]
fn every_line_is_answered_in_order_with_the_clients_own_payload_types() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let mids: Vec<Mid> = offer(4, 9).media.iter().map(|media| media.mid).collect();
    let answer = world.client(ann).answer.clone();
    assert_eq!(answer.media.iter().map(|media| media.mid).collect::<Vec<_>>(), mids);
    for media in &answer.media {
        let [format] = &media.formats[..] else { panic!("one format each: {media:?}") };
        assert_eq!(
            format.payload_type,
            if format.codec.kind() == Kind::Audio { OPUS } else { VP8 }
        );
        let is_slot = media.direction == Direction::Receive;
        assert_eq!(media.ssrc.is_some(), is_slot);
        assert_eq!(media.rtx_ssrc.is_some(), is_slot && format.rtx.is_some());
    }
    let extensions = |mid| answered(&world, ann, mid).extensions.clone();
    let level = (Extension::AudioLevel, ExtensionId(1));
    let tag = (Extension::Mid, ExtensionId(4));
    assert_eq!(extensions("mic"), [tag, level]);
    assert_eq!(extensions("a0"), [tag]);
    assert_eq!(extensions("v0"), [tag, (Extension::DependencyDescriptor, ExtensionId(12))]);
}

#[test]
fn every_known_codec_is_accepted_in_the_clients_order_with_repair_and_feedback() {
    let mut world = World::new(SfuConfig { transport_cc: true, ..SfuConfig::default() });
    let ann = world.join_with("blue", "ann", everything(), rich_offer());
    for (offered, answered) in rich_offer().media.iter().zip(&world.clients[&ann].answer.media) {
        assert_eq!(answered.formats, offered.formats);
        let extension = |wanted| answered.extensions.iter().any(|(known, _)| *known == wanted);
        assert!(extension(Extension::TransportCc) && extension(Extension::Mid));
        let simulcast = offered.direction == Direction::Send && offered.kind == Kind::Video;
        assert_eq!(extension(Extension::Rid) && extension(Extension::RepairedRid), simulcast);
        let video_slot = offered.direction == Direction::Receive && offered.kind == Kind::Video;
        assert_eq!(answered.rtx_ssrc.is_some(), video_slot);
    }
    assert_eq!(answered(&world, ann, "cam").rids, ["q", "h", "f"].map(rid), "three at most");
}

#[test]
fn repair_and_feedback_that_are_switched_off_are_not_accepted() {
    let config = SfuConfig { repair: false, transport_cc: false, ..SfuConfig::default() };
    let mut world = World::new(config);
    let ann = world.join_with("blue", "ann", everything(), rich_offer());
    for media in &world.clients[&ann].answer.media {
        for format in &media.formats {
            assert_eq!((format.rtx, format.red), (None, None));
            assert_eq!((format.nack, format.transport_cc), (false, false));
        }
        assert_eq!(media.rtx_ssrc, None);
        assert!(media.extensions.iter().all(|(known, _)| *known != Extension::TransportCc));
    }
}

#[test]
fn a_slot_that_is_repaired_only_from_a_later_offer_on_keeps_its_source() {
    let mut world = World::new(SfuConfig::default());
    let mut plain = rich_offer();
    plain.media[1].formats.iter_mut().for_each(|format| format.rtx = None);
    let ann = world.join_with("blue", "ann", everything(), plain);
    let before = answered(&world, ann, "v0").clone();
    assert_eq!(before.rtx_ssrc, None);
    world.offer(ann, rich_offer());
    let after = answered(&world, ann, "v0");
    assert_eq!(after.ssrc, before.ssrc);
    assert!(after.rtx_ssrc.is_some_and(|ssrc| Some(ssrc) != after.ssrc));
}

#[test]
fn layers_are_declined_where_packets_could_not_name_them() {
    let mut world = World::new(SfuConfig::default());
    let mut nameless = rich_offer();
    nameless.media[0].extensions.retain(|(known, _)| *known != Extension::Rid);
    let ann = world.join_with("blue", "ann", everything(), nameless);
    assert_eq!(answered(&world, ann, "cam").rids, []);
}

#[test]
fn the_layers_of_a_publication_stay_while_it_lives() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join_with("blue", "ann", everything(), rich_offer());
    world.publish(ann, Source::Camera);
    let mut fewer = rich_offer();
    fewer.media[0].rids = ["x", "h"].map(rid).to_vec();
    world.offer(ann, fewer.clone());
    assert_eq!(answered(&world, ann, "cam").rids, [rid("h")]);
    world.say(ann, ClientMessage::Unpublish { mid: Mid::new("cam").unwrap() });
    world.offer(ann, fewer);
    assert_eq!(answered(&world, ann, "cam").rids, ["x", "h"].map(rid));
}

#[test]
fn slots_have_sources_of_their_own_that_stay_when_more_are_added() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ssrcs = |world: &World| -> Vec<Ssrc> {
        let media = world.clients[&ann].answer.media.iter();
        media.flat_map(|media| media.ssrc.into_iter().chain(media.rtx_ssrc)).collect()
    };
    let before = ssrcs(&world);
    let mut more = offer(4, 9);
    more.media.push(media("v9", Kind::Video, Direction::Receive));
    world.offer(ann, more);
    let after = ssrcs(&world);
    assert_eq!(after[..before.len()], before);
    let distinct: std::collections::BTreeSet<_> = after.iter().collect();
    assert_eq!((distinct.len(), after.len()), (before.len() + 2, before.len() + 2));
}

#[test]
fn slots_avoid_the_sources_of_the_client() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let first = answered(&world, ann, "a0").ssrc.unwrap();
    let ben = world.enter("blue", "ben", everything());
    let mut clash = offer(4, 9);
    clash.media[0].ssrc = Some(first);
    world.offer(ben, clash);
    assert!(world.client(ben).answer.media.iter().all(|media| media.ssrc != Some(first)));
}

#[test]
fn what_is_not_granted_is_answered_inactive() {
    let mut world = World::new(SfuConfig::default());
    let check = |world: &mut World, name: &str, permissions, expected: [Direction; 4]| {
        let peer = world.join_with("blue", name, permissions, offer(4, 9));
        let directions = ["mic", "cam", "a0", "v0"].map(|mid| answered(world, peer, mid).direction);
        assert_eq!(directions, expected, "{name}");
    };
    use Direction::{Inactive, Receive, Send};
    let silent = Permissions { publish: false, ..everything() };
    check(&mut world, "silent", silent, [Inactive, Inactive, Receive, Receive]);
    let blind = Permissions { subscribe: false, ..everything() };
    check(&mut world, "blind", blind, [Send, Send, Inactive, Inactive]);
    let voice = Permissions { sources: Some(vec![Source::Microphone]), ..everything() };
    check(&mut world, "voice", voice, [Send, Inactive, Receive, Receive]);
}

#[test]
fn slots_beyond_the_limit_are_inactive() {
    let slots = SlotLimits { audio: 2, video: 3 };
    let mut world = World::new(SfuConfig { slots, ..SfuConfig::default() });
    let ann = world.join("blue", "ann");
    let open = |prefix: &str| {
        let media = world.clients[&ann].answer.media.iter();
        media.filter(|m| m.mid.as_str().starts_with(prefix) && m.ssrc.is_some()).count()
    };
    assert_eq!((open("a"), open("v")), (2, 3));
}

#[test]
fn a_line_without_a_codec_of_ours_is_rejected() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.enter("blue", "ann", everything());
    let mut strange = offer(1, 1);
    strange.media[1].formats.clear();
    world.offer(ann, strange);
    let camera = answered(&world, ann, "cam");
    assert_eq!((camera.direction, camera.formats.len()), (Direction::Inactive, 0));
}

#[test]
fn bad_offers_are_refused_whole_and_change_nothing() {
    let config = SfuConfig { max_media: 20, ..SfuConfig::default() };
    let mut world = World::new(config);
    let ann = world.join("blue", "ann");
    let before = world.client(ann).answer.clone();
    let mut check = |what: &str, change: fn(&mut Offer)| {
        let mut bad = offer(4, 9);
        change(&mut bad);
        world.offer(ann, bad);
        assert_eq!(world.errors(ann), [ErrorCode::BadOffer], "{what}");
        assert_eq!(world.client(ann).answer, before, "{what}");
    };
    check("too many", |offer| *offer = self::offer(8, 9));
    check("duplicate mid", |offer| offer.media[1].mid = offer.media[0].mid);
    check("kind of a sender changed", |offer| {
        offer.media[0] = media("mic", Kind::Video, Direction::Send);
    });
    check("kind of a slot changed", |offer| {
        offer.media[4] = media("a0", Kind::Video, Direction::Receive);
    });
    check("conflicting extension", |offer| {
        offer.media[5].extensions = vec![(Extension::AudioLevel, ExtensionId(4))];
    });
    check("one source twice", |offer| offer.media[0].ssrc = offer.media[1].ssrc);
}

#[test]
fn a_stopped_line_gives_up_its_slot_and_another_source_takes_its_place_later() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ben, Source::Camera);
    world.send(ben, Source::Camera).unwrap();
    assert_eq!(world.seen(ann, "v")[0], "ben");
    let first = answered(&world, ann, "v0").ssrc;
    let mut stopped = offer(4, 9);
    stopped.media.retain(|media| media.kind == Kind::Audio || media.direction == Direction::Send);
    stopped.media.push(media("v0", Kind::Video, Direction::Inactive));
    world.offer(ann, stopped);
    world.client(ann).media.clear();
    world.send(ben, Source::Camera).unwrap();
    assert_eq!(world.client(ann).media, []);
    world.offer(ann, offer(4, 9));
    assert_ne!(answered(&world, ann, "v0").ssrc, first, "a source is never used twice");
}

#[test]
fn a_stopped_line_ends_what_was_published_on_it() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ben, Source::Camera);
    world.publish(ben, Source::Microphone);
    world.heard(ann);
    let mut stopped = offer(4, 9);
    stopped.media[1].direction = Direction::Inactive;
    world.offer(ben, stopped);
    let heard = world.heard(ann);
    assert!(
        heard.iter().any(|message| matches!(message, ServerMessage::TrackUnpublished { .. })),
        "{heard:?}"
    );
    assert_eq!(world.sfu.census().tracks, 1, "the microphone goes on");
}
