//! Motion that no basis binds, as it is learned from: smooth, and none where there is none to be
//! seen.

use super::{
    grid::{Field, Grid},
    image::Pyramid,
    normal::{Matrix, Target},
};

/// What a difference of one pixel between neighbouring nodes counts, in squared errors.
const STIFFNESS: f32 = 1_500.0;
/// What a motion of one pixel counts.
const REST: f32 = 15.0;
/// Rounds of conjugate gradients for one step.
const CONJUGATE_ROUNDS: usize = 16;
/// Linearisations at each level.
const STEPS: usize = 4;

/// A picture, as what references are to be warped to.
#[derive(Clone, Debug)]
pub(super) struct FreeTarget {
    grid: Grid,
    /// The coarsest first.
    targets: Vec<Target>,
}

impl FreeTarget {
    /// Of a picture, from its eighth on to `finest`.
    pub(super) fn new(grid: Grid, pyramid: &Pyramid, finest: usize) -> Self {
        let targets =
            (finest..=3).rev().map(|level| Target::new(grid, pyramid, level, None)).collect();
        Self { grid, targets }
    }

    /// The field that makes this picture of a reference as well as can be, from one that is near,
    /// and the squared error that is left.
    pub(super) fn solve(&self, reference: &Pyramid, start: &[f32]) -> (Field, f32) {
        let mut best = (start.to_vec(), f32::INFINITY);
        for target in &self.targets {
            // Errors of levels are not of one size.
            let mut at_level = (best.0.clone(), f32::INFINITY);
            let mut field = best.0;
            for step in 0..=STEPS {
                let found = target.slope(reference, &field);
                if found.error >= at_level.1 {
                    break;
                }
                at_level = (field.clone(), found.error);
                if step == STEPS {
                    break;
                }
                self.descend(target, found.slope, &mut field);
            }
            best = at_level;
        }
        best
    }

    /// Goes from a field to where the slope says that it ends.
    fn descend(&self, target: &Target, slope: Vec<f32>, field: &mut [f32]) {
        let stiffness = Stiffness { grid: self.grid };
        let mut residual = slope;
        let mut product = vec![0.0; field.len()];
        stiffness.times(field, &mut product);
        for (residual, product) in residual.iter_mut().zip(&product) {
            *residual = -(*residual + product);
        }
        let step = conjugate_gradients(self.grid, target.matrix(), &stiffness, residual);
        field.iter_mut().zip(step).for_each(|(value, step)| *value += step);
    }
}

/// Springs between neighbours, and to the place.
struct Stiffness {
    grid: Grid,
}

impl Stiffness {
    fn times(&self, field: &[f32], out: &mut [f32]) {
        let Grid { columns, rows } = self.grid;
        for (out, field) in
            out.chunks_exact_mut(columns * rows).zip(field.chunks_exact(columns * rows))
        {
            for (out, value) in out.iter_mut().zip(field) {
                *out = REST * value;
            }
            for row in 0..rows {
                for node in row * columns..(row + 1) * columns - 1 {
                    let pull = STIFFNESS * (field[node] - field[node + 1]);
                    out[node] += pull;
                    out[node + 1] -= pull;
                }
            }
            for node in 0..(rows - 1) * columns {
                let pull = STIFFNESS * (field[node] - field[node + columns]);
                out[node] += pull;
                out[node + columns] -= pull;
            }
        }
    }
}

/// Solves (matrix + stiffness) × step = residual, roughly (Hestenes and Stiefel 1952,
/// preconditioned by the 2 × 2 blocks of the diagonal).
fn conjugate_gradients(
    grid: Grid,
    matrix: &Matrix,
    stiffness: &Stiffness,
    mut residual: Vec<f32>,
) -> Vec<f32> {
    let nodes = grid.nodes();
    let inverses: Vec<[f32; 3]> = (0..nodes)
        .map(|node| {
            let [xx, xy, yy] = matrix.diagonal(node);
            let spring = 4.0 * STIFFNESS + REST;
            let (xx, yy) = (xx + spring, yy + spring);
            let determinant = xx * yy - xy * xy;
            [yy / determinant, -xy / determinant, xx / determinant]
        })
        .collect();
    let precondition = |residual: &[f32], out: &mut [f32]| {
        for (node, [xx, xy, yy]) in inverses.iter().enumerate() {
            let (x, y) = (residual[node], residual[nodes + node]);
            out[node] = xx * x + xy * y;
            out[nodes + node] = xy * x + yy * y;
        }
    };
    let mut step = vec![0.0; residual.len()];
    let mut conditioned = step.clone();
    precondition(&residual, &mut conditioned);
    let mut direction = conditioned.clone();
    let mut along = dot(&residual, &conditioned);
    let (mut product, mut springs) = (step.clone(), step.clone());
    let enough = along * 1e-4;
    for _ in 0..CONJUGATE_ROUNDS {
        if along <= enough {
            break;
        }
        matrix.times(&direction, &mut product);
        stiffness.times(&direction, &mut springs);
        product.iter_mut().zip(&springs).for_each(|(product, spring)| *product += spring);
        let length = along / dot(&direction, &product).max(f32::MIN_POSITIVE);
        step.iter_mut().zip(&direction).for_each(|(step, way)| *step += length * way);
        residual.iter_mut().zip(&product).for_each(|(left, product)| *left -= length * product);
        precondition(&residual, &mut conditioned);
        let next = dot(&residual, &conditioned);
        let turn = next / along;
        direction.iter_mut().zip(&conditioned).for_each(|(way, new)| *way = new + turn * *way);
        along = next;
    }
    step
}

/// The sum of products, in one order on every processor.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
