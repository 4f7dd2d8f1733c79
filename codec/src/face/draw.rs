//! Warped references.

use std::ops::Range;

use super::{
    grid::Grid,
    planes::{BLOCK, Plane, Planes},
    regions::{Ellipse, MODES, correction, mask},
    sampler::{PHASES, sample_all},
};

/// A line of samples that are drawn within one block of the working picture.
struct Run {
    block: usize,
    samples: Range<usize>,
}

/// Where the samples of a line of `count` are, in blocks of the working picture.
fn places(count: usize, blocks: usize) -> impl Iterator<Item = (usize, f32)> {
    let scale = blocks as f32 / count as f32;
    (0..count).map(move |at| {
        let place = (at as f32 + 0.5) * scale;
        let block = (place as usize).min(blocks - 1);
        (block, place - block as f32)
    })
}

/// The blocks of a line of `count` samples, and of each sample how far it is in its block.
fn runs(count: usize, blocks: usize) -> (Vec<Run>, Vec<f32>) {
    let mut runs: Vec<Run> = Vec::with_capacity(blocks);
    let within = places(count, blocks).enumerate().map(|(at, (block, within))| {
        match runs.last_mut() {
            Some(run) if run.block == block => run.samples.end = at + 1,
            _ => runs.push(Run { block, samples: at..at + 1 }),
        }
        within
    });
    let within = within.collect();
    (runs, within)
}

/// Draws a plane warped by a field, at the size of `out`.
pub(super) fn warp(source: &Plane, grid: Grid, field: &[f32], out: &mut Plane) {
    let (blocks_across, blocks_down) = (grid.columns - 1, grid.rows - 1);
    let (width, height) = (out.width(), out.height());
    let (runs, within) = runs(width, blocks_across);
    // From the working picture to samples of the source, and of there 64ths.
    let phases = PHASES as f32;
    let across = source.width() as f32 / (blocks_across * BLOCK) as f32 * phases;
    let down = source.height() as f32 / (blocks_down * BLOCK) as f32 * phases;
    let same = (source.width(), source.height()) == (width, height);
    let scale = source.width() as f32 / width as f32 * phases;
    let middles: Vec<f32> = (0..width).map(|at| (at as f32 + 0.5) * scale).collect();
    let mut motion = [Vec::new(), Vec::new()];
    let (mut xs, mut ys) = (vec![0; width], vec![0; width]);
    for (y, (row, v)) in places(height, blocks_down).enumerate() {
        grid.line(field, row, v, &mut motion);
        let [motion_x, motion_y] = &motion;
        let middle = (y as f32 + 0.5) * source.height() as f32 / height as f32 * phases;
        let line = out.row_mut(y);
        // From here on it is known where samples look, and they are not drawn.
        let mut waiting = 0;
        for Run { block, samples } in &runs {
            let (left_x, left_y) = (motion_x[*block], motion_y[*block]);
            let (step_x, step_y) = (motion_x[block + 1] - left_x, motion_y[block + 1] - left_y);
            if same && [left_x, left_y, step_x, step_y] == [0.0; 4] {
                let known = waiting..samples.start;
                sample_all(source, &xs[known.clone()], &ys[known.clone()], &mut line[known]);
                line[samples.clone()].copy_from_slice(&source.row(y)[samples.clone()]);
                waiting = samples.end;
                continue;
            }
            let within = &within[samples.clone()];
            let places = xs[samples.clone()].iter_mut().zip(&middles[samples.clone()]);
            for ((out, middle), u) in places.zip(within) {
                *out = round(middle + (left_x + step_x * u) * across - phases / 2.0);
            }
            for (out, u) in ys[samples.clone()].iter_mut().zip(within) {
                *out = round(middle + (left_y + step_y * u) * down - phases / 2.0);
            }
        }
        sample_all(source, &xs[waiting..], &ys[waiting..], &mut line[waiting..]);
    }
}

