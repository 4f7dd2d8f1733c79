//! From pictures to payloads: analysis by synthesis.
//!
//! ```text
//!  picture ─► pyramid ─► thumbnails choose candidates ─► search within the basis, coarse to fine
//!          ─► the best reference ─► coefficients quantised where a bit buys most ─► nudges ─► payload
//! ```

mod memory;
mod nudges;
mod overlays;
mod quantise;
mod rate;
mod residuals;

use std::sync::Arc;

use memory::Memory;
use overlays::{OverlaySearch, Scene};
use rate::{RateControl, ResidualBudget};
use residuals::ResidualSearch;

use super::{
    image::Pyramid,
    model::FaceModel,
    overlay::Around,
    packet::{Expected, Pose},
    payload::{MAX_FRAMES, Payload},
    planes::Planes,
    regions::{Carrier, Ellipse, REGIONS},
    residual::Residual,
    subspace::{BasisTarget, Found},
};
use crate::{EncodeError, FRAME_MS, MediaError, Picture, PictureEncoder};

/// Steps of a search at each level.
const STEPS: usize = 3;
/// A reference is left only for one whose error is smaller by this much.
const HYSTERESIS: f32 = 0.93;
/// Bits of the residuals of a payload from which on the model lacks what they show.
const MANY_RESIDUAL_BITS: f32 = 400.0;
/// Payloads of a chain, the first of which stands for itself: 240 ms.
const CHAIN: u8 = 3;

/// Makes payloads of somebody's face.
#[derive(Debug)]
pub(super) struct FaceEncoder {
    model: Arc<FaceModel>,
    memory: Memory,
    overlays: OverlaySearch,
    /// Where residuals may be sent.
    residuals: Option<ResidualSearch>,
    budget: ResidualBudget,
    /// Whether there were many bits of residuals in the payload before.
    misses: bool,
    rate: RateControl,
    pending: Vec<(u8, Pose)>,
    /// What was written last, where the next payload goes on from it.
    chain: Option<Payload>,
    /// What was found last, before it was quantised.
    last: Option<(usize, Vec<f32>)>,
    /// Where the face was last.
    face: Option<Ellipse>,
}

impl FaceEncoder {
    /// With payloads of so many bits a second, on average.
    pub(super) fn new(model: Arc<FaceModel>, target_bps: u32) -> Self {
        let memory = Memory::new(&model);
        let overlays = OverlaySearch::new(&model);
        Self {
            model,
            memory,
            overlays,
            residuals: None,
            budget: ResidualBudget::new(),
            misses: false,
            rate: RateControl::new(target_bps),
            pending: Vec::with_capacity(MAX_FRAMES),
            chain: None,
            last: None,
            face: None,
        }
    }

    /// With residuals where a picture is not good enough without.
    pub(super) fn with_residuals(self) -> Self {
        Self { residuals: Some(ResidualSearch::new(&self.model)), ..self }
    }

    /// Takes a picture of the working size, whose offset and place in the payload are valid.
    pub(super) fn take(&mut self, planes: &Planes, offset_ms: u8) {
        let pose = self.pose(planes);
        self.pending.push((offset_ms, pose));
    }

