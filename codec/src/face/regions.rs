//! Mouth and eyes: parts of a face that change by themselves, and that another picture may show
//! better than the reference that shows the rest.
//!
//! A region is an ellipse in the first reference. In any other it lies where the motion between
//! references takes it, with axes of its own. A place of a region is told as `n`: (0, 0) in its
//! middle, (1, 0) and (0, 1) at the ends of its axes.

use super::grid::{Field, Grid};

/// How many there are: the mouth, the eye on the left of the picture, the one on the right.
pub(super) const REGIONS: usize = 3;
/// Of each region the one before it that mostly does the same: of the second eye the first.
pub(super) const TWINS: [Option<usize>; REGIONS] = [None, None, Some(1)];
/// Polynomials up to the second degree, across and down.
pub(super) const MODES: usize = 12;
/// What the coefficients of modes are told in, in pixels of the working picture.
pub(super) const MODE_STEP: f32 = 0.25;
/// Squared distance from the middle up to which a region is all there; at 1 it ends.
const CORE: f32 = 0.5;

/// Where a face is in the first reference, in pixels of the working picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landmarks {
    /// Half way between the eyes.
    pub(super) x: u16,
    /// The same.
    pub(super) y: u16,
    /// From one eye to the other: at least 8.
    pub(super) distance: u16,
    /// From between the eyes down to the mouth: at least 8.
    pub(super) below: u16,
}

/// An ellipse: its middle and the ends of its axes from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ellipse {
    pub(super) middle: (f32, f32),
    pub(super) right: (f32, f32),
    pub(super) down: (f32, f32),
}

impl Landmarks {
    /// The mouth, and each eye with what is around it.
    pub(super) fn regions(self) -> [Ellipse; REGIONS] {
        let below = f32::from(self.below) / f32::from(self.distance);
        [
            self.ellipse((0.0, below), 0.68, 0.5),
            self.ellipse((-0.5, -0.02), 0.46, 0.36),
            self.ellipse((0.5, -0.02), 0.46, 0.36),
        ]
    }

    /// The whole face.
    pub(super) fn face(self) -> Ellipse {
        self.ellipse((0.0, 0.55), 1.05, 1.45)
    }

    fn ellipse(self, (right, below): (f32, f32), half_width: f32, half_height: f32) -> Ellipse {
        let distance = f32::from(self.distance);
        let (x, y) = (f32::from(self.x), f32::from(self.y));
        Ellipse {
            middle: (x + right * distance, y + below * distance),
            right: (half_width * distance, 0.0),
            down: (0.0, half_height * distance),
        }
    }
}

/// Where a face goes as a whole: what its parts do by themselves, lids and lips, does not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Carrier {
    /// The face where it is known, and where it is carried to.
    from: Ellipse,
    to: Ellipse,
}

impl Carrier {
    /// From the picture that a field leads to, in which the face is known, to the one it comes from:
    /// the affine motion that is nearest to the field all over the face.
    pub(super) fn before(grid: Grid, field: &Field, face: Ellipse) -> Self {
        const SIDE: i32 = 7;
        let mut sums = [(0.0, 0.0); 3];
        let (mut count, mut spread) = (0.0, 0.0);
        for at in 0..SIDE * SIDE {
            let place = |at: i32| (2 * at + 1 - SIDE) as f32 / SIDE as f32;
            let n = (place(at % SIDE), place(at / SIDE));
            if n.0 * n.0 + n.1 * n.1 > 1.0 {
                continue;
            }
            let (x, y) = grid.origin(field, face.place(n));
            for (sum, weight) in sums.iter_mut().zip([1.0, n.0, n.1]) {
                sum.0 += weight * x;
                sum.1 += weight * y;
            }
            count += 1.0;
            // The same down: the places are symmetric.
            spread += n.0 * n.0;
        }
        let [middle, right, down] = sums;
        let part = |(x, y): (f32, f32), of: f32| (x / of, y / of);
        let to = Ellipse {
            middle: part(middle, count),
            right: part(right, spread),
            down: part(down, spread),
        };
        let turned_over = to.determinant() < 1.0;
        let to = if turned_over { Ellipse { middle: to.middle, ..face } } else { to };
        Self { from: face, to }
    }

    /// Where the face itself is.
    pub(super) const fn face(&self) -> Ellipse {
        self.to
    }

    /// Where a part of the face is.
    pub(super) fn carry(&self, part: &Ellipse) -> Ellipse {
        let inverse = self.from.inverse();
        let place = |(x, y): (f32, f32)| self.to.place(inverse(x, y));
        let middle = place(part.middle);
        let axis = |(x, y): (f32, f32)| {
            let end = place((part.middle.0 + x, part.middle.1 + y));
            (end.0 - middle.0, end.1 - middle.1)
        };
        Ellipse { middle, right: axis(part.right), down: axis(part.down) }
    }
}

