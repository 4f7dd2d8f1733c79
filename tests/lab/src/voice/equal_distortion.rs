//! Bits at equal distortion: how many more or fewer one model needs than another.

/// One step of quantisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Bits per second, more than 0.
    pub rate: f64,
    /// Any measure that falls as the rate grows.
    pub distortion: f64,
}

/// Bits of `other` over bits of `reference` less 1, on average over the distortions that both have:
/// -0.05 for 5 % fewer. `None` where there are none.
///
/// The measure of Bjøntegaard (VCEG-M33) over straight lines: with three or four points a cubic
/// through them says no more, and overshoots.
pub(super) fn rate_difference(reference: &[Point], other: &[Point]) -> Option<f64> {
    let (reference, other) = (curve(reference), curve(other));
    let from = reference.first()?.0.max(other.first()?.0);
    let to = reference.last()?.0.min(other.last()?.0);
    if from >= to {
        return None;
    }
    let mean = (area(&other, from, to) - area(&reference, from, to)) / (to - from);
    Some(mean.exp_m1())
}

/// Distortion and logarithm of the rate, by distortion.
fn curve(points: &[Point]) -> Vec<(f64, f64)> {
    let mut curve: Vec<_> =
        points.iter().map(|point| (point.distortion, point.rate.ln())).collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    curve
}

/// Under straight lines between the points, from one distortion to another.
fn area(curve: &[(f64, f64)], from: f64, to: f64) -> f64 {
    let pieces = curve.windows(2).map(|ends| (ends[0], ends[1]));
    pieces
        .map(|(left, right)| {
            let (start, end) = (left.0.max(from), right.0.min(to));
            if start >= end {
                return 0.0;
            }
            let slope = (right.1 - left.1) / (right.0 - left.0);
            let middle = left.1 + slope * ((start + end) / 2.0 - left.0);
            middle * (end - start)
        })
        .sum()
}
