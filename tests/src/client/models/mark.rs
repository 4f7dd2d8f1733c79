//! Payloads of the codec's test plug-ins that say whose each of them is, which number it has, and when
//! it was sent, in fields that a decoder takes as they come: a tone that nobody hears, a bar that jumps.
//! `tests/browser/page/marks.js` reads them.
//!
//! ```text
//!  tone: counter  low bits of the counter     bar: frame at 0 ms   counter: low bits of the counter
//!        pitch    sent at, ms, 16 bits                             position: participant
//!        volume   participant                      frame at 40 ms  counter: check
//!        phase    check                                            position: sent at, ms, modulo 1,000
//! ```
//!
//! The check is of everything else, of the plug-in, and of the low bits of the epoch.

use sotto_frame::PluginId;

use super::{played, strand::TONE};

/// Behind the beginning of a payload of pictures, when the second one begins, in milliseconds.
const SECOND_MS: u8 = 40;
/// Positions of a bar go up to this.
const PER_MILLE: u32 = 1_000;

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Short id of the sender in its room, 1 to 1,000.
    pub participant: u32,
    /// Low bits of the epoch.
    pub epoch: u8,
    /// Number among the payloads of its sender and plug-in; its low 16 bits are sent.
    pub counter: u32,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: u64,
}

impl Mark {
    /// A payload of the model that has this body.
    ///
    /// # Panics
    /// The participant's number is beyond those that a bar can stand for.
    pub fn write(&self, plugin: PluginId, body: &[u8]) -> Vec<u8> {
        assert!(self.participant <= PER_MILLE, "tests have fewer people");
        let is_tone = plugin == TONE;
        let (participant, counter) = (self.participant as u16, self.counter as u16);
        let sent = if is_tone {
            self.sent_ms as u16
        } else {
            (self.sent_ms % u64::from(PER_MILLE)) as u16
        };
        let model = played::tag(body);
        let said = [plugin.get().into(), self.epoch.into(), model, participant, counter, sent];
        let check = played::tag(said.map(u16::to_be_bytes).as_flattened());
        let mut out = Vec::with_capacity(12);
        let mut words = |words: &[u16], offset: Option<u8>| {
            out.extend(offset);
            out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        };
        if is_tone {
            words(&[counter, model, sent, participant, check], None);
        } else {
            words(&[model], None);
            words(&[counter, participant], Some(0));
            words(&[check, sent], Some(SECOND_MS));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use sotto_codec::{Decoder, FRAME_SAMPLES, Plugin, testing};

    use super::*;
    use crate::client::models::BAR;

    const SAID: Mark = Mark { participant: 25, epoch: 1, counter: 77, sent_ms: 1_795_244_400_123 };

    #[test]
    fn the_plug_ins_of_the_codec_decode_what_is_marked() {
        let body = played::body(TONE, 77);
        let model = testing::Tone.model(&body).unwrap();
        let Decoder::Sound(mut decoder) = model.decoder() else { panic!("a tone is sound") };
        let mut sound = [1.0; FRAME_SAMPLES];
        decoder.decode(&SAID.write(TONE, &body), &mut sound).unwrap();
        assert!(sound.iter().all(|sample| sample.abs() < 0.001), "nobody is to hear it");

        let body = played::body(BAR, 77);
        let model = testing::Bar.model(&body).unwrap();
        let Decoder::Picture(mut decoder) = model.decoder() else { panic!("a bar is a picture") };
        let mut offsets = Vec::new();
        decoder.decode(&SAID.write(BAR, &body), &mut offsets).unwrap();
        assert_eq!(offsets, [0, SECOND_MS]);
    }

    /// The same as in `tests/browser/test/rig-bundles.test.js`.
    #[test]
    fn marks_are_written_as_the_page_reads_them() {
        let hex = |payload: Vec<u8>| payload.iter().map(|byte| format!("{byte:02x}")).collect();
        let written: [String; 2] = [TONE, BAR].map(|plugin| hex(SAID.write(plugin, b"model")));
        assert_eq!(written, ["004dd6d19dfb00192cab", "d6d100004d0019281156007b"]);
    }
}
