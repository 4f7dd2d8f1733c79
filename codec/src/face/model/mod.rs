//! What was learned of one speaker, and its bytes.
//!
//! ```text
//!  columns of nodes u8 │ rows u8
//!  chapters: kind u8 │ length u24 │ bytes of a range coder of its own
//!    motion     6 bits components │ each: 8 bits spread │ quantised motion of each node
//!    reference  10 step of its texture │ but for the first: 6 parent │ coefficients that warp it │ texture
//!    closing    components: 8 bits deviation │ 8 bits deviation of changes
//!               1 bit landmarks: 10 x │ 10 y │ 10 distance of the eyes │ 10 of the mouth
//!               with landmarks: 10 step of textures │ 4 details of the mouth │ 4 of each eye │
//!               each: source │ texture
//!               8 bits each: levels of the gate
//! ```
//! Each chapter goes on from those before it. With the closing a model is whole; then only references
//! may follow. A refinement has the chapters before it again, but for the closing where it has more
//! than further references: a difference between two models holds nothing but what is new.

mod chapters;
mod writer;

use super::{
    details::{self, Details},
    gate::Levels,
    grid::{Field, Grid},
    planes::{BLOCK, MAX_LONG_SIDE, Planes},
    regions::{Carrier, Ellipse, Landmarks, REGIONS},
    step::Step,
    subspace::Basis,
};
use crate::{
    ModelError,
    entropy::{CorruptError, Decoder},
};
use chapters::{Chapter, Kind};

pub(super) use chapters::{Closing, Components};
pub(super) use writer::ModelWriter;

/// Most references.
const MAX_REFERENCES: usize = 48;
/// Most components of motion.
const MAX_COMPONENTS: usize = 63;
/// Most bytes of all references of a model.
const MAX_MEMORY: usize = 8 << 20;
/// Squared distance from the middle of a face, in its axes, up to which nodes are near it.
const NEAR_FACE: f32 = 1.7;
/// How coarsely it is told where references look in each other: as fine as can be.
const REFERENCE_STEP: Step = Step::FINEST;

/// How far a coefficient is expected to vary, as 8 × log₂ of the standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deviation {
    /// In the first frame of a payload.
    pub(super) absolute: u8,
    /// From one frame to the next.
    pub(super) change: u8,
}

/// What was learned of a speaker.
#[derive(Clone, Debug)]
pub(super) struct FaceModel {
    pub(super) grid: Grid,
    pub(super) basis: Basis,
    /// How far each component went where it was learned, as 8 × log₂ of the standard deviation.
    spreads: Vec<u8>,
    /// One a component.
    pub(super) deviations: Vec<Deviation>,
    /// At least one.
    pub(super) references: Vec<Planes>,
    /// Of each reference, where it looks in the first.
    pub(super) to_first: Vec<Field>,
    /// Where the face is in the first, where there is one.
    pub(super) landmarks: Option<Landmarks>,
    /// Of each reference, where its regions are; without landmarks none.
    pub(super) places: Vec<[Ellipse; REGIONS]>,
    /// Of each reference, where the face is; without landmarks none.
    pub(super) faces: Vec<Ellipse>,
    /// Of each reference, which nodes are at the face or near it; without landmarks all.
    pub(super) near_face: Vec<Vec<bool>>,
    /// What regions look like otherwise; without landmarks none.
    pub(super) details: Details,
    /// How well it does on the pictures that it was learned from.
    pub(super) levels: Levels,
    /// Tells this model's payloads from those of others: [`TAG_BITS`].
    pub(super) tag: u32,
}

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 6;

impl FaceModel {
    /// Pixels of a row of working pictures.
    pub(super) const fn width(&self) -> usize {
        (self.grid.columns - 1) * BLOCK
    }

    /// Rows of working pictures.
    pub(super) const fn height(&self) -> usize {
        (self.grid.rows - 1) * BLOCK
    }

    /// How many pictures can show a region: the references, then its details.
    pub(super) fn sources(&self, region: usize) -> usize {
        self.references.len() + self.details[region].len()
    }

    /// Where a region is in a source of it, in a model with landmarks.
    pub(super) fn there(&self, region: usize, source: usize) -> Ellipse {
        match self.places.get(source) {
            Some(places) => places[region],
            None => details::place(self.source_size(region, source)),
        }
    }

