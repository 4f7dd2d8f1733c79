//! Which pictures are kept as references: those from which the others can be warped.

use super::gallery::Study;
use crate::face::{free::FreeTarget, grid::Field, model::most_references};

/// Pictures that are warped to see what a new reference is worth: those most like it.
const TRIED: usize = 14;
/// The level at which references are compared.
const LEVEL: usize = 2;

/// A picture that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Which picture.
    pub(super) study: usize,
    /// Which of those chosen before is nearest to it; the first is its own.
    pub(super) parent: usize,
}

/// What a picture is best made of.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    /// Which of the chosen.
    pub(super) reference: usize,
    pub(super) field: Field,
    /// Squared error that is left.
    pub(super) error: f32,
}

/// Chooses so many references, where memory allows them, one after the other, the one that helps most
/// pictures most first.
pub(super) fn choose(studies: &[Study], wanted: usize) -> Vec<Chosen> {
    let likeness = likeness(studies);
    let nearest_to_all = (0..studies.len())
        .min_by(|&a, &b| {
            let sum = |row: &[f32]| row.iter().map(|distance| distance.sqrt()).sum::<f32>();
            sum(&likeness[a]).total_cmp(&sum(&likeness[b]))
        })
        .unwrap_or(0);
    let targets: Vec<FreeTarget> =
        studies.iter().map(|study| FreeTarget::new(study.grid, &study.pyramid, LEVEL)).collect();
    let mut chosen = vec![Chosen { study: nearest_to_all, parent: 0 }];
    let mut best: Vec<(f32, usize)> =
        (0..studies.len()).map(|at| (warp(studies, &targets, at, nearest_to_all), 0)).collect();
    best[nearest_to_all].0 = 0.0;
    // What is left after warping, as a part of what pictures differ by.
    let mut left = ratio(best.iter().map(|best| best.0), &likeness[nearest_to_all]);
    while chosen.len() < wanted.min(most_references(studies[0].grid)) {
        let worth = |candidate: usize| -> f32 {
            let pairs = best.iter().zip(&likeness[candidate]);
            pairs.map(|(best, distance)| (best.0 - left * distance).max(0.0)).sum()
        };
        let next = (0..studies.len())
            .map(|candidate| (candidate, worth(candidate)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((next, worth)) = next else { break };
        if worth <= 0.0 {
            break;
        }
        let at = chosen.len();
        chosen.push(Chosen { study: next, parent: best[next].1 });
        best[next] = (0.0, at);
        let mut like: Vec<usize> = (0..studies.len())
            .filter(|&study| left * likeness[next][study] < best[study].0)
            .collect();
        like.sort_by(|&a, &b| likeness[next][a].total_cmp(&likeness[next][b]));
        let mut errors = Vec::new();
        for study in like.into_iter().filter(|&study| study != next).take(TRIED) {
            let error = warp(studies, &targets, study, next);
            errors.push((error, likeness[next][study]));
            if error < best[study].0 {
                best[study] = (error, at);
            }
        }
        let (error, distance) =
            errors.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        if distance > 0.0 {
            left = 0.5 * (left + (error / distance).min(1.0));
        }
    }
    chosen
}

/// The motion from each picture to its reference; pictures that are references are looked for in
/// others.
pub(super) fn motion(studies: &[Study], chosen: &[Chosen]) -> Vec<Motion> {
    const CANDIDATES: usize = 2;
    let likeness = likeness(studies);
    let of_study = |(at, study): (usize, &Study)| {
        let target = FreeTarget::new(study.grid, &study.pyramid, 1);
        let mut near: Vec<usize> =
            (0..chosen.len()).filter(|&reference| chosen[reference].study != at).collect();
        near.sort_by(|&a, &b| {
            likeness[at][chosen[a].study].total_cmp(&likeness[at][chosen[b].study])
        });
        near.into_iter()
            .take(CANDIDATES)
            .map(|reference| {
                let pyramid = &studies[chosen[reference].study].pyramid;
                let (field, error) = target.solve(pyramid, &study.grid.still());
                Motion { reference, field, error }
            })
            .min_by(|a, b| a.error.total_cmp(&b.error))
            .unwrap_or_else(|| Motion { reference: 0, field: study.grid.still(), error: 0.0 })
    };
    studies.iter().enumerate().map(of_study).collect()
}

/// Squared differences of all pairs of small pictures, in pixels of the working picture.
fn likeness(studies: &[Study]) -> Vec<Vec<f32>> {
    const SMALL: usize = 3;
    let mut distances = vec![vec![0.0; studies.len()]; studies.len()];
    for a in 0..studies.len() {
        for b in 0..a {
            let pairs = studies[a].pyramid.level(SMALL).samples().iter();
            let pairs = pairs.zip(studies[b].pyramid.level(SMALL).samples());
            let distance: f32 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
            distances[a][b] = distance * (1 << (2 * SMALL)) as f32;
            distances[b][a] = distances[a][b];
        }
    }
    distances
}

fn warp(studies: &[Study], targets: &[FreeTarget], study: usize, reference: usize) -> f32 {
    targets[study].solve(&studies[reference].pyramid, &studies[study].grid.still()).1
}

fn ratio(errors: impl Iterator<Item = f32>, distances: &[f32]) -> f32 {
    let error: f32 = errors.sum();
    let distance: f32 = distances.iter().sum();
    if distance > 0.0 { (error / distance).min(1.0) } else { 0.0 }
}
