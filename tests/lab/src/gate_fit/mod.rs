//! Fits the gate of the voice plug-in: plays what is a voice and what is not through it, and trains
//! a network that tells them apart by what the gate measures.
//!
//! ```text
//!  speech, music, noise ─► Scenes ─► encoder ─► decoder ─► Window ─► measures ─► Network
//! ```
//!
//! What the gate is scored on (`sotto-lab voice`) must not be among what it is fitted on.

mod network;
mod room;
mod scenes;

use std::sync::Arc;

use network::{Example, Network};
use scenes::{CLEAN, Scene, scenes};
use sotto_codec::{
    Decoder, Encoder, FRAME_SAMPLES, Plugin, Sound,
    voice::{Voice, gate::Window, weights::Weights},
};

use crate::sound::Clip;

/// Every so many payloads a second is taken as an example: neighbours are nearly the same.
const STRIDE: usize = 3;
/// Parts into which speakers are divided; each is judged by a network that never heard it.
const FOLDS: usize = 4;
/// Examples, one behind the other, over which the gate takes the mean: 2.9 s.
const MEMORY: usize = 12;
/// Seconds of clean recordings that may be red, amber or red, and red at once, among speakers that
/// were not trained on.
const RED_SHARE: f64 = 0.05;
const AMBER_SHARE: f64 = 0.1;
const SUDDEN_SHARE: f64 = 0.005;

/// What came of it.
#[derive(Debug)]
pub struct Fit {
    /// Shares of seconds that are red, by scene, of speakers that were not trained on.
    pub red: Vec<(String, f64)>,
    /// Examples that there were.
    pub examples: usize,
    /// The file that the gate reads: `voice/gate/fitted.rs` says what is in it.
    pub file: Vec<u8>,
}

impl Fit {
    /// One line for each scene.
    pub fn to_table(&self) -> String {
        let lines = self.red.iter().map(|(scene, share)| format!("{share:>8.3}  {scene}"));
        let head = format!(
            "{} seconds; share of them that is red, of speakers not trained on:",
            self.examples
        );
        std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
    }
}

/// Fits on these clips. Speakers are cut off after 13 s.
pub fn fit(speech: &[Clip], music: &[Clip], noise: &[Clip]) -> Fit {
    let scenes = scenes(speech, music, noise);
    let examples = examples(&scenes);
    let scores = scores_of_others(&examples);
    let means = means(&scores, &examples);
    let (amber, red) = (limit(&means, &examples, AMBER_SHARE), limit(&means, &examples, RED_SHARE));
    let sudden = limit(&scores, &examples, SUDDEN_SHARE);

    let mut names: Vec<&str> = examples.iter().map(|example| example.scene.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let is_red = |at: usize| means[at] >= red || scores[at] >= sudden;
    let share = |name: &str| {
        let of = || (0..examples.len()).filter(|&at| examples[at].scene == name);
        of().filter(|&at| is_red(at)).count() as f64 / of().count() as f64
    };
    let red_shares = names.iter().map(|name| ((*name).to_owned(), share(name))).collect();

    let all: Vec<&Example> = examples.iter().collect();
    let mut file = Network::train(&all).to_bytes();
    for threshold in [amber, red, sudden] {
        file.extend_from_slice(&(threshold as f32).to_le_bytes());
    }
    Fit { red: red_shares, examples: examples.len(), file }
}

/// Scores of all examples, each by a network that never heard its speaker.
fn scores_of_others(examples: &[Example]) -> Vec<f64> {
    let networks: Vec<Network> = std::thread::scope(|scope| {
        let trained: Vec<_> = (0..FOLDS)
            .map(|fold| {
                scope.spawn(move || {
                    let others = examples.iter().filter(|example| example.fold % FOLDS != fold);
                    Network::train(&others.collect::<Vec<_>>())
                })
            })
            .collect();
        trained.into_iter().map(|network| network.join().expect("training is arithmetic")).collect()
    });
    examples.iter().map(|example| networks[example.fold % FOLDS].score(&example.measures)).collect()
}

/// Means over the last examples of the same scene.
fn means(scores: &[f64], examples: &[Example]) -> Vec<f64> {
    (0..scores.len())
        .map(|at| {
            let first = (at + 1).saturating_sub(MEMORY);
            let same = |other: &usize| {
                (&examples[*other].scene, examples[*other].fold)
                    == (&examples[at].scene, examples[at].fold)
            };
            let of: Vec<f64> = (first..=at).filter(same).map(|other| scores[other]).collect();
            of.iter().sum::<f64>() / of.len() as f64
        })
        .collect()
}

/// The score that a share of the seconds of clean recordings reach.
fn limit(scores: &[f64], examples: &[Example], share: f64) -> f64 {
    let all = scores.iter().zip(examples);
    let mut clean: Vec<f64> =
        all.filter(|(_, example)| example.scene == CLEAN).map(|(score, _)| *score).collect();
    clean.sort_by(f64::total_cmp);
    clean[((clean.len() - 1) as f64 * (1.0 - share)) as usize]
}

/// Plays all scenes, on all processors.
fn examples(scenes: &[Scene<'_>]) -> Vec<Example> {
    let weights = Weights::shared();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let weights = &weights;
        let parts: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mine = scenes.iter().enumerate().skip(thread).step_by(threads);
                    mine.map(|(at, scene)| (at, play(weights, scene))).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut played: Vec<(usize, Vec<Example>)> = parts
            .into_iter()
            .flat_map(|part| part.join().expect("no scene makes the codec panic"))
            .collect();
        played.sort_by_key(|(at, _)| *at);
        played.into_iter().flat_map(|(_, examples)| examples).collect()
    })
}

/// Codes a scene with the model of every speaker, and measures each second.
fn play(weights: &Arc<Weights>, scene: &Scene<'_>) -> Vec<Example> {
    let plugin = Voice::default();
    let model = plugin.generic().expect("voices have a generic model");
    let (Encoder::Sound(mut encoder), Decoder::Sound(mut decoder)) =
        (model.encoder(), model.decoder())
    else {
        unreachable!("voices are sound")
    };
    let mut window = Window::new(weights);
    let mut examples = Vec::new();
    for (at, source) in scene.render().chunks_exact(FRAME_SAMPLES).enumerate() {
        let (mut payload, mut decoded) = (Vec::new(), [0.0; FRAME_SAMPLES]);
        encoder.push(&Sound::new(source)).expect("a payload of sound");
        encoder.flush(&mut payload).expect("a payload of sound");
        decoder.decode(&payload, &mut decoded).expect("an encoder's own payload");
        let measures = window.push(source, &decoded).expect("a payload of sound");
        if let Some(measures) = measures.filter(|_| at % STRIDE == 0) {
            examples.push(Example {
                measures: measures.map(f64::from),
                kind: scene.kind,
                scene: scene.name.clone(),
                fold: scene.fold,
            });
        }
    }
    examples
}
