//! How far a voice stands out from what is there between its words.
//!
//! Bands of the analysis are pre-emphasised and as wide as 200 Hz at least: rumble hides in them.
//! Here powers are also taken as they are.

use std::collections::VecDeque;

use crate::voice::features::HOP;

/// Powers that are followed: of everything, below [`LOW_PASS`], and of everything pre-emphasised.
const POWERS: usize = 3;
/// Corner of two one-pole filters, Hz.
const LOW_PASS: f32 = 200.0;
/// Frames of 10 ms over which powers are taken: rumble of 100 Hz comes and goes faster.
const SPAN: usize = 4;
/// Over how many of the last spans it is looked at, and what share of them is the quiet part, in
/// percent: 0.96, 2.56 and 6 s.
const LOOKS: [(usize, usize); 3] = [(24, 10), (64, 10), (MEMORY, 4)];
/// What share is the loud part, in percent.
const LOUD: usize = 10;
/// Spans that are remembered.
const MEMORY: usize = 150;
/// Power of half a step of 16 bits.
const SILENCE: f32 = 2.3e-10;

/// How far: powers of ten from the quiet part to the loud part, of each power, at each look.
pub(super) type Rise = [f32; LOOKS.len() * POWERS];

/// The powers of the last spans.
#[derive(Clone, Debug, Default)]
pub(super) struct Floor {
    poles: [f32; 2],
    sums: [f32; POWERS],
    frames: usize,
    /// As logarithms, newest last.
    spans: VecDeque<[f32; POWERS]>,
}

impl Floor {
    /// Hears 10 ms, and the power of them pre-emphasised, in powers of ten over any one power.
    pub(super) fn hear(&mut self, samples: &[f32; HOP], emphasised: f32) {
        let share = 1.0 - (-std::f32::consts::TAU * LOW_PASS / crate::SOUND_RATE as f32).exp();
        let (mut all, mut low) = (0.0, 0.0);
        for sample in samples.map(|sample| if sample.is_finite() { sample } else { 0.0 }) {
            let sample = sample.clamp(-1.0, 1.0);
            self.poles[0] += share * (sample - self.poles[0]);
            self.poles[1] += share * (self.poles[0] - self.poles[1]);
            all += sample * sample;
            low += self.poles[1] * self.poles[1];
        }
        let powers = [all / HOP as f32, low / HOP as f32, 10.0_f32.powf(emphasised)];
        self.sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        self.frames += 1;
        if self.frames == SPAN {
            if self.spans.len() == MEMORY {
                self.spans.pop_front();
            }
            let mean = |sum: f32| (sum / SPAN as f32 + SILENCE).log10();
            self.spans.push_back(self.sums.map(mean));
            (self.sums, self.frames) = ([0.0; POWERS], 0);
        }
    }

    /// How far the loud stands out from the quiet; 0 where nothing was heard.
    pub(super) fn rise(&self) -> Rise {
        std::array::from_fn(|at| {
            let (len, quiet) = LOOKS[at / POWERS];
            let last = self.spans.iter().rev().take(len);
            let mut powers: Vec<f32> = last.map(|span| span[at % POWERS]).collect();
            powers.sort_unstable_by(f32::total_cmp);
            let quiet = powers.get(powers.len() * quiet / 100);
            let loud = powers.iter().rev().nth(powers.len() * LOUD / 100);
            quiet.zip(loud).map_or(0.0, |(quiet, loud)| loud - quiet)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds of words of 0.4 s with pauses of 0.2 s, over rumble of 90 Hz.
    fn rise_over(rumble: f32) -> Rise {
        let mut floor = Floor::default();
        for frame in 0..1_000 {
            let speaks = frame % 60 < 40;
            let samples = std::array::from_fn(|at| {
                let second = (frame * HOP + at) as f32 / crate::SOUND_RATE as f32;
                let tone = |hertz: f32| (std::f32::consts::TAU * hertz * second).sin();
                rumble * tone(90.0) + if speaks { 0.1 * tone(700.0) } else { 0.0 }
            });
            floor.hear(&samples, 0.0);
        }
        floor.rise()
    }

    #[test]
    fn a_voice_stands_out_from_rumble_by_as_much_as_it_is_louder() {
        let rise = rise_over(0.1 * 10.0_f32.powf(-0.5));
        assert!((rise[POWERS] - 11.0_f32.log10()).abs() < 0.05, "{rise:?}");
        assert!(rise_over(0.0)[POWERS] > 6.0);
    }

    #[test]
    fn what_is_no_number_is_taken_for_silence() {
        let mut floor = Floor::default();
        for _ in 0..SPAN {
            floor.hear(&[f32::NAN; HOP], 0.0);
        }
        assert!(floor.rise().iter().all(|rise| rise.is_finite()));
    }
}
