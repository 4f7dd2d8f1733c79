//! The little linear algebra that voices are learned with: square matrices of order 80 and 160.
//!
//! Only additions, products, quotients and square roots of doubles in one order: every processor
//! computes the same bits, so that a model means the same to who made it and to who reads it.

mod eigen;

#[cfg(test)]
mod tests;

pub(in crate::voice) use eigen::eigen;

/// A square matrix, by rows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Matrix {
    order: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// Nothing but zeros.
    pub(in crate::voice) fn zeros(order: usize) -> Self {
        Self { order, values: vec![0.0; order * order] }
    }

    /// Ones on the diagonal.
    #[cfg(test)]
    pub(in crate::voice) fn identity(order: usize) -> Self {
        Self::from_fn(order, |row, column| f64::from(u8::from(row == column)))
    }

    /// Of what `value(row, column)` says.
    pub(in crate::voice) fn from_fn(
        order: usize,
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let values = (0..order * order).map(|at| value(at / order, at % order)).collect();
        Self { order, values }
    }

    /// Rows, which are as many as columns.
    pub(in crate::voice) const fn order(&self) -> usize {
        self.order
    }

    /// A row.
    pub(in crate::voice) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.order..][..self.order]
    }

    /// A row, to be changed.
    pub(in crate::voice) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.order..][..self.order]
    }

    /// The square of that order whose upper left corner is at a row and a column.
    pub(in crate::voice) fn part(&self, row: usize, column: usize, order: usize) -> Self {
        Self::from_fn(order, |r, c| self.row(row + r)[column + c])
    }

    /// This times the transposed of another: of each row with each row, their product.
    pub(in crate::voice) fn times_transposed(&self, other: &Self) -> Self {
        Self::from_fn(self.order, |row, column| dot(self.row(row), other.row(column)))
    }

    /// The product of two lower triangular matrices, which is one.
    pub(in crate::voice) fn times_lower(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.order);
        for row in 0..self.order {
            for (at, &factor) in self.row(row)[..=row].iter().enumerate() {
                add_scaled(&mut product.row_mut(row)[..=at], factor, &other.row(at)[..=at]);
            }
        }
        product
    }

    /// `self` += `factor` × `vector` × `vector`ᵀ, below and on the diagonal only.
    pub(in crate::voice) fn add_square(&mut self, factor: f64, vector: &[f64]) {
        for (row, &value) in vector.iter().enumerate() {
            add_scaled(&mut self.row_mut(row)[..=row], factor * value, &vector[..=row]);
        }
    }

    /// The lower triangular matrix whose product with its own transposed this is (Cholesky). Looks
    /// at the lower half only; `None` where this is not positive definite.
    pub(in crate::voice) fn cholesky(&self) -> Option<Self> {
        let mut lower = Self::zeros(self.order);
        for row in 0..self.order {
            for column in 0..=row {
                let known = dot(&lower.row(row)[..column], &lower.row(column)[..column]);
                let left = self.row(row)[column] - known;
                lower.row_mut(row)[column] = if column < row {
                    left / lower.row(column)[column]
                } else if left > 0.0 {
                    left.sqrt()
                } else {
                    return None;
                };
            }
        }
        Some(lower)
    }

    /// The inverse of a lower triangular matrix.
    pub(in crate::voice) fn inverse_lower(&self) -> Self {
        let mut inverse = Self::zeros(self.order);
        for row in 0..self.order {
            let mut sum = vec![0.0; row + 1];
            for (at, &factor) in self.row(row)[..row].iter().enumerate() {
                add_scaled(&mut sum[..=at], -factor, &inverse.row(at)[..=at]);
            }
            sum[row] += 1.0;
            let pivot = self.row(row)[row];
            for (out, value) in inverse.row_mut(row).iter_mut().zip(&sum) {
                *out = value / pivot;
            }
        }
        inverse
    }

    /// For a lower triangular matrix, the product with a vector.
    pub(in crate::voice) fn lower_times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.order).map(|row| dot(&self.row(row)[..=row], &vector[..=row])).collect()
    }
}

/// The sum of products.
pub(in crate::voice) fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, which processors can add up at once.
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a4.iter().zip(b4) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

fn add_scaled(out: &mut [f64], factor: f64, vector: &[f64]) {
    for (out, value) in out.iter_mut().zip(vector) {
        *out += factor * value;
    }
}
