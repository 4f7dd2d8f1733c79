//! Opus, which everybody has.

use opus::{Application, Bitrate, Channels, Decoder, Encoder};
use sotto_codec::SOUND_RATE;

use super::coded::align;

/// Opus at one rate and packet length, as browsers use it for a voice, with all the complexity
/// that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opus {
    /// Asked for, in kbit/s.
    pub kbps: u32,
    /// Of one packet, in milliseconds.
    pub packet_ms: u32,
}

/// What is compared with.
pub(super) const BASELINES: [Opus; 8] = {
    const fn at(kbps: u32, packet_ms: u32) -> Opus {
        Opus { kbps, packet_ms }
    }
    [at(6, 20), at(9, 20), at(12, 20), at(24, 20), at(6, 60), at(9, 60), at(12, 60), at(24, 60)]
};
/// What a browser sends if nobody says anything.
pub(super) const USUAL: Opus = BASELINES[3];

/// What came of a sound.
#[derive(Clone, Debug)]
pub(super) struct OpusCoded {
    /// Bytes of each packet.
    pub lens: Vec<usize>,
    /// Decoded, aligned with the source and as long.
    pub sound: Vec<f32>,
}

impl Opus {
    /// Encodes and decodes a sound.
    ///
    /// # Errors
    /// What libopus says.
    pub(super) fn code(self, source: &[f32]) -> Result<OpusCoded, opus::Error> {
        let mut encoder = Encoder::new(SOUND_RATE, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(self.kbps as i32 * 1000))?;
        encoder.set_complexity(10)?;
        encoder.set_vbr(true)?;
        let mut decoder = Decoder::new(SOUND_RATE, Channels::Mono)?;
        let delay = encoder.get_lookahead()? as usize;
        let frame_len = (SOUND_RATE / 1000 * self.packet_ms) as usize;
        let mut padded = source.to_vec();
        padded.resize((source.len() + delay).next_multiple_of(frame_len), 0.0);

        let mut lens = Vec::new();
        let mut sound = Vec::with_capacity(padded.len());
        let mut out = vec![0.0; frame_len];
        for frame in padded.chunks_exact(frame_len) {
            let packet = encoder.encode_vec_float(frame, 1_500)?;
            decoder.decode_float(&packet, &mut out, false)?;
            lens.push(packet.len());
            sound.extend_from_slice(&out);
        }
        align(&mut sound, delay, source.len());
        Ok(OpusCoded { lens, sound })
    }

    /// What it is called in tables: `opus24@20`.
    pub(super) fn name(self) -> String {
        format!("opus{}@{}", self.kbps, self.packet_ms)
    }
}
