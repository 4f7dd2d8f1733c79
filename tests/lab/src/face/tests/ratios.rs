//! Bits at equal quality.

use crate::face::ratio::{Bound, PeerRate, Point, peer_rate};

fn curve(points: &[(f64, f64)]) -> Vec<Point> {
    points.iter().map(|&(rate, quality)| Point { rate, quality }).collect()
}

#[track_caller]
fn check(curves: &[&[(f64, f64)]], quality: f64, rate: f64, bound: Bound) {
    let curves: Vec<_> = curves.iter().map(|points| curve(points)).collect();
    let found = peer_rate(&curves, quality).expect("there are points");
    assert_eq!(found.bound, bound, "{found:?}");
    assert!((found.rate / rate - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_rate_between_two_points_is_on_a_straight_line_of_its_logarithm() {
    let points: &[(f64, f64)] = &[(10.0, 20.0), (1000.0, 80.0), (100.0, 60.0)];
    check(&[points], 40.0, 1000.0_f64.sqrt(), Bound::Exact);
    check(&[points], 60.0, 100.0, Bound::Exact);
    check(&[points], 70.0, 100_000.0_f64.sqrt(), Bound::Exact);
}

#[test]
fn nothing_is_extrapolated() {
    let points: &[(f64, f64)] = &[(10.0, 20.0), (100.0, 60.0)];
    check(&[points], 5.0, 10.0, Bound::AtMost);
    check(&[points], 20.0, 10.0, Bound::Exact);
    check(&[points], 90.0, 100.0, Bound::AtLeast);
    check(&[&points[..1]], 30.0, 10.0, Bound::AtLeast);
    assert_eq!(peer_rate(&[], 30.0), None);
    assert_eq!(peer_rate(&[Vec::new()], 30.0), None);
}

#[test]
fn the_cheaper_of_two_resolutions_is_the_peer() {
    let full: &[(f64, f64)] = &[(40.0, 50.0), (160.0, 90.0)];
    let half: &[(f64, f64)] = &[(10.0, 30.0), (40.0, 60.0)];
    // Half is cheaper while it gets there.
    check(&[full, half], 45.0, 20.0, Bound::Exact);
    // Where it does not, it says nothing.
    check(&[full, half], 70.0, 80.0, Bound::Exact);
    // The dearest point of both is worse.
    check(&[full, half], 95.0, 160.0, Bound::AtLeast);
    check(&[full, half], 20.0, 10.0, Bound::AtMost);
}

#[test]
fn a_point_that_costs_more_and_is_no_better_is_left_out() {
    let points: &[(f64, f64)] = &[(90.0, 40.0), (100.0, 39.0), (110.0, 40.0), (360.0, 60.0)];
    check(&[points], 39.5, 90.0, Bound::AtMost);
    check(&[points], 50.0, 180.0, Bound::Exact);
}

#[test]
fn ratios_are_over_our_own_rate() {
    let peer = |rate, bound| Some(PeerRate { rate, bound });
    let peers = [peer(40.0, Bound::Exact), None, peer(90.0, Bound::AtMost)];
    let ratios = crate::face::Ratios::new(peers, 5.0);
    assert_eq!((ratios.ratio_av1, ratios.ratio_av1_bound), (Some(8.0), Some(Bound::Exact)));
    assert_eq!((ratios.ratio_vp9, ratios.ratio_vp9_bound), (None, None));
    assert_eq!((ratios.ratio_vp8, ratios.ratio_vp8_bound), (Some(18.0), Some(Bound::AtMost)));
}
