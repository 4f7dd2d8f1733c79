//! Where somebody speaks, and how loud: ITU-T P.56 (12/2011), method B.

use std::ops::Range;

use sotto_codec::SOUND_RATE;

/// Time constant of the envelope, each of its two stages.
const ENVELOPE_S: f64 = 0.03;
/// Speech goes on for that long after its envelope fell below the threshold.
const HANGOVER: usize = SOUND_RATE as usize / 5;
/// The threshold lies that far below the active level.
const MARGIN_DB: f64 = 15.9;
/// Thresholds tried: full scale halved so often, down to one step of 16 bits.
const THRESHOLDS: i32 = 16;

/// What is speech in a sound.
#[derive(Clone, Debug)]
pub struct Activity {
    active: Vec<bool>,
    mean_square: f64,
}

impl Activity {
    /// Measures a sound at [`SOUND_RATE`].
    pub fn of(samples: &[f32]) -> Self {
        let envelope = envelope(samples);
        let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        let mut below = None; // threshold and level, in dB, of the one before
        // Upwards: at thresholds that little is above, the energy of all the rest makes the level
        // of that little look high.
        for halvings in (0..THRESHOLDS).rev() {
            let threshold = 0.5_f64.powi(halvings);
            let active = count(&envelope, threshold);
            if active == 0 {
                break;
            }
            let found = (20.0 * threshold.log10(), 10.0 * (energy / active as f64).log10());
            if found.1 - found.0 <= MARGIN_DB {
                let active = mark(&envelope, 10_f64.powf(crossing(below, found) / 20.0));
                let count = active.iter().filter(|&&active| active).count();
                return Self { active, mean_square: energy / count.max(1) as f64 };
            }
            below = Some(found);
        }
        Self { active: vec![false; samples.len()], mean_square: 0.0 }
    }

    /// Mean square while somebody speaks; 0 if nobody does.
    pub const fn mean_square(&self) -> f64 {
        self.mean_square
    }

    /// Whether somebody speaks in at least half of these samples. What lies behind the end is
    /// silence.
    pub fn speaks(&self, samples: Range<usize>) -> bool {
        let wanted = samples.len();
        let end = samples.end.min(self.active.len());
        let active = self.active.get(samples.start..end).unwrap_or_default();
        wanted > 0 && active.iter().filter(|&&active| active).count() * 2 >= wanted
    }

    /// How long somebody speaks, in samples.
    pub fn spoken(&self) -> usize {
        self.active.iter().filter(|&&active| active).count()
    }

    /// After how many samples somebody has spoken for `spoken` samples; all of them if never.
    pub fn position_after(&self, spoken: usize) -> usize {
        let mut left = spoken;
        self.active
            .iter()
            .position(|&active| {
                left = left.saturating_sub(usize::from(active));
                left == 0
            })
            .map_or(self.active.len(), |at| at + 1)
    }
}

/// Where the margin is exact, on the line between two thresholds, in dB.
fn crossing(below: Option<(f64, f64)>, above: (f64, f64)) -> f64 {
    let Some(below) = below else { return above.0 };
    let margin = |(threshold, level): (f64, f64)| level - threshold - MARGIN_DB;
    let share = margin(below) / (margin(below) - margin(above));
    below.0 + share * (above.0 - below.0)
}

fn envelope(samples: &[f32]) -> Vec<f64> {
    let keep = (-1.0 / (f64::from(SOUND_RATE) * ENVELOPE_S)).exp();
    let (mut first, mut second) = (0.0, 0.0);
    samples
        .iter()
        .map(|&sample| {
            first = keep * first + (1.0 - keep) * f64::from(sample.abs());
            second = keep * second + (1.0 - keep) * first;
            second
        })
        .collect()
}

fn count(envelope: &[f64], threshold: f64) -> usize {
    mark(envelope, threshold).iter().filter(|&&active| active).count()
}

fn mark(envelope: &[f64], threshold: f64) -> Vec<bool> {
    let mut left = 0;
    envelope
        .iter()
        .map(|&value| {
            left = if value >= threshold { HANGOVER + 1 } else { left };
            let active = left > 0;
            left = left.saturating_sub(1);
            active
        })
        .collect()
}
