//! What chapters hold, told once for writing and reading.

use super::{Deviation, FaceModel, MAX_COMPONENTS, MAX_MEMORY, MAX_REFERENCES, REFERENCE_STEP};
use crate::{
    FrameError,
    entropy::{CorruptError, Port},
    face::{
        details::{self, Details},
        draw::warped,
        fields,
        gate::Levels,
        number::{Ratio, number},
        planes::Planes,
        regions::Landmarks,
        step::power,
        subspace::Basis,
        texture::Coder,
    },
};

/// What a chapter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Further components of motion.
    Motion = 1,
    /// One more reference.
    Reference = 2,
    /// How all of that is used.
    Closing = 3,
}

/// A chapter in a body.
pub(super) struct Chapter<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: &'a [u8],
}

/// Bytes before those of a chapter itself.
pub(super) const HEAD: usize = 4;

impl<'a> Chapter<'a> {
    /// The first chapter, and what is behind it.
    pub(super) fn split(body: &'a [u8]) -> Result<(Self, &'a [u8]), CorruptError> {
        let (&[kind, length @ ..], rest) = body.split_first_chunk::<HEAD>().ok_or(CorruptError)?;
        let kind = match kind {
            1 => Kind::Motion,
            2 => Kind::Reference,
            3 => Kind::Closing,
            _ => return Err(CorruptError),
        };
        let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (bytes, behind) = rest.split_at_checked(length).ok_or(CorruptError)?;
        Ok((Self { kind, bytes }, behind))
    }

    /// What stands before so many bytes.
    pub(super) fn head(kind: Kind, length: usize) -> [u8; HEAD] {
        let [_, a, b, c] = (length as u32).to_be_bytes();
        [kind as u8, a, b, c]
    }
}

/// Components of motion: their fields, and how far each goes as 8 × log₂ of the standard deviation.
#[derive(Clone, Debug)]
pub(in crate::face) struct Components {
    pub(in crate::face) basis: Basis,
    pub(in crate::face) spreads: Vec<u8>,
}

/// A reference as a learner has it.
pub(super) struct Original<'a> {
    pub(super) picture: &'a Planes,
    /// Of coefficients of its texture, in quarters of luma steps.
    pub(super) step: u16,
    /// Where it looks in one before it; `None`: it is the first.
    pub(super) place: Option<Place>,
}

/// Where a reference looks in one before it.
pub(super) struct Place {
    pub(super) parent: usize,
    /// Coefficients in [`REFERENCE_STEP`]s.
    pub(super) numbers: Vec<i32>,
}

/// How a model is used.
#[derive(Clone, Debug)]
pub(in crate::face) struct Closing {
    /// One a component.
    pub(in crate::face) deviations: Vec<Deviation>,
    /// Where the face is in the first reference.
    pub(in crate::face) landmarks: Option<Landmarks>,
    /// Of the size that landmarks make them; without landmarks none.
    pub(in crate::face) details: Details,
    /// Of the textures of details, in quarters of luma steps.
    pub(in crate::face) step: u16,
    pub(in crate::face) levels: Levels,
}

impl FaceModel {
    /// Writes or reads components, and takes what is read.
    pub(super) fn code_motion(
        &mut self,
        port: &mut impl Port,
        motion: Option<&Components>,
    ) -> Result<(), CorruptError> {
        let count = port.bits(motion.map_or(0, |motion| motion.spreads.len()) as u32, 6) as usize;
        if count == 0 || self.spreads.len() + count > MAX_COMPONENTS || self.is_closed() {
            return Err(CorruptError);
        }
        let spreads: Vec<u8> = (0..count)
            .map(|at| port.bits(motion.map_or(0, |motion| motion.spreads[at]).into(), 8) as u8)
            .collect();
        let basis = fields::code(port, self.grid, &spreads, motion.map(|motion| &motion.basis))?;
        self.spreads.extend(spreads);
        self.basis.fields.extend(basis.fields);
        self.basis.variances.extend(basis.variances);
        Ok(())
    }

    /// Writes or reads a reference, and takes what is read.
    pub(super) fn code_reference(
        &mut self,
        port: &mut impl Port,
        original: Option<&Original<'_>>,
    ) -> Result<(), CorruptError> {
        let (width, height) = (self.width(), self.height());
        let count = self.references.len() + 1;
        if count > MAX_REFERENCES || count * Planes::bytes(width, height) > 2 * MAX_MEMORY {
            return Err(CorruptError);
        }
        let step = code_step(port, original.map(|original| original.step))?;
        let prediction = if self.references.is_empty() {
            self.to_first.push(self.grid.still());
            None
        } else {
            let known = original.and_then(|original| original.place.as_ref());
            let place = self.code_place(port, known)?;
            Some(self.predicted(&place))
        };
        let picture = original.map(|original| original.picture);
        let size = (width, height);
        let planes = Coder::default().code(picture, prediction.as_ref(), size, step, port)?;
        self.references.push(planes);
        self.near_face.push(vec![true; self.grid.nodes()]);
        if let Some(landmarks) = self.landmarks {
            self.find_places(landmarks);
        }
        Ok(())
    }

