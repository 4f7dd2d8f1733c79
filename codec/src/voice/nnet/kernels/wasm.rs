//! Kernels for WebAssembly with 128-bit vectors.
//!
//! `unsafe` is for loads from addresses. The instructions are those of the whole build.
#![allow(unsafe_code, reason = "vector loads; the reference is what they are compared with")]

use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i32x4_splat, v128,
    v128_load64_splat, v128_store,
};

use crate::voice::nnet::dense::{Block, COLUMNS, MAX_INPUTS, Quantised, ROWS};

/// Blocks of rows that are computed at once: each input is spread once for all of them.
const TOGETHER: usize = 2;
/// Rows whose weights for 4 inputs fill a vector of 16-bit numbers.
const PAIR: usize = 2;
const PAIRS: usize = ROWS / PAIR;

pub(super) fn sum_products(layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
    let mut wide = [[0_i16; COLUMNS]; MAX_INPUTS / COLUMNS];
    let wide = &mut wide[..input.len()];
    for (wide, input) in wide.iter_mut().zip(input) {
        *wide = input.map(i16::from);
    }
    let (sums, _) = sums.as_chunks_mut::<ROWS>();
    let mut blocks = layer.blocks().chunks_exact(input.len());
    let mut sums = sums.chunks_exact_mut(TOGETHER);
    for sums in &mut sums {
        let blocks = core::array::from_fn(|_| blocks.next().unwrap_or_default());
        sum_rows::<TOGETHER>(blocks, wide, sums);
    }
    for sums in sums.into_remainder().chunks_exact_mut(1) {
        sum_rows::<1>([blocks.next().unwrap_or_default()], wide, sums);
    }
}

/// Sums of `N` groups of rows, each as many blocks as there are inputs.
fn sum_rows<const N: usize>(
    blocks: [&[Block]; N],
    input: &[[i16; COLUMNS]],
    sums: &mut [[i32; ROWS]],
) {
    let blocks = blocks.map(|blocks| &blocks[..input.len()]);
    // Of each pair of rows: inputs 0 and 1 of the first, 2 and 3 of it, then those of the second.
    let mut totals = [[i32x4_splat(0); PAIRS]; N];
    for (at, input) in input.iter().enumerate() {
        // SAFETY: the array is 8 bytes long.
        let input = unsafe { v128_load64_splat(input.as_ptr().cast()) };
        for (totals, blocks) in totals.iter_mut().zip(&blocks) {
            let (pairs, _) = blocks[at].0.as_chunks::<{ PAIR * COLUMNS }>();
            for (total, pair) in totals.iter_mut().zip(pairs) {
                // SAFETY: the array is 8 bytes long.
                let weights = unsafe { i16x8_load_extend_i8x8(pair.as_ptr()) };
                *total = i32x4_add(*total, i32x4_dot_i16x8(weights, input));
            }
        }
    }
    for (sums, totals) in sums.iter_mut().zip(totals) {
        let (halves, _) = sums.as_chunks_mut::<4>();
        for (half, totals) in halves.iter_mut().zip(totals.chunks_exact(2)) {
            // SAFETY: the array is 16 bytes long.
            unsafe { v128_store(half.as_mut_ptr().cast(), add_pairs(totals[0], totals[1])) }
        }
    }
}

/// Sums of neighbours.
fn add_pairs(low: v128, high: v128) -> v128 {
    i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high))
}
