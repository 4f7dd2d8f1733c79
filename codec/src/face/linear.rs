//! The little linear algebra of motion: symmetric matrices of order 16 to 300.
//!
//! Only additions, products, quotients and square roots in one order: every processor computes the
//! same bits.

/// A square matrix, by rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Square {
    order: usize,
    values: Vec<f64>,
}

impl Square {
    /// Of what `value(row, column)` says.
    pub(super) fn from_fn(order: usize, mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let values = (0..order * order).map(|at| value(at / order, at % order)).collect();
        Self { order, values }
    }

    /// A row.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.order..][..self.order]
    }

    fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.order..][..self.order]
    }

    /// Adds to the diagonal.
    pub(super) fn add_diagonal(&mut self, mut value: impl FnMut(usize) -> f64) {
        for at in 0..self.order {
            self.values[at * self.order + at] += value(at);
        }
    }

    /// The lower triangular matrix whose product with its own transposed this is (Cholesky); `None`
    /// where this is not positive definite.
    pub(super) fn cholesky(&self) -> Option<Lower> {
        let mut lower = Self { order: self.order, values: vec![0.0; self.values.len()] };
        for row in 0..self.order {
            for column in 0..=row {
                let known = dot(&lower.row(row)[..column], &lower.row(column)[..column]);
                let left = self.row(row)[column] - known;
                let value = if column < row {
                    left / lower.row(column)[column]
                } else if left > 0.0 {
                    left.sqrt()
                } else {
                    return None;
                };
                lower.row_mut(row)[column] = value;
            }
        }
        Some(Lower(lower))
    }

    /// Eigenvalues, the largest first, and of each the eigenvector of length 1 (Jacobi's rotations,
    /// "Über ein leichtes Verfahren …", 1846, in cycles).
    pub(super) fn eigen(mut self) -> Vec<(f64, Vec<f64>)> {
        const CYCLES: usize = 12; // convergence is quadratic: six are enough
        let order = self.order;
        let mut vectors = Self::from_fn(order, |row, column| f64::from(u8::from(row == column)));
        for _ in 0..CYCLES {
            let mut beside = 0.0;
            for row in 1..order {
                for column in 0..row {
                    beside += self.row(row)[column].powi(2);
                    self.rotate(&mut vectors, column, row);
                }
            }
            let along: f64 = (0..order).map(|at| self.row(at)[at].powi(2)).sum();
            if beside <= along * 1e-20 {
                break;
            }
        }
        let mut pairs: Vec<_> =
            (0..order).map(|at| (self.row(at)[at], vectors.row(at).to_vec())).collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        pairs
    }

    /// Turns rows and columns `p` and `q` so that nothing joins them.
    fn rotate(&mut self, vectors: &mut Self, p: usize, q: usize) {
        let (joined, a, b) = (self.row(p)[q], self.row(p)[p], self.row(q)[q]);
        if joined.abs() <= f64::EPSILON * 1e-3 * (a * b).abs().sqrt() || joined == 0.0 {
            return;
        }
        let slope = (b - a) / (2.0 * joined);
        let tangent = slope.signum() / (slope.abs() + (slope * slope + 1.0).sqrt());
        let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
        let sine = tangent * cosine;
        let order = self.order;
        let turn = |x: &mut f64, y: &mut f64| {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        };
        for row in 0..order {
            let (left, right) = self.row_mut(row).split_at_mut(q);
            turn(&mut left[p], &mut right[0]);
        }
        for matrix in [self, vectors] {
            let (upper, lower) = matrix.values.split_at_mut(q * order);
            let rows = upper[p * order..][..order].iter_mut().zip(&mut lower[..order]);
            rows.for_each(|(x, y)| turn(x, y));
        }
    }
}

/// A lower triangular matrix without zeros on its diagonal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lower(Square);

impl Lower {
    /// A row up to its diagonal.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.0.row(row)[..=row]
    }

    /// The vector whose product with this and its transposed is `right`.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut out = right.to_vec();
        for row in 0..out.len() {
            let known = dot(&self.row(row)[..row], &out[..row]);
            out[row] = (out[row] - known) / self.row(row)[row];
        }
        for row in (0..out.len()).rev() {
            out[row] /= self.row(row)[row];
            let value = out[row];
            for (out, factor) in out[..row].iter_mut().zip(self.row(row)) {
                *out -= factor * value;
            }
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 4;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(order: usize) -> Square {
        let factor =
            Square::from_fn(order, |row, column| ((row * 7 + column * 3) % 11) as f64 - 5.0);
        let mut example =
            Square::from_fn(order, |row, column| dot(factor.row(row), factor.row(column)));
        example.add_diagonal(|at| 1.0 + at as f64);
        example
    }

    #[test]
    fn what_is_solved_solves_the_equations() {
        let matrix = example(9);
        let right: Vec<f64> = (0..9).map(|at| f64::from(at) - 3.5).collect();
        let solved = matrix.cholesky().expect("it is positive definite").solve(&right);
        for (row, right) in right.iter().enumerate() {
            assert!((dot(matrix.row(row), &solved) - right).abs() < 1e-9);
        }
        assert!(Square::from_fn(2, |_, _| 1.0).cholesky().is_none());
    }

    #[test]
    fn eigenvectors_are_only_stretched() {
        let matrix = example(12);
        let pairs = matrix.clone().eigen();
        assert!(pairs.is_sorted_by(|a, b| a.0 >= b.0));
        for (value, vector) in &pairs {
            assert!((dot(vector, vector) - 1.0).abs() < 1e-9);
            for (row, part) in vector.iter().enumerate() {
                assert!((dot(matrix.row(row), vector) - value * part).abs() < 1e-7 * pairs[0].0);
            }
        }
    }
}
