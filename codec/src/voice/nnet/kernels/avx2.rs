//! Kernels for AVX2.
//!
//! `unsafe` is for calling what is compiled for AVX2, which a value of [`Avx2`] proves to be there.
#![allow(unsafe_code, reason = "vector instructions; the reference is what they are compared with")]

use std::arch::x86_64::{
    __m256i, _mm256_abs_epi8, _mm256_add_epi32, _mm256_load_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_sign_epi8, _mm256_storeu_si256,
};

use super::reference;
use crate::voice::nnet::dense::{Block, COLUMNS, Quantised, ROWS};

/// Blocks of rows that are computed at once: each input is spread once for all of them.
const TOGETHER: usize = 4;

/// Proof that this processor has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

/// Kernels that the compiler makes of the loops of the reference.
macro_rules! translated {
    ($($kernel:ident($($name:ident: $type:ty),*);)*) => {
        impl Avx2 {$(
            pub(super) fn $kernel(self, $($name: $type),*) {
                #[target_feature(enable = "avx2")]
                fn translated($($name: $type),*) {
                    reference::$kernel($($name),*);
                }
                // SAFETY: `self` proves that AVX2 is there.
                unsafe { translated($($name),*) }
            }
        )*}
    };
}

translated! {
    round(input: &[f32], rounded: &mut [i8]);
    sum_float_products(weights: &[f32], input: &[f32], out: &mut [f32]);
    add_filtered(weights: &[f32; 3], input: &[f32], out: &mut [f32]);
    correlate(window: &[f32], input: &[f32], out: &mut [f32]);
    tanh(values: &mut [f32]);
    sigmoid(values: &mut [f32]);
    exp(values: &mut [f32]);
    ln(values: &mut [f32]);
    log_sine(values: &mut [f32]);
}

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(super) const fn name(self) -> &'static str {
        "AVX2"
    }

    pub(super) fn sum_products(self, layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
        // SAFETY: `self` proves that AVX2 is there.
        unsafe { sum_products(layer, input, sums) }
    }
}

#[target_feature(enable = "avx2")]
fn sum_products(layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
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
#[target_feature(enable = "avx2")]
fn sum_rows<const N: usize>(
    blocks: [&[Block]; N],
    input: &[[i8; COLUMNS]],
    sums: &mut [[i32; ROWS]],
) {
    let blocks = blocks.map(|blocks| &blocks[..input.len()]);
    let ones = _mm256_set1_epi16(1);
    let mut totals = [_mm256_setzero_si256(); N];
    for (at, &input) in input.iter().enumerate() {
        let input = _mm256_set1_epi32(i32::from_ne_bytes(input.map(|value| value as u8)));
        let magnitude = _mm256_abs_epi8(input);
        for (total, blocks) in totals.iter_mut().zip(&blocks) {
            // |input| * (weight with the sign of input): 2 * 127 * 127 fits 16 bits.
            let weights = _mm256_sign_epi8(load(&blocks[at]), input);
            let pairs = _mm256_maddubs_epi16(magnitude, weights);
            *total = _mm256_add_epi32(*total, _mm256_madd_epi16(pairs, ones));
        }
    }
    for (sums, total) in sums.iter_mut().zip(totals) {
        // SAFETY: the array is 32 bytes long; the address may be any.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), total) }
    }
}

#[target_feature(enable = "avx2")]
fn load(block: &Block) -> __m256i {
    // SAFETY: a block is 32 bytes long, and aligned to as many.
    unsafe { _mm256_load_si256(block.0.as_ptr().cast()) }
}