/// To the nearest whole number; places far outside are as good as those a little outside.
#[inline]
pub(super) fn round(number: f32) -> i32 {
    (number.clamp(-65_000.0, 65_000.0) + 65_536.5) as i32 - 65_536
}

/// Turns a row of a picture into red, green, blue and alpha: ITU-R BT.601 in video range.
pub(super) fn colour(planes: &Planes, y: usize, out: &mut [[u8; 4]]) {
    let (luma, u, v) = (planes.y.row(y), planes.u.row(y / 2), planes.v.row(y / 2));
    let (pairs, last) = out.as_chunks_mut::<2>();
    let (luma_pairs, last_luma) = luma.as_chunks::<2>();
    for ((out, luma), (&u, &v)) in pairs.iter_mut().zip(luma_pairs).zip(u.iter().zip(v)) {
        *out = [rgba(luma[0], u, v), rgba(luma[1], u, v)];
    }
    for ((out, &luma), (&u, &v)) in
        last.iter_mut().zip(last_luma).zip(u[pairs.len()..].iter().zip(&v[pairs.len()..]))
    {
        *out = rgba(luma, u, v);
    }
}

#[inline]
fn rgba(luma: u8, u: u8, v: u8) -> [u8; 4] {
    let luma = 298 * (i32::from(luma) - 16) + 128;
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let to_byte = |value: i32| (value >> 8).clamp(0, 255) as u32;
    let (red, green, blue) = (luma + 409 * v, luma - 100 * u - 208 * v, luma + 516 * u);
    (to_byte(red) | to_byte(green) << 8 | to_byte(blue) << 16 | 0xFF00_0000).to_le_bytes()
}

/// Draws a picture warped by a field, at a size.
pub(super) fn warped(
    source: &Planes,
    grid: Grid,
    field: &[f32],
    width: usize,
    height: usize,
) -> Planes {
    let mut out = Planes::grey(width, height);
    warp(&source.y, grid, field, &mut out.y);
    warp(&source.u, grid, field, &mut out.u);
    warp(&source.v, grid, field, &mut out.v);
    out
}

/// A region of another picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch<'a> {
    /// That shows the region.
    pub(super) source: &'a Planes,
    /// Width and height of what the source shows, in pixels of the working picture.
    pub(super) size: (usize, usize),
    /// Where the region is there.
    pub(super) there: Ellipse,
    /// Where it is to be, in pixels of the working picture.
    pub(super) here: Ellipse,
    /// How it is moved there.
    pub(super) coefficients: [f32; MODES],
}