    /// Writes or reads how the model is used, and takes what is read: then it is whole.
    pub(super) fn code_closing(
        &mut self,
        port: &mut impl Port,
        closing: Option<&Closing>,
    ) -> Result<(), CorruptError> {
        if self.spreads.is_empty() || self.references.is_empty() || self.is_closed() {
            return Err(CorruptError);
        }
        self.deviations = (0..self.spreads.len())
            .map(|at| {
                let known = closing.map(|closing| closing.deviations[at]);
                let mut bits =
                    |value: fn(Deviation) -> u8| port.bits(known.map_or(0, value).into(), 8) as u8;
                Deviation { absolute: bits(|d| d.absolute), change: bits(|d| d.change) }
            })
            .collect();
        let variance = |deviation: &Deviation| power(deviation.absolute.into()).powi(2);
        self.basis.variances = self.deviations.iter().map(variance).collect();
        if let Some(landmarks) = code_landmarks(port, closing.map(|closing| closing.landmarks))? {
            self.find_places(landmarks);
            let step = code_step(port, closing.map(|closing| closing.step))?;
            details::code(port, self, closing.map(|closing| &closing.details), step)?;
        }
        self.levels =
            code_levels(port, closing.map_or(Levels::default(), |closing| closing.levels));
        Ok(())
    }

    fn code_place(
        &self,
        port: &mut impl Port,
        place: Option<&Place>,
    ) -> Result<Place, CorruptError> {
        let parent = port.bits(place.map_or(0, |place| place.parent) as u32, 6) as usize;
        if parent >= self.references.len() {
            return Err(CorruptError);
        }
        let numbers = self.spreads.iter().enumerate().map(|(at, &spread)| {
            let known = place.map_or(0, |place| place.numbers[at]);
            number(port, ratio(spread), known).map_err(|_: FrameError| CorruptError)
        });
        Ok(Place { parent, numbers: numbers.collect::<Result<_, _>>()? })
    }

    /// What a reference is expected to be; takes where it looks in the first.
    fn predicted(&mut self, place: &Place) -> Planes {
        let size = REFERENCE_STEP.size();
        let coefficients: Vec<f32> = place.numbers.iter().map(|&at| at as f32 * size).collect();
        let field = self.basis.field(self.grid, &coefficients);
        self.to_first.push(self.grid.chained(&field, &self.to_first[place.parent]));
        let parent = &self.references[place.parent];
        warped(parent, self.grid, &field, self.width(), self.height())
    }
}

/// How far a coefficient of a [`Place`] is expected to vary.
pub(super) fn ratio(spread: u8) -> Ratio {
    Ratio::new(spread.into(), REFERENCE_STEP.eighths())
}

fn code_levels(port: &mut impl Port, levels: Levels) -> Levels {
    let mut code = |level: u8| port.bits(level.into(), 8) as u8;
    Levels {
        face: code(levels.face),
        unlike: levels.unlike.map(&mut code),
        rest: code(levels.rest),
    }
}

fn code_landmarks(
    port: &mut impl Port,
    landmarks: Option<Option<Landmarks>>,
) -> Result<Option<Landmarks>, CorruptError> {
    let known = landmarks.flatten();
    if port.bits(known.is_some().into(), 1) == 0 {
        return Ok(None);
    }
    let mut bits =
        |value: fn(Landmarks) -> u16| port.bits(known.map_or(0, value).into(), 10) as u16;
    let (x, y) = (bits(|l| l.x), bits(|l| l.y));
    let landmarks = Landmarks { x, y, distance: bits(|l| l.distance), below: bits(|l| l.below) };
    if landmarks.distance >= 8 && landmarks.below >= 8 {
        Ok(Some(landmarks))
    } else {
        Err(CorruptError)
    }
}

fn code_step(port: &mut impl Port, step: Option<u16>) -> Result<u16, CorruptError> {
    let step = port.bits(step.unwrap_or(0).into(), 10) as u16;
    if step == 0 { Err(CorruptError) } else { Ok(step) }
}
