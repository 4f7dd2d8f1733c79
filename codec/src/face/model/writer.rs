//! Models that grow.

use super::{
    FaceModel, REFERENCE_STEP,
    chapters::{Chapter, Closing, Components, Kind, Original, Place, ratio},
    tag,
};
use crate::{
    entropy::{CorruptError, Encoder},
    face::{grid::Grid, image::Pyramid, planes::Planes, subspace::BasisTarget},
};

/// Steps of a search at each level.
const STEPS: usize = 4;

/// Writes a body chapter by chapter, and has the model that is read of it.
#[derive(Clone, Debug)]
pub(in crate::face) struct ModelWriter {
    bytes: Vec<u8>,
    model: FaceModel,
}

impl ModelWriter {
    /// Of pictures that have a grid like this.
    pub(in crate::face) fn new(grid: Grid) -> Self {
        let model = FaceModel::begin(grid).expect("a learner's grid is within limits");
        Self { bytes: vec![grid.columns as u8, grid.rows as u8], model }
    }

    /// What is read of all so far.
    pub(in crate::face) const fn model(&self) -> &FaceModel {
        &self.model
    }

    /// Bytes of all so far.
    pub(in crate::face) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds components, one or more.
    pub(in crate::face) fn add_motion(&mut self, motion: &Components) {
        self.add(Kind::Motion, |model, port| model.code_motion(port, Some(motion)));
    }

    /// Adds a reference, whose texture is told in such steps; but for the first, it is told from
    /// its parent.
    pub(in crate::face) fn add_reference(&mut self, picture: &Planes, parent: usize, step: u16) {
        let place = (!self.model.references.is_empty()).then(|| self.place_of(picture, parent));
        let original = Original { picture, step, place };
        self.add(Kind::Reference, |model, port| model.code_reference(port, Some(&original)));
    }

    /// The same with a closing: a whole model, to which references can be added still.
    pub(in crate::face) fn closed(&self, closing: &Closing) -> Self {
        let mut whole = self.clone();
        whole.add(Kind::Closing, |model, port| model.code_closing(port, Some(closing)));
        whole
    }

    /// The body of a whole model.
    pub(in crate::face) fn body(&self) -> &[u8] {
        &self.bytes
    }

    fn add(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut FaceModel, &mut Encoder<'_>) -> Result<(), CorruptError>,
    ) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        write(&mut self.model, &mut encoder).expect("a learner's numbers are within limits");
        encoder.finish();
        self.bytes.extend(Chapter::head(kind, bytes.len()));
        self.bytes.extend(bytes);
        self.model.tag = tag(&self.bytes);
    }

    /// Where a picture looks in a reference.
    fn place_of(&self, picture: &Planes, parent: usize) -> Place {
        let FaceModel { grid, basis, spreads, references, .. } = &self.model;
        let pyramid = Pyramid::of(&picture.y, 1);
        let reference = Pyramid::of(&references[parent].y, 1);
        let start = vec![0.0; basis.fields.len()];
        let found = [3, 2, 1].iter().fold(start, |start, &level| {
            BasisTarget::new(*grid, basis, &pyramid, level, None)
                .search(*grid, basis, &reference, &start, STEPS)
                .coefficients
        });
        let numbers = found.iter().zip(spreads).map(|(coefficient, &spread)| {
            let most = ratio(spread).most();
            ((coefficient / REFERENCE_STEP.size()).round() as i32).clamp(-most, most)
        });
        Place { parent, numbers: numbers.collect() }
    }
}
