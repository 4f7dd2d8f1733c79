//! Still pictures as models hold them: blocks of 8 × 8 by an integer transform, coded by adaptive
//! contexts, on top of a prediction. Integers only: every processor decodes the same.

use super::planes::{Plane, Planes};
use crate::entropy::{Context, CorruptError, Port};

/// Samples of a side of a block.
const SIDE: usize = 8;
/// No coefficient is larger.
const LARGEST: i32 = 1 << 15;
/// A block, by rows.
type Block = [i32; SIDE * SIDE];

/// Cosines of 8 samples, in 1/64 × √8 (those of H.265).
const TRANSFORM: [[i32; SIDE]; SIDE] = [
    [64; SIDE],
    [89, 75, 50, 18, -18, -50, -75, -89],
    [83, 36, -36, -83, -83, -36, 36, 83],
    [75, -18, -89, -50, 50, 89, 18, -75],
    [64, -64, -64, 64, 64, -64, -64, 64],
    [50, -89, 18, 75, -75, -18, 89, -50],
    [36, -83, 83, -36, -36, 83, -83, 36],
    [18, -50, 75, -89, 89, -75, 50, -18],
];

/// Contexts of a plane.
struct Contexts {
    coded: [Context; 3],
    /// Where the last coefficient is along the diagonals, as a unary number.
    last: [Context; 64],
    /// By frequency and size of those before: larger than 0, 1, 2 …
    size: [[[Context; 12]; 3]; 16],
}

impl Contexts {
    const fn new() -> Self {
        Self {
            coded: [Context::EVEN; 3],
            last: [Context::new(60_000); 64],
            size: [[[Context::EVEN; 12]; 3]; 16],
        }
    }
}

/// Pictures that are alike: what was seen of one is expected of the next.
pub(super) struct Coder {
    contexts: [Contexts; 3],
}

impl Default for Coder {
    fn default() -> Self {
        Self { contexts: [const { Contexts::new() }; 3] }
    }
}

impl Coder {
    /// Writes a picture, or reads one of a size, on top of a prediction if there is one, and gives
    /// what is read. `step`: of coefficients, in quarters of luma steps.
    pub(super) fn code(
        &mut self,
        picture: Option<&Planes>,
        prediction: Option<&Planes>,
        (width, height): (usize, usize),
        step: u16,
        port: &mut impl Port,
    ) -> Result<Planes, CorruptError> {
        let mut out = prediction.cloned().unwrap_or_else(|| Planes::grey(width, height));
        let intra = prediction.is_none();
        let [y, u, v] = &mut self.contexts;
        code_plane(y, picture.map(|p| &p.y), &mut out.y, intra, step, port)?;
        code_plane(u, picture.map(|p| &p.u), &mut out.u, intra, step, port)?;
        code_plane(v, picture.map(|p| &p.v), &mut out.v, intra, step, port)?;
        Ok(out)
    }
}

fn code_plane(
    contexts: &mut Contexts,
    picture: Option<&Plane>,
    out: &mut Plane,
    intra: bool,
    step: u16,
    port: &mut impl Port,
) -> Result<(), CorruptError> {
    let order = diagonals();
    let across = out.width().div_ceil(SIDE);
    let mut before = vec![0_usize; across + 1];
    for y in (0..out.height()).step_by(SIDE) {
        let mut left = 0;
        for (block, x) in (0..out.width()).step_by(SIDE).enumerate() {
            let mut predicted = read(out, x, y);
            if intra {
                predicted = [edge(out, x, y); SIDE * SIDE];
            }
            let levels = picture.map_or([0; 64], |picture| {
                let wanted = read(picture, x, y);
                quantised(&forward(&std::array::from_fn(|at| wanted[at] - predicted[at])), step)
            });
            let grade = (left + before[block]).min(2);
            let levels = code_block(contexts, grade, &order, &levels, port)?;
            left = usize::from(levels != [0; 64]);
            before[block] = left;
            let mut block = predicted;
            if left == 1 {
                let back = inverse(
                    &levels.map(|level| (level * i32::from(step)).clamp(-LARGEST, LARGEST)),
                );
                block.iter_mut().zip(back).for_each(|(sample, add)| *sample += add);
            }
            write(out, x, y, &block);
        }
    }
    Ok(())
}

