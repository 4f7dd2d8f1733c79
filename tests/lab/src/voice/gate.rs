//! How often the gate says that a model must not be used.

use std::{collections::BTreeMap, iter::Sum, ops::Range};

use serde::Serialize;
use sotto_codec::{FRAME_SAMPLES, SOUND_RATE};

use super::{
    activity::Activity,
    coded::{CodeError, Judged},
    mix::mix,
    set::{Set, Speaker, Talk},
};
use crate::sound::Clip;

/// Samples of a window.
const WINDOW: usize = SOUND_RATE as usize;
/// Of each clip that is no speech of the set.
const CLIP_SECONDS: usize = 10;
/// How far noise is below speech.
const NOISE_DB: [u32; 4] = [20, 10, 5, 0];
/// How far a second talker is below the first.
const OVERLAP_DB: [u32; 2] = [0, 10];

/// Windows of 1 s, and those at whose end the gate is red. The first second of a sound is not
/// looked at: there the gate has not heard enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Windows {
    /// Red for what was just heard.
    pub red: usize,
    /// Red, if only for what was heard before.
    pub held: usize,
    /// All of them.
    pub all: usize,
}

/// Shares of windows that are red, 0 to 1; none where there were no such clips.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GateFigures {
    /// Of clean speech with the speaker's own model.
    pub false_alarm: Option<f64>,
    /// The same with the two seconds for which a gate stays red behind each.
    pub false_alarm_held: Option<f64>,
    /// Of music alone.
    pub music: Option<f64>,
    /// Of speech with noise 10 dB below, mean over the kinds of noise.
    pub noise10db: Option<f64>,
    /// The same with noise 10, 5 and 0 dB below, mean over them too.
    pub noise_to_10db: Option<f64>,
    /// Of recorded double talk; where there is none, of [`Self::two_talkers`] at 0 dB.
    pub overlap: Option<f64>,
    /// By the kind of noise, and how far below speech it is.
    pub noise: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    /// Speech of this and another speaker, by how far below the other is.
    pub two_talkers: BTreeMap<String, Option<f64>>,
}

impl Windows {
    /// The windows that `counts` is true of.
    pub(super) fn of(judged: &[Judged], counts: impl Fn(Range<usize>) -> bool) -> Self {
        let seconds = judged.len() * FRAME_SAMPLES / WINDOW;
        let ends = (1..seconds).filter(|second| counts(second * WINDOW..(second + 1) * WINDOW));
        let last = |second: usize| judged[(second + 1) * WINDOW / FRAME_SAMPLES - 1];
        ends.map(|second| {
            let Judged { now, held } = last(second);
            Self { red: usize::from(now), held: usize::from(held), all: 1 }
        })
        .sum()
    }

    /// Red ones of all, 0 to 1.
    pub(super) fn share(self) -> Option<f64> {
        (self.all > 0).then(|| self.red as f64 / self.all as f64)
    }

    /// The same of those that are still red, too.
    pub(super) fn held_share(self) -> Option<f64> {
        (self.all > 0).then(|| self.held as f64 / self.all as f64)
    }
}

impl Sum for Windows {
    fn sum<I: Iterator<Item = Self>>(windows: I) -> Self {
        windows.fold(Self::default(), |sum, next| Self {
            red: sum.red + next.red,
            held: sum.held + next.held,
            all: sum.all + next.all,
        })
    }
}

impl GateFigures {
    /// Of nothing but the speaker's clean speech.
    pub(super) fn of_clean(speaker: &Speaker, judged: &[Judged]) -> Self {
        let spoken = |samples| speaker.activity.speaks(samples);
        let windows = Windows::of(judged, spoken);
        Self {
            false_alarm: windows.share(),
            false_alarm_held: windows.held_share(),
            ..Self::default()
        }
    }
}

/// Runs the gate of a speaker's model, `judged_of`, over everything that it must tell apart.
/// `judged`: what it said
/// of the speaker's clean speech. `noises`: all kinds, and `other`: who talks at the same time.
///
/// # Errors
/// [`CodeError`].
pub(super) fn gate_figures(
    judged_of: impl Fn(&[f32]) -> Result<Vec<Judged>, CodeError>,
    speaker: &Speaker,
    judged: &[Judged],
    set: &Set,
    noises: &[Clip],
    other: Option<&Speaker>,
) -> Result<GateFigures, CodeError> {
    let speech = &speaker.test;
    let spoken = |samples| speaker.activity.speaks(samples);
    let mut figures = GateFigures::of_clean(speaker, judged);

    for noise in noises {
        let mut levels = BTreeMap::new();
        for below in NOISE_DB {
            let noisy = mix(speech, &noise.samples, f64::from(below));
            let share = Windows::of(&judged_of(&noisy)?, spoken).share();
            levels.insert(format!("{below}db"), share);
        }
        figures.noise.insert(noise.name.clone(), levels);
    }
    figures.noise10db = mean_share(&figures.noise, &["10db"]);
    figures.noise_to_10db = mean_share(&figures.noise, &["10db", "5db", "0db"]);

    if let Some(other) = other {
        for below in OVERLAP_DB {
            let both = mix(speech, &other.test, f64::from(below));
            let repeated: Vec<f32> =
                other.test.iter().copied().cycle().take(speech.len()).collect();
            let second = Activity::of(&repeated);
            let counts = |samples: Range<usize>| spoken(samples.clone()) && second.speaks(samples);
            let share = Windows::of(&judged_of(&both)?, counts).share();
            figures.two_talkers.insert(format!("{below}db"), share);
        }
    }

    let mut music = Windows::default();
    for clip in &set.music {
        let judged = judged_of(beginning(&clip.samples))?;
        music = [music, Windows::of(&judged, |_| true)].into_iter().sum();
    }
    figures.music = music.share();

    let mut overlap = Windows::default();
    for Talk { clip, overlaps } in &set.overlap {
        let judged = judged_of(&clip.samples)?;
        let windows = Windows::of(&judged, |samples| match overlaps {
            None => true,
            Some(overlaps) => is_half_within(&samples, overlaps),
        });
        overlap = [overlap, windows].into_iter().sum();
    }
    let mixed = figures.two_talkers.get("0db").copied().flatten();
    figures.overlap = overlap.share().or(mixed);
    Ok(figures)
}

fn beginning(samples: &[f32]) -> &[f32] {
    &samples[..samples.len().min(CLIP_SECONDS * WINDOW)]
}

fn is_half_within(window: &Range<usize>, overlaps: &[Range<usize>]) -> bool {
    let within: usize = overlaps
        .iter()
        .map(|overlap| overlap.end.min(window.end).saturating_sub(overlap.start.max(window.start)))
        .sum();
    within * 2 >= window.len()
}

/// The mean of what was heard of all kinds of noise at these levels.
fn mean_share(
    noise: &BTreeMap<String, BTreeMap<String, Option<f64>>>,
    levels: &[&str],
) -> Option<f64> {
    let of_kind = |kind: &BTreeMap<String, Option<f64>>| {
        levels.iter().filter_map(|&level| *kind.get(level)?).collect::<Vec<_>>()
    };
    let shares: Vec<f64> = noise.values().flat_map(of_kind).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}
