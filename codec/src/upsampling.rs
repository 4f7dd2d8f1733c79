//! Sound at 48 kHz with nothing above 8 kHz: what any decoder's sound is played as where its plug-in
//! does not extend it.

use std::f64::consts::PI;

use crate::{EXTENDED_SAMPLES, EXTENSION_FACTOR, FRAME_SAMPLES, SoundExtension};

/// Samples on either side of a place that it is interpolated of: 70 dB.
const REACH: usize = 16;
const TAPS: usize = 2 * REACH;
/// Shape of the Kaiser window (Kaiser and Schafer 1980).
const BETA: f64 = 8.0;
/// Terms of the Bessel series, far more than it needs.
const BESSEL_TERMS: i32 = 30;

/// Interpolation by a windowed sinc.
#[derive(Debug)]
pub struct Upsampling {
    /// Taps of each place between two samples, oldest first.
    phases: [[f32; TAPS]; EXTENSION_FACTOR],
    /// The last samples.
    before: [f32; TAPS - 1],
}

impl Upsampling {
    /// Samples of the result by which it is late: 1 ms.
    pub const DELAY: usize = EXTENSION_FACTOR * REACH;

    /// An interpolation to which silence came before.
    pub fn new() -> Self {
        let phase = |phase| {
            let through = phase as f64 / EXTENSION_FACTOR as f64;
            let taps: [f64; TAPS] = std::array::from_fn(|tap| {
                let distance = tap as f64 - (REACH - 1) as f64 - through;
                sinc(distance) * kaiser(distance / REACH as f64)
            });
            let sum: f64 = taps.iter().sum();
            taps.map(|tap| (tap / sum) as f32)
        };
        Self { phases: std::array::from_fn(phase), before: [0.0; TAPS - 1] }
    }
}

impl Default for Upsampling {
    fn default() -> Self {
        Self::new()
    }
}

impl SoundExtension for Upsampling {
    fn delay(&self) -> usize {
        Self::DELAY
    }

    fn extend(&mut self, sound: &[f32; FRAME_SAMPLES], out: &mut [f32; EXTENDED_SAMPLES]) {
        let mut longer = [0.0; FRAME_SAMPLES + TAPS - 1];
        longer[..TAPS - 1].copy_from_slice(&self.before);
        for (longer, &sample) in longer[TAPS - 1..].iter_mut().zip(sound) {
            *longer = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) };
        }
        let (places, _) = out.as_chunks_mut::<EXTENSION_FACTOR>();
        for (place, samples) in places.iter_mut().zip(longer.windows(TAPS)) {
            *place = self.phases.map(|taps| {
                let sum: f32 = samples.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
                sum.clamp(-1.0, 1.0)
            });
        }
        self.before.copy_from_slice(&longer[FRAME_SAMPLES..]);
    }

    fn restart(&mut self, before: &[f32]) {
        let known = &before[before.len().saturating_sub(TAPS - 1)..];
        self.before = [0.0; TAPS - 1];
        self.before[TAPS - 1 - known.len()..].copy_from_slice(known);
        for sample in &mut self.before {
            *sample = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) };
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The window at `x`, -1 to 1.
fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let terms = 1..BESSEL_TERMS;
    let term = |last: &mut f64, at: i32| {
        *last *= (x / (2.0 * f64::from(at))).powi(2);
        Some(*last)
    };
    1.0 + terms.scan(1.0, term).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::{EXTENDED_RATE, SOUND_RATE};

    fn tone(rate: u32, frequency: f32, at: usize) -> f32 {
        0.5 * (TAU * frequency * at as f32 / rate as f32).sin()
    }

    fn extend(upsampling: &mut Upsampling, sound: &[f32]) -> Vec<f32> {
        let (frames, _) = sound.as_chunks();
        let extended = frames.iter().map(|frame| {
            let mut out = [f32::NAN; EXTENDED_SAMPLES];
            upsampling.extend(frame, &mut out);
            out
        });
        extended.flatten().collect()
    }

    #[test]
    fn a_tone_is_the_same_tone_late_by_what_it_says() {
        for frequency in [50.0, 1_000.0, 6_500.0] {
            let sound: Vec<f32> =
                (0..2 * FRAME_SAMPLES).map(|at| tone(SOUND_RATE, frequency, at)).collect();
            let heard = extend(&mut Upsampling::new(), &sound);
            for (at, heard) in heard.iter().enumerate().skip(EXTENDED_SAMPLES) {
                let expected = tone(EXTENDED_RATE, frequency, at - Upsampling::DELAY);
                assert!((heard - expected).abs() < 1e-3, "{frequency} Hz, {at}: {heard}");
            }
        }
    }

    #[test]
    fn it_goes_on_from_what_it_is_restarted_with() {
        let sound: Vec<f32> =
            (0..3 * FRAME_SAMPLES).map(|at| tone(SOUND_RATE, 440.0, at)).collect();
        let whole = extend(&mut Upsampling::new(), &sound);
        let (before, rest) = sound.split_at(FRAME_SAMPLES);
        let mut upsampling = Upsampling::new();
        upsampling.restart(before);
        assert_eq!(extend(&mut upsampling, rest), whole[EXTENDED_SAMPLES..]);
        upsampling.restart(&[f32::NAN; 7]);
        let silence = extend(&mut upsampling, &[0.0; FRAME_SAMPLES]);
        assert!(silence.iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn whatever_comes_in_what_comes_out_is_within_full_scale() {
        let mut upsampling = Upsampling::new();
        for value in [f32::NAN, f32::INFINITY, -1e30, 1.0] {
            let sound: Vec<f32> =
                (0..FRAME_SAMPLES).map(|at| if at % 3 == 0 { -1.0 } else { value }).collect();
            assert!(extend(&mut upsampling, &sound).iter().all(|sample| sample.abs() <= 1.0));
        }
    }
}
