//! Coefficients in whole steps, where a bit buys most.

use crate::face::{linear::Lower, model::FaceModel, number::Ratio, packet::Expected};

/// Rounds coefficients one after the other, the least important first; what each is off by, those
/// that follow make up for (Babai, "On Lovász' lattice reduction and the nearest lattice point
/// problem", 1986, with a price on each number). `factor` is the lower triangular factor of how the
/// squared error grows around `wanted`.
pub(super) fn coefficients(
    model: &FaceModel,
    factor: &Lower,
    wanted: &[f32],
    expected: &Expected<'_>,
) -> Vec<i32> {
    let (size, worth) = (expected.step.size(), expected.step.worth_of_bit());
    let known = |at: usize| (expected.coefficient(at), expected.ratio(model, at));
    round(factor, wanted, size, worth, known)
}

/// Bits that coefficients take, roughly.
pub(super) fn price(model: &FaceModel, coefficients: &[f32], expected: &Expected<'_>) -> f32 {
    let size = expected.step.size();
    let prices = coefficients.iter().enumerate().map(|(at, coefficient)| {
        let number = (coefficient / size).round() as i32 - expected.coefficient(at);
        expected.ratio(model, at).price(number)
    });
    prices.sum()
}

/// Rounds any numbers of a step size so, where a bit is worth so much; `known` tells what each is
/// coded from, and how far it varies around that.
pub(super) fn round(
    factor: &Lower,
    wanted: &[f32],
    size: f32,
    worth: f32,
    known: impl Fn(usize) -> (i32, Ratio),
) -> Vec<i32> {
    let (size, worth) = (f64::from(size), f64::from(worth));
    let mut numbers = vec![0; wanted.len()];
    let mut off = vec![0.0; wanted.len()];
    for at in (0..wanted.len()).rev() {
        let stiffness = factor.row(at)[at];
        let pull: f64 =
            (at + 1..wanted.len()).map(|later| factor.row(later)[at] * off[later]).sum();
        let best = f64::from(wanted[at]) - pull / stiffness;
        let (from, ratio) = known(at);
        let nearest = (best / size).round() as i32;
        let nearer = nearest - (nearest - from).signum();
        let cost = |number: i32| {
            let distance = stiffness * (f64::from(number) * size - best);
            distance * distance + worth * f64::from(ratio.price(number - from))
        };
        let chosen = [nearest, nearer, from]
            .into_iter()
            .map(|number| from + (number - from).clamp(-ratio.most(), ratio.most()))
            .min_by(|&a, &b| cost(a).total_cmp(&cost(b)));
        numbers[at] = chosen.unwrap_or(from);
        off[at] = f64::from(numbers[at]) * size - f64::from(wanted[at]);
    }
    numbers
}
