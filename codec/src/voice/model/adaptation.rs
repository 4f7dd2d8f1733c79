use super::{Level, Shape};
use crate::voice::{linear::Matrix, packet::PAIR, prior::Prior};

/// Distributions of a model.
pub(in crate::voice) const SHAPES: usize = 8;

/// In what a speaker differs from the prior. Of a body, little-endian:
///
/// ```text
///  odds       8 × 2         of the tree of shapes, in 65,536ths; the first is not used
///  levels     8 × 160
///  deviation  8 × 160 × 2   means less those of the prior, in 64ths
///             12,880        lower triangle by rows: in 128ths; on the diagonal in 64ths, less 129
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Adaptation {
    /// Contexts of the tree of decisions between shapes.
    pub(in crate::voice) odds: [u16; SHAPES],
    /// Of each shape, the first block and the next.
    pub(in crate::voice) levels: [[Level; PAIR]; SHAPES],
    /// Of the distributions.
    pub(in crate::voice) deviation: Deviation,
}

/// In what distributions differ from the prior: where the prior has the mean m and the covariance
/// F × Fᵀ, they have m + offset and F × T × (F × T)ᵀ, where T is the same for all shapes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::voice) struct Deviation {
    /// In 64ths.
    offsets: [[i16; PAIR]; SHAPES],
    /// The lower triangle of T by rows, as written.
    transform: Box<[i8; TRIANGLE]>,
}

/// Elements of a lower triangular matrix.
const TRIANGLE: usize = PAIR * (PAIR + 1) / 2;
const ODDS_LEN: usize = 2 * SHAPES;
const LEVELS_LEN: usize = SHAPES * PAIR;
const OFFSETS_LEN: usize = 2 * SHAPES * PAIR;
/// Of offsets.
const FINENESS: f32 = 64.0;
const MAX_LEVEL: Level = 127;

impl Adaptation {
    pub(super) const LEN: usize = ODDS_LEN + LEVELS_LEN + Deviation::LEN;

    /// Nobody in particular.
    pub(in crate::voice) fn none(prior: &Prior) -> Self {
        Self { odds: prior.odds, levels: prior.levels, deviation: Deviation::none() }
    }

    pub(super) fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (odds, bytes) = bytes.split_first_chunk::<ODDS_LEN>()?;
        let (levels, bytes) = bytes.split_first_chunk::<LEVELS_LEN>()?;
        let (levels, _) = levels.as_chunks::<PAIR>();
        let adaptation = Self {
            odds: std::array::from_fn(|at| u16::from_le_bytes([odds[2 * at], odds[2 * at + 1]])),
            levels: std::array::from_fn(|shape| levels[shape]),
            deviation: Deviation::parse(bytes.try_into().ok()?),
        };
        adaptation
            .levels
            .as_flattened()
            .iter()
            .all(|&level| level <= MAX_LEVEL)
            .then_some(adaptation)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.odds.iter().flat_map(|odds| odds.to_le_bytes()).collect();
        bytes.extend(self.levels.as_flattened());
        bytes.extend(self.deviation.to_bytes());
        bytes
    }
}

impl Deviation {
    /// Bytes that it is written in.
    pub(in crate::voice) const LEN: usize = OFFSETS_LEN + TRIANGLE;

    /// No difference.
    pub(in crate::voice) fn none() -> Self {
        let identity = Matrix::from_fn(PAIR, |row, column| f64::from(u8::from(row == column)));
        Self::new(&[[0.0; PAIR]; SHAPES], &identity)
    }

    /// As near to these offsets and this transform as can be written.
    pub(in crate::voice) fn new(offsets: &[[f32; PAIR]; SHAPES], transform: &Matrix) -> Self {
        let mut written = Box::new([0; TRIANGLE]);
        let mut left = written.iter_mut();
        for row in 0..PAIR {
            let (last, others) =
                transform.row(row)[..=row].split_last().expect("a row has numbers");
            let numbers = others.iter().map(|value| value * 128.0).chain([last * 64.0 - 129.0]);
            for (number, written) in numbers.zip(left.by_ref()) {
                *written = number.round() as i8; // saturates
            }
        }
        let offset = |value: f32| (value * FINENESS).round() as i16;
        Self { offsets: offsets.map(|of_shape| of_shape.map(offset)), transform: written }
    }

    /// Any bytes are one.
    pub(in crate::voice) fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let (pairs, _) = bytes[..OFFSETS_LEN].as_chunks::<2>();
        let offset = |shape, at| i16::from_le_bytes(pairs[shape * PAIR + at]);
        let mut transform = Box::new([0; TRIANGLE]);
        for (number, &byte) in transform.iter_mut().zip(&bytes[OFFSETS_LEN..]) {
            *number = byte as i8;
        }
        Self {
            offsets: std::array::from_fn(|shape| std::array::from_fn(|at| offset(shape, at))),
            transform,
        }
    }

    /// As [`Self::parse`] reads it.
    pub(in crate::voice) fn to_bytes(&self) -> Vec<u8> {
        let offsets = self.offsets.as_flattened().iter().flat_map(|offset| offset.to_le_bytes());
        offsets.chain(self.transform.iter().map(|&number| number as u8)).collect()
    }

    /// Means less those of the prior.
    pub(in crate::voice) fn offsets(&self) -> [[f32; PAIR]; SHAPES] {
        self.offsets.map(|of_shape| of_shape.map(|offset| f32::from(offset) / FINENESS))
    }

    /// The transform, whose diagonal is positive.
    pub(in crate::voice) fn transform(&self) -> Matrix {
        let mut transform = Matrix::zeros(PAIR);
        let mut numbers = self.transform.iter().map(|&number| f64::from(number));
        for row in 0..PAIR {
            for (value, number) in transform.row_mut(row)[..=row].iter_mut().zip(numbers.by_ref()) {
                *value = number / 128.0;
            }
            let last = &mut transform.row_mut(row)[row];
            *last = (*last * 128.0 + 129.0) / 64.0;
        }
        transform
    }

    /// The distributions, with the levels that they would have. `None` where they are none, as for
    /// hostile transforms.
    pub(in crate::voice) fn shapes(&self, prior: &Prior) -> Option<Vec<Shape>> {
        let (offsets, transform) = (self.offsets(), self.transform());
        let of_shape = |at: usize| {
            let mean = std::array::from_fn(|number| prior.means[at][number] + offsets[at][number]);
            Shape::new(&mean, &prior.factors[at].times_lower(&transform))
        };
        (0..SHAPES).map(of_shape).collect()
    }
}
