//! Luma as motion is estimated on it: of several sizes, each half of the one before.

use super::planes::Plane;

/// Sizes of a whole pyramid: whole, 1/2, 1/4, 1/8.
pub(super) const LEVELS: usize = 4;

/// One plane of numbers, rows without gaps, top to bottom.
#[derive(Clone, Debug)]
pub(super) struct Image {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl Image {
    /// Zeros.
    pub(super) fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, samples: vec![0.0; width * height] }
    }

    /// The numbers of a plane.
    pub(super) fn of(plane: &Plane) -> Self {
        let samples = plane.samples().iter().map(|&sample| f32::from(sample)).collect();
        Self { width: plane.width(), height: plane.height(), samples }
    }

    /// Means of 2 × 2 numbers; both sides are even.
    pub(super) fn halved(&self) -> Self {
        let mut half = Self::zeros(self.width / 2, self.height / 2);
        for y in 0..half.height {
            let (upper, lower) = (self.row(2 * y), self.row(2 * y + 1));
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (out, (a, b)) in half.row_mut(y).iter_mut().zip(pairs) {
                *out = (a[0] + a[1] + b[0] + b[1]) * 0.25;
            }
        }
        half
    }

    /// Numbers of a row.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub(super) const fn height(&self) -> usize {
        self.height
    }

    /// All numbers.
    pub(super) fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// All numbers, to be changed.
    pub(super) fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples
    }

    /// A row.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        &self.samples[y * self.width..][..self.width]
    }

    /// A row, to be changed.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.samples[y * self.width..][..self.width]
    }

    /// What lies at a place, between four numbers; of places outside, at the edge.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, self.width as f32 - 1.0);
        let y = y.clamp(0.0, self.height as f32 - 1.0);
        let column = (x as usize).min(self.width - 2);
        let row = (y as usize).min(self.height - 2);
        let (u, v) = (x - column as f32, y - row as f32);
        let at = row * self.width + column;
        let (upper, lower) = (&self.samples[at..at + 2], &self.samples[at + self.width..][..2]);
        let above = upper[0] + u * (upper[1] - upper[0]);
        let below = lower[0] + u * (lower[1] - lower[0]);
        above + v * (below - above)
    }

    /// Half the difference of the neighbours to the right and left, and below and above.
    pub(super) fn gradients(&self) -> [Self; 2] {
        let mut across = Self::zeros(self.width, self.height);
        let mut down = across.clone();
        for y in 0..self.height {
            let row = self.row(y);
            let out = across.row_mut(y);
            for (out, around) in out[1..].iter_mut().zip(row.array_windows::<3>()) {
                *out = (around[2] - around[0]) * 0.5;
            }
            out[0] = row[1] - row[0];
            out[self.width - 1] = row[self.width - 1] - row[self.width - 2];
            let (above, below) =
                (self.row(y.saturating_sub(1)), self.row((y + 1).min(self.height - 1)));
            let scale = if y == 0 || y + 1 == self.height { 1.0 } else { 0.5 };
            for (out, (above, below)) in down.row_mut(y).iter_mut().zip(above.iter().zip(below)) {
                *out = (below - above) * scale;
            }
        }
        [across, down]
    }
}

/// A picture's luma at several sizes: level `n` is smaller by 2 to the power of n.
#[derive(Clone, Debug)]
pub(super) struct Pyramid {
    finest: usize,
    levels: Vec<Image>,
}

impl Pyramid {
    /// Of luma whose sides are multiples of 16, from the level `finest` on.
    pub(super) fn of(luma: &Plane, finest: usize) -> Self {
        let mut level = Image::of(luma);
        let mut levels = Vec::with_capacity(LEVELS);
        for at in 0..LEVELS {
            let next = level.halved();
            if at >= finest {
                levels.push(level);
            }
            level = next;
        }
        Self { finest, levels }
    }

    /// The luma of a level, which is not finer than the finest.
    pub(super) fn level(&self, level: usize) -> &Image {
        &self.levels[level - self.finest]
    }
}
