//! People see and hear each other.

use std::time::Duration;

use sotto_core::{media::Kind, signal::Source};
use sotto_tests::{
    client::{Media, Options, Participant, Profiles, Report, srtp::Profile},
    media::{
        Clip,
        make::{self, CAST, Person, Shape},
    },
    node::Node,
};

use crate::support::{CAMERA, check_announced, check_clean, connected, frames, speaker, voice};

fn on_camera(options: Options, person: Person, seek: bool) -> Options {
    let picture = Clip::video(&make::video(person, Shape::VGA).unwrap()).unwrap();
    let voice = Clip::audio(&make::voice(person, 8).unwrap()).unwrap();
    options
        .publishing(Source::Camera, Media::Clip { clip: picture, seek })
        .publishing(Source::Microphone, Media::Clip { clip: voice, seek })
}

/// Whether a person is seen in the right colour and heard at the right pitch.
fn perceives(report: &Report, other: u32, person: Person) -> bool {
    let (Some(seen), Some(heard)) =
        (report.source(other, Kind::Video), report.source(other, Kind::Audio))
    else {
        return false;
    };
    let colour = seen.colour.is_some_and(|colour| {
        colour.iter().zip(person.colour).all(|(seen, real)| seen.abs_diff(real) < 40)
    });
    let pitch = heard.heard.is_some_and(|heard| {
        (heard.frequency_hz - f64::from(person.pitch_hz)).abs() < 10.0 && heard.level_dbfs > -30.0
    });
    seen.pictures >= 15 && colour && pitch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_people_see_and_hear_each_other() {
    let node = Node::start().await;
    let cast = &CAST[..3];
    let mut people = Vec::new();
    for person in cast {
        let options = node.options("lounge", person.name).with_slots(2, 2).decoding();
        people.push(connected(on_camera(options, *person, true)).await);
    }
    let ids: Vec<_> = people.iter().map(Participant::short_id).collect();
    for (i, participant) in people.iter_mut().enumerate() {
        for (j, person) in cast.iter().enumerate().filter(|(j, _)| *j != i) {
            let what = format!("{} sees and hears {}", cast[i].name, person.name);
            participant.until(&what, |report| perceives(report, ids[j], *person)).await.unwrap();
        }
        check_announced(participant).await;
        let report = participant.report();
        assert_eq!((report.offers, report.answers), (1, 1));
        let size = report.source(ids[(i + 1) % 3], Kind::Video).and_then(|source| source.size);
        assert_eq!(size, Some((640, 360)));
    }
    node.stop().await;
}

/// The publisher's clip ignores requests and has a keyframe each second: a picture sooner than that
/// can only come from what the node kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_has_a_picture_within_a_second() {
    let node = Node::start().await;
    let mut anna = connected(on_camera(node.options("lounge", "anna"), CAST[0], false)).await;
    anna.until("two seconds of video are sent", |report| {
        report.sent.iter().any(|sent| sent.source == Source::Camera && sent.frames > 30)
    })
    .await
    .unwrap();
    let mut waits = Vec::new();
    for guest in 0..8 {
        let mut late = node.join("lounge", &format!("guest-{guest}")).await.unwrap();
        let report = late.until("a picture", |report| report.first_frame.is_some()).await.unwrap();
        let (connected, _) = report.connected.unwrap();
        waits.push(report.first_frame.unwrap() - connected);
        let report = late.until("the voice", |r| frames(r, anna.short_id(), Kind::Audio) > 3).await;
        check_clean(&report.unwrap());
        late.leave().await.unwrap();
    }
    waits.sort_unstable();
    assert!(waits[7] < Duration::from_secs(1), "{waits:?}");
    // Waiting for the next keyframe would take half a second in the mean.
    assert!(waits[4] < Duration::from_millis(300), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_knows_cm_gets_media_too() {
    let node = Node::start().await;
    let modern = connected(speaker(&node, "lounge", "modern")).await;
    let mut options = speaker(&node, "lounge", "old");
    options.profiles = Profiles::CmOnly;
    let mut old = connected(options).await;
    let (modern_id, old_id) = (modern.short_id(), old.short_id());
    let report = old
        .until("the old one sees the modern one", |report| {
            frames(report, modern_id, Kind::Video) > 5
        })
        .await
        .unwrap();
    assert_eq!(report.connected.unwrap().1, Profile::Cm);
    check_clean(&report);
    let mut modern = modern;
    let report = modern
        .until("the modern one sees and hears the old one", |report| {
            frames(report, old_id, Kind::Video) > 5 && frames(report, old_id, Kind::Audio) > 20
        })
        .await
        .unwrap();
    assert_eq!(report.connected.unwrap().1, Profile::Gcm);
    check_clean(&report);
}

/// Sender reports of both slots must place sound and pictures of one person on one clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_pictures_of_one_person_share_a_clock() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let id = anna.short_id();
    let clocks = |report: &Report| {
        let clock = |kind| report.source(id, kind).and_then(|source| source.clock_us);
        clock(Kind::Audio).zip(clock(Kind::Video))
    };
    let report = boris.until("both slots have a clock", |report| clocks(report).is_some()).await;
    let (audio, video) = clocks(&report.unwrap()).unwrap();
    assert!(audio.abs_diff(video) < 10_000, "audio {audio} µs, video {video} µs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_muted_camera_leaves_its_slot_and_comes_back() {
    let node = Node::start().await;
    let anna = connected(speaker(&node, "lounge", "anna")).await;
    let mut boris = connected(node.options("lounge", "boris")).await;
    let id = anna.short_id();
    boris.until("a picture", |report| frames(report, id, Kind::Video) > 3).await.unwrap();

    anna.mute(Source::Camera, true).await;
    boris.until("the slot is empty", |report| report.shown().is_empty()).await.unwrap();
    let report = boris
        .until("the mute is told", |report| {
            let tracks = &report.person("anna").unwrap().tracks;
            tracks.iter().any(|track| track.source == Source::Camera && track.muted)
        })
        .await
        .unwrap();
    let before = frames(&report, id, Kind::Video);
    let heard = frames(&report, id, Kind::Audio);
    boris
        .until("the voice goes on", |report| frames(report, id, Kind::Audio) > heard + 10)
        .await
        .unwrap();
    // A frame may have been under way.
    assert!(frames(&boris.report(), id, Kind::Video) <= before + 1);

    anna.mute(Source::Camera, false).await;
    let report = boris
        .until("the picture is back", |report| frames(report, id, Kind::Video) > before + 5)
        .await
        .unwrap();
    assert_eq!(report.source(id, Kind::Video).unwrap().freezes, 0, "a mute is no freeze");
    check_clean(&report);
    assert_eq!(report.offers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_loud_is_named_as_the_speaker() {
    let node = Node::start().await;
    let mut options = node.options("lounge", "loud").with_slots(0, 0);
    options = options.publishing(Source::Microphone, voice(20));
    let loud = connected(options).await;
    let quiet = node.options("lounge", "quiet").with_slots(0, 0);
    let quiet = connected(quiet.publishing(Source::Microphone, voice(127))).await;
    let mut listener = connected(node.options("lounge", "listener")).await;
    let loud_id = loud.id();
    listener
        .until("the loud one speaks", |report| {
            report.speakers.first().is_some_and(|speaker| speaker.participant == loud_id)
        })
        .await
        .unwrap();
    assert!(listener.report().speakers.iter().all(|s| s.participant != quiet.id()));
    loud.mute(Source::Microphone, true).await;
    listener.until("nobody speaks", |report| report.speakers.is_empty()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_do_not_see_each_other() {
    let node = Node::start().await;
    let _anna = connected(speaker(&node, "east", "anna")).await;
    let boris = connected(speaker(&node, "west", "boris")).await;
    let mut chen = connected(node.options("west", "chen").publishing(Source::Camera, CAMERA)).await;
    let id = boris.short_id();
    let report = chen.until("frames", |report| frames(report, id, Kind::Video) > 10).await.unwrap();
    assert_eq!(report.people.len(), 1);
    check_clean(&report);
}
