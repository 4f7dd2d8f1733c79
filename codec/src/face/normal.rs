//! How well a warped reference is the picture, and what each node should do about it: normal
//! equations of the direct method (Lucas and Kanade 1981; Baker and Matthews, "Lucas-Kanade 20 years
//! on", 2004, with the gradient of the picture in place of the reference's, so that all references
//! share one matrix).
//!
//! A picture is looked for in a reference: `reference(x + field(x)) = picture(x)`. With the error
//! `e(x)` and the gradient `g(x)` of the picture, nodes of weights `w` at x have the matrix
//! `Σ w wᵀ g gᵀ` and the slope `Σ w g e`. Within a block, products of weights are polynomials, so
//! that nine sums a block make the matrix.

use super::{
    grid::Grid,
    image::{Image, Pyramid},
    planes::BLOCK,
    regions::Ellipse,
};

/// Errors are counted up to this size: what a reference does not have, it cannot be moved to.
const MOST_ERROR: f32 = 24.0;

/// The root of what an error outside the face counts, beside one within.
const OUTSIDE: f32 = 0.5;
/// Squared distance from the middle of a face, in its axes, from which on all counts so.
const AROUND: f32 = 2.0;

/// The matrix of a picture: symmetric, 2 × 2 blocks of each node with itself and its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    grid: Grid,
    /// Of each node with itself, the one to the right, below to the left, below, below to the
    /// right: across, mixed, down.
    blocks: [[Vec<f32>; 3]; 5],
}

impl Matrix {
    fn zeros(grid: Grid) -> Self {
        let plane = || std::array::from_fn(|_| vec![0.0; grid.nodes()]);
        Self { grid, blocks: std::array::from_fn(|_| plane()) }
    }

    /// How far each neighbour is away, in nodes.
    const fn offsets(&self) -> [usize; 5] {
        let columns = self.grid.columns;
        [0, 1, columns - 1, columns, columns + 1]
    }

    /// The product with a field.
    pub(super) fn times(&self, field: &[f32], out: &mut [f32]) {
        let nodes = self.grid.nodes();
        let (across, down) = field.split_at(nodes);
        let (out_across, out_down) = out.split_at_mut(nodes);
        let [xx, xy, yy] = &self.blocks[0];
        for node in 0..nodes {
            out_across[node] = xx[node] * across[node] + xy[node] * down[node];
            out_down[node] = xy[node] * across[node] + yy[node] * down[node];
        }
        for (offset, [xx, xy, yy]) in self.offsets().into_iter().zip(&self.blocks).skip(1) {
            let count = nodes - offset;
            let (xx, xy, yy) = (&xx[..count], &xy[..count], &yy[..count]);
            add_product(xx, xy, &across[offset..], &down[offset..], &mut out_across[..count]);
            add_product(xy, yy, &across[offset..], &down[offset..], &mut out_down[..count]);
            add_product(xx, xy, across, down, &mut out_across[offset..]);
            add_product(xy, yy, across, down, &mut out_down[offset..]);
        }
    }

    /// What a node has with itself: across, mixed, down.
    pub(super) fn diagonal(&self, node: usize) -> [f32; 3] {
        std::array::from_fn(|part| self.blocks[0][part][node])
    }

    /// Adds what moving one node by `step` adds to the slope of all.
    pub(super) fn add_column(&self, node: usize, step: [f32; 2], slope: &mut [f32]) {
        let nodes = self.grid.nodes();
        let mut add = |at: usize, part: usize, other: usize| {
            let [xx, xy, yy] = [0, 1, 2].map(|component| self.blocks[part][component][at]);
            slope[other] += xx * step[0] + xy * step[1];
            slope[nodes + other] += xy * step[0] + yy * step[1];
        };
        add(node, 0, node);
        for (part, offset) in self.offsets().into_iter().enumerate().skip(1) {
            if node + offset < nodes {
                add(node, part, node + offset);
            }
            if node >= offset {
                add(node - offset, part, node - offset);
            }
        }
    }

