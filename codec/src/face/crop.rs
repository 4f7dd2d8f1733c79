//! Regions of pictures and references beside each other: the same places of a mouth, of the eyes.

use super::{
    image::{Image, Pyramid},
    model::FaceModel,
    regions::{Ellipse, REGIONS, mask},
};

/// Samples of a region across and down.
const ACROSS: usize = 40;
const DOWN: usize = 24;
/// Samples of a region.
pub(super) const SAMPLES: usize = ACROSS * DOWN;
/// The core of a region, in parts of its axes.
const CORE: (f32, f32) = (0.75, 0.6);
/// The level of pictures at which regions are looked at.
pub(super) const LEVEL: usize = 1;

/// Where samples of a region are, row by row.
pub(super) fn lattice() -> impl Iterator<Item = (f32, f32)> {
    (0..SAMPLES).map(place_of)
}

fn place_of(sample: usize) -> (f32, f32) {
    let (x, y) = (sample % ACROSS, sample / ACROSS);
    ((2 * x + 1) as f32 / ACROSS as f32 - 1.0, (2 * y + 1) as f32 / DOWN as f32 - 1.0)
}

/// Samples of a region across every other column of every other row.
pub(super) fn sparse() -> impl Iterator<Item = usize> {
    (0..SAMPLES).filter(|at| at.is_multiple_of(2) && (at / ACROSS).is_multiple_of(2))
}

/// How much each sample counts.
pub(super) fn masks() -> Vec<f32> {
    lattice().map(mask).collect()
}

/// How much each sample counts where what matters is whether eyes and mouth are open: the lids and
/// lips, without brows and cheeks.
pub(super) fn cores() -> Vec<f32> {
    lattice().map(|(x, y)| mask((x / CORE.0, y / CORE.1))).collect()
}

/// What an image of [`LEVEL`] has at a place of the working picture.
pub(super) fn look(image: &Image, (x, y): (f32, f32)) -> f32 {
    let scale = 1.0 / (1 << LEVEL) as f32;
    image.at(x * scale - 0.5, y * scale - 0.5)
}

/// Samples of a region that is known in a picture.
pub(super) fn of_region(image: &Image, there: &Ellipse) -> Vec<f32> {
    lattice().map(|n| look(image, there.place(n))).collect()
}

/// From where a region is expected in an image to where it is most like `wanted`, whatever the
/// brightness, in pixels of the working picture. One sample of eight is looked at.
pub(super) fn offset(image: &Image, there: &Ellipse, wanted: &[f32]) -> (f32, f32) {
    /// Of a step, in half widths of the region.
    const STEP: f32 = 0.09;
    const STEPS: i32 = 3;
    let few: Vec<_> = sparse().step_by(2).map(|at| (place_of(at), wanted[at])).collect();
    let masks: Vec<f32> = few.iter().map(|(n, _)| mask(*n)).collect();
    let wanted: Vec<f32> = few.iter().map(|(_, sample)| *sample).collect();
    let places: Vec<_> = few.iter().map(|(n, _)| there.place(*n)).collect();
    let measure = |(dx, dy): (f32, f32)| {
        let samples = places.iter().map(|&(x, y)| look(image, (x + dx, y + dy)));
        unlike(&masks, &wanted, &samples.collect::<Vec<_>>())
    };
    let step = STEP * there.right.0.hypot(there.right.1);
    let around = |(x, y): (f32, f32), step: f32, steps: i32| {
        let side = 2 * steps + 1;
        let offsets = (0..side * side).map(move |at| (at % side - steps, at / side - steps));
        offsets.map(move |(across, down)| (x + across as f32 * step, y + down as f32 * step))
    };
    let best = |places: &mut dyn Iterator<Item = (f32, f32)>| {
        let measured = places.map(|place| (measure(place), place));
        measured.min_by(|a, b| a.0.total_cmp(&b.0)).map_or((0.0, 0.0), |best| best.1)
    };
    let coarse = best(&mut around((0.0, 0.0), step, STEPS));
    best(&mut around(coarse, step / 2.0, 1))
}

/// Details of a model at [`LEVEL`].
pub(super) fn details(model: &FaceModel) -> [Vec<Image>; REGIONS] {
    model.details.each_ref().map(|details| {
        details.iter().map(|detail| Image::of(&detail.y).halved()).collect::<Vec<_>>()
    })
}

/// Regions of all sources of a model: references, then details; of one without landmarks, none.
pub(super) fn of_model(model: &FaceModel) -> [Vec<Vec<f32>>; REGIONS] {
    let mut crops: [Vec<Vec<f32>>; REGIONS] = std::array::from_fn(|_| Vec::new());
    for (planes, ellipses) in model.references.iter().zip(&model.places) {
        let pyramid = Pyramid::of(&planes.y, LEVEL);
        for (crops, ellipse) in crops.iter_mut().zip(ellipses) {
            crops.push(of_region(pyramid.level(LEVEL), ellipse));
        }
    }
    for (region, images) in details(model).iter().enumerate() {
        for (at, image) in images.iter().enumerate() {
            let there = model.there(region, model.references.len() + at);
            crops[region].push(of_region(image, &there));
        }
    }
    crops
}

/// Mean squared difference where the mask is.
pub(super) fn difference(masks: &[f32], a: &[f32], b: &[f32]) -> f32 {
    let (mut sum, mut whole) = (0.0, 0.0);
    for (&mask, (a, b)) in masks.iter().zip(a.iter().zip(b)) {
        sum += mask * (a - b) * (a - b);
        whole += mask;
    }
    sum / whole
}

/// How unlike crops are in contrast and structure, whatever their brightness: 1 less that term of
/// structural similarity (Wang and others, "Image quality assessment", 2004), over the whole of them.
pub(super) fn unlike(masks: &[f32], a: &[f32], b: &[f32]) -> f32 {
    const NOISE: f32 = 58.5; // as there
    let whole: f32 = masks.iter().sum();
    let mean = |crop: &[f32]| {
        masks.iter().zip(crop).map(|(mask, sample)| mask * sample).sum::<f32>() / whole
    };
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut each) = (0.0, 0.0);
    for (&mask, (a, b)) in masks.iter().zip(a.iter().zip(b)) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += mask * 2.0 * a * b;
        each += mask * (a * a + b * b);
    }
    1.0 - (both / whole + NOISE) / (each / whole + NOISE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_alike_whatever_their_brightness_and_unlike_where_lids_are_shut() {
        let eye = |lid: f32| -> Vec<f32> {
            let shade = |(x, y): (f32, f32)| {
                let iris = x * x + y * y < 0.09;
                if iris && y > lid { 50.0 } else { 150.0 + 10.0 * y }
            };
            lattice().map(shade).collect()
        };
        let (open, shut) = (eye(-1.0), eye(0.25));
        let brighter: Vec<f32> = open.iter().map(|sample| sample + 30.0).collect();
        let cores = cores();
        assert!(unlike(&cores, &open, &brighter) < 1e-3);
        assert!(unlike(&cores, &open, &eye(-0.2)) < 0.15);
        assert!(unlike(&cores, &open, &shut) > 0.5);
    }
}
