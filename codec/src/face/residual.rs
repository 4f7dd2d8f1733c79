//! What is added to the luma of a drawn picture where the model alone does not fit it.
//!
//! A residual is a plane of the size of the working picture, of blocks of 16 × 16 samples, each of
//! which is told by frequencies of its type II discrete cosine transform, the low ones first:
//!
//! ```text
//!  any? │ with another step than the frame before? which │ blocks, row by row:
//!  coded? │ how many diagonals of frequencies │ their coefficients
//! ```
//! Blocks fade away into neighbours that are not coded. Blocks that the frame before has too are told
//! by what is different, where the step is the same.

use super::{
    grid::Grid,
    image::Image,
    number::{Activity, Ratio, number},
    planes::{BLOCK, Plane},
};
use crate::{
    FrameError,
    entropy::{Context, Port, Price},
};

/// Samples of a block across and down.
pub(super) const SIDE: usize = BLOCK;
/// Frequencies whose sum across and down is the same are a diagonal. There are so many of them.
pub(super) const DIAGONALS: usize = 14;
/// Coefficients of a block.
pub(super) const COEFFICIENTS: usize = first(DIAGONALS);
/// Sizes of the steps of coefficients, whose number has [`STEP_BITS`].
pub(super) const STEPS: [f32; 8] = [120.0, 90.0, 68.0, 51.0, 38.0, 29.0, 22.0, 16.0];
const STEP_BITS: u32 = 3;

/// "There is a residual", where the frame before has none, and where it has.
const ANY: [Context; 2] = [Context::new(50_600), Context::new(6_800)];
/// "With another step than that of the frame before."
const OTHER_STEP: Context = Context::new(47_200);
/// "This block is coded", by how many of those to the left and above are: of a frame whose frame before
/// has none there, and of one whose has.
const CODED: [[Context; 3]; 2] = [
    [Context::new(65_290), Context::new(48_300), Context::new(25_100)],
    [Context::new(19_300), Context::new(5_300), Context::new(2_700)],
];
/// "There is a coefficient in this diagonal or behind it", in 65,536ths of "no", by diagonal: alone, and
/// as changes.
const ENDS: [[u16; DIAGONALS]; 2] = [
    [
        32, 11_000, 12_500, 15_000, 15_500, 14_500, 14_400, 14_200, 14_300, 16_000, 16_000, 15_400,
        11_500, 8_600,
    ],
    [
        27_000, 3_800, 7_700, 10_500, 12_300, 12_100, 11_600, 14_100, 15_600, 15_200, 15_400,
        16_100, 14_300, 20_600,
    ],
];
/// How far coefficients vary in steps, 8 × log₂, by diagonal: alone, and from those of the frame before.
const DEVIATIONS: [[i32; DIAGONALS]; 2] = [
    [15, 7, 3, 1, 0, -1, -2, -2, -2, -3, -3, -5, -6, -7],
    [-2, -4, -5, -6, -6, -6, -7, -8, -9, -9, -9, -10, -10, -9],
];

/// Coefficients of a block, in steps: low frequencies first.
pub(super) type Block = [i32; COEFFICIENTS];

/// What is added to a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Residual {
    /// Which of [`STEPS`].
    pub(super) step: usize,
    /// By number, row by row; none is none.
    pub(super) blocks: Vec<(usize, Block)>,
}

impl Residual {
    /// Of the frame before, what a block of this step is told from.
    pub(super) fn from(before: Option<&Self>, step: usize, block: usize) -> Option<&Block> {
        let before = before.filter(|before| before.step == step)?;
        let at = before.blocks.binary_search_by_key(&block, |block| block.0).ok()?;
        Some(&before.blocks[at].1)
    }

    /// Bits that it takes.
    pub(super) fn price(&self, grid: Grid, before: Option<&Self>) -> f32 {
        let mut price = Price::default();
        code(&mut price, grid, before, Some(self)).expect("it is written, not read");
        price.0
    }

    /// Its samples, of a picture of this grid, which say by how much luma is brighter; `None` where
    /// there is nothing to add.
    pub(super) fn samples(&self, grid: Grid) -> Option<Samples> {
        if self.blocks.is_empty() {
            return None;
        }
        let (across, down) = (grid.columns - 1, grid.rows - 1);
        let mut image = Image::zeros(across * SIDE, down * SIDE);
        for (block, coefficients) in &self.blocks {
            let (left, top) = (block % across * SIDE, block / across * SIDE);
            let size = STEPS[self.step];
            let values = inverse(&coefficients.map(|number| number as f32 * size));
            for (y, row) in values.chunks_exact(SIDE).enumerate() {
                image.row_mut(top + y)[left..left + SIDE].copy_from_slice(row);
            }
        }
        self.spill(across, &mut image);
        let samples = image.samples().iter().map(|value| value.round().clamp(-127.0, 127.0) as i8);
        Some(Samples { width: image.width(), height: image.height(), samples: samples.collect() })
    }

