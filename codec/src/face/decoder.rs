//! From payloads to pictures.

use std::sync::Arc;

use super::{
    draw,
    grid::Field,
    model::FaceModel,
    overlay::{Placed, placed},
    packet::Pose,
    payload::Payload,
    planes::Planes,
    regions::{Ellipse, REGIONS},
    scaled::{self, Scaled},
};
use crate::{
    FrameError, PictureDecoder, PictureMut, Scene, ScenePatch, SceneResidual, SceneSource,
};

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
        for placed in placed(model, pose.reference, &pose.overlays, field) {
            let source = match placed.detail(model) {
                None => scaled.get(references, placed.overlay.source, level),
                Some(at) => details[placed.region].get(&model.details[placed.region], at, level),
            };
            placed.patch(model, source).draw(whole, &mut planes);
        }
        if let Some(samples) = pose.residual.samples(model.grid) {
            samples.add(&mut planes.y);
        }
        Ok(planes)
    }
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
        let patch = |Placed { region, overlay, here }: Placed<'_>| ScenePatch {
            source: place_of(model, region, overlay.source),
            size: model.source_size(region, overlay.source),
            there: axes(model.there(region, overlay.source)),
            here: axes(here),
            coefficients: overlay.coefficients(),
        };
        let residual = pose.residual.samples(model.grid).map(|samples| SceneResidual {
            size: (samples.width, samples.height),
            samples: samples.samples,
        });
        Ok(Some(Scene {
            size: (model.width(), model.height()),
            level: scaled::level(model.width(), width),
            source: pose.reference,
            nodes: (model.grid.columns, model.grid.rows),
            motion: field.clone(),
            patches: placed(model, pose.reference, &pose.overlays, field).map(patch).collect(),
            residual,
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
