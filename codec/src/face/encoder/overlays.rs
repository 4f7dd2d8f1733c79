//! Mouth and eyes of other pictures of the model, where they are more like what the camera sees.

use crate::face::{
    crop::{self, SAMPLES, lattice, look},
    grid::{Field, Grid},
    image::Image,
    linear::Square,
    model::FaceModel,
    number::Ratio,
    overlay::{Around, Overlay, mode_ratio},
    regions::{Carrier, Ellipse, MODE_STEP, MODES, REGIONS, correction, polynomials},
};

/// Sources that are tried: so many whose region is nearest to the picture's as it is, and so many
/// that are most like it whatever their brightness.
const TRIED: usize = 2;
/// Linearisations.
const STEPS: usize = 4;
/// What is smaller than this, in pixels, is not told.
const SMALL: f32 = MODE_STEP / 4.0;
/// Errors of mouths and eyes count so many times what others do.
const WEIGHT: f32 = 8.0;
/// Bits that it may cost to show a region that has nothing to do with the picture's otherwise, and
/// less where it is more like it: a wrong eye turns the gate red, which is dearer than any bits.
const WRONG_BITS: f32 = 1_500.0;
/// A pixel of correction counts as much as so many squared errors.
const REST: f64 = 60.0;

/// Finds overlays.
#[derive(Debug)]
pub(super) struct OverlaySearch {
    /// Regions of all sources.
    crops: [Vec<Vec<f32>>; REGIONS],
    details: [Vec<Image>; REGIONS],
}

/// What is looked for.
pub(super) struct Scene<'a> {
    pub(super) grid: Grid,
    /// The picture at [`crop::LEVEL`].
    pub(super) luma: &'a Image,
    /// Which reference shows the rest.
    pub(super) reference: usize,
    pub(super) field: &'a Field,
    /// Where that takes the face; of a model without landmarks there is none.
    pub(super) carrier: Option<Carrier>,
    /// What a bit is worth.
    pub(super) worth: f32,
    /// Of all references, at [`crop::LEVEL`].
    pub(super) references: &'a dyn Fn(usize) -> &'a Image,
}

impl OverlaySearch {
    /// Among a model's sources; of a model without landmarks, none.
    pub(super) fn new(model: &FaceModel) -> Self {
        Self { crops: crop::of_model(model), details: crop::details(model) }
    }

    /// The overlay of a region that is worth its bits, if there is one.
    pub(super) fn find(
        &self,
        model: &FaceModel,
        scene: &Scene<'_>,
        region: usize,
        around: &Around<'_>,
    ) -> Option<Overlay> {
        let carrier = scene.carrier?;
        let here = carrier.carry(&model.places[scene.reference][region]);
        let wanted = Wanted::new(scene, &here);
        let scale = WEIGHT * here.area() / SAMPLES as f32;
        let cost = |crop: &[f32], overlay: Option<&Overlay>| {
            let bits = around.price(model, region, overlay) + WRONG_BITS * wanted.unlike(crop);
            scale * wanted.error(crop) + scene.worth * bits
        };
        // What the reference of the rest shows there.
        let main = (scene.references)(scene.reference);
        let without: Vec<f32> = wanted.there.iter().map(|&place| look(main, place)).collect();
        let nothing = cost(&without, None);
        let best_by = |measure: &dyn Fn(&[f32]) -> f32| {
            let measured = self.crops[region].iter().map(|crop| measure(crop));
            let mut order: Vec<(f32, usize)> = measured.zip(0..).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            order.into_iter().map(|(_, at)| at).take(TRIED)
        };
        let near = best_by(&|crop| wanted.error(crop));
        let like = best_by(&|crop| wanted.unlike(crop));
        let mut tried: Vec<usize> =
            near.chain(like).chain([scene.reference]).chain(around.sources()).collect();
        tried.sort_unstable();
        tried.dedup();
        let best = tried.into_iter().map(|source| {
            let ellipse = model.there(region, source);
            let detail = source.checked_sub(model.references.len());
            let image = detail
                .map_or_else(|| (scene.references)(source), |detail| &self.details[region][detail]);
            let before = around.from(source);
            let numbers = wanted.align(image, &ellipse, before, scene.worth / scale);
            let coefficients = numbers.map(|number| number as f32 * MODE_STEP);
            let with = wanted.ns.iter().map(|&n| {
                let (x, y) = ellipse.place(n);
                let (dx, dy) = correction(&coefficients, n);
                look(image, (x + dx, y + dy))
            });
            let overlay = Overlay { source, numbers };
            (cost(&with.collect::<Vec<_>>(), Some(&overlay)), overlay)
        });
        let best = best.min_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 < nothing).then_some(best.1)
    }
}

