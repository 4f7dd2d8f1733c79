//! Which bars there are in a picture.

use super::PER_MILLE;
use crate::Picture;

/// Rows that are looked at.
const ROWS: u32 = 16;
/// Sum of the differences of red, green and blue from which on something is no background.
const CONTRAST: u32 = 90;

/// What is in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scene {
    pub(super) background: [u8; 3],
    /// The widest bar, if there is any.
    pub(super) bar: Option<SeenBar>,
    /// How many there are.
    pub(super) bars: usize,
}

/// A bar in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenBar {
    pub(super) colour: [u8; 3],
    /// Of its middle, in per mille of the picture's width.
    pub(super) position: u16,
    /// In per mille of the picture's width.
    pub(super) width: u16,
}

impl Scene {
    pub(super) fn of(picture: &Picture<'_>) -> Self {
        let columns: Vec<[u8; 3]> = (0..picture.width()).map(|x| column(picture, x)).collect();
        let background = median(&columns);
        let contrasts: Vec<u32> =
            columns.iter().map(|&colour| difference(colour, background)).collect();
        let most = contrasts.iter().copied().max().unwrap_or(0);
        // Half the contrast is the middle of a blurred edge.
        let limit = CONTRAST.max(most / 2);
        let mut bars = Vec::new();
        let mut at = 0;
        for run in contrasts.chunk_by(|&a, &b| (a >= limit) == (b >= limit)) {
            if run[0] >= limit {
                bars.push((at, run.len()));
            }
            at += run.len();
        }
        let widest = bars.iter().max_by_key(|(_, len)| *len);
        let bar = widest.map(|&(start, len)| SeenBar {
            colour: median(&columns[start..start + len]),
            position: per_mille(2 * start + len, 2 * columns.len()),
            width: per_mille(len, columns.len()).max(1),
        });
        Self { background, bar, bars: bars.len() }
    }

    /// The bar, if it is the only one.
    pub(super) const fn only_bar(&self) -> Option<SeenBar> {
        if self.bars == 1 { self.bar } else { None }
    }
}

/// Sum of the differences of red, green and blue.
pub(super) fn difference(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(&a, b)| u32::from(a.abs_diff(b))).sum()
}

/// Mean colour of a column.
fn column(picture: &Picture<'_>, x: u32) -> [u8; 3] {
    let rows = ROWS.min(picture.height());
    let mut sum = [0u32; 3];
    for row in 0..rows {
        let y = (2 * row + 1) * picture.height() / (2 * rows);
        for (sum, value) in sum.iter_mut().zip(picture.rgb(x, y)) {
            *sum += u32::from(value);
        }
    }
    sum.map(|sum| (sum / rows) as u8)
}

/// Median of red, of green and of blue.
fn median(colours: &[[u8; 3]]) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let mut values: Vec<u8> = colours.iter().map(|colour| colour[channel]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable(middle).1
    })
}

fn per_mille(part: usize, whole: usize) -> u16 {
    ((part * usize::from(PER_MILLE) + whole / 2) / whole) as u16
}
