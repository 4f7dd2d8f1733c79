//! Poses that a memory of references lacks, while a model is in use.

use crate::face::{
    image::{Image, Pyramid},
    model::FaceModel,
    planes::Planes,
};

use super::gallery::Study;

/// A picture is new if it is so many times as far from all references as those learned from are.
const FAR: f32 = 1.5;
/// Of those learned from, the share in per cent that is nearer than what counts as usual.
const USUAL: usize = 90;
/// A pose stays if so many pictures in a row are new.
const STAYS: usize = 3;
/// The level at which pictures are compared.
const LEVEL: usize = 3;

/// Watches for poses that no reference is like.
#[derive(Clone, Debug)]
pub(super) struct Novelty {
    references: Vec<Image>,
    /// Squared difference from the nearest reference that is usual.
    usual: f32,
    run: usize,
    /// The newest picture of a pose that stays.
    found: Option<Planes>,
}

impl Novelty {
    /// Of a model that was learned from these.
    pub(super) fn new(model: &FaceModel, studies: &[Study]) -> Self {
        let small = |planes: &Planes| Pyramid::of(&planes.y, 1).level(LEVEL).clone();
        let mut novelty = Self {
            references: model.references.iter().map(small).collect(),
            usual: f32::INFINITY,
            run: 0,
            found: None,
        };
        let distance = |study: &Study| novelty.nearest(study.pyramid.level(LEVEL)).1;
        let mut distances: Vec<f32> = studies.iter().map(distance).collect();
        distances.sort_by(f32::total_cmp);
        novelty.usual =
            distances.get(distances.len() * USUAL / 100).copied().unwrap_or(f32::INFINITY);
        novelty
    }

    /// Looks at a picture of the working size.
    pub(super) fn look(&mut self, planes: Planes) {
        let pyramid = Pyramid::of(&planes.y, 1);
        if self.nearest(pyramid.level(LEVEL)).1 <= FAR * self.usual {
            self.run = 0;
            return;
        }
        self.run += 1;
        if self.run >= STAYS {
            self.found = Some(planes);
        }
    }

    /// Whether there is a pose that was new, and stayed.
    pub(super) const fn found(&self) -> bool {
        self.found.is_some()
    }

    /// Takes its picture, and the reference that is nearest to it.
    pub(super) fn take(&mut self) -> Option<(Planes, usize)> {
        let planes = self.found.take()?;
        self.run = 0;
        let pyramid = Pyramid::of(&planes.y, 1);
        let (parent, _) = self.nearest(pyramid.level(LEVEL));
        self.references.push(pyramid.level(LEVEL).clone());
        Some((planes, parent))
    }

    /// The nearest reference, and by how much it differs, squared.
    fn nearest(&self, picture: &Image) -> (usize, f32) {
        let difference = |reference: &Image| -> f32 {
            let pairs = reference.samples().iter().zip(picture.samples());
            pairs.map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let all = self.references.iter().map(difference).enumerate();
        all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::INFINITY))
    }
}
