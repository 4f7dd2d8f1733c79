//! Listening: decodes Opus and says how loud it is and at which pitch.

use std::collections::VecDeque;

const SAMPLE_RATE: u32 = 48_000;
/// Samples that loudness and pitch are taken over: half a second.
const WINDOW: usize = 24_000;
/// So many samples become one before the pitch is looked for: 4 kHz hold every pitch.
const DECIMATION: usize = 12;
const LOWEST_HZ: u32 = 80;
const HIGHEST_HZ: u32 = 1_500;
const STEP_HZ: u32 = 4;

/// What the last half second sounded like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Root mean square in dB below full scale; -120 is silence.
    pub level_dbfs: f64,
    /// Strongest frequency in Hz.
    pub frequency_hz: f64,
}

/// A decoder with a memory of half a second.
pub struct Ear {
    decoder: opus::Decoder,
    frame: Vec<f32>,
    window: VecDeque<f32>,
}

impl Ear {
    /// An ear that has heard nothing.
    ///
    /// # Errors
    /// The decoder cannot be made.
    pub fn new() -> Result<Self, opus::Error> {
        let decoder = opus::Decoder::new(SAMPLE_RATE, opus::Channels::Mono)?;
        Ok(Self { decoder, frame: vec![0.0; 5_760], window: VecDeque::with_capacity(WINDOW) })
    }

    /// Takes one Opus packet and gives the samples in it.
    ///
    /// # Errors
    /// It is not Opus.
    pub fn packet(&mut self, packet: &[u8]) -> Result<&[f32], opus::Error> {
        let count = self.decoder.decode_float(packet, &mut self.frame, false)?;
        self.samples(count);
        Ok(&self.frame[..count])
    }

    /// What was heard; `None` until half a second has come.
    pub fn heard(&self) -> Option<Heard> {
        (self.window.len() >= WINDOW).then(|| {
            let samples: Vec<f32> = self.window.iter().copied().collect();
            Heard { level_dbfs: level_dbfs(&samples), frequency_hz: strongest_hz(&samples) }
        })
    }

    /// Forgets what was heard, because another person speaks now.
    pub fn forget(&mut self) {
        self.window.clear();
    }

    fn samples(&mut self, count: usize) {
        let excess = (self.window.len() + count).saturating_sub(WINDOW);
        self.window.drain(..excess.min(self.window.len()));
        self.window.extend(&self.frame[..count]);
    }
}

fn level_dbfs(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let mean = sum / samples.len().max(1) as f64;
    (10.0 * mean.max(1e-12).log10()).max(-120.0)
}

/// The frequency with the most power, found by a bank of Goertzel filters.
fn strongest_hz(samples: &[f32]) -> f64 {
    let mut decimated: Vec<f64> = samples
        .chunks(DECIMATION)
        .map(|chunk| chunk.iter().map(|&sample| f64::from(sample)).sum::<f64>())
        .collect();
    // A Hann window, so that a neighbour does not leak in.
    let step = std::f64::consts::TAU / decimated.len() as f64;
    for (i, sample) in decimated.iter_mut().enumerate() {
        *sample *= 0.5 - 0.5 * (step * i as f64).cos();
    }
    let rate = f64::from(SAMPLE_RATE) / DECIMATION as f64;
    let mut strongest = (0.0, 0.0);
    for hz in (LOWEST_HZ..=HIGHEST_HZ).step_by(STEP_HZ as usize).map(f64::from) {
        let power = power(&decimated, hz, rate);
        if power > strongest.0 {
            strongest = (power, hz);
        }
    }
    strongest.1
}

/// Power of one frequency (Goertzel).
fn power(samples: &[f64], hz: f64, rate: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / rate).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        (one, two) = (sample + coefficient * one - two, one);
    }
    one * one + two * two - coefficient * one * two
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(f0: f64) -> Vec<f32> {
        let wave = |i: usize| {
            let t = i as f64 / 48_000.0;
            let tone = |n: f64| (std::f64::consts::TAU * f0 * n * t).sin() / n;
            (0.3 * (tone(1.0) + tone(2.0) + tone(3.0))) as f32
        };
        (0..WINDOW).map(wave).collect()
    }

    #[test]
    fn the_strongest_frequency_of_a_voice_is_its_pitch() {
        for f0 in [120.0, 180.0, 236.0, 400.0, 1_000.0] {
            let found = strongest_hz(&voice(f0));
            assert!((found - f0).abs() <= 4.0, "{f0} Hz was heard as {found} Hz");
        }
    }

    #[test]
    fn loudness_is_relative_to_full_scale() {
        assert!((level_dbfs(&[1.0; 100]) - 0.0).abs() < 1e-9);
        assert!((level_dbfs(&[0.1; 100]) + 20.0).abs() < 1e-4);
        assert!((level_dbfs(&[0.0; 100]) + 120.0).abs() < 1e-9);
    }

    #[test]
    fn an_ear_hears_what_was_encoded() {
        let mut encoder =
            opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
        let mut ear = Ear::new().unwrap();
        let samples = voice(236.0);
        for _ in 0..2 {
            for frame in samples.chunks_exact(960) {
                let packet = encoder.encode_vec_float(frame, 1_500).unwrap();
                ear.packet(&packet).unwrap();
            }
        }
        let heard = ear.heard().unwrap();
        assert!((heard.frequency_hz - 236.0).abs() <= 4.0, "{heard:?}");
        assert!(heard.level_dbfs > -20.0, "{heard:?}");
    }
}
