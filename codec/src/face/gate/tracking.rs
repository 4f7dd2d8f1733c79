//! Where the face is in a picture that a decoder drew.

use std::sync::Arc;

use crate::face::{grid::Field, image::Pyramid, model::FaceModel, subspace::BasisTarget};

/// The level at which it is looked for: regions need not be known better than to a few pixels.
const LEVEL: usize = 2;
/// Linearisations.
const STEPS: usize = 4;
/// References that are tried besides the last.
const TRIED: usize = 2;

/// Follows a face.
#[derive(Debug)]
pub(super) struct Tracker {
    model: Arc<FaceModel>,
    references: Vec<Pyramid>,
    last: Option<(usize, Vec<f32>)>,
}

impl Tracker {
    pub(super) fn new(model: Arc<FaceModel>) -> Self {
        let references = model.references.iter().map(|planes| Pyramid::of(&planes.y, LEVEL));
        Self { references: references.collect(), model, last: None }
    }

    /// The reference that a picture was drawn of, and the field.
    pub(super) fn find(&mut self, picture: &Pyramid) -> (usize, Field) {
        let Self { model, references, last } = self;
        let target = BasisTarget::new(model.grid, &model.basis, picture, LEVEL, None);
        let mut by_likeness: Vec<(f32, usize)> = references
            .iter()
            .enumerate()
            .map(|(at, reference)| (distance(reference, picture), at))
            .collect();
        by_likeness.sort_by(|a, b| a.0.total_cmp(&b.0));
        let near = by_likeness.into_iter().map(|(_, at)| at).take(TRIED);
        let mut tried: Vec<usize> = near.chain(last.as_ref().map(|last| last.0)).collect();
        tried.sort_unstable();
        tried.dedup();
        let search = |reference: usize| {
            let start = match last {
                Some((last, coefficients)) if *last == reference => coefficients.clone(),
                _ => vec![0.0; model.basis.fields.len()],
            };
            let pyramid = &references[reference];
            (reference, target.search(model.grid, &model.basis, pyramid, &start, STEPS))
        };
        let found = tried.into_iter().map(search);
        let (reference, found) = found
            .min_by(|a, b| a.1.error.total_cmp(&b.1.error))
            .expect("a model has a reference at least");
        let field = model.basis.field(model.grid, &found.coefficients);
        *last = Some((reference, found.coefficients));
        (reference, field)
    }
}

fn distance(a: &Pyramid, b: &Pyramid) -> f32 {
    const SMALL: usize = 3;
    let pairs = a.level(SMALL).samples().iter().zip(b.level(SMALL).samples());
    pairs.map(|(a, b)| (a - b) * (a - b)).sum()
}
