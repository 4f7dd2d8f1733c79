//! The control grid: what moves a picture.

use super::planes::BLOCK;

/// Nodes at the corners of blocks of [`BLOCK`] × [`BLOCK`] pixels of a working picture, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Nodes of a row: one more than blocks.
    pub(super) columns: usize,
    /// Rows of nodes.
    pub(super) rows: usize,
}

/// Where each node of a grid looks in a reference, from its own place, in pixels of the working
/// picture: first all across, then all down. Between nodes it is interpolated.
pub(super) type Field = Vec<f32>;

impl Grid {
    /// Of a working picture.
    pub(super) const fn of(width: usize, height: usize) -> Self {
        Self { columns: width / BLOCK + 1, rows: height / BLOCK + 1 }
    }

    /// Nodes.
    pub(super) const fn nodes(self) -> usize {
        self.columns * self.rows
    }

    /// Numbers of a field.
    pub(super) const fn numbers(self) -> usize {
        2 * self.nodes()
    }

    /// No motion.
    pub(super) fn still(self) -> Field {
        vec![0.0; self.numbers()]
    }

    /// The motion at a place of the working picture, (0, 0) being its upper left corner.
    pub(super) fn motion(self, field: &[f32], x: f32, y: f32) -> (f32, f32) {
        let size = BLOCK as f32;
        let x = (x / size).clamp(0.0, (self.columns - 1) as f32);
        let y = (y / size).clamp(0.0, (self.rows - 1) as f32);
        let (column, row) = ((x as usize).min(self.columns - 2), (y as usize).min(self.rows - 2));
        let (u, v) = (x - column as f32, y - row as f32);
        let at = row * self.columns + column;
        let (across, down) = field.split_at(self.nodes());
        let between = |part: &[f32]| {
            let upper = part[at] + u * (part[at + 1] - part[at]);
            let lower = &part[at + self.columns..];
            let lower = lower[0] + u * (lower[1] - lower[0]);
            upper + v * (lower - upper)
        };
        (between(across), between(down))
    }

    /// The motion along a row of places, `v` of the way from one row of nodes to the next, at the
    /// columns of nodes: across and down.
    pub(super) fn line(self, field: &[f32], row: usize, v: f32, out: &mut [Vec<f32>; 2]) {
        let (across, down) = field.split_at(self.nodes());
        for (out, part) in out.iter_mut().zip([across, down]) {
            let upper = &part[row * self.columns..][..self.columns];
            let lower = &part[(row + 1) * self.columns..][..self.columns];
            out.clear();
            out.extend(upper.iter().zip(lower).map(|(upper, lower)| upper + v * (lower - upper)));
        }
    }

    /// The field that goes first by `first`, then by `then`.
    pub(super) fn chained(self, first: &[f32], then: &[f32]) -> Field {
        let nodes = self.nodes();
        let mut out = first.to_vec();
        for node in 0..nodes {
            let x = (node % self.columns * BLOCK) as f32 + first[node];
            let y = (node / self.columns * BLOCK) as f32 + first[nodes + node];
            let (dx, dy) = self.motion(then, x, y);
            out[node] += dx;
            out[nodes + node] += dy;
        }
        out
    }

    /// The place from which a field leads to `(x, y)`.
    pub(super) fn origin(self, field: &[f32], (x, y): (f32, f32)) -> (f32, f32) {
        const ROUNDS: usize = 8; // fields are smooth: the distance halves at least
        (0..ROUNDS).fold((x, y), |(from_x, from_y), _| {
            let (dx, dy) = self.motion(field, from_x, from_y);
            (x - dx, y - dy)
        })
    }
}
