use proptest::{collection::vec, prelude::*};

use super::{Matrix, dot, eigen, eigen::Eigen};

const ORDER: usize = 12;

fn check_near(a: &Matrix, b: &Matrix, tolerance: f64) {
    for row in 0..a.order() {
        for (a, b) in a.row(row).iter().zip(b.row(row)) {
            assert!((a - b).abs() <= tolerance, "{a} is {b}");
        }
    }
}

fn transposed(matrix: &Matrix) -> Matrix {
    Matrix::from_fn(matrix.order(), |row, column| matrix.row(column)[row])
}

/// Of those numbers, one that is symmetric and positive definite.
fn definite(numbers: &[f64]) -> Matrix {
    let any = Matrix::from_fn(ORDER, |row, column| numbers[row * ORDER + column]);
    let square = any.times_transposed(&any);
    Matrix::from_fn(ORDER, |row, column| {
        square.row(row)[column] + if row == column { 0.1 } else { 0.0 }
    })
}

fn check_eigen(symmetric: &Matrix) {
    let Eigen { values, vectors } = eigen(symmetric).expect("finite numbers");
    assert!(values.is_sorted_by(|a, b| a >= b), "the largest first: {values:?}");
    let identity = Matrix::identity(symmetric.order());
    check_near(&vectors.times_transposed(&vectors), &identity, 1e-9);
    for (at, value) in values.iter().enumerate() {
        for row in 0..symmetric.order() {
            let stretched = dot(symmetric.row(row), vectors.row(at));
            assert!((stretched - value * vectors.row(at)[row]).abs() < 1e-8, "{at} {row}");
        }
    }
}

#[test]
fn eigenvectors_of_what_has_many_are_at_right_angles() {
    check_eigen(&Matrix::zeros(5));
    check_eigen(&Matrix::identity(7));
    check_eigen(&Matrix::from_fn(80, |row, column| 0.9_f64.powi(row.abs_diff(column) as i32)));
    check_eigen(&Matrix::from_fn(9, |_, _| 1.0));
}

#[test]
fn what_is_not_finite_or_not_definite_is_refused() {
    assert_eq!(eigen(&Matrix::from_fn(4, |_, _| f64::NAN)), None);
    assert_eq!(Matrix::zeros(3).cholesky(), None);
    assert_eq!(Matrix::from_fn(3, |_, _| f64::NAN).cholesky(), None);
}

proptest! {
    #[test]
    fn a_matrix_is_made_of_its_factors_again(numbers in vec(-3.0..3.0, ORDER * ORDER)) {
        let matrix = definite(&numbers);
        check_eigen(&matrix);
        let lower = matrix.cholesky().expect("definite");
        check_near(&lower.times_transposed(&lower), &matrix, 1e-9);
        let inverse = lower.inverse_lower();
        check_near(&lower.times_lower(&inverse), &Matrix::identity(ORDER), 1e-6);
        let product = lower.times_transposed(&transposed(&lower));
        check_near(&lower.times_lower(&lower), &product, 1e-9);
        let mut sum = Matrix::zeros(ORDER);
        for row in transposed(&lower).values.chunks(ORDER) {
            sum.add_square(1.0, row);
        }
        let half = |row: usize, column: usize| if column <= row { matrix.row(row)[column] } else { 0.0 };
        check_near(&sum, &Matrix::from_fn(ORDER, half), 1e-9);
        let times = lower.lower_times(matrix.row(0));
        prop_assert!((times[2] - dot(&lower.row(2)[..3], &matrix.row(0)[..3])).abs() < 1e-9);
    }
}
