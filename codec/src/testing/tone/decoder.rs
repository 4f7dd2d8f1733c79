//! From payloads to sound.

use std::f64::consts::TAU;

use super::{Frame, STEPS_PER_OCTAVE, Speaker, analysis::Line};
use crate::{FRAME_SAMPLES, FrameError, SOUND_RATE, SoundDecoder};

/// Difference of phase, in turns, that is the analysis' error and is evened out within a frame. A
/// larger one is heard: a payload is missing, or is not of this speaker.
const DRIFT: f64 = 0.03;
/// Samples over which the amplitude changes: 5 ms.
const RAMP: usize = 80;
/// By how much each concealed sample is quieter than the one before: to 1/e in 100 ms.
const FADE: f64 = 1.0 - 1.0 / 1_600.0;

#[derive(Debug)]
pub(super) struct ToneDecoder {
    speaker: Speaker,
    /// Of the last sound, in Hz.
    frequency: f64,
    amplitude: f64,
    /// Of the next sample, in turns.
    phase: f64,
}

impl ToneDecoder {
    pub(super) const fn new(speaker: Speaker) -> Self {
        Self { speaker, frequency: speaker.pitch, amplitude: 0.0, phase: 0.0 }
    }

    /// Sound from phase `start` on, and `drift` further away from there, which gets less.
    fn render(&mut self, start: f64, drift: f64, amplitude: f64, out: &mut [f32]) {
        let step = self.frequency / f64::from(SOUND_RATE);
        let len = out.len() as f64;
        let before = self.amplitude;
        for (at, sample) in out.iter_mut().enumerate() {
            let phase = start + step * at as f64 + drift * (1.0 - at as f64 / len);
            let ramp = (at as f64 / RAMP as f64).min(1.0);
            *sample = ((before + (amplitude - before) * ramp) * (TAU * phase).cos()) as f32;
        }
        self.phase = (start + step * len).rem_euclid(1.0);
        self.amplitude = amplitude;
    }
}

impl SoundDecoder for ToneDecoder {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; FRAME_SAMPLES]) -> Result<(), FrameError> {
        if payload.is_empty() {
            self.render(self.phase, 0.0, 0.0, out);
            return Ok(());
        }
        let frame = Frame::read(payload)?;
        if frame.tag != self.speaker.tag {
            return Err(FrameError::OtherModel);
        }
        let octaves = f64::from(frame.steps) / STEPS_PER_OCTAVE;
        self.frequency = self.speaker.pitch * octaves.exp2();
        let start = f64::from(frame.phase) / 65_536.0;
        let drift = self.phase - start;
        let drift = drift - drift.round();
        let drift = if drift.abs() <= DRIFT { drift } else { 0.0 };
        self.render(start, drift, f64::from(frame.amplitude) / f64::from(u16::MAX), out);
        Ok(())
    }

    fn conceal(&mut self, out: &mut [f32]) {
        let step = self.frequency / f64::from(SOUND_RATE);
        for sample in out {
            *sample = (self.amplitude * (TAU * self.phase).cos()) as f32;
            self.phase = (self.phase + step).rem_euclid(1.0);
            self.amplitude *= FADE;
        }
    }

    fn prime(&mut self, before: &[f32]) {
        let Some(line) = Line::of(before) else { return };
        self.frequency = line.frequency;
        self.amplitude = line.amplitude;
        self.phase = line.phase_after(before.len());
    }
}