    /// Adds what a block's sums of `g gᵀ`, times three polynomials across and three down, mean for
    /// its four nodes, the first of which is `node`.
    fn add_block(&mut self, node: usize, sums: &[[[f32; 3]; 3]; 3]) {
        let below = node + self.grid.columns;
        for (component, s) in sums.iter().enumerate() {
            let mut add = |part: usize, node: usize, value: f32| {
                self.blocks[part][component][node] += value;
            };
            add(0, node, s[0][0]);
            add(0, node + 1, s[0][2]);
            add(0, below, s[2][0]);
            add(0, below + 1, s[2][2]);
            add(1, node, s[0][1]);
            add(1, below, s[2][1]);
            add(3, node, s[1][0]);
            add(3, node + 1, s[1][2]);
            add(4, node, s[1][1]);
            add(2, node + 1, s[1][1]);
        }
    }
}

fn add_product(a: &[f32], b: &[f32], x: &[f32], y: &[f32], out: &mut [f32]) {
    let terms = a.iter().zip(b).zip(x.iter().zip(y));
    for (out, ((a, b), (x, y))) in out.iter_mut().zip(terms) {
        *out += a * x + b * y;
    }
}

/// A picture at one level, as what a reference is to be warped to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    grid: Grid,
    level: usize,
    luma: Image,
    /// By pixels of the working picture, times the roots of the weights.
    gradients: [Image; 2],
    /// Roots of the weights of pixels.
    weights: Image,
    matrix: Matrix,
}

/// What a field makes of a reference.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    /// Of half the squared error, by node: the way down is against it.
    pub(super) slope: Vec<f32>,
    /// Sum of squared errors, in pixels of the working picture.
    pub(super) error: f32,
}

impl Target {
    /// Of a level of a picture whose face counts more, if it is known where that is.
    pub(super) fn new(grid: Grid, pyramid: &Pyramid, level: usize, face: Option<&Ellipse>) -> Self {
        let luma = pyramid.level(level).clone();
        let mut gradients = luma.gradients();
        let scale = 1.0 / (1 << level) as f32;
        let weights = weights(&luma, scale, face);
        for image in &mut gradients {
            let samples = image.samples_mut().iter_mut().zip(weights.samples());
            samples.for_each(|(sample, weight)| *sample *= scale * weight);
        }
        let matrix = Matrix::zeros(grid);
        let mut target = Self { grid, level, luma, gradients, weights, matrix };
        match level {
            0 => target.fill_matrix::<BLOCK>(),
            1 => target.fill_matrix::<{ BLOCK / 2 }>(),
            2 => target.fill_matrix::<{ BLOCK / 4 }>(),
            _ => target.fill_matrix::<{ BLOCK / 8 }>(),
        }
        target
    }

    /// Its matrix, in pixels of the working picture.
    pub(super) const fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What a field makes of a reference.
    pub(super) fn slope(&self, reference: &Pyramid, field: &[f32]) -> Slope {
        let reference = reference.level(self.level);
        match self.level {
            0 => self.slope_of::<BLOCK>(reference, field),
            1 => self.slope_of::<{ BLOCK / 2 }>(reference, field),
            2 => self.slope_of::<{ BLOCK / 4 }>(reference, field),
            _ => self.slope_of::<{ BLOCK / 8 }>(reference, field),
        }
    }

    fn fill_matrix<const SIDE: usize>(&mut self) {
        let polynomials: [[f32; SIDE]; 3] = std::array::from_fn(|which| {
            std::array::from_fn(|at| {
                let u = place::<SIDE>(at);
                [(1.0 - u) * (1.0 - u), u * (1.0 - u), u * u][which]
            })
        });
        let area = (1 << (2 * self.level)) as f32;
        let blocks = self.grid.columns - 1;
        let mut sums = vec![[[[0.0_f32; 3]; 3]; 3]; blocks];
        for row in 0..self.grid.rows - 1 {
            sums.fill([[[0.0; 3]; 3]; 3]);
            for line in 0..SIDE {
                let y = row * SIDE + line;
                let across = self.gradients[0].row(y).as_chunks::<SIDE>().0;
                let down = self.gradients[1].row(y).as_chunks::<SIDE>().0;
                for (sums, (across, down)) in sums.iter_mut().zip(across.iter().zip(down)) {
                    let products: [[f32; SIDE]; 3] = [
                        std::array::from_fn(|at| across[at] * across[at]),
                        std::array::from_fn(|at| across[at] * down[at]),
                        std::array::from_fn(|at| down[at] * down[at]),
                    ];
                    for (sums, product) in sums.iter_mut().zip(&products) {
                        let by_column = polynomials.each_ref().map(|weights| dot(product, weights));
                        for (sums, weights) in sums.iter_mut().zip(&polynomials) {
                            let weight = weights[line] * area;
                            for (sum, value) in sums.iter_mut().zip(by_column) {
                                *sum += weight * value;
                            }
                        }
                    }
                }
            }
            for (block, sums) in sums.iter().enumerate() {
                self.matrix.add_block(row * self.grid.columns + block, sums);
            }
        }
    }

