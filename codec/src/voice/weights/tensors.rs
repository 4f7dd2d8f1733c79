//! The file format of weights: that of libopus (`dnn/write_lpcnet_weights.c`).
//!
//! Per array a head of 64 bytes, numbers little-endian: `"DNNw"`, version 0, type, length in bytes,
//! length with padding, name padded with zeros. Then the bytes, padded to a multiple of 64.

use super::WeightsError;
use crate::voice::nnet::{Block, Float, Quantised};

const HEAD: usize = 64;
const MAGIC: &[u8; 8] = b"DNNw\0\0\0\0"; // with the version
const NAME_AT: usize = 20;
const FLOAT: u32 = 0;
const INT8: u32 = 3;
/// Far more than the networks have together.
const MAX_ARRAYS: usize = 256;

/// Arrays by name: views of the file, of which nothing is checked but that they lie inside it.
pub(in crate::voice) struct Tensors<'a> {
    arrays: Vec<Array<'a>>,
}

struct Array<'a> {
    name: &'a [u8],
    kind: u32,
    bytes: &'a [u8],
}

impl<'a> Tensors<'a> {
    /// The arrays of a file.
    pub(super) fn parse(mut rest: &'a [u8]) -> Result<Self, WeightsError> {
        let mut arrays = Vec::new();
        while !rest.is_empty() {
            if arrays.len() == MAX_ARRAYS {
                return Err(WeightsError::Malformed);
            }
            let (array, behind) = Array::split_from(rest).ok_or(WeightsError::Malformed)?;
            arrays.push(array);
            rest = behind;
        }
        Ok(Self { arrays })
    }

    /// The array `LAYER_what` of `len` finite numbers.
    pub(in crate::voice) fn floats(
        &self,
        layer: &'static str,
        what: &str,
        len: usize,
    ) -> Result<Box<[f32]>, WeightsError> {
        let bytes = self.find(layer, what, FLOAT, len * size_of::<f32>())?;
        let (chunks, _) = bytes.as_chunks::<4>();
        let floats: Box<[f32]> = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
        if floats.iter().all(|value| value.is_finite()) {
            Ok(floats)
        } else {
            Err(WeightsError::Range(layer))
        }
    }

    /// A layer of `rows` outputs with weights as they are: `weights_float` and `bias`.
    pub(in crate::voice) fn float(
        &self,
        layer: &'static str,
        columns: usize,
        rows: usize,
    ) -> Result<Float, WeightsError> {
        let weights = self.floats(layer, "weights_float", rows * columns)?;
        Ok(Float::new(columns, weights, self.floats(layer, "bias", rows)?))
    }

    /// A layer of `rows` outputs with weights of 8 bits: `weights_int8`, `scale` and `bias`.
    pub(in crate::voice) fn quantised(
        &self,
        layer: &'static str,
        columns: usize,
        rows: usize,
    ) -> Result<Quantised, WeightsError> {
        let bias = self.floats(layer, "bias", rows)?;
        Ok(self.unbiased(layer, columns, rows)?.with_bias(bias))
    }

    /// The same without a `bias`.
    pub(in crate::voice) fn unbiased(
        &self,
        layer: &'static str,
        columns: usize,
        rows: usize,
    ) -> Result<Quantised, WeightsError> {
        let bytes = self.find(layer, "weights_int8", INT8, rows * columns)?;
        let (chunks, _) = bytes.as_chunks::<{ Block::LEN }>();
        let blocks: Box<[Block]> =
            chunks.iter().map(|chunk| Block(chunk.map(|byte| byte as i8))).collect();
        if blocks.iter().any(|block| block.0.contains(&i8::MIN)) {
            return Err(WeightsError::Range(layer)); // kernels take its negative, which is no i8
        }
        Ok(Quantised::new(columns, blocks, self.floats(layer, "scale", rows)?))
    }

    /// The bytes of the first array called `LAYER_what`.
    fn find(
        &self,
        layer: &'static str,
        what: &str,
        kind: u32,
        len: usize,
    ) -> Result<&'a [u8], WeightsError> {
        let is_called = |array: &&Array<'_>| {
            let rest = array.name.strip_prefix(layer.as_bytes());
            rest.and_then(|rest| rest.strip_prefix(b"_")) == Some(what.as_bytes())
        };
        let array = self.arrays.iter().find(is_called).ok_or(WeightsError::Missing(layer))?;
        if array.kind == kind && array.bytes.len() == len {
            Ok(array.bytes)
        } else {
            Err(WeightsError::Shape(layer))
        }
    }
}

impl<'a> Array<'a> {
    /// The array that a file starts with, and what is behind it; `None` if it does not.
    fn split_from(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        if !head.starts_with(MAGIC) {
            return None;
        }
        let number = |at: usize| head[at..].first_chunk().map(|&four| u32::from_le_bytes(four));
        let (len, padded) = (number(12)? as usize, number(16)? as usize);
        let (padded, rest) = rest.split_at_checked(padded)?;
        let name = head[NAME_AT..].split(|&byte| byte == 0).next()?;
        Some((Self { name, kind: number(8)?, bytes: padded.get(..len)? }, rest))
    }
}
