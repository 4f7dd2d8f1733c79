//! From a base and a delta to the target.

use super::{DELTA_VERSION, LITERAL, MAGIC, MAX_DELTA_LEN};
use crate::{
    Container, ModelHash,
    container::MAX_CONTAINER_LEN,
    cursor::{Cursor, Truncated},
    varint::{self, VarintError},
};

/// A delta that keeps every rule that can be checked without its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    base: ModelHash,
    target: ModelHash,
    target_len: usize,
    ops: &'a [u8],
}

/// Why a delta cannot be read, made or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DeltaError {
    /// More than [`MAX_DELTA_LEN`] bytes, or for a target beyond [`MAX_CONTAINER_LEN`].
    #[error("delta too long")]
    TooLong,
    /// It does not begin like one.
    #[error("not a delta")]
    Magic,
    /// It ends within what it should hold.
    #[error("delta ends early")]
    Truncated,
    /// Not version 1.
    #[error("unknown delta version")]
    Version,
    /// An op of no bytes, or a varint not in its shortest form.
    #[error("malformed op")]
    Op,
    /// The ops give more or fewer bytes than the target has.
    #[error("ops do not add up to the target")]
    Length,
    /// Its digest is of something else.
    #[error("wrong digest")]
    Digest,
    /// The base is another one, or no container.
    #[error("another base")]
    Base,
    /// A copy from outside the base.
    #[error("a copy from outside the base")]
    Bounds,
    /// The result is not the container that was promised.
    #[error("another target")]
    Target,
}

impl From<Truncated> for DeltaError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

impl From<VarintError> for DeltaError {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => Self::Truncated,
            VarintError::Malformed => Self::Op,
        }
    }
}

impl<'a> Delta<'a> {
    /// Checks all of a delta that does not need its base: linear in its length.
    ///
    /// # Errors
    /// [`DeltaError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DeltaError> {
        if bytes.len() > MAX_DELTA_LEN {
            return Err(DeltaError::TooLong);
        }
        let mut from = Cursor::new(bytes);
        if from.array()? != MAGIC {
            return Err(DeltaError::Magic);
        }
        if from.u8()? != DELTA_VERSION {
            return Err(DeltaError::Version);
        }
        let base = ModelHash(from.array()?);
        let target = ModelHash(from.array()?);
        let target_len = from.u32()? as usize;
        if target_len > MAX_CONTAINER_LEN {
            return Err(DeltaError::TooLong);
        }
        let ops_len = from.left().len().checked_sub(ModelHash::LEN).ok_or(DeltaError::Truncated)?;
        let ops = from.take(ops_len)?;
        ModelHash::split(bytes).ok_or(DeltaError::Digest)?;
        let delta = Self { base, target, target_len, ops };
        delta.check_length()?;
        Ok(delta)
    }

    /// Hash of the container that it is to be applied to.
    pub const fn base(&self) -> ModelHash {
        self.base
    }

    /// Hash of the container that it makes.
    pub const fn target(&self) -> ModelHash {
        self.target
    }

    /// Makes the target container of `base`. The result is at most [`MAX_CONTAINER_LEN`] long.
    ///
    /// # Errors
    /// [`DeltaError::Base`], [`DeltaError::Bounds`] or [`DeltaError::Target`].
    pub fn apply(&self, base: &[u8]) -> Result<Vec<u8>, DeltaError> {
        if Container::parse_named(base).map(|(_, hash)| hash) != Ok(self.base) {
            return Err(DeltaError::Base);
        }
        let mut out = Vec::with_capacity(self.target_len);
        let mut from = Cursor::new(self.ops);
        while !from.is_empty() {
            out.extend_from_slice(match Op::read(&mut from)? {
                Op::Literal(bytes) => bytes,
                Op::Copy { offset, len } => {
                    let end = offset.checked_add(len).ok_or(DeltaError::Bounds)?;
                    base.get(offset..end).ok_or(DeltaError::Bounds)?
                }
            });
        }
        if Container::parse_named(&out).map(|(_, hash)| hash) != Ok(self.target) {
            return Err(DeltaError::Target);
        }
        Ok(out)
    }

    /// Every op is whole, and together they give the target's length: nothing hostile is built up.
    fn check_length(&self) -> Result<(), DeltaError> {
        let mut from = Cursor::new(self.ops);
        let mut left = self.target_len;
        while !from.is_empty() {
            let len = Op::read(&mut from)?.len();
            left = left.checked_sub(len).ok_or(DeltaError::Length)?;
        }
        if left == 0 { Ok(()) } else { Err(DeltaError::Length) }
    }
}

/// One piece of the target.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op<'a> {
    /// It stands in the base.
    Copy {
        /// From which byte on.
        offset: usize,
        /// How many bytes.
        len: usize,
    },
    /// It stands here.
    Literal(&'a [u8]),
}

impl<'a> Op<'a> {
    fn read(from: &mut Cursor<'a>) -> Result<Self, DeltaError> {
        let head = varint::read(from)?;
        let len = (head / 2) as usize;
        if len == 0 {
            return Err(DeltaError::Op);
        }
        if head & LITERAL != 0 {
            return Ok(Self::Literal(from.take(len)?));
        }
        Ok(Self::Copy { offset: varint::read(from)? as usize, len })
    }

    const fn len(&self) -> usize {
        match self {
            Self::Copy { len, .. } => *len,
            Self::Literal(bytes) => bytes.len(),
        }
    }

    /// Appends it; nothing where it has no bytes. Lengths and offsets are of containers, which are
    /// short enough for 31 bits.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Literal([]) | Self::Copy { len: 0, .. } => {}
            Self::Literal(bytes) => {
                varint::write((bytes.len() as u32 * 2) | LITERAL, out);
                out.extend_from_slice(bytes);
            }
            Self::Copy { offset, len } => {
                varint::write(*len as u32 * 2, out);
                varint::write(*offset as u32, out);
            }
        }
    }
}