    /// Lets blocks fade away into neighbours that are not coded: their edges would be seen.
    fn spill(&self, across: usize, image: &mut Image) {
        /// What is left of the sample at the edge, by the distance from there.
        const FADE: [f32; 6] = [0.86, 0.71, 0.57, 0.43, 0.29, 0.14];
        let (width, height) = (image.width(), image.height());
        let is_coded = |column: usize, row: usize| {
            let block = row * across + column;
            self.blocks.binary_search_by_key(&block, |block| block.0).is_ok()
        };
        let coded = image.clone();
        for (block, _) in &self.blocks {
            let (column, row) = (block % across, block / across);
            let (left, top) = (column * SIDE, row * SIDE);
            let mut fade = |from: (usize, usize), to: (usize, usize), part: f32| {
                image.row_mut(to.1)[to.0] += part * coded.row(from.1)[from.0];
            };
            for (off, part) in FADE.into_iter().enumerate() {
                for at in 0..SIDE {
                    if left > 0 && !is_coded(column - 1, row) {
                        fade((left, top + at), (left - 1 - off, top + at), part);
                    }
                    let right = left + SIDE;
                    if right < width && !is_coded(column + 1, row) {
                        fade((right - 1, top + at), (right + off, top + at), part);
                    }
                    if top > 0 && !is_coded(column, row - 1) {
                        fade((left + at, top), (left + at, top - 1 - off), part);
                    }
                    let bottom = top + SIDE;
                    if bottom < height && !is_coded(column, row + 1) {
                        fade((left + at, bottom - 1), (left + at, bottom + off), part);
                    }
                }
            }
        }
    }
}

/// Writes or reads the residual of a frame, given that of the frame before if there is one.
///
/// # Errors
/// [`FrameError::Malformed`].
pub(super) fn code(
    port: &mut impl Port,
    grid: Grid,
    before: Option<&Residual>,
    known: Option<&Residual>,
) -> Result<Residual, FrameError> {
    let before = before.filter(|before| !before.blocks.is_empty());
    let any = known.is_some_and(|known| !known.blocks.is_empty());
    if !port.decide(ANY[usize::from(before.is_some())], any) {
        return Ok(Residual::default());
    }
    let wanted = known.map_or(0, |known| known.step);
    let step = match before.filter(|before| !port.decide(OTHER_STEP, wanted != before.step)) {
        Some(before) => before.step,
        None => port.bits(wanted as u32, STEP_BITS) as usize,
    };
    let (across, down) = (grid.columns - 1, grid.rows - 1);
    let mut coded = vec![false; across * down];
    let mut blocks = Vec::new();
    let mut wanted = known.map_or(&[][..], |known| &known.blocks).iter().peekable();
    for block in 0..across * down {
        let left = !block.is_multiple_of(across) && coded[block - 1];
        let above = block >= across && coded[block - across];
        let from = Residual::from(before, step, block);
        let context = CODED[usize::from(from.is_some())][usize::from(left) + usize::from(above)];
        let own = wanted.next_if(|wanted| wanted.0 == block);
        if !port.decide(context, own.is_some()) {
            continue;
        }
        coded[block] = true;
        blocks.push((block, code_block(port, from, own.map(|own| &own.1))?));
    }
    if blocks.is_empty() {
        return Err(FrameError::Malformed);
    }
    Ok(Residual { step, blocks })
}

/// Writes or reads a block, given the same one of the frame before if there is one.
fn code_block(
    port: &mut impl Port,
    from: Option<&Block>,
    known: Option<&Block>,
) -> Result<Block, FrameError> {
    let changes = usize::from(from.is_some());
    let mut block = from.copied().unwrap_or([0; COEFFICIENTS]);
    let off = |at: usize| known.map_or(0, |known| known[at] - from.map_or(0, |from| from[at]));
    let last = (0..COEFFICIENTS).rev().find(|&at| off(at) != 0);
    let wanted = last.map_or(0, |last| diagonal(last) + 1);
    let mut activity = Activity::default();
    for (at, out) in block.iter_mut().enumerate() {
        let diagonal = diagonal(at);
        if at == first(diagonal)
            && !port.decide(Context::new(ENDS[changes][diagonal]), wanted > diagonal)
        {
            break;
        }
        let ratio = Ratio::new(DEVIATIONS[changes][diagonal], 0);
        let off = number(port, activity.adapted(ratio), off(at))?;
        activity.observe(ratio, off);
        *out += off;
    }
    Ok(block)
}

