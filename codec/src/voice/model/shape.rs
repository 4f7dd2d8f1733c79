use crate::voice::{
    linear::{Matrix, eigen},
    packet::{BLOCK, Block, PAIR},
};

/// One of the ways in which two blocks sound: a normal distribution of their 160 numbers, taken
/// apart into what a coder needs of it.
///
/// ```text
///  first block  = mean + Σ number × direction
///  second block = mean + predictor × (first block, decoded, - its mean) + Σ number × direction
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Shape {
    /// Of a block that nothing is known of.
    pub(in crate::voice) first: Part,
    /// Of a block, given the one before it.
    pub(in crate::voice) next: Part,
    /// A row per number of the next block.
    predictor: Box<[Block; BLOCK]>,
}

/// What is uncertain in a block, as numbers that have nothing to do with each other.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Part {
    /// In the middle of what can be.
    pub(in crate::voice) mean: Block,
    /// A row per number: orthonormal, what varies most first.
    pub(in crate::voice) directions: Box<[Block; BLOCK]>,
    /// How far each varies.
    pub(in crate::voice) levels: [Level; BLOCK],
}

/// A standard deviation σ: 8 × log₂ σ + 32, rounded, 0 to 127.
pub(in crate::voice) type Level = u8;

/// What a decoded block is off in each of its numbers (variance): the prediction trusts it as much.
const QUANTISATION: f64 = 0.02;
/// So much varies whatever was learned (variance): far below any step.
const LEAST: f64 = 1e-5;
/// No prediction of speech weighs what was heard by more.
const MAX_GAIN: f64 = 100.0;

impl Shape {
    /// Of the mean and the lower triangular factor of the covariances. Levels are those of the
    /// distribution. `None` where the prediction could run away, as for hostile factors.
    pub(in crate::voice) fn new(mean: &[f32; PAIR], factor: &Matrix) -> Option<Self> {
        let first_factor = factor.part(0, 0, BLOCK);
        let across = factor.part(BLOCK, 0, BLOCK);
        let next_factor = factor.part(BLOCK, BLOCK, BLOCK);
        let first = first_factor.times_transposed(&first_factor);
        let across = across.times_transposed(&first_factor); // next with first
        let mut next = next_factor.times_transposed(&next_factor);
        let lower = factor.part(BLOCK, 0, BLOCK);
        add(&mut next, &lower.times_transposed(&lower));

        // predictor = across × (first + quantisation)⁻¹, by its factor's inverse.
        let heard = Matrix::from_fn(BLOCK, |row, column| {
            first.row(row)[column] + if row == column { QUANTISATION } else { 0.0 }
        });
        let inverse = heard.cholesky()?.inverse_lower();
        let halfway = across.times_transposed(&inverse); // across × inverseᵀ
        let inverse_transposed = Matrix::from_fn(BLOCK, |row, column| inverse.row(column)[row]);
        let predictor = halfway.times_transposed(&inverse_transposed);
        let explained = halfway.times_transposed(&halfway);
        let left = Matrix::from_fn(BLOCK, |row, column| {
            next.row(row)[column] - explained.row(row)[column]
        });
        let bounded =
            |row| predictor.row(row).iter().map(|gain| gain.abs()).sum::<f64>() < MAX_GAIN;
        if !(0..BLOCK).all(bounded) {
            return None;
        }
        let (first_mean, next_mean) = mean.split_at(BLOCK);
        Some(Self {
            first: Part::new(first_mean, &first)?,
            next: Part::new(next_mean, &left)?,
            predictor: rows(&predictor),
        })
    }

    /// How far each number varies, of the first block and of the next.
    pub(in crate::voice) fn levels(&self) -> [Level; PAIR] {
        std::array::from_fn(|at| match at.checked_sub(BLOCK) {
            None => self.first.levels[at],
            Some(at) => self.next.levels[at],
        })
    }

    /// What to expect of the block after `before`, which follows this shape.
    pub(in crate::voice) fn predict(&self, before: &Block) -> Block {
        let deviation: Block = std::array::from_fn(|at| before[at] - self.first.mean[at]);
        std::array::from_fn(|at| self.next.mean[at] + product(&self.predictor[at], &deviation))
    }
}

impl Part {
    fn new(mean: &[f32], covariance: &Matrix) -> Option<Self> {
        let eigen = eigen(covariance)?;
        let level = |at: usize| level_of(eigen.values[at].max(LEAST));
        let mut whole = [0.0; BLOCK];
        whole.copy_from_slice(mean);
        Some(Self {
            mean: whole,
            directions: rows(&eigen.vectors),
            levels: std::array::from_fn(level),
        })
    }
}

/// The level of a variance.
fn level_of(variance: f64) -> Level {
    // 8 log₂ σ = 4 log₂ σ², in single precision to be far from what any host rounds differently.
    (4.0 * (variance as f32).log2() + 32.0).round().clamp(0.0, 127.0) as Level
}

/// The sum of products.
pub(in crate::voice) fn product(a: &Block, b: &Block) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn add(sum: &mut Matrix, other: &Matrix) {
    for row in 0..sum.order() {
        for (sum, value) in sum.row_mut(row).iter_mut().zip(other.row(row)) {
            *sum += value;
        }
    }
}

fn rows(matrix: &Matrix) -> Box<[Block; BLOCK]> {
    let mut rows = Box::new([[0.0; BLOCK]; BLOCK]);
    for (at, row) in rows.iter_mut().enumerate() {
        for (out, &value) in row.iter_mut().zip(matrix.row(at)) {
            *out = value as f32;
        }
    }
    rows
}