/// A region of the picture.
struct Wanted {
    samples: Vec<f32>,
    /// Where each of them is in the reference that shows the rest.
    there: Vec<(f32, f32)>,
    masks: Vec<f32>,
    cores: Vec<f32>,
    ns: Vec<(f32, f32)>,
}

impl Wanted {
    fn new(scene: &Scene<'_>, here: &Ellipse) -> Self {
        let ns: Vec<_> = lattice().collect();
        let there = ns.iter().map(|&n| {
            let (x, y) = here.place(n);
            let (dx, dy) = scene.grid.motion(scene.field, x, y);
            (x + dx, y + dy)
        });
        let there = there.collect();
        let samples = crop::of_region(scene.luma, here);
        Self { samples, there, masks: crop::masks(), cores: crop::cores(), ns }
    }

    /// Squared error of samples, masked.
    fn error(&self, crop: &[f32]) -> f32 {
        let pairs = self.samples.iter().zip(crop).zip(&self.masks);
        pairs.map(|((wanted, sample), mask)| mask * (sample - wanted) * (sample - wanted)).sum()
    }

    /// How unlike samples are.
    fn unlike(&self, crop: &[f32]) -> f32 {
        crop::unlike(&self.cores, &self.samples, crop)
    }

    /// Coefficients in [`MODE_STEP`]s that make a source's region most like the picture's, where
    /// a bit is worth so much.
    fn align(
        &self,
        image: &Image,
        ellipse: &Ellipse,
        before: Option<&Overlay>,
        worth: f32,
    ) -> [i32; MODES] {
        let mut coefficients =
            before.map_or([0.0; MODES], |before| before.numbers.map(|at| at as f32 * MODE_STEP));
        if before.is_none() {
            (coefficients[0], coefficients[MODES / 2]) =
                crop::offset(image, ellipse, &self.samples);
        }
        let mut factor = None;
        for _ in 0..STEPS {
            let (matrix, slope) = self.equations(image, ellipse, &coefficients);
            let Some(lower) = matrix.cholesky() else { break };
            let right: Vec<f64> = slope
                .iter()
                .zip(coefficients)
                .map(|(slope, coefficient)| -(slope + REST * f64::from(coefficient)))
                .collect();
            let steps: Vec<f32> = lower.solve(&right).into_iter().map(|step| step as f32).collect();
            for (coefficient, step) in coefficients.iter_mut().zip(&steps) {
                *coefficient += step.clamp(-3.0, 3.0);
            }
            factor = Some(lower);
            if steps.iter().all(|step| step.abs() < SMALL) {
                break;
            }
        }
        let Some(factor) = factor else { return [0; MODES] };
        let ratio = |at: usize| mode_ratio(at, before.is_some());
        let from = |at: usize| before.map_or(0, |before| before.numbers[at]);
        let numbers = super::quantise::round(&factor, &coefficients, MODE_STEP, worth, |at| {
            let ratio: Ratio = ratio(at);
            (from(at), ratio)
        });
        std::array::from_fn(|at| numbers[at])
    }

    fn equations(
        &self,
        image: &Image,
        ellipse: &Ellipse,
        coefficients: &[f32; MODES],
    ) -> (Square, [f64; MODES]) {
        let half = MODES / 2;
        let mut sums = [[0.0_f64; MODES]; MODES];
        let mut slope = [0.0; MODES];
        for at in crop::sparse() {
            // One stands for four.
            let (n, mask) = (self.ns[at], 4.0 * self.masks[at]);
            if mask == 0.0 {
                continue;
            }
            let (x, y) = ellipse.place(n);
            let (dx, dy) = correction(coefficients, n);
            let (x, y) = (x + dx, y + dy);
            let error = look(image, (x, y)) - self.samples[at];
            let across = (look(image, (x + 1.0, y)) - look(image, (x - 1.0, y))) * 0.5;
            let down = (look(image, (x, y + 1.0)) - look(image, (x, y - 1.0))) * 0.5;
            let polynomials = polynomials(n);
            let row: [f32; MODES] = std::array::from_fn(|mode| {
                if mode < half {
                    across * polynomials[mode]
                } else {
                    down * polynomials[mode - half]
                }
            });
            for (mode, &value) in row.iter().enumerate() {
                slope[mode] += f64::from(mask * value * error);
                for (sum, &other) in sums[mode].iter_mut().zip(&row[..=mode]) {
                    *sum += f64::from(mask * value * other);
                }
            }
        }
        let mut matrix =
            Square::from_fn(MODES, |row, column| sums[row.max(column)][row.min(column)]);
        matrix.add_diagonal(|_| REST);
        (matrix, slope)
    }
}