impl Patch<'_> {
    /// Draws it over a picture, which shows a working picture of this width and height.
    pub(super) fn draw(&self, whole: (usize, usize), out: &mut Planes) {
        self.draw_luma(whole, &mut out.y);
        self.draw_plane(whole, &self.source.u, &mut out.u);
        self.draw_plane(whole, &self.source.v, &mut out.v);
    }

    /// Draws its luma alone.
    pub(super) fn draw_luma(&self, whole: (usize, usize), out: &mut Plane) {
        self.draw_plane(whole, &self.source.y, out);
    }

    fn draw_plane(&self, whole: (usize, usize), source: &Plane, out: &mut Plane) {
        let across = whole.0 as f32 / out.width() as f32;
        let down = whole.1 as f32 / out.height() as f32;
        let (columns, rows) = self.bounds((out.width(), out.height()), (across, down));
        let inverse = self.here.inverse();
        let look = self.look(source);
        let (mut xs, mut ys) = (vec![0; columns.len()], vec![0; columns.len()]);
        let (mut masks, mut others) = (vec![0.0; columns.len()], vec![0; columns.len()]);
        for y in rows {
            let place_y = (y as f32 + 0.5) * down;
            let n = |x: usize| inverse((x as f32 + 0.5) * across, place_y);
            // What lies outside is left out: an ellipse has one piece of each row.
            let Some(start) = columns.clone().find(|&x| mask(n(x)) > 0.0) else { continue };
            let end = columns.clone().rev().find(|&x| mask(n(x)) > 0.0).unwrap_or(start) + 1;
            let count = end - start;
            let places = xs.iter_mut().zip(&mut ys).zip(&mut masks);
            for (x, ((out_x, out_y), out_mask)) in (start..end).zip(places) {
                let n = n(x);
                *out_mask = mask(n);
                (*out_x, *out_y) = look(n);
            }
            sample_all(source, &xs[..count], &ys[..count], &mut others[..count]);
            let others = others.iter().zip(&masks);
            for (pixel, (&other, mask)) in out.row_mut(y)[start..end].iter_mut().zip(others) {
                let (other, own) = (f32::from(other), f32::from(*pixel));
                *pixel = (own + mask * (other - own) + 0.5) as u8;
            }
        }
    }

    /// Draws all that is around the region as a picture of this size.
    pub(super) fn alone(&self, (width, height): (usize, usize)) -> Planes {
        let mut out = Planes::grey(width, height);
        let inverse = self.here.inverse();
        let fill = |source: &Plane, out: &mut Plane| {
            let across = width as f32 / out.width() as f32;
            let down = height as f32 / out.height() as f32;
            let look = self.look(source);
            for y in 0..out.height() {
                let places = (0..out.width())
                    .map(|x| look(inverse((x as f32 + 0.5) * across, (y as f32 + 0.5) * down)));
                let (xs, ys): (Vec<i32>, Vec<i32>) = places.unzip();
                sample_all(source, &xs, &ys, out.row_mut(y));
            }
        };
        fill(&self.source.y, &mut out.y);
        fill(&self.source.u, &mut out.u);
        fill(&self.source.v, &mut out.v);
        out
    }

    /// Where a plane of the source has what is at `n`, in 64ths of its samples.
    fn look(&self, source: &Plane) -> impl Fn((f32, f32)) -> (i32, i32) + use<> {
        let (there, coefficients) = (self.there, self.coefficients);
        let phases = PHASES as f32;
        let across = source.width() as f32 / self.size.0 as f32 * phases;
        let down = source.height() as f32 / self.size.1 as f32 * phases;
        move |n| {
            let (x, y) = there.place(n);
            let (dx, dy) = correction(&coefficients, n);
            (round((x + dx) * across - phases / 2.0), round((y + dy) * down - phases / 2.0))
        }
    }

    /// Columns and rows in which there is some of it.
    fn bounds(
        &self,
        (width, height): (usize, usize),
        (across, down): (f32, f32),
    ) -> (Range<usize>, Range<usize>) {
        let Ellipse { middle, right, down: below } = self.here;
        let range = |middle: f32, reach: f32, scale: f32, most: usize| {
            let start = (((middle - reach) / scale).max(0.0) as usize).min(most);
            start..(((middle + reach) / scale).max(0.0) as usize + 1).clamp(start, most)
        };
        (
            range(middle.0, right.0.abs() + below.0.abs(), across, width),
            range(middle.1, right.1.abs() + below.1.abs(), down, height),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_moves_a_picture_at_any_size() {
        let mut picture = Planes::grey(64, 48);
        for y in 0..48 {
            for (x, sample) in picture.y.row_mut(y).iter_mut().enumerate() {
                *sample = (2 * x + y) as u8;
            }
        }
        let grid = Grid::of(64, 48);
        let mut field = grid.still();
        assert_eq!(warped(&picture, grid, &field, 64, 48), picture);
        let (across, down) = field.split_at_mut(grid.nodes());
        across.fill(3.0);
        down.fill(-2.0);
        let moved = warped(&picture, grid, &field, 64, 48);
        assert_eq!(moved.y.row(20)[30], 2 * 33 + 18);
        let large = warped(&picture, grid, &field, 128, 96);
        assert!(large.y.row(41)[61].abs_diff(2 * 33 + 18) <= 2);
    }
}