impl Ellipse {
    /// Where it is in a picture whose field leads to the one it is in.
    pub(super) fn before(&self, grid: Grid, field: &Field) -> Self {
        let middle = grid.origin(field, self.middle);
        // Both ends of an axis: half of what lies between them.
        let axis = |(x, y): (f32, f32)| {
            let end = grid.origin(field, (self.middle.0 + x, self.middle.1 + y));
            let start = grid.origin(field, (self.middle.0 - x, self.middle.1 - y));
            ((end.0 - start.0) * 0.5, (end.1 - start.1) * 0.5)
        };
        let moved = Self { middle, right: axis(self.right), down: axis(self.down) };
        if moved.determinant() > 1.0 { moved } else { Self { middle, ..*self } }
    }

    /// The same elsewhere.
    pub(super) fn moved(&self, (x, y): (f32, f32)) -> Self {
        Self { middle: (self.middle.0 + x, self.middle.1 + y), ..*self }
    }

    /// Where `n` is.
    pub(super) fn place(&self, (x, y): (f32, f32)) -> (f32, f32) {
        (
            self.middle.0 + self.right.0 * x + self.down.0 * y,
            self.middle.1 + self.right.1 * x + self.down.1 * y,
        )
    }

    /// Which `n` a place is.
    pub(super) fn inverse(&self) -> impl Fn(f32, f32) -> (f32, f32) + use<> {
        let (ellipse, scale) = (*self, 1.0 / self.determinant());
        move |x, y| {
            let (x, y) = (x - ellipse.middle.0, y - ellipse.middle.1);
            (
                (x * ellipse.down.1 - y * ellipse.down.0) * scale,
                (y * ellipse.right.0 - x * ellipse.right.1) * scale,
            )
        }
    }

    /// Its area in pixels, that of the rectangle around it.
    pub(super) fn area(&self) -> f32 {
        4.0 * self.determinant()
    }

    fn determinant(&self) -> f32 {
        self.right.0 * self.down.1 - self.right.1 * self.down.0
    }
}

/// How much of a region is shown at `n`: all of it in the middle, nothing from its edge on.
pub(super) fn mask((x, y): (f32, f32)) -> f32 {
    let part = (1.0 - (x * x + y * y)) * (1.0 / (1.0 - CORE));
    let part = part.clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// The polynomials of one direction at `n`.
pub(super) fn polynomials((x, y): (f32, f32)) -> [f32; MODES / 2] {
    [1.0, x, y, x * x, x * y, y * y]
}

/// How far coefficients move `n`, in pixels.
pub(super) fn correction(coefficients: &[f32; MODES], n: (f32, f32)) -> (f32, f32) {
    let polynomials = polynomials(n);
    let sum = |part: &[f32]| part.iter().zip(polynomials).map(|(a, b)| a * b).sum::<f32>();
    let (across, down) = coefficients.split_at(MODES / 2);
    (sum(across), sum(down))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_an_ellipse_go_there_and_back() {
        let ellipse = Ellipse { middle: (50.0, 40.0), right: (20.0, 3.0), down: (-2.0, 10.0) };
        let inverse = ellipse.inverse();
        for n in [(0.0, 0.0), (1.0, 0.0), (-0.5, 0.75)] {
            let (x, y) = ellipse.place(n);
            let back = inverse(x, y);
            assert!((back.0 - n.0).abs() < 1e-5 && (back.1 - n.1).abs() < 1e-5);
        }
    }

    #[test]
    fn an_ellipse_lies_where_motion_takes_it() {
        let grid = Grid::of(128, 96);
        let mut field = grid.still();
        field[..grid.nodes()].fill(6.0);
        let ellipse = Ellipse { middle: (50.0, 40.0), right: (20.0, 0.0), down: (0.0, 10.0) };
        let before = ellipse.before(grid, &field);
        assert_eq!(before, Ellipse { middle: (44.0, 40.0), ..ellipse });
    }

    #[test]
    fn an_eye_that_shuts_stays_where_the_face_takes_it() {
        let grid = Grid::of(128, 96);
        let mut field = grid.still();
        field[..grid.nodes()].fill(6.0);
        let face = Ellipse { middle: (60.0, 48.0), right: (40.0, 0.0), down: (0.0, 40.0) };
        let eye = Ellipse { middle: (48.0, 32.0), right: (8.0, 0.0), down: (0.0, 6.0) };
        // The lid alone goes down, by as much as the eye is high.
        field[grid.nodes() + 2 * grid.columns + 3] = 6.0;
        let carrier = Carrier::before(grid, &field, face);
        let carried = carrier.carry(&eye);
        assert!((carried.middle.0 - 42.0).abs() < 0.1, "{carried:?}");
        assert!((carried.middle.1 - 32.0).abs() < 1.5, "{carried:?}");
        assert!((carried.right.0 - 8.0).abs() < 1.0 && (carried.down.1 - 6.0).abs() < 1.0);
    }
}
