//! Pictures that are kept to learn from: pairs of neighbours, spread over all the time; and some that
//! a model in use did not fit, however rare they are.

use crate::{
    Picture,
    face::{
        grid::Grid,
        image::Pyramid,
        planes::{Planes, working_size},
    },
};

/// Most pictures that are kept. Of more, every other pair goes: 94 MB at the largest size.
const MOST: usize = 240;

/// Most of those that a model did not fit. Of more, every other one goes.
const MOST_MISSED: usize = 80;

/// Kept pictures.
#[derive(Debug)]
pub(super) struct Gallery {
    size: Option<(usize, usize)>,
    /// Even ones are followed by the next of the camera.
    pictures: Vec<Planes>,
    seen: u64,
    /// One pair of so many pictures is kept.
    stride: u64,
    missed: Missed,
}

/// Pictures that a model in use did not fit.
#[derive(Debug)]
struct Missed {
    pictures: Vec<Planes>,
    seen: usize,
    /// One of so many is kept.
    stride: usize,
}

impl Default for Gallery {
    fn default() -> Self {
        let missed = Missed { pictures: Vec::new(), seen: 0, stride: 1 };
        Self { size: None, pictures: Vec::new(), seen: 0, stride: 2, missed }
    }
}

/// A picture as it is learned from.
#[derive(Debug)]
pub(super) struct Study {
    pub(super) grid: Grid,
    pub(super) pyramid: Pyramid,
}

impl Gallery {
    /// Takes the next picture. The first says at which size all are looked at.
    pub(super) fn push(&mut self, picture: &Picture<'_>) {
        let (width, height) =
            *self.size.get_or_insert_with(|| working_size(picture.width(), picture.height()));
        if self.seen % self.stride < 2 {
            if self.pictures.len() == MOST {
                let mut at = 0;
                self.pictures.retain(|_| {
                    at += 1;
                    (at - 1) / 2 % 2 == 0
                });
                self.stride *= 2;
            }
            if self.seen % self.stride < 2 {
                self.pictures.push(Planes::of(picture, width, height));
            }
        }
        self.seen += 1;
    }

    /// Takes a picture that the model in use did not fit; it may be one that was pushed.
    pub(super) fn push_missed(&mut self, picture: &Picture<'_>) {
        let Some((width, height)) = self.size else { return };
        let Missed { pictures, seen, stride } = &mut self.missed;
        if seen.is_multiple_of(*stride) {
            if pictures.len() == MOST_MISSED {
                let mut at = 0;
                pictures.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                *stride *= 2;
            }
            pictures.push(Planes::of(picture, width, height));
        }
        *seen += 1;
    }

    /// How many pairs of neighbours there are: the first pictures.
    pub(super) const fn pairs(&self) -> usize {
        self.pictures.len() / 2
    }

    /// One of the pictures.
    pub(super) fn picture(&self, at: usize) -> &Planes {
        let missed = || &self.missed.pictures[at - self.pictures.len()];
        self.pictures.get(at).unwrap_or_else(missed)
    }

    /// All of them, as they are learned from.
    pub(super) fn studies(&self) -> Vec<Study> {
        let study = |planes: &Planes| Study {
            grid: Grid::of(planes.width(), planes.height()),
            pyramid: Pyramid::of(&planes.y, 1),
        };
        self.pictures.iter().chain(&self.missed.pictures).map(study).collect()
    }
}
