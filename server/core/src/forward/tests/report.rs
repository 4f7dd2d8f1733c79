use std::time::Duration;

use super::*;
use crate::{
    forward::{MediaClock, PublisherClock},
    output::SenderReport,
    time::NtpTime,
};

/// The publisher's clock in these tests: it is off by 1,000 s.
fn publisher_ntp(at_ms: u64) -> NtpTime {
    (ms(at_ms) - Duration::from_secs(1000)).to_ntp()
}

fn clocks(at_ms: u64, rate: u32, rtp: u32) -> (PublisherClock, MediaClock) {
    let (mut publisher, mut media) = (PublisherClock::new(), MediaClock::new(rate));
    publisher.observe(ms(at_ms), publisher_ntp(at_ms));
    media.observe(publisher_ntp(at_ms), RtpTime(rtp));
    (publisher, media)
}

#[test]
fn a_report_follows_the_first_packet_and_then_each_second() {
    let (publisher, media) = clocks(0, 48_000, 10_000);
    let mut slot = slot(Kind::Audio, SlotStart::default());
    assert_eq!(slot.report_timeout(), None);
    point(&mut slot, target(1, Codec::Opus));
    assert_eq!(slot.report_timeout(), None);
    assert_eq!(slot.report(ms(10), &publisher, &media), None);
    drive(&mut slot, &mut Layer::default(), [(20, audio(5, 10_960))]);
    assert_eq!(slot.report_timeout(), Some(ms(20)));
    // At 30 ms the publisher's media clock is at 11,440; the slot's is 10,959 behind it.
    let expected = SenderReport {
        ssrc: SLOT,
        ntp: ms(30).to_ntp(),
        rtp: RtpTime(481),
        packets: 1,
        octets: 10,
    };
    assert_eq!(slot.report(ms(30), &publisher, &media), Some(expected));
    assert_eq!(slot.report(ms(1029), &publisher, &media), None);
    let second = slot.report(ms(1030), &publisher, &media).unwrap();
    assert_eq!(second.rtp, RtpTime(481 + 48_000));
}

#[test]
fn without_the_publishers_report_there_is_none_and_it_stays_due() {
    let (publisher, known) = clocks(0, 48_000, 10_000);
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    drive(&mut slot, &mut Layer::default(), [(20, audio(5, 10_960))]);
    assert!(!MediaClock::new(48_000).is_known());
    assert_eq!(slot.report(ms(30), &publisher, &MediaClock::new(48_000)), None);
    assert_eq!(slot.report(ms(30), &PublisherClock::new(), &known), None);
    assert!(slot.report(ms(30), &publisher, &known).is_some());
}

#[test]
fn a_re_point_is_reported_at_once() {
    let (publisher, media) = clocks(0, 48_000, 10_000);
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    drive(&mut slot, &mut Layer::default(), [(20, audio(5, 10_960))]);
    assert!(slot.report(ms(30), &publisher, &media).is_some());
    point(&mut slot, target(2, Codec::Opus));
    assert_eq!(slot.report(ms(40), &publisher, &media), None);
    drive(&mut slot, &mut Layer::default(), [(50, audio(70, 12_400))]);
    assert!(slot.report(ms(50), &publisher, &media).is_some());
}

#[test]
fn audio_and_video_of_a_person_stay_aligned_whenever_their_reports_come() {
    let mut publisher = PublisherClock::new();
    let (mut audio, mut video) = (MediaClock::new(48_000), MediaClock::new(90_000));
    // The video's report took 30 ms, the audio's 180 ms. Both clocks were zero at 0 ms.
    publisher.observe(ms(1030), publisher_ntp(1000));
    video.observe(publisher_ntp(1000), RtpTime(90_000));
    publisher.observe(ms(2680), publisher_ntp(2500));
    audio.observe(publisher_ntp(2500), RtpTime(120_000));
    // Both say that 10,030 ms of our clock is 10,000 ms of theirs.
    let close = |time: Option<RtpTime>, expected: u32| {
        let distance = time.unwrap().distance(RtpTime(expected));
        assert!(distance.abs() <= 1, "{distance}");
    };
    close(audio.at(ms(10_030), &publisher), 480_000);
    close(video.at(ms(10_030), &publisher), 900_000);
}

