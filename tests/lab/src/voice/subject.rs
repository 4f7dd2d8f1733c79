//! The plug-in that is measured.

use sotto_codec::{
    Fidelity, Plugin, Verdict,
    voice::{
        DELAY, Settings, Voice,
        coder::{self, Heard, Step},
        features::Features,
        gate,
        model::SpeakerModel,
    },
};

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

    /// Whether the gate is red for what it just heard, rather than for what was before.
    fn red_now(&self, fidelity: &Fidelity) -> bool {
        fidelity.verdict == Verdict::Red
    }

    /// The commit in which the thresholds of the gate were frozen.
    fn gate_frozen_in(&self) -> Option<&str> {
        None
    }
}

/// The voice plug-in of this build.
#[derive(Clone, Copy, Debug)]
pub struct VoicePlugin;

impl Subject for VoicePlugin {
    /// Of the steps that there are, the nearest to the one asked for.
    fn plugin(&self, step: f32, redundancy: bool) -> Box<dyn Plugin> {
        let distance = |of: &Step| (of.size() - step).abs();
        let nearest = Step::ALL.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let step = nearest.expect("there are steps");
        Box::new(Voice::new(Settings { step, redundancy }))
    }

    fn delay(&self) -> usize {
        DELAY
    }

    /// Its one score is how surely it is the speaker.
    fn red_now(&self, fidelity: &Fidelity) -> bool {
        fidelity.scores.iter().any(|&surely| surely < 0.5)
    }

    fn steps(&self) -> Vec<f32> {
        Step::ALL.map(Step::size).to_vec()
    }

    fn features(&self, body: Option<&[u8]>, payload: &[u8]) -> Option<Vec<Features>> {
        if payload.is_empty() {
            return None; // nothing was sent
        }
        let parsed = body.and_then(|body| SpeakerModel::parse(body).ok());
        let model = parsed.as_ref().unwrap_or(SpeakerModel::generic());
        match coder::decode(model, payload).ok()?.sound {
            Heard::Speech(features) => Some(features),
            Heard::Silence(_) => None,
        }
    }

    fn gate_frozen_in(&self) -> Option<&str> {
        Some(gate::FROZEN_IN)
    }
}
