//! Affine layers: `out[r] = bias[r] + sum over c of weight[r][c] * in[c]`.

use super::kernels::Kernels;

/// Outputs whose weights lie together.
pub(super) const ROWS: usize = 8;
/// Inputs whose weights lie together.
pub(super) const COLUMNS: usize = 4;
/// Most outputs of a quantised layer.
pub(super) const MAX_ROWS: usize = 480;
/// Most inputs of a quantised layer.
pub(super) const MAX_INPUTS: usize = 704;

/// Weights of 8 outputs for 4 inputs: `[output][input]`, -127 to 127.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Block(pub [i8; Self::LEN]);

impl Block {
    /// Weights in a block.
    pub const LEN: usize = ROWS * COLUMNS;
}

/// A layer with weights of 8 bits, for inputs within -1 to 1, which are rounded to 1/127.
#[derive(Debug)]
pub struct Quantised {
    columns: usize,
    /// `[rows / 8][columns / 4]`.
    blocks: Box<[Block]>,
    /// Of each output: its value per unit of the sum of products, 1/127 of inputs included.
    scale: Box<[f32]>,
    bias: Box<[f32]>,
}

impl Quantised {
    /// A layer without bias.
    ///
    /// # Panics
    /// When lengths do not fit each other.
    pub fn new(columns: usize, blocks: Box<[Block]>, scale: Box<[f32]>) -> Self {
        let rows = scale.len();
        assert!(columns.is_multiple_of(COLUMNS) && columns <= MAX_INPUTS);
        assert!(rows.is_multiple_of(ROWS) && rows <= MAX_ROWS);
        assert_eq!(blocks.len() * Block::LEN, rows * columns);
        Self { columns, blocks, bias: vec![0.0; rows].into(), scale }
    }

    /// The layer with another bias.
    ///
    /// # Panics
    /// When it is not as long as there are outputs.
    #[must_use]
    pub fn with_bias(self, bias: Box<[f32]>) -> Self {
        assert_eq!(bias.len(), self.rows());
        Self { bias, ..self }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.scale.len()
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The layer whose inputs are not rounded, with the same weights.
    pub fn exact(&self) -> Float {
        let rows = self.rows();
        let mut weights = vec![0.0; self.columns * rows];
        let blocks_across = self.columns / COLUMNS;
        for (at, block) in self.blocks.iter().enumerate() {
            let (first_row, first_column) =
                (at / blocks_across * ROWS, at % blocks_across * COLUMNS);
            for (place, &weight) in block.0.iter().enumerate() {
                let (row, column) = (first_row + place / COLUMNS, first_column + place % COLUMNS);
                weights[column * rows + row] = f32::from(weight) * 127.0 * self.scale[row];
            }
        }
        Float::new(self.columns, weights.into(), self.bias.clone())
    }

    /// The outputs before any activation.
    pub fn apply(&self, kernels: Kernels, input: &[f32], out: &mut [f32]) {
        assert_eq!((input.len(), out.len()), (self.columns, self.rows()));
        let mut sums = [0; MAX_ROWS];
        let sums = &mut sums[..self.rows()];
        let mut rounded = [[0; COLUMNS]; MAX_INPUTS / COLUMNS];
        let rounded = &mut rounded[..self.columns / COLUMNS];
        kernels.round(input, rounded.as_flattened_mut());
        kernels.sum_products(self, rounded, sums);
        for (((out, &sum), &scale), &bias) in
            out.iter_mut().zip(&*sums).zip(&self.scale).zip(&self.bias)
        {
            *out = sum as f32 * scale + bias;
        }
    }

    /// The same, through `tanh`.
    pub fn tanh(&self, kernels: Kernels, input: &[f32], out: &mut [f32]) {
        self.apply(kernels, input, out);
        kernels.tanh(out);
    }

    /// A gated linear unit: each value times the sigmoid of its output, in place.
    pub fn gate(&self, kernels: Kernels, values: &mut [f32]) {
        let mut gates = [0.0; MAX_ROWS];
        let gates = &mut gates[..self.rows()];
        self.apply(kernels, values, gates);
        kernels.sigmoid(gates);
        for (value, &gate) in values.iter_mut().zip(&*gates) {
            *value *= gate;
        }
    }
}

/// A layer with weights as they are.
#[derive(Debug)]
pub struct Float {
    columns: usize,
    /// `[columns][rows]`.
    weights: Box<[f32]>,
    bias: Box<[f32]>,
}

impl Float {
    /// # Panics
    /// When lengths do not fit each other.
    pub fn new(columns: usize, weights: Box<[f32]>, bias: Box<[f32]>) -> Self {
        assert_eq!(weights.len(), columns * bias.len());
        Self { columns, weights, bias }
    }

    /// The outputs before any activation.
    pub fn apply(&self, kernels: Kernels, input: &[f32], out: &mut [f32]) {
        assert_eq!((input.len(), out.len()), (self.columns, self.bias.len()));
        kernels.sum_float_products(&self.weights, input, out);
        for (out, &bias) in out.iter_mut().zip(&self.bias) {
            *out += bias;
        }
    }
}
