//! Open and closed.

use crate::face::states::{Agreement, Match, Matches, Openings, Scales, correlation, percentile};

const SCALES: Scales = Scales { eyes: 0.3, mouth: 0.2 };

/// Openings in parts of [`SCALES`].
fn face(eyes: f64, mouth: f64) -> Option<Openings> {
    Some(Openings { eyes: eyes * SCALES.eyes, mouth: mouth * SCALES.mouth })
}

fn eyes(original: &[f64], decoded: &[f64]) -> Vec<Match> {
    let faces = |of: &[f64]| of.iter().map(|&eyes| face(eyes, 0.35)).collect::<Vec<_>>();
    Matches::of(&SCALES, &faces(original), &faces(decoded)).eyes
}

#[test]
fn scales_are_those_of_the_original() {
    let mut faces: Vec<_> = (0..=100).map(|at| face(1.0, f64::from(at) / 50.0)).collect();
    faces[..40].iter_mut().for_each(|of| *of = face(0.2, 0.0));
    faces.push(None);
    let scales = Scales::of(&faces).expect("there are faces");
    assert!((scales.eyes - 0.3).abs() < 1e-9, "open most of the time: {scales:?}");
    assert!((scales.mouth - 0.38).abs() < 1e-9, "open wide: {scales:?}");
    let shut = [face(1.0, 0.01); 9];
    assert_eq!(Scales::of(&shut).map(|scales| scales.mouth), Some(0.2), "not noise");
    assert_eq!(Scales::of(&[None, None]), None);
}

#[test]
fn what_is_neither_open_nor_closed_in_the_original_is_not_counted() {
    use Match::{Right, Unclear, Wrong};
    let found = eyes(&[0.2, 0.44, 0.46, 0.69, 0.71, 1.0], &[0.2; 6]);
    assert_eq!(found, [Right(false), Right(false), Unclear, Unclear, Wrong(true), Wrong(true)]);
    // The decoded picture is one or the other.
    let found = eyes(&[0.2, 0.2, 0.6, 1.0, 1.0], &[0.57, 0.58, 0.57, 0.57, 0.58]);
    assert_eq!(found, [Right(false), Wrong(false), Unclear, Wrong(true), Right(true)]);
}

#[test]
fn what_changes_from_one_picture_to_the_next_is_not_counted() {
    use Match::{Right, Unclear};
    let found = eyes(&[0.2, 0.2, 1.0, 1.0, 1.0, 0.2, 1.0], &[0.2, 0.2, 1.0, 1.0, 1.0, 0.2, 1.0]);
    let expected = [Right(false), Unclear, Unclear, Right(true), Unclear, Unclear, Unclear];
    assert_eq!(found, expected);
}

#[test]
fn a_mouth_has_a_zone_of_its_own() {
    use Match::{Right, Unclear, Wrong};
    let (original, decoded) = ([0.0, 0.19, 0.3, 0.51, 1.0], [0.36, 0.34, 0.0, 0.34, 0.36]);
    let faces = |of: &[f64]| of.iter().map(|&mouth| face(0.6, mouth)).collect::<Vec<_>>();
    let found = Matches::of(&SCALES, &faces(&original), &faces(&decoded)).mouth;
    assert_eq!(found, [Wrong(false), Right(false), Unclear, Wrong(true), Right(true)]);
}

#[test]
fn a_face_that_is_lost_is_wrong_and_one_that_was_never_there_does_not_count() {
    let (there, gone) = (face(1.0, 0.0), None);
    let found = Matches::of(&SCALES, &[there, gone, gone], &[gone, there, gone]);
    assert_eq!(found.eyes, [Match::Wrong(true), Match::Unclear, Match::Unclear]);
    assert_eq!(found.mouth, [Match::Wrong(false), Match::Unclear, Match::Unclear]);
}

#[test]
fn agreement_is_counted_by_state_too_so_that_missed_blinks_show() {
    use Match::{Right, Unclear, Wrong};
    let matches = [Right(true), Right(true), Right(true), Wrong(false), Unclear, Wrong(true)];
    let all = Agreement::of(&matches, &[true; 6]);
    let expected = Agreement {
        all: Some(0.6),
        closed: Some(0.0),
        open: Some(0.75),
        pictures: 5,
        closed_pictures: 1,
    };
    assert_eq!(all, expected);
    let shown = [true, true, true, false, true, false];
    let shown = Agreement::of(&matches, &shown);
    assert_eq!((shown.all, shown.closed, shown.pictures), (Some(1.0), None, 3));
    assert_eq!(Agreement::of(&matches, &[false; 6]), Agreement::default());
}

#[test]
fn a_run_ends_where_a_picture_is_right_or_not_shown() {
    use Match::{Right, Unclear, Wrong};
    let run = |eyes: &[Match], mouth: &[Match], shown: &[bool]| {
        Matches { eyes: eyes.to_vec(), mouth: mouth.to_vec() }.longest_wrong_run(shown)
    };
    let (right, wrong) = (Right(true), Wrong(false));
    // Either is enough to be wrong.
    assert_eq!(run(&[wrong, right, right], &[right, wrong, right], &[true; 3]), 2);
    assert_eq!(run(&[wrong, right, wrong], &[right; 3], &[true; 3]), 1);
    assert_eq!(run(&[wrong, wrong, wrong], &[right; 3], &[true, false, true]), 1);
    // What is unclear is neither.
    assert_eq!(run(&[wrong, Unclear, wrong], &[Unclear; 3], &[true; 3]), 2);
    assert_eq!(run(&[wrong, Unclear, wrong], &[right; 3], &[true; 3]), 1);
    assert_eq!(run(&[wrong; 3], &[wrong; 3], &[false; 3]), 0);
    assert_eq!(run(&[], &[], &[]), 0);
}

#[test]
fn openings_that_move_together_correlate() {
    let faces = |of: &[f64]| of.iter().map(|&eyes| face(eyes, 0.0)).collect::<Vec<_>>();
    let (a, b) = (faces(&[0.1, 0.5, 0.9, 0.3]), faces(&[0.2, 0.6, 1.0, 0.4]));
    let eyes = |a: &[_], b: &[_], shown: &[bool]| correlation(a, b, shown, |of| of.eyes);
    assert!(eyes(&a, &b, &[true; 4]).is_some_and(|r| (r - 1.0).abs() < 1e-9));
    let against = faces(&[0.9, 0.5, 0.1, 0.7]);
    assert!(eyes(&a, &against, &[true; 4]).is_some_and(|r| (r + 1.0).abs() < 1e-9));
    assert_eq!(eyes(&a, &faces(&[0.5; 4]), &[true; 4]), None);
    assert_eq!(eyes(&a, &b, &[false; 4]), None);
    assert_eq!(eyes(&a, &[None; 4], &[true; 4]), None);
}

#[test]
fn a_percentile_is_between_the_two_nearest() {
    assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
    assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
    assert_eq!(percentile(&[7.0], 0.05), Some(7.0));
    assert_eq!(percentile(&[], 0.5), None);
}