    fn slope_of<const SIDE: usize>(&self, reference: &Image, field: &[f32]) -> Slope {
        let right: [f32; SIDE] = std::array::from_fn(place::<SIDE>);
        let scale = 1.0 / (1 << self.level) as f32;
        let area = (1 << (2 * self.level)) as f32;
        let nodes = self.grid.nodes();
        let mut slope = vec![0.0; 2 * nodes];
        let mut motion = [Vec::new(), Vec::new()];
        let mut error = 0.0;
        for row in 0..self.grid.rows - 1 {
            for line in 0..SIDE {
                let y = row * SIDE + line;
                let v = right[line];
                self.grid.line(field, row, v, &mut motion);
                let luma = self.luma.row(y).as_chunks::<SIDE>().0;
                let across = self.gradients[0].row(y).as_chunks::<SIDE>().0;
                let down = self.gradients[1].row(y).as_chunks::<SIDE>().0;
                let weights = self.weights.row(y).as_chunks::<SIDE>().0;
                let mut row_error = 0.0;
                for (block, luma) in luma.iter().enumerate() {
                    let [left_x, left_y] = [motion[0][block], motion[1][block]];
                    let step_x = motion[0][block + 1] - left_x;
                    let step_y = motion[1][block + 1] - left_y;
                    let start = (block * SIDE) as f32;
                    let errors: [f32; SIDE] = std::array::from_fn(|at| {
                        let x = start + at as f32 + (left_x + step_x * right[at]) * scale;
                        let y = y as f32 + (left_y + step_y * right[at]) * scale;
                        reference.at(x, y) - luma[at]
                    });
                    let weights = &weights[block];
                    let weighed: [f32; SIDE] = std::array::from_fn(|at| errors[at] * weights[at]);
                    row_error += dot(&weighed, &weighed);
                    let errors: [f32; SIDE] = std::array::from_fn(|at| {
                        errors[at].clamp(-MOST_ERROR, MOST_ERROR) * weights[at]
                    });
                    for (part, gradient) in [&across[block], &down[block]].into_iter().enumerate() {
                        let products: [f32; SIDE] =
                            std::array::from_fn(|at| gradient[at] * errors[at]);
                        let whole = products.iter().sum::<f32>() * area;
                        let second = dot(&products, &right) * area;
                        let first = whole - second;
                        let node = part * nodes + row * self.grid.columns + block;
                        slope[node] += (1.0 - v) * first;
                        slope[node + 1] += (1.0 - v) * second;
                        slope[node + self.grid.columns] += v * first;
                        slope[node + self.grid.columns + 1] += v * second;
                    }
                }
                error += row_error * area;
            }
        }
        Slope { slope, error }
    }
}

/// Roots of the weights of the pixels of a level that is smaller by `scale`.
fn weights(luma: &Image, scale: f32, face: Option<&Ellipse>) -> Image {
    let mut weights = Image::zeros(luma.width(), luma.height());
    weights.samples_mut().fill(1.0);
    let Some(face) = face else { return weights };
    let inverse = face.inverse();
    for y in 0..luma.height() {
        for (x, weight) in weights.row_mut(y).iter_mut().enumerate() {
            let (x, y) = inverse((x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale);
            let part = ((AROUND - (x * x + y * y)) / (AROUND - 1.0)).clamp(0.0, 1.0);
            *weight = OUTSIDE + (1.0 - OUTSIDE) * part;
        }
    }
    weights
}

/// How far the middle of a pixel is from one side of its block to the other.
const fn place<const SIDE: usize>(at: usize) -> f32 {
    (at as f32 + 0.5) / SIDE as f32
}

fn dot<const SIDE: usize>(a: &[f32; SIDE], b: &[f32; SIDE]) -> f32 {
    const LANES: usize = 4;
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}
