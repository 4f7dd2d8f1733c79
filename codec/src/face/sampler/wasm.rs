//! Four places at once, for WebAssembly with 128-bit vectors.
//!
//! `unsafe` is for loads from addresses. The instructions are those of the whole build.
#![allow(unsafe_code, reason = "vector loads; golden pictures are what they are compared with")]

use core::arch::wasm32::{
    i16x8_add, i16x8_extend_high_u8x16, i16x8_extend_low_u8x16, i16x8_mul, i16x8_narrow_i32x4,
    i32x4_add, i32x4_all_true, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_ge, i32x4_lt, i32x4_mul,
    i32x4_shr, i32x4_shuffle, i32x4_splat, i32x4_sub, u8x16_narrow_i16x8, v128, v128_and,
    v128_load, v128_load32_lane, v128_load32_zero,
};

use super::{
    HALF, PHASE_BITS, PHASES, Plane, WEIGHT_BITS, sample,
    wide::{WIDE, Wide},
};

/// Places that are sampled at once.
const TOGETHER: usize = 4;

/// Samples as many places as there are groups of four, and tells how many these are.
pub(super) fn sample_fours(plane: &Plane, xs: &[i32], ys: &[i32], out: &mut [u8]) -> usize {
    let (width, height) = (plane.width() as i32, plane.height() as i32);
    let samples = plane.samples();
    assert!(samples.len() == plane.width() * plane.height(), "the samples of a plane");
    let (xs, _) = xs.as_chunks::<TOGETHER>();
    let (ys, _) = ys.as_chunks::<TOGETHER>();
    let (fours, _) = out.as_chunks_mut::<TOGETHER>();
    let one = i32x4_splat(1);
    let (last_column, last_row) = (i32x4_splat(width - 2), i32x4_splat(height - 2));
    for ((x, y), out) in xs.iter().zip(ys).zip(fours.iter_mut()) {
        // SAFETY: the arrays are 16 bytes long.
        let (place_x, place_y) =
            unsafe { (v128_load(x.as_ptr().cast()), v128_load(y.as_ptr().cast())) };
        let (column, row) = (i32x4_shr(place_x, PHASE_BITS), i32x4_shr(place_y, PHASE_BITS));
        let inside = v128_and(
            v128_and(i32x4_ge(column, one), i32x4_lt(column, last_column)),
            v128_and(i32x4_ge(row, one), i32x4_lt(row, last_row)),
        );
        if !i32x4_all_true(inside) {
            for ((&x, &y), out) in x.iter().zip(y).zip(out) {
                *out = sample(plane, x, y);
            }
            continue;
        }
        let phase = i32x4_splat(PHASES as i32 - 1);
        let (phase_x, phase_y) = (v128_and(place_x, phase), v128_and(place_y, phase));
        let start =
            i32x4_add(i32x4_mul(i32x4_sub(row, one), i32x4_splat(width)), i32x4_sub(column, one));
        let weigh = |start: i32, x: i32, y: i32| {
            // SAFETY: rows and columns from the one before the place to the second behind it are
            // within the plane, as was found above, and phases are below [`PHASES`].
            unsafe {
                let first = samples.as_ptr().add(start as usize);
                let (across, down) =
                    (WIDE.get_unchecked(x as usize), WIDE.get_unchecked(y as usize));
                weighed(first, width as usize, across, down)
            }
        };
        let sums = [
            weigh(lane::<0>(start), lane::<0>(phase_x), lane::<0>(phase_y)),
            weigh(lane::<1>(start), lane::<1>(phase_x), lane::<1>(phase_y)),
            weigh(lane::<2>(start), lane::<2>(phase_x), lane::<2>(phase_y)),
            weigh(lane::<3>(start), lane::<3>(phase_x), lane::<3>(phase_y)),
        ];
        let sums = add_pairs(add_pairs(sums[0], sums[1]), add_pairs(sums[2], sums[3]));
        let rounded = i32x4_shr(i32x4_add(sums, i32x4_splat(HALF)), 2 * WEIGHT_BITS);
        let words = i16x8_narrow_i32x4(rounded, rounded);
        *out = lane::<0>(u8x16_narrow_i16x8(words, words)).to_le_bytes();
    }
    fours.len() * TOGETHER
}

/// Four sums that are the sum of 4 × 4 weighed samples: first down, in 16 bits.
///
/// # Safety
/// From `first` on there are three rows of `width` and four samples.
#[inline(always)]
unsafe fn weighed(first: *const u8, width: usize, across: &Wide, down: &Wide) -> v128 {
    // SAFETY: as the caller says; arrays of weights are 16 bytes long.
    let (square, across, upper, lower) = unsafe {
        let square = v128_load32_zero(first.cast());
        let square = v128_load32_lane::<1>(square, first.add(width).cast());
        let square = v128_load32_lane::<2>(square, first.add(2 * width).cast());
        let square = v128_load32_lane::<3>(square, first.add(3 * width).cast());
        let load = |weights: &[i16; 8]| v128_load(weights.as_ptr().cast());
        (square, load(&across.across), load(&down.down[0]), load(&down.down[1]))
    };
    let columns = i16x8_add(
        i16x8_mul(i16x8_extend_low_u8x16(square), upper),
        i16x8_mul(i16x8_extend_high_u8x16(square), lower),
    );
    i32x4_dot_i16x8(columns, across)
}

/// Sums of neighbours.
#[inline(always)]
fn add_pairs(low: v128, high: v128) -> v128 {
    i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(low, high), i32x4_shuffle::<1, 3, 5, 7>(low, high))
}

#[inline(always)]
fn lane<const LANE: usize>(numbers: v128) -> i32 {
    i32x4_extract_lane::<LANE>(numbers)
}