/// Bits that a block takes by itself, by how many of its diagonals are coded.
pub(super) fn prices(block: &Block) -> [f32; DIAGONALS + 1] {
    let mut price = Price::default();
    let mut activity = Activity::default();
    let mut prices = [0.0; DIAGONALS + 1];
    for (diagonal, (context, deviation)) in ENDS[0].into_iter().zip(DEVIATIONS[0]).enumerate() {
        let context = Context::new(context);
        prices[diagonal] = price.0 + context.cost(false);
        price.0 += context.cost(true);
        let ratio = Ratio::new(deviation, 0);
        for &coefficient in &block[first(diagonal)..first(diagonal + 1)] {
            price.0 += activity.adapted(ratio).price(coefficient);
            activity.observe(ratio, coefficient);
        }
    }
    prices[DIAGONALS] = price.0;
    prices
}

/// The first coefficient of a diagonal.
pub(super) const fn first(diagonal: usize) -> usize {
    diagonal * (diagonal + 1) / 2
}

/// Which diagonal a coefficient is of.
const fn diagonal(at: usize) -> usize {
    FREQUENCIES[at].0 + FREQUENCIES[at].1
}

/// Frequencies of coefficients, across and down, in their order.
const FREQUENCIES: [(usize, usize); COEFFICIENTS] = {
    let mut all = [(0, 0); COEFFICIENTS];
    let (mut at, mut sum) = (0, 0);
    while sum < DIAGONALS {
        let mut down = 0;
        while down <= sum {
            all[at] = (sum - down, down);
            at += 1;
            down += 1;
        }
        sum += 1;
    }
    all
};

/// cos(π k / 32).
const COSINES: [f32; SIDE + 1] = [
    1.0,
    0.995_184_7,
    0.980_785_25,
    0.956_940_35,
    0.923_879_5,
    0.881_921_3,
    0.831_469_6,
    0.773_010_43,
    std::f32::consts::FRAC_1_SQRT_2,
    0.634_393_3,
    0.555_570_24,
    0.471_396_74,
    0.382_683_43,
    0.290_284_66,
    0.195_090_32,
    0.098_017_14,
    0.0,
];

/// Of each frequency a wave of length 1.
const WAVES: [[f32; SIDE]; SIDE] = {
    // 1 / √8, and for the first that over √2.
    const LENGTH: f32 = 0.353_553_4;
    let mut waves = [[0.25; SIDE]; SIDE];
    let mut frequency = 1;
    while frequency < SIDE {
        let mut at = 0;
        while at < SIDE {
            // Even, and odd about a quarter turn.
            let turn = (2 * at + 1) * frequency % (4 * SIDE);
            let turn = if turn > 2 * SIDE { 4 * SIDE - turn } else { turn };
            let cosine = if turn > SIDE { -COSINES[2 * SIDE - turn] } else { COSINES[turn] };
            waves[frequency][at] = LENGTH * cosine;
            at += 1;
        }
        frequency += 1;
    }
    waves
};

/// The coefficients of a block's samples, row by row.
pub(super) fn transformed(samples: &[f32; SIDE * SIDE]) -> [f32; COEFFICIENTS] {
    // Rows first: by row, then by frequency across.
    let rows: [[f32; SIDE]; SIDE] = std::array::from_fn(|y| {
        let row = &samples[y * SIDE..][..SIDE];
        WAVES.map(|wave| wave.iter().zip(row).map(|(a, b)| a * b).sum())
    });
    FREQUENCIES.map(|(across, down)| {
        WAVES[down].iter().zip(&rows).map(|(wave, row)| wave * row[across]).sum()
    })
}

/// And back.
fn inverse(coefficients: &[f32; COEFFICIENTS]) -> [f32; SIDE * SIDE] {
    // Columns first: by frequency across, then by row.
    let mut columns = [[0.0; SIDE]; SIDE];
    for (&(across, down), &coefficient) in FREQUENCIES.iter().zip(coefficients) {
        if coefficient != 0.0 {
            for (out, wave) in columns[across].iter_mut().zip(WAVES[down]) {
                *out += coefficient * wave;
            }
        }
    }
    let mut samples = [0.0; SIDE * SIDE];
    for (y, row) in samples.chunks_exact_mut(SIDE).enumerate() {
        for (wave, column) in WAVES.iter().zip(&columns).take(DIAGONALS) {
            for (out, wave) in row.iter_mut().zip(wave) {
                *out += wave * column[y];
            }
        }
    }
    samples
}

/// The samples of a residual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) width: usize,
    pub(super) height: usize,
    /// By how much luma is brighter.
    pub(super) samples: Vec<i8>,
}

