//! What is measured of a picture and what is drawn of it.

use std::sync::Arc;

use super::tracking::Tracker;
use crate::face::{
    crop,
    image::{Image, Pyramid},
    model::FaceModel,
    planes::Planes,
    regions::{Carrier, Ellipse, REGIONS, mask},
};

/// Mean squared errors of luma, and how unlike mouth and eyes are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::face) struct Measures {
    /// Of the face; of a model without landmarks, of all.
    pub(in crate::face) face: f32,
    /// Of the regions: mouth, each eye. Without landmarks, as the face.
    pub(in crate::face) regions: [f32; REGIONS],
    /// How unlike the regions are, whatever their brightness: 0 for the same, 1 where one has
    /// nothing to do with the other. Without landmarks, 0.
    pub(in crate::face) unlike: [f32; REGIONS],
    /// Of the worst places outside the face, at a quarter of the size.
    pub(in crate::face) rest: f32,
}

/// Measures pictures.
#[derive(Debug)]
pub(in crate::face) struct Meter {
    model: Arc<FaceModel>,
    tracker: Tracker,
    /// How much samples of a region count.
    cores: Vec<f32>,
}

impl Meter {
    pub(in crate::face) fn new(model: &Arc<FaceModel>) -> Self {
        Self {
            model: Arc::clone(model),
            tracker: Tracker::new(Arc::clone(model)),
            cores: crop::cores(),
        }
    }

    /// Compares a picture with what was drawn of it, both of the working size.
    pub(in crate::face) fn measure(&mut self, source: &Planes, drawn: &Planes) -> Measures {
        let (source, drawn) = (Pyramid::of(&source.y, 0), Pyramid::of(&drawn.y, 0));
        if self.model.faces.is_empty() {
            let face = mean(source.level(0), drawn.level(0));
            let rest = worst(source.level(2), drawn.level(2), |_, _| true);
            return Measures { face, regions: [face; REGIONS], unlike: [0.0; REGIONS], rest };
        }
        let (reference, field) = self.tracker.find(&drawn);
        let grid = self.model.grid;
        let carrier = Carrier::before(grid, &field, self.model.faces[reference]);
        let face = carrier.face();
        let inverse = face.inverse();
        let mut regions = [0.0; REGIONS];
        let mut unlike = [0.0; REGIONS];
        for region in 0..REGIONS {
            let here = carrier.carry(&self.model.places[reference][region]);
            let look = |pyramid: &Pyramid| crop::of_region(pyramid.level(crop::LEVEL), &here);
            unlike[region] = crop::unlike(&self.cores, &look(&source), &look(&drawn));
            regions[region] = within(source.level(0), drawn.level(0), &here);
        }
        // At a quarter of the size, what is at the edge of the face belongs to it.
        let outside = |x: f32, y: f32| {
            let (x, y) = inverse(4.0 * x, 4.0 * y);
            x * x + y * y > 1.4
        };
        Measures {
            face: within(source.level(0), drawn.level(0), &face),
            regions,
            unlike,
            rest: worst(source.level(2), drawn.level(2), outside),
        }
    }
}

/// Mean squared difference.
fn mean(a: &Image, b: &Image) -> f32 {
    let pairs = a.samples().iter().zip(b.samples());
    pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / a.samples().len() as f32
}

/// Mean squared difference within an ellipse, its edge counting less.
fn within(a: &Image, b: &Image, ellipse: &Ellipse) -> f32 {
    let (mut sum, mut whole) = (0.0, 1e-6);
    let reach_x = ellipse.right.0.abs() + ellipse.down.0.abs();
    let reach_y = ellipse.right.1.abs() + ellipse.down.1.abs();
    let range = |middle: f32, reach: f32, most: usize| {
        let start = ((middle - reach).max(0.0) as usize).min(most);
        start..((middle + reach + 1.0).max(0.0) as usize).clamp(start, most)
    };
    let inverse = ellipse.inverse();
    let columns = range(ellipse.middle.0, reach_x, a.width());
    for y in range(ellipse.middle.1, reach_y, a.height()) {
        let (a, b) = (&a.row(y)[columns.clone()], &b.row(y)[columns.clone()]);
        for (x, (a, b)) in columns.clone().zip(a.iter().zip(b)) {
            let mask = mask(inverse(x as f32 + 0.5, y as f32 + 0.5));
            sum += mask * (a - b) * (a - b);
            whole += mask;
        }
    }
    sum / whole
}

/// The mean squared difference of a bad block of 8 × 8 among those that count: four are worse, or one
/// in so many where there are few. One bad block is an edge that is off; a hand is more.
fn worst(a: &Image, b: &Image, counts: impl Fn(f32, f32) -> bool) -> f32 {
    const SIDE: usize = 8;
    const WORSE: usize = 4;
    const ONE_IN: usize = 24;
    let mut blocks = Vec::new();
    for y in (0..a.height()).step_by(SIDE) {
        for x in (0..a.width()).step_by(SIDE) {
            let (right, bottom) = ((x + SIDE).min(a.width()), (y + SIDE).min(a.height()));
            if !counts((x + right) as f32 / 2.0, (y + bottom) as f32 / 2.0) {
                continue;
            }
            let mut sum = 0.0;
            for row in y..bottom {
                let pairs = a.row(row)[x..right].iter().zip(&b.row(row)[x..right]);
                sum += pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            }
            blocks.push(sum / ((right - x) * (bottom - y)) as f32);
        }
    }
    blocks.sort_by(|a, b| b.total_cmp(a));
    blocks.get(WORSE.min(blocks.len() / ONE_IN)).copied().unwrap_or(0.0)
}
