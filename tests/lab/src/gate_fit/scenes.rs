//! What is played to the gate: voices, and what is not a voice.

use std::borrow::Cow;

use sotto_codec::SOUND_RATE;

use super::room;
use crate::{Rng, sound::Clip, voice::mix};

/// Of a speaker, and of a piece of music.
const SPEECH_SAMPLES: usize = 13 * SOUND_RATE as usize;
const MUSIC_SAMPLES: usize = 40 * SOUND_RATE as usize;
const NOISE_SAMPLES: usize = 6 * SOUND_RATE as usize;
/// Mean square of speech while somebody speaks: -26 dB of full scale.
const SPEECH_POWER: f64 = 0.0025;
/// By how much a speaker may be louder or quieter, dB.
const GAIN_DB: f64 = 8.0;
/// What a quiet room has under speech, dB.
const QUIET_DB: f64 = 25.0;
/// The same of rooms with echoes, from to.
const ROOM_DB: [f64; 2] = [22.0, 38.0];
/// Samples over which a noise is measured, and how far below its mean it may fall, dB.
const SPAN: usize = SOUND_RATE as usize / 10;
const STEADY_DB: f64 = 10.0;
/// Others who talk in a babble.
const BABBLE: usize = 6;

/// The scene of a recording as it is.
pub(super) const CLEAN: &str = "clean";

/// What a gate should say of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// One voice: green.
    Clean,
    /// One voice in a quiet room: green.
    Quiet,
    /// A voice in noise, or noise alone: red.
    Noise,
    /// Two voices: red.
    Two,
    /// Music: red.
    Music,
}

/// What is played.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whose scene it is: scenes of one number have a speaker, or a piece of music, in common.
    pub(super) fold: usize,
    speech: Option<Cow<'a, [f32]>>,
    other: Option<(Vec<f32>, f64)>,
    gain_db: f64,
}

impl Scene<'_> {
    /// Its sound.
    pub(super) fn render(&self) -> Vec<f32> {
        let speech = self.speech.as_deref();
        let mixed = match (speech, &self.other) {
            (Some(speech), Some((other, below_db))) => mix::mix(speech, other, *below_db),
            (Some(speech), None) => speech.to_vec(),
            (None, Some((other, _))) => other.clone(),
            (None, None) => Vec::new(),
        };
        let power = mix::power(speech.unwrap_or(&mixed)).max(1e-12);
        let gain = (SPEECH_POWER / power * 10_f64.powf(self.gain_db / 10.0)).sqrt() as f32;
        mixed.into_iter().map(|sample| (gain * sample).clamp(-1.0, 1.0)).collect()
    }
}

/// Scenes of all speakers, each with a few of the noises and other speakers in turn, and of music.
pub(super) fn scenes<'a>(
    speech: &'a [Clip],
    music: &'a [Clip],
    noise: &'a [Clip],
) -> Vec<Scene<'a>> {
    let mut rng = Rng::new(1);
    let noise: Vec<&Clip> = noise.iter().filter(|clip| is_steady(&clip.samples)).collect();
    let music: Vec<&Clip> = music.iter().collect();
    let mut scenes = Vec::new();
    let speech: Vec<&[f32]> =
        speech.iter().map(|clip| first(&clip.samples, SPEECH_SAMPLES)).collect();
    for (fold, &voice) in speech.iter().enumerate() {
        let mut add = |name: &str, kind, speech: Option<Cow<'a, [f32]>>, other, rng: &mut Rng| {
            let gain_db = GAIN_DB * (2.0 * rng.unit() - 1.0);
            scenes.push(Scene { name: name.to_owned(), kind, fold, speech, other, gain_db });
        };
        let near = |step: usize| speech[(fold + step) % speech.len()];
        let quiet = mix::pink_noise(voice.len(), rng.next());
        add(CLEAN, Kind::Clean, Some(voice.into()), None, &mut rng);
        let (name, sound) =
            noise_of([1, 3, 4, 5][fold % 4], voice.len(), &noise, &music, &mut rng, Vec::new);
        let below = ROOM_DB[0] + (ROOM_DB[1] - ROOM_DB[0]) * rng.unit();
        let heard = room::heard_in_a_room(voice, &mut rng);
        let name = format!("clean, in a room, little {name}");
        add(&name, Kind::Clean, Some(heard.into()), Some((sound, below)), &mut rng);
        add("quiet room", Kind::Quiet, Some(voice.into()), Some((quiet, QUIET_DB)), &mut rng);
        for (turn, levels) in [(0, [10.0; 2]), (1, [10.0, 10.0]), (2, [0.0, 8.0])] {
            let (name, sound) =
                noise_of(fold + 2 * turn, voice.len(), &noise, &music, &mut rng, || {
                    mix::babble((1..=BABBLE).map(|step| near(step * 17)))
                });
            let below = levels[0] + (levels[1] - levels[0]) * rng.unit();
            let name = if turn == 2 { format!("{name}, louder") } else { name };
            if turn == 2 && fold % 3 == 0 {
                let alone = first(&sound, NOISE_SAMPLES).to_vec();
                add("noise alone", Kind::Noise, None, Some((alone, 0.0)), &mut rng);
            }
            add(&name, Kind::Noise, Some(voice.into()), Some((sound, below)), &mut rng);
        }
        for below in [0.0, 5.0] {
            let other = near(101 + below as usize).to_vec();
            add(
                &format!("two, {below} dB"),
                Kind::Two,
                Some(voice.into()),
                Some((other, below)),
                &mut rng,
            );
        }
    }
    for (fold, clip) in music.iter().enumerate() {
        let sound = first(&clip.samples, MUSIC_SAMPLES).to_vec();
        let gain_db = GAIN_DB * (2.0 * rng.unit() - 1.0);
        let (name, kind) = ("music".to_owned(), Kind::Music);
        scenes.push(Scene { name, kind, fold, speech: None, other: Some((sound, 0.0)), gain_db });
    }
    scenes
}

