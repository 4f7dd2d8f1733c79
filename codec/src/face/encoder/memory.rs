//! The references as an encoder looks at them.

use crate::face::{image::Pyramid, model::FaceModel};

/// References that are tried for a picture, besides that of the picture before.
const CANDIDATES: usize = 2;

/// Pyramids of references.
#[derive(Debug)]
pub(super) struct Memory {
    pyramids: Vec<Pyramid>,
}

impl Memory {
    /// Of a model's references.
    pub(super) fn new(model: &FaceModel) -> Self {
        let pyramids = model.references.iter().map(|planes| Pyramid::of(&planes.y, 1)).collect();
        Self { pyramids }
    }

    /// One of them.
    pub(super) fn pyramid(&self, reference: usize) -> &Pyramid {
        &self.pyramids[reference]
    }

    /// The references that are most like a picture when both are small, and one that is tried
    /// anyway.
    pub(super) fn candidates(&self, picture: &Pyramid, anyway: Option<usize>) -> Vec<usize> {
        let wanted = picture.level(3).samples();
        let mut by_likeness: Vec<(f32, usize)> = self
            .pyramids
            .iter()
            .enumerate()
            .map(|(at, pyramid)| {
                let pairs = pyramid.level(3).samples().iter().zip(wanted);
                (pairs.map(|(a, b)| (a - b) * (a - b)).sum(), at)
            })
            .collect();
        by_likeness.sort_by(|a, b| a.0.total_cmp(&b.0));
        let near = by_likeness.into_iter().map(|(_, at)| at).take(CANDIDATES);
        let mut candidates: Vec<usize> = anyway.into_iter().chain(near).collect();
        candidates.dedup();
        if candidates.len() > 1 {
            let first = candidates[0];
            let mut rest = candidates.split_off(1);
            rest.retain(|&at| at != first);
            candidates.extend(rest);
        }
        candidates
    }
}
