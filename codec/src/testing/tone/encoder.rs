//! From sound to payloads.

use sotto_frame::Activity;

use super::{Frame, STEPS_PER_OCTAVE, Speaker, analysis::Line};
use crate::{EncodeError, FRAME_SAMPLES, MediaError, Sound, SoundEncoder};

#[derive(Debug)]
pub(super) struct ToneEncoder {
    speaker: Speaker,
    counter: u16,
    pending: Vec<f32>,
}

impl ToneEncoder {
    pub(super) fn new(speaker: Speaker) -> Self {
        Self { speaker, counter: 0, pending: Vec::with_capacity(FRAME_SAMPLES) }
    }
}

impl SoundEncoder for ToneEncoder {
    fn push(&mut self, sound: &Sound<'_>) -> Result<(), MediaError> {
        let samples = sound.at_model_rate()?;
        if self.pending.len() + samples.len() > FRAME_SAMPLES {
            return Err(MediaError::Amount);
        }
        self.pending.extend_from_slice(samples);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<Activity, EncodeError> {
        if self.pending.len() < FRAME_SAMPLES {
            return Err(EncodeError::TooLittle);
        }
        let line = Line::of(&self.pending);
        if let Some(line) = line {
            let octaves = (line.frequency / self.speaker.pitch).log2();
            let frame = Frame {
                counter: self.counter,
                tag: self.speaker.tag,
                steps: (octaves * STEPS_PER_OCTAVE).round() as i16,
                amplitude: (line.amplitude * f64::from(u16::MAX)).round() as u16,
                phase: (line.phase * 65_536.0).round() as u32 as u16, // a whole turn is none
            };
            frame.write(out);
        }
        let level = Sound::new(&self.pending).level();
        self.counter = self.counter.wrapping_add(1);
        self.pending.clear();
        Ok(Activity { level, talking: line.is_some() })
    }
}
