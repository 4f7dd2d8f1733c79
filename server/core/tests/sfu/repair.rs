//! Lost packets come back, both ways, and no number is used twice on the way.

use std::time::Duration;

use sotto_core::{media::Kind, signal::ClientMessage};

use crate::{
    lossy::{FIVE_PERCENT, Losses, Lossy, Tally, camera},
    model::rng::Rng,
};

/// A jitter buffer for sound that has seen such a line waits about this long.
const SOUND: Duration = Duration::from_millis(300);
/// So long a decoder waits for a picture before it asks for a keyframe.
const PICTURE: Duration = Duration::from_secs(1);

/// Half a minute of a call: what was lost of sound and of pictures, in 1,000.
fn call(losses: Losses, change: impl FnOnce(&mut Lossy)) -> (f64, f64, Tally) {
    let mut lossy = Lossy::new(&losses, 1, 7, Duration::ZERO);
    lossy.reported_loss = 50;
    change(&mut lossy);
    lossy.run(Duration::from_secs(30), true);
    lossy.run(Duration::from_secs(2), false);
    assert!(lossy.came(Kind::Audio) > 1_300 && lossy.came(Kind::Video) > 800);
    let tally = lossy.tally;
    let lost = (lossy.lost(Kind::Audio, SOUND), lossy.lost(Kind::Video, PICTURE));
    assert_eq!(lossy.end(), 0, "everything that was kept is given back");
    (lost.0, lost.1, tally)
}

#[test]
fn five_percent_both_ways_are_repaired() {
    let (sound, pictures, tally) = call(FIVE_PERCENT, |_| {});
    assert!(sound < 5.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(pictures < 1.0, "pictures lost: {pictures} in 1,000, {tally:?}");
    assert!(tally.retransmissions > 20 && tally.repeated > 40, "{tally:?}");
    // What is on its way is not sent again: of 50 in 1,000 lost and the answers to it lost again.
    assert!(tally.retransmissions < 100, "{tally:?}");
}

#[test]
fn without_repair_they_are_lost() {
    let losses = Losses { nack: false, red: false, ..FIVE_PERCENT };
    let (sound, pictures, tally) = call(losses, |_| {});
    assert!((60.0..140.0).contains(&sound), "sound lost: {sound} in 1,000");
    assert!((60.0..140.0).contains(&pictures), "pictures lost: {pictures} in 1,000");
    assert_eq!(
        (tally.retransmissions, tally.redundant, tally.resent, tally.repeated),
        (0, 0, 0, 0)
    );
}

#[test]
fn bursts_of_ten_are_repaired() {
    let losses = Losses { per_mille: 5, burst: 10, ..FIVE_PERCENT };
    let (sound, pictures, tally) = call(losses, |_| {});
    assert!(sound < 10.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(pictures < 2.0, "pictures lost: {pictures} in 1,000, {tally:?}");
}

#[test]
fn redundancy_repairs_sound_where_nothing_is_asked_for_again() {
    let losses = Losses { nack: false, up: false, ..FIVE_PERCENT };
    let (sound, _, tally) = call(losses, |_| {});
    // Two in a row are lost in 2.5 of 1,000.
    assert!(sound < 6.0, "sound lost: {sound} in 1,000, {tally:?}");
    assert!(tally.redundant > 1_000 && tally.resent == 0, "{tally:?}");
    let (sound, _, tally) = call(losses, |lossy| lossy.reported_loss = 0);
    assert!(sound > 30.0 && tally.redundant == 0, "who loses nothing gets plain sound: {tally:?}");
}

#[test]
fn a_publishers_redundancy_repairs_its_line() {
    let losses = Losses { nack: false, down: false, ..FIVE_PERCENT };
    let (sound, _, _) = call(losses, |lossy| lossy.reported_loss = 0);
    assert!(sound > 30.0, "sound lost: {sound} in 1,000");
    let (sound, _, tally) = call(losses, |lossy| {
        lossy.reported_loss = 0;
        lossy.publisher_red = true;
    });
    assert!(sound < 6.0, "sound lost: {sound} in 1,000");
    assert_eq!(tally.redundant, 0, "the subscriber gets it plain");
}

#[test]
fn a_publisher_is_asked_for_redundancy_while_its_line_loses() {
    let mut lossy = Lossy::new(&Losses { down: false, ..FIVE_PERCENT }, 1, 7, Duration::ZERO);
    lossy.run(Duration::from_secs(8), true);
    assert!(lossy.asked_red, "though all of it is repaired");
    let mut clean = Lossy::new(&Losses { up: false, ..FIVE_PERCENT }, 1, 7, Duration::ZERO);
    clean.run(Duration::from_secs(8), true);
    assert!(!clean.asked_red, "what its listeners lose is not its affair");
}

#[test]
fn sound_is_not_asked_for_again_where_it_would_come_too_late() {
    let far = Duration::from_millis(90);
    let losses = Losses { up: false, delay: far, ..FIVE_PERCENT };
    let (sound, _, tally) = call(losses, |lossy| lossy.reported_loss = 10);
    assert_eq!(tally.resent, 0, "{tally:?}");
    assert!(tally.redundant > 1_000 && sound < 6.0, "sound lost: {sound} in 1,000, {tally:?}");
}

/// The life of two slots through everything that can happen to them. [`Lossy::seal`] checks.
#[test]
fn no_number_of_a_source_ever_stands_for_two_packets() {
    let mut all = Tally::default();
    for seed in 0..12 {
        let losses = Losses { per_mille: 80, burst: 3, ..FIVE_PERCENT };
        let mut lossy = Lossy::new(&losses, 3, seed, Duration::from_millis(30));
        let mut rng = Rng::new(seed);
        let mut muted = false;
        for _ in 0..150 {
            match rng.below(8) {
                0 => {
                    muted = !muted;
                    lossy.say(ClientMessage::Mute { mid: camera(), muted });
                }
                1 => {
                    let layer = rng.below(3) as usize;
                    lossy.active[layer] = !lossy.active[layer];
                    lossy.layers[layer].keyframe = true;
                }
                2 => lossy.reported_loss = rng.pick(&[0, 20, 50, 200]),
                3 => (0..rng.below(20)).for_each(|_| lossy.pad()),
                4 => lossy.publisher_red = !lossy.publisher_red,
                5 => lossy.layers[rng.below(3) as usize].restart(),
                _ => {}
            }
            lossy.run(Duration::from_millis(rng.below(300)), true);
        }
        let Tally { forwards, retransmissions, redundant, resent, padding, .. } = lossy.tally;
        all.forwards += forwards;
        all.retransmissions += retransmissions;
        all.redundant += redundant;
        all.resent += resent;
        all.padding += padding;
        assert_eq!(lossy.end(), 0, "everything that was kept is given back");
    }
    let each = [all.forwards, all.retransmissions, all.redundant, all.resent, all.padding];
    assert!(each.iter().all(|count| *count > 100), "everything happened: {all:?}");
}
