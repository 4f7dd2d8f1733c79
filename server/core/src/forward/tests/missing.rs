use std::time::Duration;

use super::*;
use crate::forward::Missing;

const RTT: Option<Duration> = Some(Duration::from_millis(80));

/// A layer that loses packets.
struct Lossy {
    layer: Layer,
    missing: Missing,
}

impl Lossy {
    fn new(kind: Kind) -> Self {
        Self { layer: Layer::default(), missing: Missing::new(kind) }
    }

    fn take(&mut self, at_ms: u64, sent: &Sent) {
        let received = self.layer.take(at_ms, sent);
        self.missing.received(&received, RTT);
    }

    /// Lets the clock run from one time to the other, in ms, and gives each request with its time,
    /// and when packets were given up.
    fn run(&mut self, from_ms: u64, to_ms: u64) -> (Vec<(u64, Vec<u16>)>, Vec<u64>) {
        let (mut asked, mut given_up) = (Vec::new(), Vec::new());
        for at in from_ms..=to_ms {
            let mut ask = Vec::new();
            if self.missing.handle_timeout(ms(at), RTT, &mut ask) {
                given_up.push(at);
            }
            if !ask.is_empty() {
                asked.push((at, ask.iter().map(|seq| seq.0).collect()));
            }
        }
        (asked, given_up)
    }
}

#[test]
fn a_gap_is_asked_for_after_the_time_that_reordering_takes_and_again_each_round_trip() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(65_534, 0));
    lossy.take(5, &video(1, 0));
    assert_eq!(lossy.missing.poll_timeout(), Some(ms(15)));
    let (asked, given_up) = lossy.run(5, 230);
    let all = vec![65_535, 0];
    assert_eq!(asked, [(15, all.clone()), (115, all.clone()), (215, all)]);
    assert!(given_up.is_empty());
}

#[test]
fn what_comes_late_is_not_asked_for() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(1, 0));
    lossy.take(1, &video(4, 0));
    lossy.take(6, &video(2, 0));
    assert_eq!(lossy.run(6, 20).0, [(11, vec![3])]);
    lossy.take(90, &video(3, 0));
    assert!(lossy.missing.is_empty());
    assert_eq!(lossy.missing.poll_timeout(), None);
}

#[test]
fn after_a_second_a_picture_is_given_up_and_a_sound_earlier() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(1, 0));
    lossy.take(0, &video(3, 0));
    let (asked, given_up) = lossy.run(0, 3000);
    assert_eq!((asked.len(), given_up), (10, vec![1010]));
    assert_eq!(lossy.missing.poll_timeout(), None);
    let mut lossy = Lossy::new(Kind::Audio);
    lossy.take(0, &audio(1, 0));
    lossy.take(0, &audio(3, 1920));
    let (asked, given_up) = lossy.run(0, 3000);
    assert_eq!((asked.len(), given_up), (4, vec![410]));
}

#[test]
fn a_keyframe_makes_what_was_before_it_worthless() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(1, 0));
    lossy.take(0, &video(3, 0));
    lossy.take(5, &key(9, 3000));
    assert_eq!(lossy.run(5, 3000), (vec![], vec![]));
    lossy.take(3001, &video(11, 3000));
    assert_eq!(lossy.run(3001, 3020).0, [(3011, vec![10])]);
}

#[test]
fn an_outage_is_given_up_at_once_and_not_asked_for() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(1, 0));
    lossy.take(0, &video(3, 0));
    lossy.take(10, &video(300, 0));
    assert_eq!(lossy.run(10, 3000), (vec![], vec![10]));
    // So is a layer of which too much is missing in all.
    for run in 0..4 {
        lossy.take(3000, &video(301 + (run + 1) * 200, 0));
    }
    assert_eq!(lossy.missing.len(), 199, "the third run had no room and ended the rest");
    let (asked, given_up) = lossy.run(3000, 3020);
    assert_eq!(given_up, [3000]);
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_publisher_that_starts_anew_is_not_asked_for_what_was() {
    let mut lossy = Lossy::new(Kind::Video);
    lossy.take(0, &key(1, 0));
    lossy.take(0, &video(3, 0));
    lossy.take(5, &Sent { ssrc: 2, ..key(700, 0) });
    assert_eq!(lossy.run(5, 3000), (vec![], vec![]));
}
