//! Payloads that do not come, and what they cost.

use crate::{
    face::{
        Recovery,
        coded::Payload,
        loss::{recovery, wrong_after},
        wire::{shown_rate, with_model},
    },
    voice::loss::random_losses,
};

use super::{SMALL, grey};

/// Two pictures each.
fn payloads(bytes: &[usize]) -> Vec<Payload> {
    let payload =
        |(at, &len): (usize, &usize)| Payload { bytes: vec![0; len], pictures: 2 * at..2 * at + 2 };
    bytes.iter().enumerate().map(payload).collect()
}

#[test]
fn the_same_payloads_are_lost_with_the_same_seed_and_one_in_ten() {
    let lost = random_losses(5_000, 0.1, 7);
    assert_eq!(lost, random_losses(5_000, 0.1, 7));
    assert_ne!(lost, random_losses(5_000, 0.1, 8));
    let count = lost.iter().filter(|lost| **lost).count();
    assert!((450..=550).contains(&count), "{count}");
}

#[test]
fn recovery_is_counted_from_where_payloads_come_again() {
    let pictures: Vec<_> = payloads(&[1; 6]).into_iter().map(|of| of.pictures).collect();
    let lost = [false, true, true, false, false, true];
    let check = |wrong: &[usize], expected: &[usize]| {
        let same: Vec<_> = (0..12).map(|at| !wrong.contains(&at)).collect();
        assert_eq!(wrong_after(&pictures, &lost, &same), expected);
    };
    // Pictures 2 to 5 are lost, as are 10 and 11: nothing comes behind those.
    check(&[2, 3, 4, 5], &[0]);
    check(&[2, 3, 4, 5, 6, 7, 8], &[3]);
    check(&[5, 6, 8, 9], &[1]);
    // Never right: until the next loss.
    check(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], &[4]);
    // A loss behind a payload that came alone.
    assert_eq!(wrong_after(&pictures[..4], &[true, false, true, false], &[false; 8]), [2, 2]);
    assert_eq!(wrong_after(&[], &[], &[]), [0; 0]);
}

#[test]
fn recovery_is_told_in_milliseconds() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let without = grey(&folder.path().join("a.y4m"), SMALL, &[10, 20, 30, 40, 50, 60, 70, 80]);
    // Picture 4 is still wrong; 5 is wrong by rounding alone.
    let with = grey(&folder.path().join("b.y4m"), SMALL, &[10, 20, 20, 20, 45, 61, 70, 80]);
    let found = recovery(&payloads(&[1; 4]), &[false, true, false, false], &without, &with);
    let expected = Recovery { losses: 1, ms_p95: Some(40.0), ms_worst: Some(40.0) };
    assert_eq!(found.expect("videos of ours"), expected);
}

#[test]
fn a_payload_counts_as_far_as_its_pictures_are_shown() {
    let payloads = payloads(&[50, 40, 30]);
    let rate = |shown: &[bool]| shown_rate(&payloads, shown, 25.0);
    // 120 bytes in 6 pictures of 40 ms.
    assert_eq!(rate(&[true; 6]), Some(4_000.0));
    // Half of the first, all of the second: 65 bytes in 120 ms.
    let shown = rate(&[true, false, true, true, false, false]);
    assert!(shown.is_some_and(|rate| (rate - 65.0 * 8.0 / 0.12).abs() < 1e-9), "{shown:?}");
    assert_eq!(rate(&[false; 6]), None);
}

#[test]
fn the_bytes_of_a_model_are_spread_over_the_meeting() {
    assert!((with_model(4_000.0, 75_000, 5.0) - 6_000.0).abs() < 1e-9);
    assert!((with_model(4_000.0, 75_000, 10.0) - 5_000.0).abs() < 1e-9);
}
