//! Motion within what a face does: the normal equations of nodes, projected onto a basis.

use super::{
    free::dot,
    grid::{Field, Grid},
    image::Pyramid,
    linear::{Lower, Square},
    normal::Target,
    regions::Ellipse,
};

/// What a face does: fields that are added up.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    /// One field each, the one that matters most first.
    pub(super) fields: Vec<Field>,
    /// How far each is used: variances of the coefficients.
    pub(super) variances: Vec<f32>,
}

impl Basis {
    /// The sum of fields.
    pub(super) fn field(&self, grid: Grid, coefficients: &[f32]) -> Field {
        let mut sum = grid.still();
        for (field, &coefficient) in self.fields.iter().zip(coefficients) {
            if coefficient != 0.0 {
                sum.iter_mut().zip(field).for_each(|(sum, value)| *sum += coefficient * value);
            }
        }
        sum
    }

    /// Products of all fields with a slope.
    pub(super) fn project(&self, slope: &[f32]) -> Vec<f64> {
        self.fields.iter().map(|field| f64::from(dot(field, slope))).collect()
    }
}

/// What is doubtful of a squared error, since the errors of neighbours are alike: a coefficient is
/// as sure as if there were one error in so much.
const DOUBT: f64 = 400.0;

/// A picture at one level, as what a reference is to be warped to within a basis.
#[derive(Clone, Debug)]
pub(super) struct BasisTarget {
    target: Target,
    /// Of the projected matrix, with what is expected of coefficients.
    factor: Lower,
}

/// Where a search ended.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Coefficients of the basis.
    pub(super) coefficients: Vec<f32>,
    /// Squared error that is left.
    pub(super) error: f32,
}

impl BasisTarget {
    /// Of a level of a picture whose face counts more, if it is known where that is.
    pub(super) fn new(
        grid: Grid,
        basis: &Basis,
        pyramid: &Pyramid,
        level: usize,
        face: Option<&Ellipse>,
    ) -> Self {
        let target = Target::new(grid, pyramid, level, face);
        let factor = factor(&target, basis);
        Self { target, factor }
    }

    /// The target itself.
    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// The lower triangular factor of the projected matrix.
    pub(super) const fn factor(&self) -> &Lower {
        &self.factor
    }

    /// Goes from coefficients to better ones, in at most so many steps. What the search is about
    /// comes on top of `fixed`, a field that stays.
    pub(super) fn search(
        &self,
        grid: Grid,
        basis: &Basis,
        reference: &Pyramid,
        start: &[f32],
        steps: usize,
    ) -> Found {
        let mut best = Found { coefficients: start.to_vec(), error: f32::INFINITY };
        let mut coefficients = start.to_vec();
        for step in 0..=steps {
            let found = self.target.slope(reference, &basis.field(grid, &coefficients));
            if found.error >= best.error {
                break;
            }
            best = Found { coefficients: coefficients.clone(), error: found.error };
            if step == steps {
                break;
            }
            let step = self.step(basis, &found.slope, &coefficients);
            for (coefficient, step) in coefficients.iter_mut().zip(step) {
                *coefficient += step as f32;
            }
        }
        best
    }

    /// The step from coefficients whose slope by nodes is given.
    pub(super) fn step(&self, basis: &Basis, slope: &[f32], coefficients: &[f32]) -> Vec<f64> {
        let mut right = basis.project(slope);
        for (at, right) in right.iter_mut().enumerate() {
            let rest = DOUBT / f64::from(basis.variances[at]);
            *right = -(*right + rest * f64::from(coefficients[at]));
        }
        self.factor.solve(&right)
    }
}

fn factor(target: &Target, basis: &Basis) -> Lower {
    let products: Vec<Vec<f32>> = basis
        .fields
        .iter()
        .map(|field| {
            let mut product = vec![0.0; field.len()];
            target.matrix().times(field, &mut product);
            product
        })
        .collect();
    let order = basis.fields.len();
    let mut lower = vec![0.0; order * order];
    for row in 0..order {
        for column in 0..=row {
            let value = f64::from(dot(&basis.fields[row], &products[column]));
            lower[row * order + column] = value;
            lower[column * order + row] = value;
        }
    }
    let mut matrix = Square::from_fn(order, |row, column| lower[row * order + column]);
    matrix.add_diagonal(|at| DOUBT / f64::from(basis.variances[at]));
    matrix.cholesky().unwrap_or_else(|| {
        // Rounding alone can do that, where the basis has fields that are nearly the same.
        let mut alone = Square::from_fn(order, |_, _| 0.0);
        alone.add_diagonal(|at| {
            matrix.row(at).iter().map(|value| value.abs()).sum::<f64>().max(f64::MIN_POSITIVE)
        });
        alone.cholesky().expect("a positive diagonal is positive definite")
    })
}
