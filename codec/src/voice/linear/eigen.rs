use super::Matrix;

/// What a symmetric matrix stretches, and how far.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Eigen {
    /// The largest first.
    pub(in crate::voice) values: Vec<f64>,
    /// Of each value the direction, one a row, of length 1.
    pub(in crate::voice) vectors: Matrix,
}

/// Far more than the iteration takes for one value; none is known to need 30.
const MAX_ROUNDS: usize = 60;

/// Eigenvalues and eigenvectors of a symmetric matrix: to tridiagonal form by reflections, then to
/// diagonal form by implicit shifts (Householder and QL: `tred2` and `tql2` of EISPACK; Wilkinson
/// and Reinsch, "Linear Algebra", 1971). `None` where the iteration does not end, as for numbers
/// that are not finite.
pub(in crate::voice) fn eigen(symmetric: &Matrix) -> Option<Eigen> {
    let order = symmetric.order();
    let (mut rows, mut diagonal, mut beside) = tridiagonal(symmetric);
    diagonalise(&mut rows, &mut diagonal, &mut beside)?;
    if !diagonal.iter().all(|value| value.is_finite()) {
        return None;
    }

    let mut by_size: Vec<usize> = (0..order).collect();
    by_size.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    let values = by_size.iter().map(|&at| diagonal[at]).collect();
    let vectors = Matrix::from_fn(order, |row, column| rows.row(by_size[row])[column]);
    Some(Eigen { values, vectors })
}

/// The rows of an orthogonal matrix that makes `symmetric` tridiagonal, the diagonal, and what is
/// beside it, of which the first is zero.
fn tridiagonal(symmetric: &Matrix) -> (Matrix, Vec<f64>, Vec<f64>) {
    let order = symmetric.order();
    let mut left = symmetric.clone();
    let mut rows = Matrix::from_fn(order, |row, column| f64::from(u8::from(row == column)));
    let mut beside = vec![0.0; order];
    for at in (1..order).rev() {
        // Reflect so that row `at` has nothing before its neighbour of the diagonal.
        let mut mirror = left.row(at)[..at].to_vec();
        let norm = mirror.iter().map(|value| value * value).sum::<f64>().sqrt();
        let last = mirror[at - 1];
        if norm == last.abs() {
            beside[at] = last;
            continue;
        }
        beside[at] = if last > 0.0 { -norm } else { norm };
        mirror[at - 1] = last - beside[at];
        let half = norm * (norm + last.abs()); // half the squared length of the mirror
        let image: Vec<f64> =
            (0..at).map(|row| super::dot(&left.row(row)[..at], &mirror) / half).collect();
        let shared = super::dot(&image, &mirror) / (2.0 * half);
        let image: Vec<f64> =
            image.iter().zip(&mirror).map(|(image, mirror)| image - shared * mirror).collect();
        for row in 0..at {
            let (a, b) = (mirror[row], image[row]);
            for ((value, mirror), image) in left.row_mut(row).iter_mut().zip(&mirror).zip(&image) {
                *value -= a * image + b * mirror;
            }
        }
        let mut shadow = vec![0.0; order];
        for (row, &factor) in mirror.iter().enumerate() {
            super::add_scaled(&mut shadow, factor / half, rows.row(row));
        }
        for (row, &factor) in mirror.iter().enumerate() {
            super::add_scaled(rows.row_mut(row), -factor, &shadow);
        }
    }
    let diagonal = (0..order).map(|at| left.row(at)[at]).collect();
    (rows, diagonal, beside)
}

/// Turns rows until nothing is beside the diagonal.
fn diagonalise(rows: &mut Matrix, diagonal: &mut [f64], beside: &mut [f64]) -> Option<()> {
    let order = diagonal.len();
    beside.rotate_left(1); // now `beside[at]` joins `at` and `at + 1`
    for first in 0..order {
        for round in 0.. {
            let joined = |at: usize, diagonal: &[f64], beside: &[f64]| {
                let size = diagonal[at].abs() + diagonal[at + 1].abs();
                beside[at].abs() > f64::EPSILON * size
            };
            let last =
                (first..order - 1).find(|&at| !joined(at, diagonal, beside)).unwrap_or(order - 1);
            if last == first {
                break;
            }
            if round == MAX_ROUNDS {
                return None;
            }
            let slope = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
            let length = length(slope, 1.0);
            let tilt = slope + if slope < 0.0 { -length } else { length };
            let mut left = diagonal[last] - diagonal[first] + beside[first] / tilt;
            let (mut sine, mut cosine, mut carried) = (1.0, 1.0, 0.0);
            let mut split = false;
            for at in (first..last).rev() {
                let (across, along) = (sine * beside[at], cosine * beside[at]);
                let radius = self::length(across, left);
                beside[at + 1] = radius;
                if radius == 0.0 {
                    diagonal[at + 1] -= carried;
                    beside[last] = 0.0;
                    split = true;
                    break;
                }
                (sine, cosine) = (across / radius, left / radius);
                left = diagonal[at + 1] - carried;
                let turned = (diagonal[at] - left) * sine + 2.0 * cosine * along;
                carried = sine * turned;
                diagonal[at + 1] = left + carried;
                left = cosine * turned - along;
                turn(rows, at, sine, cosine);
            }
            if !split {
                diagonal[first] -= carried;
                beside[first] = left;
                beside[last] = 0.0;
            }
        }
    }
    Some(())
}

/// Turns the rows `at` and `at + 1` in their plane.
fn turn(rows: &mut Matrix, at: usize, sine: f64, cosine: f64) {
    let order = rows.order;
    let (upper, lower) = rows.values[at * order..][..2 * order].split_at_mut(order);
    for (a, b) in upper.iter_mut().zip(lower) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// Of the diagonal of a rectangle. (The host's `hypot` is not the same everywhere.)
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}
