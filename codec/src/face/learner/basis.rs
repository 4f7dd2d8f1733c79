//! What a face does: the directions in which its motion varies most, as errors of pictures count it.

use super::{gallery::Study, references::Motion};
use crate::face::{
    free::dot, grid::Field, linear::Square, model::Deviation, normal::Target, regions::Ellipse,
    step::eighths, subspace::Basis,
};

/// The level at which motion is weighed.
const LEVEL: usize = 1;
/// Pictures whose matrices are averaged.
const WEIGHED: usize = 24;
/// Motion of this size, in pixels, in places where nothing shows it, counts as a squared error of
/// one.
const FLAT: f32 = 4.0;

/// The principal components of fields in the metric of the mean normal matrix (by their products
/// with each other: Sirovich, "Turbulence and the dynamics of coherent structures", 1987), and how far
/// coefficients vary.
/// `faces` says where the face is in each reference, if that is known: there, errors count more.
pub(super) fn of(
    studies: &[Study],
    motion: &[Motion],
    faces: &[Ellipse],
    count: usize,
) -> (Basis, Vec<Deviation>) {
    let metric = Metric::of(studies, motion, faces);
    let weighed: Vec<Field> = motion.iter().map(|motion| metric.times(&motion.field)).collect();
    let products = Square::from_fn(motion.len(), |a, b| {
        f64::from(dot(&motion[a].field, &weighed[b]) + dot(&motion[b].field, &weighed[a])) / 2.0
    });
    let most = (motion.len() / 3).max(1);
    let pairs = products.eigen();
    let enough = pairs[0].0 * 1e-7;
    let used = pairs.iter().take(count.min(most)).filter(|pair| pair.0 > enough);
    let mut basis = Basis { fields: Vec::new(), variances: Vec::new() };
    let mut deviations = Vec::new();
    for (value, vector) in used {
        let mut field = vec![0.0; motion[0].field.len()];
        for (&part, motion) in vector.iter().zip(motion) {
            let factor = (part / value.sqrt()) as f32;
            field.iter_mut().zip(&motion.field).for_each(|(sum, value)| *sum += factor * value);
        }
        basis.fields.push(field);
        let coefficients: Vec<f64> = vector.iter().map(|part| part * value.sqrt()).collect();
        let deviation = (value / motion.len() as f64).sqrt();
        basis.variances.push((deviation * deviation) as f32);
        let change = change(motion, &coefficients).unwrap_or(deviation / 2.0);
        deviations.push(Deviation {
            absolute: eighths(deviation as f32),
            change: eighths(change as f32),
        });
    }
    if basis.fields.is_empty() {
        // Nothing moved: what might, is everything at once.
        basis.fields.push(vec![0.01; motion[0].field.len()]);
        basis.variances.push(1.0);
        deviations.push(Deviation { absolute: 8, change: 8 });
    }
    (basis, deviations)
}

/// The deviation of coefficients from one picture to the next of the camera, where both are of one
/// reference.
fn change(motion: &[Motion], coefficients: &[f64]) -> Option<f64> {
    let pairs = motion.as_chunks::<2>().0.iter().zip(coefficients.as_chunks::<2>().0);
    let same = pairs.filter(|(motion, _)| motion[0].reference == motion[1].reference);
    let (sum, count) =
        same.fold((0.0, 0), |(sum, count), (_, [a, b])| (sum + (a - b).powi(2), count + 1));
    (count > 3).then(|| (sum / f64::from(count)).sqrt())
}

/// The mean of normal matrices.
struct Metric {
    targets: Vec<Target>,
}

impl Metric {
    fn of(studies: &[Study], motion: &[Motion], faces: &[Ellipse]) -> Self {
        let stride = studies.len().div_ceil(WEIGHED);
        let targets = studies
            .iter()
            .zip(motion)
            .step_by(stride)
            .map(|(study, motion)| {
                let face = faces.get(motion.reference);
                let face = face.map(|face| face.before(study.grid, &motion.field));
                Target::new(study.grid, &study.pyramid, LEVEL, face.as_ref())
            })
            .collect();
        Self { targets }
    }

    fn times(&self, field: &[f32]) -> Field {
        let mut sum: Field = field.iter().map(|value| value / (FLAT * FLAT)).collect();
        let mut product = vec![0.0; field.len()];
        for target in &self.targets {
            target.matrix().times(field, &mut product);
            let scale = 1.0 / self.targets.len() as f32;
            sum.iter_mut().zip(&product).for_each(|(sum, product)| *sum += scale * product);
        }
        sum
    }
}