    /// Writes the payload of what was taken, which is something.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        let frames = std::mem::take(&mut self.pending);
        let last = self.chain.take();
        let place = last.as_ref().map_or(0, |last| last.place + 1);
        let payload = Payload { place, step: self.rate.step(), frames };
        payload.write(&self.model, last.as_ref(), out);
        // Motion is not to be told more coarsely for it.
        let residual_bits = self.budget.settle();
        self.misses = residual_bits > MANY_RESIDUAL_BITS;
        let of_residuals = (residual_bits / 8.0) as usize;
        self.rate.spent((out.len() - before).saturating_sub(of_residuals));
        if place + 1 < CHAIN {
            self.chain = Some(payload);
        } else {
            self.rate.settle();
        }
    }

    /// The next payload is to stand for itself.
    pub(super) fn restart(&mut self) {
        self.budget.give_back();
        if self.chain.take().is_some() {
            self.rate.settle();
        }
    }

    /// What is seen before the picture to come, as far as a decoder knows it.
    fn before(&self) -> Option<&Pose> {
        let last = self.pending.last().or_else(|| Some(self.chain.as_ref()?.last_frame()));
        last.map(|(_, pose)| pose)
    }

    fn pose(&mut self, planes: &Planes) -> Pose {
        let model = Arc::clone(&self.model);
        let (grid, basis) = (model.grid, &model.basis);
        let pyramid = Pyramid::of(&planes.y, 0);
        let face = self.face.or(model.faces.first().copied());
        let levels =
            [3, 2, 1].map(|level| BasisTarget::new(grid, basis, &pyramid, level, face.as_ref()));
        let at_last = self.last.as_ref().map(|last| last.0);
        let candidates = self.memory.candidates(&pyramid, at_last);
        let search = |reference: usize| {
            let start = match &self.last {
                Some((last, coefficients)) if *last == reference => coefficients.clone(),
                _ => vec![0.0; basis.fields.len()],
            };
            let start = Found { coefficients: start, error: f32::INFINITY };
            levels.iter().fold(start, |found, level| {
                let reference = self.memory.pyramid(reference);
                level.search(grid, basis, reference, &found.coefficients, STEPS)
            })
        };
        let step = self.rate.step();
        let before = self.before();
        let expected = |reference| {
            let before = before.filter(|before| before.reference == reference);
            Expected { step, before }
        };
        // What it costs to say so counts too.
        let cost = |reference: usize, found: &Found| {
            let favour = if Some(reference) == at_last { HYSTERESIS } else { 1.0 };
            let bits = quantise::price(&model, &found.coefficients, &expected(reference));
            found.error * favour + step.worth_of_bit() * bits
        };
        let found = candidates
            .into_iter()
            .map(|reference| (reference, search(reference)))
            .min_by(|a, b| cost(a.0, &a.1).total_cmp(&cost(b.0, &b.1)));
        let (reference, found) = found.expect("there is always a candidate");
        let expected = expected(reference);
        let before = expected.before;
        let finest = &levels[2];
        let coefficients =
            quantise::coefficients(&model, finest.factor(), &found.coefficients, &expected);
        let mut pose = Pose {
            reference,
            coefficients,
            nudges: Vec::new(),
            overlays: [None; REGIONS],
            residual: Residual::default(),
        };
        if let Some(before) = before {
            pose.nudges.clone_from(&before.nudges);
        }
        let shown =
            finest.target().slope(self.memory.pyramid(reference), &pose.field(&model, step));
        nudges::add(
            finest.target(),
            &model.near_face[reference],
            shown.slope,
            step,
            &mut pose.nudges,
        );
        let field = pose.field(&model, step);
        let face = model.faces.get(reference);
        let carrier = face.map(|&face| Carrier::before(grid, &field, face));
        self.face = carrier.as_ref().map(Carrier::face);
        let scene = Scene {
            grid,
            luma: pyramid.level(1),
            reference,
            field: &field,
            carrier,
            worth: step.worth_of_bit(),
            references: &|at| self.memory.pyramid(at).level(1),
        };
        let before = self.before().map(|pose| &pose.overlays);
        for region in 0..REGIONS {
            let around = Around::of(region, before, &pose.overlays);
            pose.overlays[region] = self.overlays.find(&model, &scene, region, &around);
        }
        if let Some(search) = &self.residuals {
            let before = self.before().map(|pose| &pose.residual);
            let residual = search.find(&pyramid, &pose, &field, before, self.budget.next());
            if let Some((residual, bits)) = residual {
                pose.residual = residual;
                self.budget.spend(bits);
            }
        }
        self.last = Some((reference, found.coefficients));
        pose
    }
}

impl PictureEncoder for FaceEncoder {
    fn push(&mut self, picture: &Picture<'_>, offset_ms: u8) -> Result<(), MediaError> {
        let follows = self.pending.last().is_none_or(|(last, _)| *last < offset_ms);
        let fits = u32::from(offset_ms) < FRAME_MS && self.pending.len() < MAX_FRAMES;
        if !follows || !fits {
            return Err(MediaError::Amount);
        }
        self.take(&Planes::of(picture, self.model.width(), self.model.height()), offset_ms);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.pending.is_empty() {
            return Err(EncodeError::TooLittle);
        }
        self.write(out);
        Ok(())
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn misses(&self) -> bool {
        self.misses
    }
}
