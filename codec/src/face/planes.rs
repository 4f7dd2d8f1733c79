//! Pictures as this plug-in works on them: luma, and chroma of half the size.

use super::resample::resample;
use crate::{I420, Picture, Pixels};

/// Most pixels of the long side of a working picture.
pub(super) const MAX_LONG_SIDE: usize = 512;
/// Sides of working pictures are multiples of this many pixels.
pub(super) const BLOCK: usize = 16;

/// One plane of 8-bit samples, rows without gaps, top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    width: usize,
    height: usize,
    samples: Vec<u8>,
}

impl Plane {
    /// A plane of one value. Both sides are at least 1.
    pub(super) fn filled(width: usize, height: usize, value: u8) -> Self {
        Self::new(width, height, vec![value; width * height])
    }

    /// A plane of `width` × `height` samples.
    pub(super) fn new(width: usize, height: usize, samples: Vec<u8>) -> Self {
        assert!(width > 0 && samples.len() == width * height, "samples fit the size");
        Self { width, height, samples }
    }

    /// Samples of a row.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub(super) const fn height(&self) -> usize {
        self.height
    }

    /// All samples.
    pub(super) fn samples(&self) -> &[u8] {
        &self.samples
    }

    /// A row.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.width..][..self.width]
    }

    /// A row, to be changed.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.samples[y * self.width..][..self.width]
    }

    /// The same picture at another size: areas are averaged where it is smaller.
    pub(super) fn resized(&self, width: usize, height: usize) -> Self {
        resample(&self.samples, self.width, (self.width, self.height), (width, height))
    }
}

/// A picture: luma and both chroma planes of half the width and height, rounded up, BT.601 in video
/// range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planes {
    /// Luma.
    pub(super) y: Plane,
    /// Blue difference.
    pub(super) u: Plane,
    /// Red difference.
    pub(super) v: Plane,
}

impl Planes {
    /// Grey.
    pub(super) fn grey(width: usize, height: usize) -> Self {
        let chroma = Plane::filled(width.div_ceil(2), height.div_ceil(2), 128);
        Self { y: Plane::filled(width, height, 128), u: chroma.clone(), v: chroma }
    }

    /// A picture of anyone, at a size of ours.
    pub(super) fn of(picture: &Picture<'_>, width: usize, height: usize) -> Self {
        let from = (picture.width() as usize, picture.height() as usize);
        match picture.pixels() {
            Pixels::I420(planes) => Self::of_i420(&planes, from, (width, height)),
            Pixels::Rgba(bytes) => {
                let [y, u, v] = from_rgba(bytes, from);
                let (stride, chroma) = (from.0, from.0.div_ceil(2));
                let planes = I420 { y: &y, u: &u, v: &v, y_stride: stride, uv_stride: chroma };
                Self::of_i420(&planes, from, (width, height))
            }
        }
    }

    fn of_i420(planes: &I420<'_>, from: (usize, usize), to: (usize, usize)) -> Self {
        let half = |(width, height): (usize, usize)| (width.div_ceil(2), height.div_ceil(2));
        Self {
            y: resample(planes.y, planes.y_stride, from, to),
            u: resample(planes.u, planes.uv_stride, half(from), half(to)),
            v: resample(planes.v, planes.uv_stride, half(from), half(to)),
        }
    }

    /// The same picture at another size.
    pub(super) fn resized(&self, width: usize, height: usize) -> Self {
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        Self {
            y: self.y.resized(width, height),
            u: self.u.resized(half_width, half_height),
            v: self.v.resized(half_width, half_height),
        }
    }

    /// Luma samples of a row.
    pub(super) const fn width(&self) -> usize {
        self.y.width()
    }

    /// Rows of luma.
    pub(super) const fn height(&self) -> usize {
        self.y.height()
    }

    /// Bytes of a picture of this size.
    pub(super) const fn bytes(width: usize, height: usize) -> usize {
        width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
    }
}

/// The size at which pictures of `width` × `height` are worked on: about the same shape, the long
/// side at most [`MAX_LONG_SIDE`], both multiples of [`BLOCK`] and at least two of them.
pub(super) fn working_size(width: u32, height: u32) -> (usize, usize) {
    let long = width.max(height).max(1) as usize;
    let (numerator, denominator) = (long.min(MAX_LONG_SIDE), long);
    let side = |side: u32| {
        let blocks = (side as usize * numerator + denominator * BLOCK / 2) / (denominator * BLOCK);
        blocks.clamp(2, MAX_LONG_SIDE / BLOCK) * BLOCK
    };
    (side(width), side(height))
}

/// ITU-R BT.601 in video range, chroma averaged over 2 × 2 pixels.
fn from_rgba(bytes: &[u8], (width, height): (usize, usize)) -> [Vec<u8>; 3] {
    let (pixels, _) = bytes.as_chunks::<4>();
    let y = pixels.iter().map(|&[red, green, blue, _]| {
        let [red, green, blue] = [red, green, blue].map(i32::from);
        (((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16) as u8
    });
    let y = y.collect();
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let (mut u, mut v) = (Vec::new(), Vec::new());
    u.reserve(half_width * half_height);
    v.reserve(half_width * half_height);
    for row in 0..half_height {
        let upper = &pixels[2 * row * width..][..width];
        let lower = &pixels[(2 * row + 1).min(height - 1) * width..][..width];
        for (a, b) in upper.chunks(2).zip(lower.chunks(2)) {
            let [red, green, blue] = std::array::from_fn(|at| {
                let four = [a[0], a[a.len() - 1], b[0], b[b.len() - 1]];
                four.iter().map(|pixel| i32::from(pixel[at])).sum::<i32>()
            });
            u.push((((-38 * red - 74 * green + 112 * blue + 512) >> 10) + 128) as u8);
            v.push((((112 * red - 94 * green - 18 * blue + 512) >> 10) + 128) as u8);
        }
    }
    [y, u, v]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_pictures_keep_the_shape_and_are_bounded() {
        assert_eq!(working_size(512, 512), (512, 512));
        assert_eq!(working_size(1280, 720), (512, 288));
        assert_eq!(working_size(720, 1280), (288, 512));
        assert_eq!(working_size(256, 256), (256, 256));
        assert_eq!(working_size(360, 288), (368, 288));
        assert_eq!(working_size(1, 1), (32, 32));
        assert_eq!(working_size(4_096, 1), (512, 32));
    }

    #[test]
    fn colours_stay_what_they_are_from_pixels_to_planes() {
        let rgba = [[255, 0, 0, 255]; 35].concat();
        let picture = Picture::new(7, 5, Pixels::Rgba(&rgba)).expect("the size fits");
        let planes = Planes::of(&picture, 32, 32);
        assert!(planes.y.samples().iter().all(|y| y.abs_diff(81) <= 1));
        assert!(planes.u.samples().iter().all(|u| u.abs_diff(90) <= 1));
        assert!(planes.v.samples().iter().all(|v| v.abs_diff(240) <= 1));
    }

    #[test]
    fn a_picture_at_its_own_size_is_itself() {
        let bytes: Vec<u8> = (0..32 * 48 * 3 / 2).map(|at| (at * 7 % 251) as u8).collect();
        let picture = Picture::packed_i420(32, 48, &bytes).expect("the size fits");
        let planes = Planes::of(&picture, 32, 48);
        let whole = [planes.y.samples(), planes.u.samples(), planes.v.samples()].concat();
        assert_eq!(whole, bytes);
    }
}
