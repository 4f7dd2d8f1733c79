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

/// Bits a second that residuals may take for long: with the motion, a fifteenth of what raw video takes.
const RESIDUAL_BPS: f32 = 16_000.0;
/// Bits that may be saved for later.
const SAVED: f32 = 48_000.0;
/// Bits of the residual of one picture, and of those of a payload, at most: with all the rest it fits into
/// a packet.
const OF_PICTURE: f32 = 3_600.0;
const OF_PAYLOAD: f32 = 6_400.0;

/// How many bits residuals may take: for long as many as raw video is far above, so that what needs more
/// is left to it, and never more than a packet holds.
#[derive(Debug)]
pub(super) struct ResidualBudget {
    left: f32,
    of_payload: f32,
    /// What the payload before took.
    of_last: f32,
}

impl ResidualBudget {
    pub(super) const fn new() -> Self {
        Self { left: SAVED, of_payload: 0.0, of_last: 0.0 }
    }

    /// Bits that the next picture may take.
    pub(super) const fn next(&self) -> f32 {
        OF_PICTURE.min(OF_PAYLOAD - self.of_payload).min(self.left - self.of_payload)
    }

    /// Takes those of a picture into account.
    pub(super) const fn spend(&mut self, bits: f32) {
        self.of_payload += bits;
    }

    /// A payload ends. Gives the bits that it took.
    pub(super) fn settle(&mut self) -> f32 {
        let spent = std::mem::take(&mut self.of_payload);
        let earned = RESIDUAL_BPS * FRAME_MS as f32 / 1e3;
        self.left = (self.left - spent + earned).min(SAVED);
        self.of_last = spent;
        spent
    }

    /// The payload before is not sent.
    pub(super) fn give_back(&mut self) {
        self.left = (self.left + std::mem::take(&mut self.of_last)).min(SAVED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_take_no_more_than_a_packet_holds_and_for_long_no_more_than_they_may() {
        let mut budget = ResidualBudget::new();
        let (mut all, payloads) = (0.0, 1_000);
        for _ in 0..payloads {
            for _ in 0..2 {
                let next = budget.next();
                assert!(next <= OF_PICTURE);
                budget.spend(next.max(0.0));
            }
            let spent = budget.settle();
            assert!(spent <= OF_PAYLOAD);
            all += spent;
        }
        let seconds = (payloads * FRAME_MS) as f32 / 1e3;
        assert!(all <= SAVED + RESIDUAL_BPS * seconds);
        assert!(all >= 0.9 * RESIDUAL_BPS * seconds, "what may be spent is: {all}");
    }

    #[test]
    fn residuals_that_are_not_sent_take_nothing_from_those_that_are() {
        let mut budget = ResidualBudget::new();
        for _ in 0..100 {
            assert_eq!(budget.next(), OF_PICTURE);
            budget.spend(OF_PICTURE);
            budget.settle();
            budget.give_back();
            budget.give_back();
        }
        assert_eq!(budget.left, SAVED);
    }
}
