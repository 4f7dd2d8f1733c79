//! From payloads to pictures.

use std::sync::Arc;

use super::{
    draw::{self, Patch},
    grid::Field,
    model::FaceModel,
    overlay::Overlay,
    packet::Pose,
    payload::Payload,
    planes::Planes,
    regions::{Carrier, Ellipse, MODE_STEP, MODES, REGIONS},
    scaled::{self, Scaled},
};
use crate::{FrameError, PictureDecoder, PictureMut, Scene, ScenePatch, SceneSource};

/// Makes pictures of somebody's payloads.
#[derive(Debug)]
pub(super) struct FaceDecoder {
    model: Arc<FaceModel>,
    /// What was read last.
    last: Option<Payload>,
    /// Of each frame of it what it shows, and its motion.
    frames: Vec<(Pose, Field)>,
    scaled: Scaled,
    details: [Scaled; REGIONS],
}

impl FaceDecoder {
    pub(super) fn new(model: Arc<FaceModel>) -> Self {
        let (scaled, details) = Default::default();
        Self { model, last: None, frames: Vec::new(), scaled, details }
    }

    /// Reads a payload, and gives the offsets of its frames.
    ///
    /// # Errors
    /// [`FrameError`]; then the frames before are still there.
    pub(super) fn read(&mut self, payload: &[u8]) -> Result<Vec<u8>, FrameError> {
        let Some(payload) = Payload::read(&self.model, self.last.as_ref(), payload)? else {
            return Ok(Vec::new());
        };
        let offsets = payload.frames.iter().map(|(offset, _)| *offset).collect();
        let poses = payload
            .frames
            .iter()
            .map(|(_, pose)| (pose.clone(), pose.field(&self.model, payload.step)));
        self.frames = poses.collect();
        self.last = Some(payload);
        Ok(offsets)
    }

    /// Draws a frame at a size.
    ///
    /// # Errors
    /// [`FrameError::NoSuchFrame`].
    pub(super) fn planes(
        &mut self,
        frame: usize,
        width: usize,
        height: usize,
    ) -> Result<Planes, FrameError> {
        let (pose, field) = self.frames.get(frame).ok_or(FrameError::NoSuchFrame)?;
        let Self { model, scaled, details, .. } = self;
        let (references, whole) = (&model.references, (model.width(), model.height()));
        let level = scaled::level(whole.0, width);
        let source = scaled.get(references, pose.reference, level);
        let mut planes = draw::warped(source, model.grid, field, width, height);
        for Place { region, overlay, here } in overlaid(model, pose, field) {
            let source = match overlay.source.checked_sub(references.len()) {
                None => scaled.get(references, overlay.source, level),
                Some(at) => details[region].get(&model.details[region], at, level),
            };
            let patch = Patch {
                source,
                size: model.source_size(region, overlay.source),
                there: model.there(region, overlay.source),
                here,
                coefficients: coefficients(overlay),
            };
            patch.draw(whole, &mut planes);
        }
        Ok(planes)
    }
}

/// Where an overlay of a frame is to be drawn.
struct Place<'a> {
    region: usize,
    overlay: &'a Overlay,
    here: Ellipse,
}

/// The overlays of a frame, in the order in which they are drawn.
fn overlaid<'a>(
    model: &'a FaceModel,
    pose: &'a Pose,
    field: &Field,
) -> impl Iterator<Item = Place<'a>> + use<'a> {
    let face = model.faces.get(pose.reference);
    let carrier = face.map(|&face| Carrier::before(model.grid, field, face));
    pose.overlays.iter().enumerate().filter_map(move |(region, overlay)| {
        let here = carrier?.carry(&model.places[pose.reference][region]);
        Some(Place { region, overlay: overlay.as_ref()?, here })
    })
}

fn coefficients(overlay: &Overlay) -> [f32; MODES] {
    overlay.numbers.map(|number| number as f32 * MODE_STEP)
}

/// The pictures of a model in one order: its references, then the details of each region.
fn pictures(model: &FaceModel) -> impl Iterator<Item = &Planes> {
    model.references.iter().chain(model.details.iter().flatten())
}

/// The place in this order of a source of a region.
fn place_of(model: &FaceModel, region: usize, source: usize) -> usize {
    let of_others = || model.details[..region].iter().map(Vec::len).sum::<usize>();
    if source < model.references.len() { source } else { source + of_others() }
}

impl PictureDecoder for FaceDecoder {
    fn decode(&mut self, payload: &[u8], offsets: &mut Vec<u8>) -> Result<(), FrameError> {
        *offsets = self.read(payload)?;
        Ok(())
    }

    fn draw(&mut self, frame: usize, target: &mut PictureMut<'_>) -> Result<(), FrameError> {
        let (width, height) = (target.width() as usize, target.height() as usize);
        let planes = self.planes(frame, width, height)?;
        for (y, row) in target.rows().enumerate() {
            draw::colour(&planes, y, row);
        }
        Ok(())
    }

    fn scene(&self, frame: usize, width: usize) -> Result<Option<Scene>, FrameError> {
        let (pose, field) = self.frames.get(frame).ok_or(FrameError::NoSuchFrame)?;
        let model = &*self.model;
        let axes = |Ellipse { middle, right, down }: Ellipse| {
            [middle.0, middle.1, right.0, right.1, down.0, down.1]
        };
        let patch = |Place { region, overlay, here }: Place<'_>| ScenePatch {
            source: place_of(model, region, overlay.source),
            size: model.source_size(region, overlay.source),
            there: axes(model.there(region, overlay.source)),
            here: axes(here),
            coefficients: coefficients(overlay),
        };
        Ok(Some(Scene {
            size: (model.width(), model.height()),
            level: scaled::level(model.width(), width),
            source: pose.reference,
            nodes: (model.grid.columns, model.grid.rows),
            motion: field.clone(),
            patches: overlaid(model, pose, field).map(patch).collect(),
        }))
    }

    fn source(&self, source: usize, level: u32) -> Result<SceneSource, FrameError> {
        let picture = pictures(&self.model).nth(source).filter(|_| level <= scaled::MOST);
        let whole = picture.ok_or(FrameError::NoSuchSource)?;
        let Planes { y, u, v } = scaled::halved(whole, level);
        let chroma = u.samples().iter().zip(v.samples()).flat_map(|(&u, &v)| [u, v]);
        Ok(SceneSource {
            size: (y.width(), y.height()),
            chroma_size: (u.width(), u.height()),
            luma: y.samples().to_vec(),
            chroma: chroma.collect(),
        })
    }
}
