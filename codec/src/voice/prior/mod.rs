//! What is known of voices before anything is known of a speaker: trained on 251 readers, and
//! built in. Where it comes from, and how to make it again, is in `PROVENANCE.md`.
//!
//! Bytes of `prior.bin`, numbers little-endian:
//!
//! ```text
//!  "SOTVP\0\0\1"
//!  pitch       4              of what has none, single precision
//!  odds        8 × 2          as in the body of a model
//!  levels      8 × 160
//!  magnitudes  1,280 × 2      contexts of numbers, in 65,536ths
//!  means       8 × 160 × 4    of shapes, single precision
//!  pooled      12,880 × 4     factor P of the covariance of all shapes, single precision
//!  factors     8 × 160 × (4 + 1 … 160)   of each shape F = P × R: of each row of R, in how many
//!                             parts of what size (single precision) its elements are (8 bits)
//! ```

mod training;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use training::train;

use super::{
    coder::Magnitudes,
    linear::Matrix,
    model::{Level, SHAPES},
    packet::PAIR,
};
use crate::entropy::Context;

/// The prior.
#[derive(Debug)]
pub(in crate::voice) struct Prior {
    /// Of what has no pitch, in the scale of features.
    pub(in crate::voice) pitch: f32,
    /// Of the tree of shapes, for nobody in particular.
    pub(in crate::voice) odds: [u16; SHAPES],
    /// Of shapes, for nobody in particular.
    pub(in crate::voice) levels: [[Level; PAIR]; SHAPES],
    /// Contexts of numbers.
    pub(in crate::voice) magnitudes: [Context; Magnitudes::CONTEXTS],
    /// Of shapes.
    pub(in crate::voice) means: [[f32; PAIR]; SHAPES],
    /// Of covariances of shapes, lower triangular.
    pub(in crate::voice) factors: Vec<Matrix>,
    /// Inverses of the factors.
    pub(in crate::voice) whitening: Vec<Matrix>,
    /// Of each shape, how unlikely its mean is, in nats and up to what all shapes share.
    pub(in crate::voice) volumes: [f64; SHAPES],
}

/// Begins the file.
const MAGIC: &[u8; 8] = b"SOTVP\0\0\x01";

impl Prior {
    /// The file that is built in.
    pub(in crate::voice) const fn embedded_bytes() -> &'static [u8] {
        include_bytes!("prior.bin")
    }

    /// The prior that is built in.
    pub(in crate::voice) fn embedded() -> &'static Self {
        static PRIOR: OnceLock<Prior> = OnceLock::new();
        PRIOR.get_or_init(|| {
            Self::parse(Self::embedded_bytes()).expect("the file is that of the test of its hash")
        })
    }

    /// Reads a file that is trusted: only its length is checked.
    pub(in crate::voice) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let pitch = floats(&mut rest, 1)?[0];
        let mut odds = [0; SHAPES];
        odds.copy_from_slice(&shorts(&mut rest, SHAPES)?);
        let levels = take(&mut rest, SHAPES * PAIR)?.as_chunks::<PAIR>().0;
        let contexts = shorts(&mut rest, Magnitudes::CONTEXTS)?;
        let means = floats(&mut rest, SHAPES * PAIR)?;
        let pooled = triangle(|row| floats(&mut rest, row + 1))?;
        let factors = (0..SHAPES).map(|_| {
            let relative = triangle(|row| {
                let size = floats(&mut rest, 1)?[0];
                let parts = take(&mut rest, row + 1)?;
                Some(parts.iter().map(|&part| f32::from(part as i8) * size).collect())
            })?;
            Some(pooled.times_lower(&relative))
        });
        let factors: Vec<Matrix> = factors.collect::<Option<_>>()?;
        if !rest.is_empty() {
            return None;
        }
        Some(Self {
            pitch,
            odds,
            levels: std::array::from_fn(|shape| levels[shape]),
            magnitudes: std::array::from_fn(|at| Context::new(contexts[at])),
            means: std::array::from_fn(|shape| std::array::from_fn(|at| means[shape * PAIR + at])),
            whitening: factors.iter().map(Matrix::inverse_lower).collect(),
            volumes: std::array::from_fn(|shape| {
                (0..PAIR).map(|at| factors[shape].row(at)[at].ln()).sum()
            }),
            factors,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

fn floats(rest: &mut &[u8], count: usize) -> Option<Vec<f32>> {
    let bytes = take(rest, count * size_of::<f32>())?;
    Some(bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
}

fn shorts(rest: &mut &[u8], count: usize) -> Option<Vec<u16>> {
    let bytes = take(rest, count * size_of::<u16>())?;
    Some(bytes.as_chunks().0.iter().map(|&two| u16::from_le_bytes(two)).collect())
}

fn triangle(mut next: impl FnMut(usize) -> Option<Vec<f32>>) -> Option<Matrix> {
    let mut triangle = Matrix::zeros(PAIR);
    for row in 0..PAIR {
        for (value, read) in triangle.row_mut(row).iter_mut().zip(next(row)?) {
            *value = f64::from(read);
        }
    }
    Some(triangle)
}
