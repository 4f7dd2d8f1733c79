//! Sender reports, keyframe requests of subscribers, ends of sources.

use std::time::Duration;

use sotto_core::{
    SfuConfig,
    id::{PeerId, RtpTime, Ssrc},
    input::Feedback,
    signal::{ClientMessage, ServerMessage, Source},
};

use crate::world::{World, line};

/// The publisher's report of its clocks, which are right.
fn report(world: &mut World, peer: PeerId, source: Source, clock: u64) {
    let now = world.now;
    let ssrc = world.client(peer).senders[&line(source)].ssrc;
    let rtp = RtpTime((now.as_micros() / 1_000 * clock) as u32);
    world.feedback(peer, Feedback::SenderReport { ssrc, ntp: now.to_ntp(), rtp });
}

#[test]
fn each_slot_reports_at_once_and_then_about_once_a_second_on_its_own_timeline() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.send(ann, Source::Microphone).unwrap();
    assert_eq!(world.client(ben).reports, [], "the publisher's clock is not known yet");
    report(&mut world, ann, Source::Microphone, 48);
    let first = world.client(ben).reports.pop().expect("as soon as it is known");
    let got = world.client(ben).media[0].clone();
    assert_eq!((first.ssrc, first.packets, first.octets), (got.ssrc, 1, 32));
    assert_eq!(first.rtp, got.timestamp, "it was sent at this instant");
    let start = world.now;
    for _ in 0..500 {
        world.pass(Duration::from_millis(20));
        world.send(ann, Source::Microphone).unwrap();
    }
    let reports = std::mem::take(&mut world.client(ben).reports);
    assert!((9..=10).contains(&reports.len()), "{} reports in 10 s", reports.len());
    for report in reports {
        let since = report.ntp.to_time().saturating_since(start).as_micros() as i64;
        let expected = since * 48 / 1_000;
        let apart = i64::from(report.rtp.distance(first.rtp)) - expected;
        assert!(apart.abs() <= 48, "{apart} units off at {report:?}");
    }
}

#[test]
fn a_clock_that_was_reported_before_the_publication_began_is_known_to_it() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.send(ann, Source::Microphone).unwrap();
    report(&mut world, ann, Source::Microphone, 48);
    world.say(ann, ClientMessage::Unpublish { mid: line(Source::Microphone) });
    world.client(ben).reports.clear();
    world.pass(Duration::from_secs(2));
    world.publish(ann, Source::Microphone);
    world.send(ann, Source::Microphone).unwrap();
    let got = world.client(ben).media.last().unwrap().clone();
    let report = world.client(ben).reports.pop().expect("with the first packet");
    assert_eq!(report.rtp, got.timestamp, "it was sent at this instant");
}

#[test]
fn a_slot_that_is_pointed_anew_reports_with_its_first_packet() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    world.send(ann, Source::Camera).unwrap();
    report(&mut world, ann, Source::Camera, 90);
    world.pass(Duration::from_millis(66));
    let ben = world.join("blue", "ben");
    let [report] = world.client(ben).reports[..] else { panic!("one report") };
    assert_eq!(report.packets, 1, "the replayed keyframe is counted");
}

#[test]
fn a_client_is_told_when_media_was_captured_and_again_when_the_clock_moved() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.send(ann, Source::Microphone).unwrap();
    let told = |world: &mut World| -> Vec<Option<u64>> {
        let messages = std::mem::take(&mut world.client(ben).messages);
        let slots = messages.into_iter().filter_map(|message| match message {
            ServerMessage::Slots { slots } => Some(slots),
            _ => None,
        });
        slots.flatten().map(|slot| slot.content.unwrap().capture_time).collect()
    };
    let began = world.now.as_micros();
    assert!(told(&mut world).iter().all(Option::is_none), "the publisher's clock is not known");
    report(&mut world, ann, Source::Microphone, 48);
    let [Some(captured)] = told(&mut world)[..] else { panic!("told once") };
    assert!(captured.abs_diff(began) <= 1_000, "captured {captured}, sent {began}");
    let drift = |world: &mut World, milliseconds: u64| {
        world.pass(Duration::from_secs(2));
        let ssrc = world.client(ann).senders[&line(Source::Microphone)].ssrc;
        let rtp = RtpTime(((world.now.as_micros() / 1_000 + milliseconds) * 48) as u32);
        let ntp = world.now.to_ntp();
        world.feedback(ann, Feedback::SenderReport { ssrc, ntp, rtp });
        world.send(ann, Source::Microphone).unwrap();
        world.pass(Duration::from_secs(2));
    };
    drift(&mut world, 3);
    assert_eq!(told(&mut world), [], "3 ms are not worth a message");
    drift(&mut world, 8);
    let [Some(moved)] = told(&mut world)[..] else { panic!("told once") };
    assert!((captured - moved).abs_diff(8_000) <= 1_000, "from {captured} to {moved}");
}

#[test]
fn requests_of_many_subscribers_become_one_and_are_not_repeated_within_half_a_second() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let others: Vec<PeerId> = (0..10).map(|n| world.join("blue", &format!("p{n}"))).collect();
    world.publish(ann, Source::Camera);
    world.send(ann, Source::Camera).unwrap();
    world.pass(Duration::from_secs(1));
    world.client(ann).keyframes_asked.clear();
    let ask = |world: &mut World| {
        for &other in &others {
            let ssrc = world.client(other).media[0].ssrc;
            world.feedback(other, Feedback::KeyframeRequest { ssrc });
        }
    };
    ask(&mut world);
    world.pass(Duration::ZERO);
    let ssrc = world.client(ann).senders[&line(Source::Camera)].ssrc;
    let now = world.now;
    assert_eq!(world.client(ann).keyframes_asked, [(now, ssrc)]);
    world.send_with(ann, Source::Camera, |sender| sender.keyframe = true).unwrap();
    world.pass(Duration::from_millis(100));
    ask(&mut world);
    world.pass(Duration::from_millis(300));
    assert_eq!(world.client(ann).keyframes_asked.len(), 1);
    world.pass(Duration::from_millis(200));
    assert_eq!(world.client(ann).keyframes_asked.len(), 2);
}

#[test]
fn a_request_for_what_is_not_there_asks_nobody() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    let ben = world.join("blue", "ben");
    world.publish(ann, Source::Microphone);
    world.send(ann, Source::Microphone).unwrap();
    let audio = world.client(ben).media[0].ssrc;
    for ssrc in [audio, Ssrc(5)] {
        world.feedback(ben, Feedback::KeyframeRequest { ssrc });
    }
    world.pass(Duration::from_secs(2));
    assert_eq!(world.client(ann).keyframes_asked, []);
}

#[test]
fn when_a_source_ends_what_was_kept_of_it_is_released() {
    let mut world = World::new(SfuConfig::default());
    let ann = world.join("blue", "ann");
    world.publish(ann, Source::Camera);
    world.send(ann, Source::Camera).unwrap();
    assert_eq!(world.kept(), 1);
    let ssrc = world.client(ann).senders[&line(Source::Camera)].ssrc;
    world.feedback(ann, Feedback::Bye { ssrc });
    assert_eq!((world.kept(), world.sfu.census().kept_packets), (0, 0));
}
