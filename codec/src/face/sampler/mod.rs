//! What a plane shows between its samples: the inner loop of drawing, once as it is to be read and
//! once per instruction set. Sums are of whole numbers and exact, so all give the same bytes.

#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod wide;

#[cfg(target_arch = "x86_64")]
use sse2::sample_fours;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm::sample_fours;

use super::planes::Plane;

/// Places between samples that are told apart, a sample.
pub(super) const PHASES: usize = 1 << PHASE_BITS;
const PHASE_BITS: u32 = 6;
/// Bits of the weights: they are whole numbers.
const WEIGHT_BITS: u32 = 6;
/// What makes a sum of weighed samples one that is rounded.
const HALF: i32 = 1 << (2 * WEIGHT_BITS - 1);

/// Weights of four samples by how far a place is from the second to the third: cubic convolution
/// (Keys, "Cubic convolution interpolation for digital image processing", 1981) with a slope of -1,
/// steeper than that of best interpolation: what coding took of sharpness comes back. Found on clips.
static WEIGHTS: [[i16; 4]; PHASES] = weights();

const fn weights() -> [[i16; 4]; PHASES] {
    let mut all = [[0; 4]; PHASES];
    let mut phase = 0;
    while phase < PHASES {
        // In 64ths, cubes of them.
        let t = phase as i64;
        let one = PHASES as i64;
        let (t1, t2, t3) = (t * one * one, t * t * one, t * t * t);
        let whole = one * one * one;
        let exact = [-t1 + 2 * t2 - t3, whole - 2 * t2 + t3, t1 + t2 - t3, -t2 + t3];
        let mut sum = 0;
        let mut at = 0;
        while at < 4 {
            // Rounded to the nearest, to minus infinity where there are two.
            let doubled = 2 * exact[at] * (1 << WEIGHT_BITS) + whole;
            all[phase][at] = doubled.div_euclid(2 * whole) as i16;
            sum += all[phase][at];
            at += 1;
        }
        let middle = if t * 2 < one { 1 } else { 2 };
        all[phase][middle] += (1 << WEIGHT_BITS) - sum;
        phase += 1;
    }
    all
}

/// What a plane shows at places: each across and down, in 64ths of samples from the middle of the
/// first one; what lies outside is like the edge.
pub(super) fn sample_all(plane: &Plane, xs: &[i32], ys: &[i32], out: &mut [u8]) {
    assert!(xs.len() == out.len() && ys.len() == out.len(), "a place a sample");
    let drawn = sample_fours(plane, xs, ys, out);
    for ((&x, &y), out) in xs.iter().zip(ys).zip(out).skip(drawn) {
        *out = sample(plane, x, y);
    }
}

/// Where there are no vectors, nothing is sampled by them.
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
fn sample_fours(_: &Plane, _: &[i32], _: &[i32], _: &mut [u8]) -> usize {
    0
}

/// What a plane shows at one place.
#[inline]
fn sample(plane: &Plane, x: i32, y: i32) -> u8 {
    let (width, height) = (plane.width() as i32, plane.height() as i32);
    let x = x.clamp(-(PHASES as i32), width * PHASES as i32);
    let y = y.clamp(-(PHASES as i32), height * PHASES as i32);
    let (column, row) = (x >> PHASE_BITS, y >> PHASE_BITS);
    let (across, down) = (&WEIGHTS[(x & 63) as usize], &WEIGHTS[(y & 63) as usize]);
    let inside = column >= 1 && row >= 1 && column + 2 < width && row + 2 < height;
    let four: [&[u8; 4]; 4] = if inside {
        let (start, width) = (((row - 1) * width + column - 1) as usize, width as usize);
        let square = &plane.samples()[start..start + 3 * width + 4];
        let line = |at: usize| square[at * width..].first_chunk().expect("the square has it");
        [line(0), line(1), line(2), line(3)]
    } else {
        return edge(plane, (column, row), across, down);
    };
    weighed(four, across, down)
}

/// The same where some of the 16 samples lie outside.
#[inline(never)]
fn edge(plane: &Plane, (column, row): (i32, i32), across: &[i16; 4], down: &[i16; 4]) -> u8 {
    let (last_column, last_row) = (plane.width() as i32 - 1, plane.height() as i32 - 1);
    let within = |from: i32, last: i32| {
        let at = |by: i32| (from + by).clamp(0, last) as usize;
        [at(-1), at(0), at(1), at(2)]
    };
    let (columns, rows) = (within(column, last_column), within(row, last_row));
    let mut lines = [[0; 4]; 4];
    for (line, row) in lines.iter_mut().zip(rows) {
        let samples = plane.row(row);
        for (out, column) in line.iter_mut().zip(columns) {
            *out = samples[column];
        }
    }
    weighed(lines.each_ref(), across, down)
}

/// The sum of 4 × 4 samples: first down, in 16 bits, which hold 255 × 64 and what splines overshoot.
#[inline]
fn weighed(lines: [&[u8; 4]; 4], across: &[i16; 4], down: &[i16; 4]) -> u8 {
    let mut columns = [0_i16; 4];
    for (line, weight) in lines.into_iter().zip(down) {
        for (sum, &sample) in columns.iter_mut().zip(line) {
            *sum += i16::from(sample) * weight;
        }
    }
    let sum: i32 = columns.iter().zip(across).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
    ((sum + HALF) >> (2 * WEIGHT_BITS)).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_place_are_whole_and_let_samples_be_what_they_are() {
        assert_eq!(WEIGHTS[0], [0, 64, 0, 0]);
        assert_eq!(WEIGHTS[32], [-8, 40, 40, -8]);
        for phase in 1..PHASES {
            assert_eq!(WEIGHTS[phase].iter().sum::<i16>(), 64);
            let mut back = WEIGHTS[PHASES - phase];
            back.reverse();
            let off = WEIGHTS[phase].iter().zip(back).map(|(a, b)| (a - b).abs()).max();
            assert!(off <= Some(2), "{phase}");
        }
    }

    #[test]
    fn many_places_at_once_show_what_each_shows_alone() {
        let noise = |at: usize| (at as u32).wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        for (width, height) in [(1, 1), (3, 5), (4, 4), (31, 17)] {
            let samples = (0..width * height).map(|at| if noise(at) >> 31 == 1 { 255 } else { 0 });
            let plane = Plane::new(width, height, samples.collect());
            let place = |at: usize, side: usize| {
                let reach = (side as u32 + 8) * PHASES as u32;
                (noise(at) >> 8).rem_euclid(reach) as i32 - 4 * PHASES as i32
            };
            let xs: Vec<i32> = (0..997).map(|at| place(2 * at, width)).collect();
            let ys: Vec<i32> = (0..997).map(|at| place(2 * at + 1, height)).collect();
            let mut out = vec![0; xs.len()];
            sample_all(&plane, &xs, &ys, &mut out);
            let alone = xs.iter().zip(&ys).map(|(&x, &y)| sample(&plane, x, y));
            assert!(alone.eq(out), "{width} x {height}");
        }
    }
}
