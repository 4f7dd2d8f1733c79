//! Four places at once, with the vectors of 128 bits that every 64-bit x86 has.
//!
//! `unsafe` is for loads from addresses, and for saying that the instructions are there.
#![allow(unsafe_code, reason = "vector loads; the reference is what they are compared with")]

use core::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_add_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_load_si128,
    _mm_madd_epi16, _mm_mullo_epi16, _mm_packs_epi32, _mm_packus_epi16, _mm_set1_epi32,
    _mm_setzero_si128, _mm_srai_epi32, _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi8,
    _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

use super::{
    HALF, PHASE_BITS, PHASES, Plane, WEIGHT_BITS, sample,
    wide::{WIDE, Wide},
};

/// Places that are sampled at once.
const TOGETHER: usize = 4;

/// Samples as many places as there are groups of four, and tells how many these are.
pub(super) fn sample_fours(plane: &Plane, xs: &[i32], ys: &[i32], out: &mut [u8]) -> usize {
    // SAFETY: every 64-bit x86 has SSE2.
    unsafe { with_vectors(plane, xs, ys, out) }
}

#[target_feature(enable = "sse2")]
fn with_vectors(plane: &Plane, xs: &[i32], ys: &[i32], out: &mut [u8]) -> usize {
    let (width, height) = (plane.width() as i32, plane.height() as i32);
    let (xs, _) = xs.as_chunks::<TOGETHER>();
    let (ys, _) = ys.as_chunks::<TOGETHER>();
    let (fours, _) = out.as_chunks_mut::<TOGETHER>();
    for ((x, y), out) in xs.iter().zip(ys).zip(fours.iter_mut()) {
        let across = x.iter().all(|&x| inside(x, width));
        let all_inside = across & y.iter().all(|&y| inside(y, height));
        if !all_inside {
            for ((&x, &y), out) in x.iter().zip(y).zip(out) {
                *out = sample(plane, x, y);
            }
            continue;
        }
        let at = |x: i32, y: i32| {
            let (column, row) = (x >> PHASE_BITS, y >> PHASE_BITS);
            let start = ((row - 1) * width + column - 1) as usize;
            let square = &plane.samples()[start..start + 3 * width as usize + 4];
            let (across, down) = (&WIDE[x as usize % PHASES], &WIDE[y as usize % PHASES]);
            weighed(square, width as usize, across, down)
        };
        let sums = [at(x[0], y[0]), at(x[1], y[1]), at(x[2], y[2]), at(x[3], y[3])];
        *out = bytes(sums);
    }
    fours.len() * TOGETHER
}

/// Whether all four samples around a place are within a line of `side`.
fn inside(place: i32, side: i32) -> bool {
    let sample = place >> PHASE_BITS;
    (sample >= 1) & (sample < side - 2)
}

/// Four sums that are the sum of 4 × 4 weighed samples, first down, in 16 bits. `square`: three rows
/// of `width` and four samples.
#[inline]
#[target_feature(enable = "sse2")]
fn weighed(square: &[u8], width: usize, across: &Wide, down: &Wide) -> __m128i {
    assert!(square.len() == 3 * width + 4, "three rows and four samples");
    // SAFETY: four bytes from the beginning of each of four rows are in the square; weights are
    // arrays of 16 bytes at multiples of 16.
    let ([first, second, third, fourth], across, upper, lower) = unsafe {
        let row = |row: usize| square.as_ptr().add(row * width).cast::<i32>().read_unaligned();
        let load = |weights: &[i16; 8]| _mm_load_si128(weights.as_ptr().cast());
        let rows = [row(0), row(1), row(2), row(3)];
        (rows, load(&across.across), load(&down.down[0]), load(&down.down[1]))
    };
    let pair = |a: i32, b: i32| {
        let both = _mm_unpacklo_epi32(_mm_cvtsi32_si128(a), _mm_cvtsi32_si128(b));
        _mm_unpacklo_epi8(both, _mm_setzero_si128())
    };
    let columns = _mm_add_epi16(
        _mm_mullo_epi16(pair(first, second), upper),
        _mm_mullo_epi16(pair(third, fourth), lower),
    );
    _mm_madd_epi16(columns, across)
}

/// What four times four sums are as samples.
#[inline]
#[target_feature(enable = "sse2")]
fn bytes([a, b, c, d]: [__m128i; TOGETHER]) -> [u8; TOGETHER] {
    let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    let sums = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
    let rounded =
        _mm_srai_epi32::<{ 2 * WEIGHT_BITS as i32 }>(_mm_add_epi32(sums, _mm_set1_epi32(HALF)));
    let words = _mm_packs_epi32(rounded, rounded);
    _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes()
}
