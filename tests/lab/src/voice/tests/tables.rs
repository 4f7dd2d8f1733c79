use serde_json::json;
use sotto_codec::{
    testing::tone,
    voice::features::{CORRELATION, FEATURES, PITCH},
};

use super::{
    super::{
        activity::Activity,
        comparison::steps_around,
        equal_distortion::{Point, rate_difference},
        feature_error::feature_error,
        mean::mean,
        wire::{Rate, in_bundle, in_packet},
    },
    silence,
};

fn points(pairs: &[(f64, f64)]) -> Vec<Point> {
    pairs.iter().map(|&(distortion, rate)| Point { rate, distortion }).collect()
}

#[test]
fn a_model_that_needs_a_tenth_less_at_every_distortion_saves_a_tenth() {
    let reference = points(&[(1.0, 4000.0), (2.0, 2000.0), (3.0, 1000.0)]);
    let better = points(&[(1.5, 0.9 * 2828.427), (2.5, 0.9 * 1414.2136)]);
    let difference = rate_difference(&reference, &better).unwrap();
    assert!((difference + 0.1).abs() < 1e-6, "{difference}");
    let worse = rate_difference(&better, &reference).unwrap();
    assert!((worse - 1.0 / 9.0).abs() < 1e-6, "{worse}");
    assert_eq!(rate_difference(&reference, &reference), Some(0.0));
}

#[test]
fn distortions_that_do_not_meet_say_nothing() {
    let fine = points(&[(1.0, 4000.0), (2.0, 2000.0)]);
    let coarse = points(&[(2.0, 900.0), (3.0, 500.0)]);
    assert_eq!(rate_difference(&fine, &coarse), None);
    assert_eq!(rate_difference(&fine, &points(&[(1.5, 900.0)])), None);
    assert_eq!(rate_difference(&fine, &[]), None);
}

#[test]
fn pitch_counts_most_and_only_where_it_is_heard() {
    let voiced = |pitch, correlation| {
        let mut features = [0.0; FEATURES];
        (features[PITCH], features[CORRELATION]) = (pitch, correlation);
        features
    };
    let error = |a, b| feature_error([(&a, &b)].into_iter());
    assert_eq!(error(voiced(0.0, 0.25), voiced(0.25, 0.25)), Some(25.0));
    assert_eq!(error(voiced(0.0, -0.5), voiced(0.25, -0.5)), Some(0.0));
    assert_eq!(error(voiced(0.0, 0.0), voiced(0.0, 0.5)), Some(1.0));
    assert_eq!(feature_error(std::iter::empty()), None);
}

#[test]
fn the_step_asked_for_stands_between_its_neighbours() {
    let steps = [0.35, 0.5, 0.65, 0.8, 1.3];
    assert_eq!(steps_around(&steps, 0.5), [0.35, 0.5, 0.65]);
    assert_eq!(steps_around(&steps, 0.1), [0.35, 0.5]);
    assert_eq!(steps_around(&steps, 2.0), [0.8, 1.3]);
    assert!(steps_around(&[], 1.0).is_empty());
}

#[test]
fn each_packet_that_is_sent_costs_56_bytes_more() {
    let rate = Rate::of([30, 0, 20, 0].into_iter(), 80);
    assert_eq!(rate.payload_bps, 50.0 * 8.0 / 0.32);
    assert_eq!(rate.wire_bps, (50.0 + 2.0 * 56.0) * 8.0 / 0.32);
    assert_eq!(Rate::of(std::iter::empty(), 80), Rate::default());
}

#[test]
fn packets_of_pauses_do_not_count_while_somebody_speaks() {
    let speech = [super::tone(200.0, 1.6), silence(3.2)].concat();
    let activity = Activity::of(&speech);
    let mut lens = vec![40; 20];
    lens.extend([10; 40]);
    let rate = Rate::while_speaking(&lens, 80, &activity);
    // The hangover of activity takes in some packets of the pause.
    assert!((0.8 * 4000.0..=4000.0).contains(&rate.payload_bps), "{rate:?}");
}

#[test]
fn a_packet_of_the_model_stream_adds_its_own_headers() {
    assert_eq!(in_packet(&[], tone::ID), 0);
    let overhead = in_packet(&[0; 30], tone::ID) - 30;
    assert!((5..=10).contains(&overhead), "{overhead} bytes");
    assert_eq!(in_bundle(&[], tone::ID), 0);
    assert_eq!(in_bundle(&[0; 30], tone::ID), 1 + 3 * (3 + 2 + 30));
}

#[test]
fn means_go_key_by_key_over_what_is_there() {
    let (a, b) = (
        json!({ "rate": 1.0, "gate": { "music": 1.0 }, "pesq": null, "name": "a" }),
        json!({ "rate": 3.0, "gate": { "music": 0.5 }, "pesq": 2.0, "name": "b" }),
    );
    let expected = json!({ "rate": 2.0, "gate": { "music": 0.75 }, "pesq": 2.0, "name": null });
    assert_eq!(mean(&[&a, &b]), expected);
    assert_eq!(mean(&[]), json!(null));
}
