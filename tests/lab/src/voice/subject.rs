//! The plug-in that is measured.

use sotto_codec::{Plugin, voice::features::Features};

/// A plug-in for voices in all the settings that are compared.
pub trait Subject {
    /// The plug-in with a step of quantisation, and with or without redundancy in its payloads.
    /// Models of one are understood by all others.
    fn plugin(&self, step: f32, redundancy: bool) -> Box<dyn Plugin>;

    /// Samples by which decoded sound is later than its source.
    fn delay(&self) -> usize;

    /// All steps, from fine to coarse.
    fn steps(&self) -> Vec<f32>;

    /// The features that a payload of speech says, 10 ms each, under the model of a body, or the
    /// generic one. `None` where it says none, or the plug-in has no such thing.
    fn features(&self, _body: Option<&[u8]>, _payload: &[u8]) -> Option<Vec<Features>> {
        None
    }

    /// The commit in which the thresholds of the gate were frozen.
    fn gate_frozen_in(&self) -> Option<&str> {
        None
    }
}
