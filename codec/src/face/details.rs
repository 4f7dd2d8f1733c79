//! Details: small pictures of a region, in states of it that no reference has.
//!
//! They are told in places of the region (`n`), so that all of a region have one size, whichever
//! picture they are of. Each is coded as what it differs by from another picture of the region.

use super::{
    draw::Patch,
    model::FaceModel,
    planes::Planes,
    regions::{Ellipse, MODES, REGIONS},
    texture::Coder,
};
use crate::entropy::{CorruptError, Port};

/// By region.
pub(super) type Details = [Vec<Planes>; REGIONS];

/// Most of a region.
pub(super) const MAX_DETAILS: usize = 15;
/// How far beyond the region they reach, in parts of its axes: it may be moved.
const MARGIN: f32 = 1.12;
/// Sides are multiples of this many pixels, …
const SIDE_STEP: usize = 8;
/// … and from 2 to 22 of them.
const SIDES: (usize, usize) = (2, 22);

/// Width and height of the details of a region whose ellipse in the first reference is given.
pub(super) fn size(ellipse: &Ellipse) -> (usize, usize) {
    let side = |half: f32| {
        let steps = (2.0 * MARGIN * half / SIDE_STEP as f32 + 0.5) as usize;
        steps.clamp(SIDES.0, SIDES.1) * SIDE_STEP
    };
    (side(ellipse.right.0), side(ellipse.down.1))
}

/// Where the region is in its details.
pub(super) fn place((width, height): (usize, usize)) -> Ellipse {
    let (half_width, half_height) = (width as f32 / 2.0, height as f32 / 2.0);
    Ellipse {
        middle: (half_width, half_height),
        right: (half_width / MARGIN, 0.0),
        down: (0.0, half_height / MARGIN),
    }
}

/// The detail that a region of a whole picture makes.
pub(super) fn of(picture: &Planes, there: Ellipse, size: (usize, usize)) -> Planes {
    let patch = Patch {
        source: picture,
        size: (picture.width(), picture.height()),
        there,
        here: place(size),
        coefficients: [0.0; MODES],
    };
    patch.alone(size)
}

/// Writes or reads the details of a model whose references and landmarks are there, and takes what
/// is read. `step`: of their textures.
///
/// # Errors
/// [`CorruptError`].
pub(super) fn code(
    port: &mut impl Port,
    model: &mut FaceModel,
    wanted: Option<&Details>,
    step: u16,
) -> Result<(), CorruptError> {
    model.details = Details::default();
    let Some(landmarks) = model.landmarks else { return Ok(()) };
    let mut count = |region: usize| {
        port.bits(wanted.map_or(0, |wanted| wanted[region].len()) as u32, 4) as usize
    };
    // Of both eyes there are as many.
    let (mouths, eyes) = (count(0), count(1));
    for (region, count) in [mouths, eyes, eyes].into_iter().enumerate() {
        let size = size(&landmarks.regions()[region]);
        let mut coder = Coder::default();
        for at in 0..count {
            let picture = wanted.map(|wanted| &wanted[region][at]);
            let sources = model.sources(region);
            let nearest = picture.map_or(0, |picture| nearest(model, region, picture));
            let bits = sources.next_power_of_two().ilog2();
            let source = port.bits(nearest as u32, bits) as usize;
            if source >= sources {
                return Err(CorruptError);
            }
            let prediction = predicted(model, region, source, size);
            let detail = coder.code(picture, Some(&prediction), size, step, port)?;
            model.details[region].push(detail);
        }
    }
    Ok(())
}

/// A source of a region as a detail.
fn predicted(model: &FaceModel, region: usize, source: usize, size: (usize, usize)) -> Planes {
    match model.references.get(source) {
        Some(reference) => of(reference, model.places[source][region], size),
        None => model.details[region][source - model.references.len()].clone(),
    }
}

/// The source of a region that is most like a picture of it.
fn nearest(model: &FaceModel, region: usize, picture: &Planes) -> usize {
    let size = (picture.width(), picture.height());
    let difference = |source: &usize| {
        let other = predicted(model, region, *source, size);
        let pairs = picture.y.samples().iter().zip(other.y.samples());
        pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()
    };
    (0..model.sources(region)).min_by_key(difference).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::regions::Landmarks;

    #[test]
    fn details_have_bounded_sizes_whatever_the_landmarks_are() {
        for distance in [8, 100, 1023] {
            let landmarks = Landmarks { x: 200, y: 150, distance, below: distance };
            for ellipse in landmarks.regions() {
                let (width, height) = size(&ellipse);
                assert!(MAX_DETAILS * Planes::bytes(width, height) <= 1 << 20);
                assert!(width >= 16 && height >= 16 && width % 8 == 0 && height % 8 == 0);
            }
        }
    }

    #[test]
    fn a_detail_shows_its_region_where_that_is() {
        let mut picture = Planes::grey(128, 96);
        for y in 0..96 {
            for (x, sample) in picture.y.row_mut(y).iter_mut().enumerate() {
                *sample = (2 * x.min(100) + y / 4) as u8;
            }
        }
        let there = Ellipse { middle: (50.0, 40.0), right: (14.3, 0.0), down: (0.0, 14.3) };
        let size = size(&there);
        assert_eq!(size, (32, 32));
        let detail = of(&picture, there, size);
        let middle = place(size).middle;
        let expected = picture.y.row(40)[50];
        assert!(detail.y.row(middle.1 as usize)[middle.0 as usize].abs_diff(expected) <= 2);
    }
}