fn code_block(
    contexts: &mut Contexts,
    grade: usize,
    order: &[usize; 64],
    levels: &Block,
    port: &mut impl Port,
) -> Result<Block, CorruptError> {
    let mut out = [0; 64];
    let last = order.iter().rposition(|&at| levels[at] != 0);
    if !port.adapt(&mut contexts.coded[grade], last.is_some()) {
        return Ok(out);
    }
    let wanted = last.unwrap_or(0);
    let mut last = 0;
    while last < 63 && port.adapt(&mut contexts.last[last], last < wanted) {
        last += 1;
    }
    let mut sizes = 0;
    for at in (0..=last).rev() {
        let level = levels[order[at]];
        let ladder = &mut contexts.size[(at / 2).min(15)][usize::min(sizes, 2)];
        let mut size = usize::from(at == last);
        while port.adapt(&mut ladder[size.min(11)], size < level.unsigned_abs() as usize) {
            size += 1;
            if size > 4_000 {
                return Err(CorruptError);
            }
        }
        sizes = (sizes + size).div_ceil(2);
        if size > 0 {
            let negative = port.bits(u32::from(level < 0), 1) == 1;
            out[order[at]] = if negative { -(size as i32) } else { size as i32 };
        }
    }
    Ok(out)
}

/// What the samples above and to the left of a block are like.
fn edge(plane: &Plane, x: usize, y: usize) -> i32 {
    let (mut sum, mut count) = (0, 0);
    for at in 0..SIDE {
        if y > 0 && x + at < plane.width() {
            sum += i32::from(plane.row(y - 1)[x + at]);
            count += 1;
        }
        if x > 0 && y + at < plane.height() {
            sum += i32::from(plane.row(y + at)[x - 1]);
            count += 1;
        }
    }
    if count == 0 { 128 } else { sum / count }
}

fn read(plane: &Plane, x: usize, y: usize) -> Block {
    std::array::from_fn(|at| {
        let row = plane.row((y + at / SIDE).min(plane.height() - 1));
        i32::from(row[(x + at % SIDE).min(plane.width() - 1)])
    })
}

fn write(plane: &mut Plane, x: usize, y: usize, block: &Block) {
    for (at, line) in block.as_chunks::<SIDE>().0.iter().enumerate() {
        if y + at < plane.height() {
            for (out, &value) in plane.row_mut(y + at)[x..].iter_mut().zip(line) {
                *out = value.clamp(0, 255) as u8;
            }
        }
    }
}

/// Coefficients, 4 times those of the orthonormal transform.
fn forward(block: &Block) -> Block {
    // Rows times √8 × 64, then columns the same: 8 × 4096 in all.
    let rows: Block = std::array::from_fn(|at| {
        (0..SIDE).map(|x| block[at / SIDE * SIDE + x] * TRANSFORM[at % SIDE][x]).sum()
    });
    std::array::from_fn(|at| {
        let sum: i32 =
            (0..SIDE).map(|y| rows[y * SIDE + at % SIDE] * TRANSFORM[at / SIDE][y]).sum();
        (sum + (1 << 12)) >> 13
    })
}

fn inverse(block: &Block) -> Block {
    let rows: Block = std::array::from_fn(|at| {
        (0..SIDE).map(|x| block[at / SIDE * SIDE + x] * TRANSFORM[x][at % SIDE]).sum::<i32>() >> 2
    });
    std::array::from_fn(|at| {
        let sum: i64 = (0..SIDE)
            .map(|y| i64::from(rows[y * SIDE + at % SIDE]) * i64::from(TRANSFORM[y][at / SIDE]))
            .sum();
        ((sum + (1 << 14)) >> 15) as i32
    })
}

fn quantised(block: &Block, step: u16) -> Block {
    block.map(|value| {
        let size = (value.abs() + i32::from(step) * 3 / 10) / i32::from(step);
        size * value.signum()
    })
}

/// Places of a block along its diagonals, the lowest frequencies first.
fn diagonals() -> [usize; 64] {
    let mut order: [usize; 64] = std::array::from_fn(|at| at);
    order.sort_by_key(|&at| (at / SIDE + at % SIDE, at));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{Decoder, Encoder};

    #[test]
    fn what_is_decoded_is_what_the_encoder_said_and_near_the_picture() {
        let mut picture = Planes::grey(40, 24);
        for y in 0..24 {
            for (x, sample) in picture.y.row_mut(y).iter_mut().enumerate() {
                *sample = (128.0 + 90.0 * (x as f32 * 0.3).sin() * (y as f32 * 0.2).cos()) as u8;
            }
        }
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        let said = Coder::default().code(Some(&picture), None, (40, 24), 16, &mut encoder);
        let said = said.expect("it is written, not read");
        encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        let read = Coder::default().code(None, None, (40, 24), 16, &mut decoder);
        assert_eq!(read, Ok(said.clone()));
        assert_eq!(decoder.finish(), Ok(()));
        let off = picture.y.samples().iter().zip(said.y.samples()).map(|(a, b)| a.abs_diff(*b));
        assert!(off.max() <= Some(6));
    }
}
