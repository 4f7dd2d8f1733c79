//! Where mouth and eyes are: where the best that motion can do is wrong most, in the shape of a
//! face. Nothing is known of faces but where the three are from each other.

use super::{gallery::Study, references::Motion};
use crate::face::{
    image::{Image, Pyramid},
    model::FaceModel,
    regions::Landmarks,
};

/// The level at which errors are looked at.
const LEVEL: usize = 1;
/// Rectangles in distances of the eyes: middle, half sizes. Eyes and mouth are wrong now and then.
const EYES: [[f32; 4]; 2] = [[-0.5, 0.0, 0.34, 0.17], [0.5, 0.0, 0.34, 0.17]];
const MOUTH: [f32; 4] = [0.0, 0.0, 0.42, 0.24];
/// How far the mouth is below the eyes, of the faces that are tried.
const BELOW: [f32; 6] = [0.9, 0.98, 1.06, 1.14, 1.22, 1.3];
/// Cheeks, forehead and nose are not, nor, so far below the mouth, is the chin: rectangles, and what
/// they count.
const SKIN: [([f32; 4], f32); 4] = [
    ([-0.55, 0.55, 0.22, 0.2], 0.25),
    ([0.55, 0.55, 0.22, 0.2], 0.25),
    ([0.0, -0.55, 0.5, 0.15], 0.2),
    ([0.0, 0.3, 0.12, 0.2], 0.1),
];
const CHIN: ([f32; 4], f32) = ([0.0, 0.6, 0.35, 0.15], 0.2);
/// Distances of the eyes that are tried, as parts of the short side of a picture.
const DISTANCES: (f32, f32) = (0.08, 0.3);
/// From one to the next.
const GROWTH: f32 = 1.08;

/// Finds a face in the first reference of a model; `None` where nothing has the shape of one.
pub(super) fn find(studies: &[Study], motion: &[Motion], model: &FaceModel) -> Option<Landmarks> {
    let errors = errors(studies, motion, model);
    let sums = Sums::of(&errors);
    let short = errors.width().min(errors.height()) as f32;
    let mut best = None;
    let mut best_score = 0.0;
    let mut distance = DISTANCES.0 * short;
    while distance <= DISTANCES.1 * short {
        let stride = (distance / 10.0).max(1.0) as usize;
        for y in (0..errors.height()).step_by(stride) {
            for x in (0..errors.width()).step_by(stride) {
                for below in BELOW {
                    let Some(score) = sums.score(x as f32, y as f32, distance, below) else {
                        continue;
                    };
                    if score * distance.sqrt() > best_score {
                        best_score = score * distance.sqrt();
                        best = Some((x, y, distance, below));
                    }
                }
            }
        }
        distance *= GROWTH;
    }
    let whole = |value: f32| (value * (1 << LEVEL) as f32) as u16;
    best.map(|(x, y, distance, below)| Landmarks {
        x: whole(x as f32 + 0.5),
        y: whole(y as f32 + 0.5),
        distance: whole(distance).max(8),
        below: whole(below * distance).max(8),
    })
}

/// The deviation of warped references from pictures, in the first reference.
fn errors(studies: &[Study], motion: &[Motion], model: &FaceModel) -> Image {
    let references: Vec<Pyramid> =
        model.references.iter().map(|planes| Pyramid::of(&planes.y, LEVEL)).collect();
    let scale = (1 << LEVEL) as f32;
    let mut sums = Image::zeros(model.width() >> LEVEL, model.height() >> LEVEL);
    let mut counts = sums.clone();
    for (study, motion) in studies.iter().zip(motion) {
        let reference = references[motion.reference].level(LEVEL);
        let luma = study.pyramid.level(LEVEL);
        let to_first = &model.to_first[motion.reference];
        for y in 0..luma.height() {
            for (x, &sample) in luma.row(y).iter().enumerate() {
                let (from_x, from_y) = ((x as f32 + 0.5) * scale, (y as f32 + 0.5) * scale);
                let (dx, dy) = study.grid.motion(&motion.field, from_x, from_y);
                let error = reference.at(x as f32 + dx / scale, y as f32 + dy / scale) - sample;
                let (there_x, there_y) = (from_x + dx, from_y + dy);
                let (dx, dy) = study.grid.motion(to_first, there_x, there_y);
                let (first_x, first_y) = ((there_x + dx) / scale, (there_y + dy) / scale);
                let inside = (0.0..sums.width() as f32).contains(&first_x)
                    && (0.0..sums.height() as f32).contains(&first_y);
                if inside {
                    sums.row_mut(first_y as usize)[first_x as usize] += error * error;
                    counts.row_mut(first_y as usize)[first_x as usize] += 1.0;
                }
            }
        }
    }
    for (sum, count) in sums.samples_mut().iter_mut().zip(counts.samples()) {
        *sum = (*sum / count.max(1.0)).sqrt();
    }
    sums
}

/// Sums of all that is above and to the left.
struct Sums {
    width: usize,
    height: usize,
    sums: Vec<f64>,
}

impl Sums {
    fn of(image: &Image) -> Self {
        let (width, height) = (image.width(), image.height());
        let mut sums = vec![0.0; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = 0.0;
            for (x, &sample) in image.row(y).iter().enumerate() {
                row += f64::from(sample);
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
            }
        }
        Self { width, height, sums }
    }

    /// How much a place looks like a face, the eyes of which are so far from each other: by how much
    /// the least of the features is more wrong than skin. `None` where it is not all inside.
    fn score(&self, x: f32, y: f32, distance: f32, below: f32) -> Option<f32> {
        let mut least = f32::INFINITY;
        for shape in EYES {
            least = least.min(self.mean(x, y, distance, shape)?);
        }
        let mut skin = 0.0;
        for (shape, part) in SKIN {
            skin += part * self.mean(x, y, distance, shape)?;
        }
        let y = y + below * distance;
        least = least.min(self.mean(x, y, distance, MOUTH)?);
        skin += CHIN.1 * self.mean(x, y, distance, CHIN.0)?;
        Some(least - skin)
    }

    /// The mean of a rectangle.
    fn mean(&self, x: f32, y: f32, distance: f32, shape: [f32; 4]) -> Option<f32> {
        let [right, below, half_width, half_height] = shape.map(|part| part * distance);
        let (left, top) = (x + right - half_width, y + below - half_height);
        let (right, bottom) = (x + right + half_width, y + below + half_height);
        let (width, height) = (self.width as f32, self.height as f32);
        if left < 0.0 || top < 0.0 || right >= width || bottom >= height {
            return None;
        }
        let (left, top) = (left as usize, top as usize);
        let (right, bottom) = ((right as usize).max(left + 1), (bottom as usize).max(top + 1));
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        let sum = at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top);
        Some((sum / ((right - left) * (bottom - top)) as f64) as f32)
    }
}
