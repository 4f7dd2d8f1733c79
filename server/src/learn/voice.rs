//! From packets of Opus to a model of a voice.

use std::time::Instant;

use opus::{Channels, Decoder};
use sotto_codec::{Raw, SOUND_RATE, Sound};
use tracing::trace;

use super::{
    FailedReason,
    intake::Intake,
    job::plugin_of,
    lessons::Lessons,
    reorder::Ordered,
    wire::Start,
    work::{Outbox, Verdict},
};

/// Samples of the longest packet: 120 ms (RFC 6716 section 2.1.4).
const MAX_SAMPLES: usize = SOUND_RATE as usize * 120 / 1_000;

/// Learns a voice.
pub(super) struct VoicePupil {
    intake: Intake,
    /// Decodes to what plug-ins of sound take, whatever rate and channels a packet has.
    decoder: Decoder,
    samples: Vec<f32>,
    lessons: Lessons,
    outbox: Outbox,
}

impl VoicePupil {
    pub(super) fn new(start: &Start, outbox: Outbox) -> Result<Self, Verdict> {
        let decoder = Decoder::new(SOUND_RATE, Channels::Mono)
            .map_err(|_| Verdict::Failed(FailedReason::NotStarted))?;
        let lessons = Lessons::new(plugin_of(start.format.codec), start.first_epoch)
            .map_err(|_| Verdict::Failed(FailedReason::NotStarted))?;
        let samples = vec![0.0; MAX_SAMPLES];
        Ok(Self { intake: Intake::new(start.format), decoder, samples, lessons, outbox })
    }

    /// Takes a packet. What was lost is not made up: nobody said it. A packet that is not Opus is passed
    /// over.
    pub(super) fn packet(&mut self, rtp: &[u8], now: Instant) -> Result<(), Verdict> {
        self.intake.push(rtp);
        while let Some(next) = self.intake.pop() {
            let Ordered::Packet(payload) = next else { continue };
            let count = match self.decoder.decode_float(&payload.bytes, &mut self.samples, false) {
                Ok(count) => count,
                Err(error) => {
                    trace!(%error, "not Opus");
                    continue;
                }
            };
            let sound = Raw::Sound(Sound::new(&self.samples[..count]));
            let outbox = &self.outbox;
            // The pool is gone where nothing can be said: the next read tells.
            let taken = self.lessons.take(&sound, now, |message| drop(outbox.say(message)));
            taken.map_err(|_| Verdict::Failed(FailedReason::Decoder))?;
        }
        Ok(())
    }
}
