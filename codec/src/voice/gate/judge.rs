//! From scores of seconds to verdicts: off at once where there is no doubt, else as soon as the mean
//! says so, on after two seconds.

use std::collections::VecDeque;

use super::fitted::{amber, red, sudden};
use crate::Verdict;

/// Payloads that must be green, one after the other, until a red gate is green again: 2 s.
const PROOF: usize = 25;
/// Scores whose mean is judged: those of windows that end within the last 2.9 s.
const MEMORY: usize = 36;
/// Scores whose mean is judged while it is red: 1 s.
const RECENT: usize = 12;

/// Remembers what was said.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// Payloads that still have to be green; 0: it is not red.
    wanted: usize,
    scores: VecDeque<f32>,
}

impl Judge {
    /// Takes the score of the second that ends now; `None`: it could not be measured, and what was
    /// said before still holds.
    pub(super) fn take(&mut self, score: Option<f32>) -> Verdict {
        if let Some(score) = score {
            if self.scores.len() == MEMORY {
                self.scores.pop_front();
            }
            self.scores.push_back(score);
            self.wanted = match self.verdict() {
                Verdict::Red => PROOF,
                Verdict::Amber if self.wanted > 0 => PROOF,
                Verdict::Amber => 0,
                Verdict::Green => self.wanted.saturating_sub(1),
            };
            if self.wanted == 1 {
                self.scores.drain(..self.scores.len().saturating_sub(PROOF));
            }
        }
        if self.wanted > 0 { Verdict::Red } else { self.verdict() }
    }

    /// How surely it is the speaker now, 0 to 1: less than 0.5 where what was heard is red.
    pub(super) fn sureness(&self) -> f32 {
        let Some(&last) = self.scores.back() else { return 1.0 };
        let over = (self.mean() - red()).max(last - sudden());
        1.0 / (1.0 + over.exp())
    }

    /// Of what was heard in the last seconds: what is so all the time, or beyond doubt at once.
    fn verdict(&self) -> Verdict {
        let Some(&last) = self.scores.back() else { return Verdict::Green };
        let mean = self.mean();
        if mean >= red() || last >= sudden() {
            Verdict::Red
        } else if mean >= amber() || last >= red() {
            Verdict::Amber
        } else {
            Verdict::Green
        }
    }

    /// What was before it turned red does not keep it red.
    fn mean(&self) -> f32 {
        let len = if self.wanted > 0 { RECENT } else { MEMORY }.min(self.scores.len());
        self.scores.iter().rev().take(len).sum::<f32>() / len.max(1) as f32
    }
}
