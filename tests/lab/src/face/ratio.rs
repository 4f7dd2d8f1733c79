//! How many times more bits a peer needs for the same quality.

use serde::Serialize;

/// One point of a rate-quality curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Bits per second, more than 0.
    pub rate: f64,
    /// Any measure that grows with the rate.
    pub quality: f64,
}

/// A rate, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PeerRate {
    /// Bits per second.
    pub rate: f64,
    /// Whether the peer needs just that.
    pub bound: Bound,
}

/// What a figure is of the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Between two points that were measured.
    Exact,
    /// The cheapest point is better already: the true one is this or less.
    AtMost,
    /// The dearest point is worse still: the true one is more than this.
    AtLeast,
}

/// What a peer with several curves (full and half resolution) needs for a quality: the least of
/// them, between their points alone. `None` where there are no points.
pub(super) fn peer_rate(curves: &[Vec<Point>], quality: f64) -> Option<PeerRate> {
    let rates: Vec<_> = curves.iter().filter_map(|curve| rate_at(curve, quality)).collect();
    // A curve that does not get there says nothing where another one does.
    let reached = rates.iter().filter(|rate| rate.bound != Bound::AtLeast);
    let cheapest = reached.min_by(|a, b| a.rate.total_cmp(&b.rate));
    let dearest = || rates.iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
    cheapest.or_else(dearest).copied()
}

/// Log rate by quality, straight between points of the monotone curve: a point that costs more than
/// another and is no better is left out.
fn rate_at(curve: &[Point], quality: f64) -> Option<PeerRate> {
    let curve = monotone(curve);
    let (first, last) = (curve.first()?, curve.last()?);
    if quality <= first.quality {
        let bound = if quality < first.quality { Bound::AtMost } else { Bound::Exact };
        return Some(PeerRate { rate: first.rate, bound });
    }
    let Some(&[left, right]) = curve.array_windows().find(|[_, right]| quality <= right.quality)
    else {
        return Some(PeerRate { rate: last.rate, bound: Bound::AtLeast });
    };
    let share = (quality - left.quality) / (right.quality - left.quality);
    let log = left.rate.ln() + share * (right.rate.ln() - left.rate.ln());
    Some(PeerRate { rate: log.exp(), bound: Bound::Exact })
}

fn monotone(curve: &[Point]) -> Vec<Point> {
    let mut sorted = curve.to_vec();
    sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate).then(b.quality.total_cmp(&a.quality)));
    let mut kept: Vec<Point> = Vec::new();
    for point in sorted {
        if kept.last().is_none_or(|last| point.quality > last.quality) {
            kept.push(point);
        }
    }
    kept
}
