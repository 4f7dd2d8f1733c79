//! How coarse payloads are, so that they have the wanted size on average.

use crate::{FRAME_MS, face::step::Step};

/// How many quarters of octaves the step moves where the payloads of a chain are twice too large.
const GAIN: f32 = 3.0;
/// The step before anything was coded.
const START: f32 = 28.0;

/// Chooses steps, one a chain of payloads.
#[derive(Debug)]
pub(super) struct RateControl {
    /// Bytes of a payload that are wanted.
    target: f32,
    /// As [`Step`] has it.
    step: f32,
    /// Bytes of the chain until now, and its payloads.
    bytes: usize,
    payloads: usize,
}

impl RateControl {
    pub(super) const fn new(target_bps: u32) -> Self {
        let target = target_bps as f32 * FRAME_MS as f32 / 8_000.0;
        Self { target, step: START, bytes: 0, payloads: 0 }
    }

    /// The step of the payload to come.
    pub(super) fn step(&self) -> Step {
        Step::new(self.step.round() as u8)
    }

    /// Takes the size of a payload into account.
    pub(super) const fn spent(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.payloads += 1;
    }

    /// A chain ends.
    pub(super) fn settle(&mut self) {
        let wanted = self.target * self.payloads.max(1) as f32;
        let over = (self.bytes as f32 / wanted - 1.0).clamp(-1.0, 1.0);
        let (least, most) = (Step::FINEST.number(), Step::COARSEST.number());
        self.step = (self.step + GAIN * over).clamp(least.into(), most.into());
        (self.bytes, self.payloads) = (0, 0);
    }
}
