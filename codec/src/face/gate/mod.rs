//! Whether what is drawn is what the camera sees.
//!
//! ```text
//!  drawn ─► Tracker: where face, mouth and eyes are ─┐
//!  source, drawn ────────────────────────────────────┴► Meter: errors, and how unlike mouth and
//!  eyes are ─► thresholds, relative to the speaker's own pictures ─► Judge
//! ```

mod judge;
mod measures;
mod thresholds;
mod tracking;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use judge::Judge;
pub(super) use measures::{Measures, Meter, Places, REST_SIDE, spared};
pub use thresholds::FROZEN_IN;
pub(super) use thresholds::{Excess, Levels, Limits, UNLIKE_PART, WARNED};

use super::{model::FaceModel, planes::Planes};
use crate::{Fidelity, Gate, MediaError, Raw};

/// The gate of a face.
#[derive(Debug)]
pub(super) struct FaceGate {
    model: Arc<FaceModel>,
    meter: Meter,
    limits: Limits,
    judge: Judge,
}

impl FaceGate {
    /// A gate that has seen nothing.
    pub(super) fn new(model: Arc<FaceModel>) -> Self {
        Self {
            meter: Meter::new(&model),
            limits: Limits::new(model.levels),
            judge: Judge::default(),
            model,
        }
    }
}

impl Gate for FaceGate {
    /// Scores: likeness of face, mouth, each eye, and of the worst of the rest; then that of mouth
    /// and eyes whatever their brightness.
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError> {
        let (source, decoded) = (source.picture()?, decoded.picture()?);
        if (source.width(), source.height()) != (decoded.width(), decoded.height()) {
            return Err(MediaError::Size);
        }
        let (width, height) = (self.model.width(), self.model.height());
        let source = Planes::of(&source, width, height);
        let drawn = Planes::of(&decoded, width, height);
        let measures = self.meter.measure(&source, &drawn);
        let verdict = self.judge.take(&measures, &self.limits);
        let [mouth, left, right] = measures.regions;
        let mut scores = [measures.face, mouth, left, right, measures.rest].map(likeness).to_vec();
        scores.extend(measures.unlike.map(|unlike| (1.0 - unlike).clamp(0.0, 1.0)));
        Ok(Fidelity { verdict, scores, passing: self.judge.is_passing() })
    }
}

/// Of a squared error: 1 for none, 1/2 at 28 dB.
fn likeness(error: f32) -> f32 {
    const HALF: f32 = 103.0;
    HALF / (HALF + error)
}
