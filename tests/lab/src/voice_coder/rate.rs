use std::sync::Arc;

use serde::Serialize;
use sotto_codec::voice::{
    coder::{Step, encode},
    features::{CORRELATION, Features, PITCH},
    model::SpeakerModel,
    statistics::Statistics,
    weights::Weights,
};

use super::{Packet, Speech};
use crate::sound::Clip;

/// What the coder makes of speech.
#[derive(Debug, Serialize)]
pub struct Rates {
    /// By seconds of training.
    pub trained: Vec<Trained>,
}

/// After so much training.
#[derive(Debug, Serialize)]
pub struct Trained {
    /// Seconds of each recording that were learned from, pauses included; the rest is tested.
    pub seconds: usize,
    /// Mean bytes of a model.
    pub model_bytes: f64,
    /// Mean seconds of learning, features not included.
    pub learn_s: f64,
    /// Means over speakers.
    pub steps: Vec<AtStep>,
    /// Of each speaker, at the step of 0.5.
    pub speakers: Vec<OfSpeaker>,
}

/// With one step.
#[derive(Debug, Serialize)]
pub struct AtStep {
    /// Step size.
    pub step: f32,
    /// Bits a second of active speech, with the speaker's own model, packets of 80 ms.
    pub payload_bps: f64,
    /// Of 40 ms.
    pub payload_bps_40: f64,
    /// Of 120 ms.
    pub payload_bps_120: f64,
    /// With the generic model, of 80 ms.
    pub generic_bps: f64,
    /// Mean squared error of a frame in the scale of what is heard.
    pub distortion: f64,
    /// Bits more with the own model than with the generic one for the same distortion.
    pub own_vs_generic_pct: f64,
    /// Bits more with another's model than with the own one for the same distortion.
    pub wrong_vs_own_pct: f64,
}

/// One speaker.
#[derive(Debug, Serialize)]
pub struct OfSpeaker {
    /// Name of the recording.
    pub name: String,
    /// Seconds of active speech that were tested.
    pub tested_s: f64,
    /// As in [`AtStep`].
    pub payload_bps: f64,
    /// As in [`AtStep`].
    pub own_vs_generic_pct: f64,
    /// As in [`AtStep`].
    pub wrong_vs_own_pct: f64,
}

const FRAMES_A_SECOND: f64 = 100.0;

/// Measures recordings, each of one speaker. Those named `asterisk-…` are of one person in several
/// languages, who is never taken for somebody else.
pub fn rates(recordings: &[Clip], seconds: &[usize]) -> Rates {
    let weights = Arc::new(Weights::embedded());
    let speech: Vec<Speech> =
        recordings.iter().map(|recording| Speech::new(&weights, recording)).collect();
    Rates { trained: seconds.iter().map(|&seconds| trained(&speech, seconds)).collect() }
}

impl Rates {
    /// One object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and names")
    }

    /// For people.
    pub fn to_table(&self) -> String {
        let mut table = String::new();
        for Trained { seconds, model_bytes, learn_s, steps, speakers } in &self.trained {
            table +=
                &format!("{seconds} s, model of {model_bytes:.0} B, learned in {learn_s:.3} s\n");
            table +=
                "  step  own bit/s at 40, 80, 120 ms   generic   error  own/gen %  wrong/own %\n";
            for of in steps {
                table += &format!(
                    "  {:4.2}  {:9.0} {:9.0} {:9.0} {:9.0} {:7.3} {:10.2} {:12.2}\n",
                    of.step,
                    of.payload_bps_40,
                    of.payload_bps,
                    of.payload_bps_120,
                    of.generic_bps,
                    of.distortion,
                    of.own_vs_generic_pct,
                    of.wrong_vs_own_pct
                );
            }
            for of in speakers {
                table += &format!(
                    "  {:<14} {:6.1} s {:6.0} bit/s {:7.2} % {:7.2} %\n",
                    of.name,
                    of.tested_s,
                    of.payload_bps,
                    of.own_vs_generic_pct,
                    of.wrong_vs_own_pct
                );
            }
        }
        table
    }
}

struct Learned {
    name: String,
    model: SpeakerModel,
    test: Vec<Packet>,
    learn_s: f64,
}

