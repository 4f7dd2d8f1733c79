//! A voice that is one tone.
//!
//! Model body: a record of 6 bytes for each 80 ms learned: frequency u32 in mHz, amplitude u16 in
//! 1/65,535. The speaker's pitch is their mean.
//!
//! ```text
//!  payload, 10 bytes:
//!   u16 counter │ u16 tag of the model │ i16 pitch above the speaker's, octaves / 8192
//!   u16 amplitude, 1 / 65,535          │ u16 phase of the first sample, turns / 65,536
//! ```
//!
//! The phase of one payload goes on where that of the one before ended, so the decoded tone is
//! continuous if, and only if, no payload is left out or comes twice.

mod analysis;
mod decoder;
mod encoder;
mod gate;
mod learner;
#[cfg(test)]
mod tests;

use sotto_frame::PluginId;

use super::{MAX_RECORDS, tag};
use crate::{Decoder, Encoder, FrameError, Gate, Learner, Model, ModelError, Plugin};

/// Number of this plug-in.
pub const ID: PluginId = match PluginId::new(7) {
    Ok(id) => id,
    Err(_) => panic!("7 is a plug-in"),
};

/// Bytes of a record of the model.
const RECORD_LEN: usize = 6;
/// Bytes of a payload.
const PAYLOAD_LEN: usize = 10;
/// Steps of pitch in an octave. A step at 200 Hz is 0.02 Hz, 0.6 degrees in 80 ms.
const STEPS_PER_OCTAVE: f64 = 8_192.0;

/// The plug-in.
#[derive(Clone, Copy, Debug)]
pub struct Tone;

impl Plugin for Tone {
    fn id(&self) -> PluginId {
        ID
    }

    fn version(&self) -> u8 {
        1
    }

    fn name(&self) -> &'static str {
        "tone"
    }

    fn learner(&self) -> Box<dyn Learner> {
        Box::new(learner::ToneLearner::default())
    }

    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(Speaker::read(body)?))
    }
}

/// Whose tone it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Speaker {
    /// Mean frequency in Hz.
    pitch: f64,
    tag: u16,
}

impl Speaker {
    fn read(body: &[u8]) -> Result<Self, ModelError> {
        let (records, rest) = body.as_chunks::<RECORD_LEN>();
        if records.is_empty() || records.len() > MAX_RECORDS || !rest.is_empty() {
            return Err(ModelError::Malformed);
        }
        let sum: f64 = records
            .iter()
            .map(|[a, b, c, d, ..]| f64::from(u32::from_be_bytes([*a, *b, *c, *d])) / 1000.0)
            .sum();
        let pitch = sum / records.len() as f64;
        if !analysis::AUDIBLE.contains(&pitch) {
            return Err(ModelError::Malformed);
        }
        Ok(Self { pitch, tag: tag(body) })
    }
}

impl Model for Speaker {
    fn encoder(&self) -> Encoder {
        Encoder::Sound(Box::new(encoder::ToneEncoder::new(*self)))
    }

    fn decoder(&self) -> Decoder {
        Decoder::Sound(Box::new(decoder::ToneDecoder::new(*self)))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(gate::ToneGate::new(*self))
    }
}

/// What a payload says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// One more than that of the payload before, wrapping; silence counts too.
    pub counter: u16,
    /// Tag of the model.
    pub tag: u16,
    /// Pitch above the speaker's, in 1/8192 octave.
    pub steps: i16,
    /// Amplitude in 1/65,535.
    pub amplitude: u16,
    /// Phase of the first sample (0: at its highest) in 1/65,536 turn.
    pub phase: u16,
}

impl Frame {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`FrameError::Malformed`].
    pub fn read(payload: &[u8]) -> Result<Self, FrameError> {
        let payload: &[u8; PAYLOAD_LEN] = payload.try_into().map_err(|_| FrameError::Malformed)?;
        let [c0, c1, t0, t1, s0, s1, a0, a1, p0, p1] = *payload;
        Ok(Self {
            counter: u16::from_be_bytes([c0, c1]),
            tag: u16::from_be_bytes([t0, t1]),
            steps: i16::from_be_bytes([s0, s1]),
            amplitude: u16::from_be_bytes([a0, a1]),
            phase: u16::from_be_bytes([p0, p1]),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        for field in [self.counter, self.tag, self.steps as u16, self.amplitude, self.phase] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }
}
