//! Kernels for NEON.
//!
//! `unsafe` is for loads from addresses. Every 64-bit ARM has the instructions.
#![allow(unsafe_code, reason = "vector loads; the reference is what they are compared with")]

use std::arch::aarch64::{
    int32x4_t, vdup_n_s32, vdupq_n_s32, vld1_s8, vmull_s8, vpadalq_s16, vpaddq_s32,
    vreinterpret_s8_s32, vst1q_s32,
};

use crate::voice::nnet::dense::{Block, COLUMNS, Quantised, ROWS};

/// Blocks of rows that are computed at once: each input is spread once for all of them.
const TOGETHER: usize = 4;
/// Rows whose weights for 4 inputs fill a vector of 8-bit numbers.
const PAIR: usize = 2;
const PAIRS: usize = ROWS / PAIR;

pub(super) fn sum_products(layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
    let (sums, _) = sums.as_chunks_mut::<ROWS>();
    let mut blocks = layer.blocks().chunks_exact(input.len());
    let mut sums = sums.chunks_exact_mut(TOGETHER);
    for sums in &mut sums {
        let blocks = std::array::from_fn(|_| blocks.next().unwrap_or_default());
        sum_rows::<TOGETHER>(blocks, input, sums);
    }
    for sums in sums.into_remainder().chunks_exact_mut(1) {
        sum_rows::<1>([blocks.next().unwrap_or_default()], input, sums);
    }
}

/// Sums of `N` groups of rows, each as many blocks as there are inputs.
fn sum_rows<const N: usize>(
    blocks: [&[Block]; N],
    input: &[[i8; COLUMNS]],
    sums: &mut [[i32; ROWS]],
) {
    let blocks = blocks.map(|blocks| &blocks[..input.len()]);
    // SAFETY: every 64-bit ARM that Rust knows has NEON; the pointers are to arrays of 8 bytes that
    // are read, and of 16 bytes that are written, at any address.
    unsafe {
        // Of each pair of rows: inputs 0 and 1 of the first, 2 and 3 of it, then of the second.
        let mut totals: [[int32x4_t; PAIRS]; N] = [[vdupq_n_s32(0); PAIRS]; N];
        for (at, &input) in input.iter().enumerate() {
            let input = i32::from_ne_bytes(input.map(|value| value as u8));
            let input = vreinterpret_s8_s32(vdup_n_s32(input));
            for (totals, blocks) in totals.iter_mut().zip(&blocks) {
                let (pairs, _) = blocks[at].0.as_chunks::<{ PAIR * COLUMNS }>();
                for (total, pair) in totals.iter_mut().zip(pairs) {
                    // A product of 127 and 127 fits 16 bits, and two of them are added in 32.
                    *total = vpadalq_s16(*total, vmull_s8(vld1_s8(pair.as_ptr()), input));
                }
            }
        }
        for (sums, totals) in sums.iter_mut().zip(totals) {
            let (halves, _) = sums.as_chunks_mut::<4>();
            for (half, totals) in halves.iter_mut().zip(totals.chunks_exact(2)) {
                vst1q_s32(half.as_mut_ptr(), vpaddq_s32(totals[0], totals[1]));
            }
        }
    }
}
