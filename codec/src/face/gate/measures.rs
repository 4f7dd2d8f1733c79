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

/// Sides of blocks of the rest, at a quarter of the size.
pub(in crate::face) const REST_SIDE: usize = 8;
/// Squared distance from the middle of a face, in its axes, from which on a place is outside.
const OUTSIDE: f32 = 1.4;

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
        let carrier = Carrier::before(self.model.grid, &field, self.model.faces[reference]);
        let places = Places::of(&carrier, &self.model.places[reference]);
        places.measure(&self.cores, &source, &drawn)
    }
}

/// Where the parts of a face are in a picture.
#[derive(Clone, Copy, Debug)]
pub(in crate::face) struct Places {
    pub(in crate::face) face: Ellipse,
    pub(in crate::face) regions: [Ellipse; REGIONS],
}

impl Places {
    /// As a carrier takes them there from a reference in which they are known.
    pub(in crate::face) fn of(carrier: &Carrier, regions: &[Ellipse; REGIONS]) -> Self {
        Self { face: carrier.face(), regions: regions.map(|region| carrier.carry(&region)) }
    }

    /// Blocks outside the face, by their left upper corners, and the mean squared difference of each, at
    /// a quarter of the size; [`REST_SIDE`] samples a side.
    pub(in crate::face) fn rest(
        &self,
        source: &Pyramid,
        drawn: &Pyramid,
    ) -> Vec<((usize, usize), f32)> {
        blocks(source.level(2), drawn.level(2), self.outside())
    }

    /// Whether a place is outside the face, at a quarter of the size, at which what is at the edge of
    /// the face belongs to it.
    fn outside(&self) -> impl Fn(f32, f32) -> bool + use<> {
        let inverse = self.face.inverse();
        move |x, y| {
            let (x, y) = inverse(4.0 * x, 4.0 * y);
            x * x + y * y > OUTSIDE
        }
    }

    /// Compares a picture with what was drawn of it, from their whole size on; `cores` are
    /// [`crop::cores`].
    pub(in crate::face) fn measure(
        &self,
        cores: &[f32],
        source: &Pyramid,
        drawn: &Pyramid,
    ) -> Measures {
        let look = |pyramid: &Pyramid, here| crop::of_region(pyramid.level(crop::LEVEL), here);
        let unlike = |here| crop::unlike(cores, &look(source, here), &look(drawn, here));
        Measures {
            face: within(source.level(0), drawn.level(0), &self.face),
            regions: self.regions.map(|here| within(source.level(0), drawn.level(0), &here)),
            unlike: self.regions.each_ref().map(unlike),
            rest: worst(source.level(2), drawn.level(2), self.outside()),
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

/// The mean squared difference of a bad block among those that count: [`spared`] are worse. One bad
/// block is an edge that is off; a hand is more.
fn worst(a: &Image, b: &Image, counts: impl Fn(f32, f32) -> bool) -> f32 {
    let mut blocks: Vec<f32> = blocks(a, b, counts).into_iter().map(|block| block.1).collect();
    blocks.sort_by(|a, b| b.total_cmp(a));
    blocks.get(spared(blocks.len())).copied().unwrap_or(0.0)
}

/// How many of so many blocks may be bad: four, or one in so many where there are few.
pub(in crate::face) fn spared(blocks: usize) -> usize {
    const MOST: usize = 4;
    const ONE_IN: usize = 24;
    MOST.min(blocks / ONE_IN)
}

/// Left upper corners of blocks that count, and the mean squared difference of each.
fn blocks(a: &Image, b: &Image, counts: impl Fn(f32, f32) -> bool) -> Vec<((usize, usize), f32)> {
    let mut blocks = Vec::new();
    for y in (0..a.height()).step_by(REST_SIDE) {
        for x in (0..a.width()).step_by(REST_SIDE) {
            let (right, bottom) = ((x + REST_SIDE).min(a.width()), (y + REST_SIDE).min(a.height()));
            if !counts((x + right) as f32 / 2.0, (y + bottom) as f32 / 2.0) {
                continue;
            }
            let mut sum = 0.0;
            for row in y..bottom {
                let pairs = a.row(row)[x..right].iter().zip(&b.row(row)[x..right]);
                sum += pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            }
            blocks.push(((x, y), sum / ((right - x) * (bottom - y)) as f32));
        }
    }
    blocks
}
