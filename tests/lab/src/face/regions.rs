//! Where in a picture quality is looked at: the face, its mouth, its eyes.

use serde::{Deserialize, Serialize};

use super::{
    landmarks::Face,
    states::percentile,
    video::{Format, Video, VideoError},
};

/// Of the pictures, how many may have a face that reaches out of the face's area at one side.
const OUTSIDE: f64 = 0.02;
/// Least sides of the face's area that libvmaf makes something of.
const LEAST_FACE: u32 = 32;
/// The area of the mouth over the outline of the lips: its width; its height, at least in parts of
/// its own width.
const MOUTH: [f64; 3] = [1.3, 1.4, 0.55];
/// The same of an eye over what its lids enclose.
const EYE: [f64; 3] = [1.5, 1.6, 0.6];
/// PSNR of what is the same.
const SAME_DB: f64 = 100.0;

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Area {
    /// Pixels to the left of it.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The regions of one picture. Those of mouth and eyes follow them.
#[derive(Clone, Debug)]
pub(super) struct Regions {
    mouth: Area,
    eyes: [Area; 2],
}

/// How near a decoded picture is to the original, PSNR of luma in dB. Mouth and eyes: where a face
/// was found in the original.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RegionPsnr {
    /// The face's area.
    pub face: f64,
    /// The mouth.
    pub mouth: Option<f64>,
    /// Both eyes together.
    pub eyes: Option<f64>,
}

impl Area {
    /// A part that is as large as it may be inside a picture, its sides even; `None` where nothing
    /// is left.
    fn between(low: [f64; 2], high: [f64; 2], format: Format) -> Option<Self> {
        let even = |at: f64, most: u32| {
            let at = at.clamp(0.0, f64::from(most)) as u32;
            at - at % 2
        };
        let (left, top) = (even(low[0], format.width), even(low[1], format.height));
        let (right, bottom) = (even(high[0], format.width), even(high[1], format.height));
        let area = Self {
            left,
            top,
            width: right.saturating_sub(left),
            height: bottom.saturating_sub(top),
        };
        (area.width > 0 && area.height > 0).then_some(area)
    }

    /// Around the middle of an outline, [`MOUTH`] or [`EYE`] as large.
    fn around(outline: [f64; 4], [wide, high, least]: [f64; 3], format: Format) -> Option<Self> {
        let [left, top, right, bottom] = outline;
        let width = (right - left) * wide;
        let height = ((bottom - top) * high).max(width * least);
        let (x, y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let low = [x - width / 2.0, y - height / 2.0];
        // At least two pixels, and a pair is not cut.
        let high = [x + width / 2.0 + 2.0, y + height / 2.0 + 2.0];
        Self::between(low, high, format)
    }

    /// Sum of squared differences of the luma of two pictures, and how many pixels that is.
    fn error(self, format: Format, a: &[u8], b: &[u8]) -> (u64, u64) {
        let Self { left, top, width, height } = self;
        let rows = (top..top + height).map(|row| (row * format.width + left) as usize);
        let sum = rows
            .map(|start| {
                let row = start..start + width as usize;
                let pairs = a[row.clone()].iter().zip(&b[row]);
                pairs.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>()
            })
            .sum();
        (sum, u64::from(width) * u64::from(height))
    }
}

/// The area of a clip in which the face is; `None` where there is no face, or hardly any.
pub(super) fn face_area(faces: &[Option<Face>], format: Format) -> Option<Area> {
    let edge = |side: usize, share: f64| {
        let mut edges: Vec<_> = faces.iter().flatten().map(|face| face.outline[side]).collect();
        edges.sort_by(f64::total_cmp);
        percentile(&edges, share)
    };
    let low = [edge(0, OUTSIDE)?, edge(1, OUTSIDE)?];
    let high = [edge(2, 1.0 - OUTSIDE)?, edge(3, 1.0 - OUTSIDE)?];
    let area = Area::between(low, high, format)?;
    (area.width >= LEAST_FACE && area.height >= LEAST_FACE).then_some(area)
}

impl Regions {
    /// Of a face; `None` where its mouth or an eye is outside of the picture.
    pub(super) fn of(face: &Face, format: Format) -> Option<Self> {
        let eye = |eye: &[[f64; 2]; 6]| {
            let side = |pick: fn(f64, f64) -> f64, axis: usize, from: f64| {
                eye.iter().map(|point| point[axis]).fold(from, pick)
            };
            let low = |axis| side(f64::min, axis, f64::INFINITY);
            let high = |axis| side(f64::max, axis, f64::NEG_INFINITY);
            Area::around([low(0), low(1), high(0), high(1)], EYE, format)
        };
        Some(Self {
            mouth: Area::around(face.mouth_outline, MOUTH, format)?,
            eyes: [eye(&face.eyes[0])?, eye(&face.eyes[1])?],
        })
    }
}

/// Compares the luma of two videos, picture by picture.
///
/// # Errors
/// [`VideoError`].
pub(super) fn psnr(
    original: &Video,
    decoded: &Video,
    face: Area,
    regions: &[Option<Regions>],
) -> Result<Vec<RegionPsnr>, VideoError> {
    let format = original.format();
    let pictures = regions.iter().enumerate();
    let compare = |(at, regions): (usize, &Option<Regions>)| {
        let (a, b) = (original.picture(at)?, decoded.picture(at)?);
        let of = |areas: &[Area]| {
            let errors = areas.iter().map(|area| area.error(format, &a, &b));
            decibels(errors.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1)))
        };
        let regions = regions.as_ref();
        Ok(RegionPsnr {
            face: of(&[face]),
            mouth: regions.map(|regions| of(&[regions.mouth])),
            eyes: regions.map(|regions| of(&regions.eyes)),
        })
    };
    pictures.map(compare).collect()
}

fn decibels((sum, pixels): (u64, u64)) -> f64 {
    if sum == 0 {
        return SAME_DB;
    }
    (10.0 * (255.0_f64.powi(2) * pixels as f64 / sum as f64).log10()).min(SAME_DB)
}