    /// Width and height of a source, in pixels of the working picture.
    pub(super) fn source_size(&self, region: usize, source: usize) -> (usize, usize) {
        let detail = source.checked_sub(self.references.len());
        let detail = detail.and_then(|at| self.details[region].get(at));
        detail.map_or((self.width(), self.height()), |detail| (detail.width(), detail.height()))
    }

    /// Whether one more reference fits into memory.
    pub(super) fn has_room(&self) -> bool {
        self.references.len() < most_references(self.grid)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`ModelError::Malformed`].
    pub(super) fn parse(body: &[u8]) -> Result<Self, ModelError> {
        Self::read(body).map_err(|CorruptError| ModelError::Malformed)
    }

    fn read(body: &[u8]) -> Result<Self, CorruptError> {
        let (&[columns, rows], mut rest) = body.split_first_chunk().ok_or(CorruptError)?;
        let mut model = Self::begin(Grid { columns: columns.into(), rows: rows.into() })?;
        while !rest.is_empty() {
            let (Chapter { kind, bytes }, behind) = Chapter::split(rest)?;
            let mut decoder = Decoder::new(bytes);
            match kind {
                Kind::Motion => model.code_motion(&mut decoder, None)?,
                Kind::Reference => model.code_reference(&mut decoder, None)?,
                Kind::Closing => model.code_closing(&mut decoder, None)?,
            }
            decoder.finish()?;
            rest = behind;
        }
        model.tag = tag(body);
        if model.is_closed() { Ok(model) } else { Err(CorruptError) }
    }

    /// Of nothing yet.
    fn begin(grid: Grid) -> Result<Self, CorruptError> {
        let sides = 3..=MAX_LONG_SIDE / BLOCK + 1;
        if !sides.contains(&grid.columns) || !sides.contains(&grid.rows) {
            return Err(CorruptError);
        }
        Ok(Self {
            grid,
            basis: Basis { fields: Vec::new(), variances: Vec::new() },
            spreads: Vec::new(),
            deviations: Vec::new(),
            references: Vec::new(),
            to_first: Vec::new(),
            landmarks: None,
            places: Vec::new(),
            faces: Vec::new(),
            near_face: Vec::new(),
            details: Details::default(),
            levels: Levels::default(),
            tag: 0,
        })
    }

    /// Whether it is whole.
    const fn is_closed(&self) -> bool {
        !self.deviations.is_empty()
    }

    /// Where the face is in each reference, if this is where it is in the first.
    pub(super) fn faces_by(&self, landmarks: Landmarks) -> Vec<Ellipse> {
        self.carriers(landmarks).iter().map(Carrier::face).collect()
    }

    /// How the face of the first reference is carried to each.
    fn carriers(&self, landmarks: Landmarks) -> Vec<Carrier> {
        let carrier = |field| Carrier::before(self.grid, field, landmarks.face());
        self.to_first.iter().map(carrier).collect()
    }

    /// Finds the face and its regions in all references.
    fn find_places(&mut self, landmarks: Landmarks) {
        self.landmarks = Some(landmarks);
        let carriers = self.carriers(landmarks);
        let places = carriers.iter();
        let places = places.map(|carrier| landmarks.regions().map(|part| carrier.carry(&part)));
        self.places = places.collect();
        self.faces = carriers.iter().map(Carrier::face).collect();
        self.near_face = self.faces.iter().map(|face| self.nodes_near(face)).collect();
    }

    /// Which nodes are at a face or near it.
    fn nodes_near(&self, face: &Ellipse) -> Vec<bool> {
        let inverse = face.inverse();
        let near = |node| {
            let (column, row) = (node % self.grid.columns, node / self.grid.columns);
            let (x, y) = inverse((column * BLOCK) as f32, (row * BLOCK) as f32);
            x * x + y * y < NEAR_FACE
        };
        (0..self.grid.nodes()).map(near).collect()
    }
}

/// References for which there is memory where pictures have a grid like this.
pub(super) fn most_references(grid: Grid) -> usize {
    let bytes = Planes::bytes((grid.columns - 1) * BLOCK, (grid.rows - 1) * BLOCK);
    (MAX_MEMORY / bytes).clamp(1, MAX_REFERENCES)
}

/// The tag of a model whose body that is.
fn tag(body: &[u8]) -> u32 {
    fold(body.iter().copied())
}

/// Folds a hash of bytes (FNV-1a of 32 bits) to [`TAG_BITS`].
pub(super) fn fold(bytes: impl Iterator<Item = u8>) -> u32 {
    let hash = bytes
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ hash >> 7 ^ hash >> 15 ^ hash >> 23) & ((1 << TAG_BITS) - 1)
}