#[test]
fn the_distance_is_constant_until_the_publishers_clock_is_set_anew() {
    let (mut publisher, mut media) = clocks(0, 1000, 0);
    let before = publisher;
    publisher.observe(ms(9000), publisher_ntp(100));
    assert_eq!(publisher, before, "8.9 s late");
    let set_anew = (ms(20_000) - Duration::from_secs(5000)).to_ntp();
    publisher.observe(ms(20_000), set_anew);
    media.observe(set_anew, RtpTime(20_000));
    assert_eq!(media.at(ms(20_500), &publisher), Some(RtpTime(20_500)));
}

#[test]
fn media_time_is_extrapolated_over_the_wrap_in_both_directions() {
    let (publisher, media) = clocks(1000, 90_000, u32::MAX);
    assert_eq!(media.at(ms(2000), &publisher), Some(RtpTime(89_999)));
    assert_eq!(media.at(ms(0), &publisher), Some(RtpTime(u32::MAX - 90_000)));
}

#[test]
fn the_time_of_capture_is_that_of_the_first_packet() {
    let (publisher, media) = clocks(0, 48_000, 10_000);
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    assert_eq!(slot.capture_time(ms(40), &publisher, &media), None);
    // Captured at 20 ms, received at 45.
    drive(&mut slot, &mut Layer::default(), [(45, audio(5, 10_960))]);
    for now in [10, 50, 5000] {
        let captured = slot.capture_time(ms(now), &publisher, &media).unwrap();
        let error = captured.as_micros().abs_diff(ms(20).as_micros());
        assert!(error <= 1000 / 48 + 1, "{error} us at {now} ms");
    }
}

#[test]
fn after_a_replay_the_time_of_capture_is_that_of_the_live_media() {
    let (publisher, media) = clocks(0, 90_000, 0);
    let mut layer = Layer::default();
    let mut history = crate::forward::History::new(Kind::Video);
    for (id, sent) in (0..10).zip([key(1, 0), video(2, 9000), video(3, 18_000)]) {
        let received = layer.take(u64::from(id) * 100, &sent);
        history.push(crate::id::PacketId(id), &received, true, |_| {});
    }
    let mut slot = slot(Kind::Video, SlotStart::default());
    point(&mut slot, target(1, Codec::Vp8));
    let newest = slot.replay(ms(210), LAYER, &history).last().unwrap().1.timestamp;
    let first = slot.first_timestamp().unwrap();
    let captured = slot.capture_time(ms(300), &publisher, &media).unwrap();
    // The newest frame was captured at 200 ms; the formula of a client comes to the same.
    let newest_captured = captured.as_micros() + newest.distance(first) as u64 * 100 / 9;
    assert!(newest_captured.abs_diff(ms(200).as_micros()) <= 12, "{newest_captured}");
}

#[test]
fn a_clock_that_is_far_from_the_packets_is_not_believed() {
    let (publisher, _) = clocks(0, 48_000, 0);
    let mut slot = slot(Kind::Audio, SlotStart::default());
    point(&mut slot, target(1, Codec::Opus));
    drive(&mut slot, &mut Layer::default(), [(20, audio(5, 960))]);
    for (rtp, believed) in [(0, true), (470_000, true), (490_000, false), (u32::MAX / 2, false)] {
        let mut media = MediaClock::new(48_000);
        media.observe(publisher_ntp(0), RtpTime(rtp));
        let report = slot.clone().report(ms(30), &publisher, &media);
        assert_eq!(report.is_some(), believed, "{rtp}");
    }
}