fn trained(speech: &[Speech], seconds: usize) -> Trained {
    let learned: Vec<Learned> = speech.iter().map(|speech| learn(speech, seconds)).collect();
    let curves: Vec<[Curve; 3]> = learned
        .iter()
        .enumerate()
        .map(|(at, own)| {
            let wrong = (1..learned.len())
                .map(|next| &learned[(at + next) % learned.len()])
                .find(|other| person(&other.name) != person(&own.name))
                .unwrap_or(own);
            [SpeakerModel::generic(), &own.model, &wrong.model]
                .map(|model| Curve::new(model, &own.test))
        })
        .collect();
    let count = learned.len() as f64;
    let mean = |of: &dyn Fn(usize) -> f64| (0..learned.len()).map(of).sum::<f64>() / count;
    let own = |speaker: usize, step: usize| curves[speaker][1].versus(&curves[speaker][0], step);
    let wrong = |speaker: usize, step: usize| -> f64 {
        let against = curves[speaker][1].versus(&curves[speaker][2], step);
        100.0 * (1.0 / (1.0 + against / 100.0) - 1.0)
    };
    let blocks = |blocks: usize, step: Step| {
        mean(&|speaker| {
            Point::new(&learned[speaker].model, &learned[speaker].test, step, blocks).bps
        })
    };
    let steps = Step::ALL.iter().enumerate().map(|(at, &step)| AtStep {
        step: step.size(),
        payload_bps: mean(&|speaker| curves[speaker][1].0[at].bps),
        payload_bps_40: blocks(1, step),
        payload_bps_120: blocks(3, step),
        generic_bps: mean(&|speaker| curves[speaker][0].0[at].bps),
        distortion: mean(&|speaker| curves[speaker][1].0[at].distortion),
        own_vs_generic_pct: mean(&|speaker| own(speaker, at)),
        wrong_vs_own_pct: mean(&|speaker| wrong(speaker, at)),
    });
    let fine = Step::Fine as usize;
    let speakers = learned.iter().enumerate().map(|(at, learned)| OfSpeaker {
        name: learned.name.clone(),
        tested_s: learned.test.len() as f64 * 8.0 / FRAMES_A_SECOND,
        payload_bps: curves[at][1].0[fine].bps,
        own_vs_generic_pct: own(at, fine),
        wrong_vs_own_pct: wrong(at, fine),
    });
    Trained {
        seconds,
        model_bytes: mean(&|speaker| learned[speaker].model.to_bytes().len() as f64),
        learn_s: mean(&|speaker| learned[speaker].learn_s),
        steps: steps.collect(),
        speakers: speakers.collect(),
    }
}

/// Learns from the first seconds, of which at least 10 are left to be tested.
fn learn(speech: &Speech, seconds: usize) -> Learned {
    let most = (speech.seconds() - 10.0).max(0.0) as usize;
    let (train, test) = speech.split(seconds.min(most));
    let start = std::time::Instant::now();
    let mut statistics = Statistics::new();
    train.active(0).iter().for_each(|packet| statistics.push(packet));
    let model = statistics.model();
    let learn_s = start.elapsed().as_secs_f64();
    Learned { name: speech.name.clone(), model, test: test.active(0), learn_s }
}

fn person(name: &str) -> &str {
    if name.starts_with("asterisk-") { "asterisk" } else { name }
}

/// Rate and distortion at each step.
struct Curve(Vec<Point>);

#[derive(Clone, Copy)]
struct Point {
    bps: f64,
    distortion: f64,
}

impl Curve {
    fn new(model: &SpeakerModel, packets: &[Packet]) -> Self {
        Self(Step::ALL.iter().map(|&step| Point::new(model, packets, step, 2)).collect())
    }

    /// Bits more than another, in per cent, for the distortion that this has at a step.
    fn versus(&self, other: &Self, step: usize) -> f64 {
        let Point { bps, distortion } = self.0[step];
        100.0 * (bps / other.at(distortion) - 1.0)
    }

    /// The rate at a distortion, on a line between steps, both logarithmic.
    fn at(&self, distortion: f64) -> f64 {
        let next = self.0.iter().position(|point| point.distortion > distortion);
        let next = next.unwrap_or(self.0.len() - 1).max(1);
        let (finer, coarser) = (self.0[next - 1], self.0[next]);
        let along =
            (distortion / finer.distortion).ln() / (coarser.distortion / finer.distortion).ln();
        finer.bps * (along * (coarser.bps / finer.bps).ln()).exp()
    }
}

impl Point {
    /// Packets of so many blocks of 40 ms. Those of three are made of one packet and a half each.
    fn new(model: &SpeakerModel, packets: &[Packet], step: Step, blocks: usize) -> Self {
        let (mut bytes, mut error, mut count) = (0, 0.0, 0);
        let frames: Vec<Features> = packets.as_flattened().to_vec();
        for frames in frames.chunks_exact(4 * blocks) {
            let mut payload = Vec::new();
            let heard = encode(model, frames, step, None, &mut payload);
            bytes += payload.len();
            count += frames.len();
            error += frames.iter().zip(&heard).map(|(a, b)| distortion(a, b)).sum::<f64>();
        }
        let seconds = count as f64 / FRAMES_A_SECOND;
        Self { bps: bytes as f64 * 8.0 / seconds, distortion: error / count as f64 }
    }
}

/// Squared error in the scale of what is heard. Pitch is where there is any.
fn distortion(frame: &Features, heard: &Features) -> f64 {
    let weight = |at: usize| match at {
        PITCH if frame[CORRELATION] <= -0.1 => 0.0,
        PITCH => 20.0,
        CORRELATION => 2.0,
        _ => 1.0,
    };
    let errors = frame.iter().zip(heard).enumerate();
    errors.map(|(at, (a, b))| (weight(at) * f64::from(a - b)).powi(2)).sum()
}
