//! Pictures that are kept to learn from: pairs of neighbours, spread over all the time.

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

/// Kept pictures.
#[derive(Debug)]
pub(super) struct Gallery {
    size: Option<(usize, usize)>,
    /// Even ones are followed by the next of the camera.
    pictures: Vec<Planes>,
    seen: u64,
    /// One pair of so many pictures is kept.
    stride: u64,
}

impl Default for Gallery {
    fn default() -> Self {
        Self { size: None, pictures: Vec::new(), seen: 0, stride: 2 }
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

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.pictures.len()
    }

    /// One of them.
    pub(super) fn picture(&self, at: usize) -> &Planes {
        &self.pictures[at]
    }

    /// All of them, as they are learned from.
    pub(super) fn studies(&self) -> Vec<Study> {
        let study = |planes: &Planes| Study {
            grid: Grid::of(planes.width(), planes.height()),
            pyramid: Pyramid::of(&planes.y, 1),
        };
        self.pictures.iter().map(study).collect()
    }
}