/// One kind of noise after the other.
fn noise_of(
    turn: usize,
    len: usize,
    noise: &[&Clip],
    music: &[&Clip],
    rng: &mut Rng,
    babble: impl FnOnce() -> Vec<f32>,
) -> (String, Vec<f32>) {
    let recorded = |clips: &[&Clip], rng: &mut Rng| {
        let clip = &clips[rng.next() as usize % clips.len()];
        let start = rng.next() as usize % clip.samples.len().max(1);
        clip.samples.iter().cycle().skip(start).take(len).copied().collect()
    };
    match turn % 9 {
        0 => ("white".to_owned(), (0..len).map(|_| rng.unit() as f32 - 0.5).collect()),
        1 => ("pink".to_owned(), mix::pink_noise(len, rng.next())),
        2 => ("babble".to_owned(), babble()),
        3 => ("hum and hiss".to_owned(), hum(len, rng)),
        5 => ("rumble".to_owned(), rumble(len, rng)),
        7 => ("music below".to_owned(), recorded(music, rng)),
        _ => ("recorded".to_owned(), recorded(noise, rng)),
    }
}

/// Of ventilation and traffic: noise around a low frequency.
fn rumble(len: usize, rng: &mut Rng) -> Vec<f32> {
    let radius = 0.97 + 0.025 * rng.unit();
    let turn = std::f64::consts::TAU * (30.0 + 170.0 * rng.unit()) / f64::from(SOUND_RATE);
    let (first, second) = (2.0 * radius * turn.cos(), -radius * radius);
    let mut before = [0.0; 2];
    (0..len)
        .map(|_| {
            let sample = first * before[0] + second * before[1] + rng.unit() - 0.5;
            before = [sample, before[0]];
            sample as f32
        })
        .collect()
}

/// Of machines: harmonics of a low frequency, and brown noise.
fn hum(len: usize, rng: &mut Rng) -> Vec<f32> {
    let base = 45.0 + 80.0 * rng.unit();
    let amplitudes: Vec<f64> = (0..12).map(|_| rng.unit()).collect();
    let mut brown = 0.0;
    (0..len)
        .map(|at| {
            let turns = base * at as f64 / f64::from(SOUND_RATE);
            brown = 0.98 * brown + 0.3 * (rng.unit() - 0.5);
            let harmonics = (1..).zip(&amplitudes).map(|(harmonic, amplitude)| {
                amplitude / f64::from(harmonic)
                    * (std::f64::consts::TAU * turns * f64::from(harmonic)).sin()
            });
            (0.3 * harmonics.sum::<f64>() + brown) as f32
        })
        .collect()
}

/// Whether a noise is there all the time: its quietest tenth of [`SPAN`]s is not further than
/// [`STEADY_DB`] below its mean. Under one that comes and goes some seconds are clean.
fn is_steady(samples: &[f32]) -> bool {
    let mut powers: Vec<f64> = samples.chunks_exact(SPAN).map(mix::power).collect();
    powers.sort_unstable_by(f64::total_cmp);
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    let limit = mean * 10.0_f64.powf(-STEADY_DB / 10.0);
    powers.get(powers.len() / 10).is_some_and(|&quiet| quiet > 0.0 && quiet >= limit)
}

fn first(samples: &[f32], most: usize) -> &[f32] {
    &samples[..samples.len().min(most)]
}