impl Samples {
    /// Adds them to luma of the same picture at any size: between samples by linear interpolation.
    pub(super) fn add(&self, luma: &mut Plane) {
        let place = |at: usize, count: usize, of: usize| {
            let place = ((at as f32 + 0.5) * of as f32 / count as f32 - 0.5).max(0.0);
            let first = (place as usize).min(of - 1);
            (first, (first + 1).min(of - 1), (place - first as f32).min(1.0))
        };
        let (width, height) = (luma.width(), luma.height());
        let columns: Vec<_> = (0..width).map(|x| place(x, width, self.width)).collect();
        let mut line = vec![0.0; self.width];
        for y in 0..height {
            let (upper, lower, v) = place(y, height, self.height);
            let [upper, lower] =
                [upper, lower].map(|y| &self.samples[y * self.width..][..self.width]);
            if upper.iter().chain(lower).all(|&sample| sample == 0) {
                continue;
            }
            for (out, (&a, &b)) in line.iter_mut().zip(upper.iter().zip(lower)) {
                *out = f32::from(a) + v * (f32::from(b) - f32::from(a));
            }
            for (sample, &(left, right, u)) in luma.row_mut(y).iter_mut().zip(&columns) {
                let more = line[left] + u * (line[right] - line[left]);
                *sample = (f32::from(*sample) + more + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{Decoder, Encoder};

    const GRID: Grid = Grid { columns: 5, rows: 4 };

    /// One of these blocks, numbers falling as frequencies grow.
    fn residual(step: usize, blocks: &[usize]) -> Residual {
        let numbers = |block: usize| {
            std::array::from_fn(|at| if at > 40 { 0 } else { (block as i32 + 5 - at as i32) / 2 })
        };
        Residual { step, blocks: blocks.iter().map(|&block| (block, numbers(block))).collect() }
    }

    #[test]
    fn residuals_come_back_alone_and_behind_each_other_and_cost_what_was_said() {
        let all = [
            residual(0, &[]),
            residual(3, &[0, 4, 11]),
            residual(3, &[0, 3, 4, 11]),
            residual(7, &[1, 2]),
        ];
        for before in [None].into_iter().chain(all.iter().map(Some)) {
            for known in &all {
                let mut bytes = Vec::new();
                let mut encoder = Encoder::new(&mut bytes);
                code(&mut encoder, GRID, before, Some(known)).expect("it is written");
                encoder.finish();
                let bits = known.price(GRID, before);
                assert!((bytes.len() as f32 * 8.0 - bits).abs() < 32.0, "{bits}");
                let mut decoder = Decoder::new(&bytes);
                let read = code(&mut decoder, GRID, before, None);
                let step = if known.blocks.is_empty() { 0 } else { known.step };
                assert_eq!(read, Ok(Residual { step, ..known.clone() }));
                assert_eq!(decoder.finish(), Ok(()));
            }
        }
    }

    #[test]
    fn a_block_costs_what_its_diagonals_do() {
        let [(_, block)] = residual(0, &[9]).blocks[..] else { panic!("it is one") };
        let prices = prices(&block);
        for diagonals in 1..=DIAGONALS {
            let mut cut = block;
            cut[first(diagonals)..].fill(0);
            let mut price = Price::default();
            code_block(&mut price, None, Some(&cut)).expect("it is written");
            // Zeros at the end are not written.
            assert!(price.0 <= prices[diagonals] + 1e-3);
            let is_all = cut[first(diagonals - 1)..first(diagonals)].iter().any(|&at| at != 0);
            assert!(!is_all || (price.0 - prices[diagonals]).abs() < 1e-3);
        }
    }

    #[test]
    fn samples_come_back_from_their_transform_but_for_the_highest_frequencies() {
        let smooth: [f32; SIDE * SIDE] = std::array::from_fn(|at| {
            let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
            30.0 * (x * 0.4).sin() + 20.0 * (y * 0.3 + x * 0.1).cos()
        });
        let transformed = transformed(&smooth);
        let energy = |of: &[f32]| of.iter().map(|value| value * value).sum::<f32>();
        assert!((energy(&transformed) / energy(&smooth) - 1.0).abs() < 0.01, "it is orthonormal");
        let back = inverse(&transformed);
        for (a, b) in smooth.iter().zip(back) {
            assert!((a - b).abs() < 2.0, "{a} {b}");
        }
    }

    #[test]
    fn samples_are_added_at_any_size_and_stay_within_a_byte() {
        let mut level = [0; COEFFICIENTS];
        level[0] = 16; // 16 × 16 / 16: by 16
        let blocks = (0..12).map(|block| (block, level)).collect();
        let samples = Residual { step: 7, blocks }.samples(GRID).expect("there are some");
        for (width, height) in [(64, 48), (128, 96), (31, 50), (1, 1)] {
            for (luma, brighter) in [(100, 116), (250, 255)] {
                let mut plane = Plane::filled(width, height, luma);
                samples.add(&mut plane);
                assert!(plane.samples().iter().all(|&sample| sample == brighter));
            }
        }
        assert_eq!(Residual::default().samples(GRID), None);
    }
}
