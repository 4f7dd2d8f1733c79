//! Encoded media cut into packets once, for everybody who sends it.

use std::sync::Arc;

use bytes::Bytes;
use sotto_core::media::Kind;
use sotto_tests::media::{Clip, vp8};

/// Largest part of a picture in one packet, in bytes, behind the VP8 descriptor.
const PART: usize = 1_100;

const VOICE_CLOCK: u32 = 48_000;
const PICTURE_CLOCK: u32 = 90_000;
/// Clock units of an Opus packet of 20 ms.
const VOICE_STEP: u64 = 960;

/// Length of what is made without an encoder.
const SYNTHETIC_SECONDS: u32 = 10;
/// A keyframe of what is made without an encoder has so many times the bytes of another frame.
const KEYFRAME_FACTOR: usize = 5;

/// A clip in packets, played in a loop.
#[derive(Clone, Debug)]
pub struct Reel {
    pub(super) kind: Kind,
    pub(super) clock_rate: u32,
    pub(super) frames: Arc<[Frame]>,
    /// Clock units until the loop starts anew.
    pub(super) duration: u64,
}

/// A frame in packets.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Clock units from the start of the clip.
    pub(super) at: u64,
    pub(super) keyframe: bool,
    pub(super) parts: Vec<Bytes>,
}

impl Reel {
    /// What an encoder made: VP8 or Opus, told apart by its clock.
    pub fn of(clip: &Clip) -> Self {
        let kind = if clip.clock_rate == VOICE_CLOCK { Kind::Audio } else { Kind::Video };
        let frames = clip.frames.iter().map(|frame| Frame {
            at: frame.at,
            keyframe: frame.keyframe,
            parts: match kind {
                Kind::Audio => vec![frame.data.clone()],
                Kind::Video => {
                    vp8::split(&frame.data, PART).map(|part| frame.data.slice_ref(part)).collect()
                }
            },
        });
        Self {
            kind,
            clock_rate: clip.clock_rate,
            frames: frames.collect(),
            duration: clip.duration,
        }
    }

    /// Opus packets of 20 ms that no encoder made, of `bps` bits a second.
    pub fn voice(bps: u32) -> Self {
        let bytes = (bps / 400).max(3) as usize;
        // SILK, wide band, 20 ms, mono (RFC 6716 section 3.1); the rest is for nobody.
        let mut packet = vec![0x48];
        fill(bytes, &mut packet);
        let packet = Bytes::from(packet);
        let count = u64::from(SYNTHETIC_SECONDS) * 50;
        let frame =
            |i: u64| Frame { at: i * VOICE_STEP, keyframe: true, parts: vec![packet.clone()] };
        Self {
            kind: Kind::Audio,
            clock_rate: VOICE_CLOCK,
            frames: (0..count).map(frame).collect(),
            duration: count * VOICE_STEP,
        }
    }

    /// Pictures that no encoder made, of 640 x 360 and `bps` bits a second, with a keyframe each
    /// second.
    pub fn picture(bps: u32, fps: u32) -> Self {
        let fps = fps.max(1);
        let units = KEYFRAME_FACTOR + fps as usize - 1;
        let unit = (bps as usize / 8 / units).max(32);
        let step = u64::from(PICTURE_CLOCK / fps);
        let count = SYNTHETIC_SECONDS * fps;
        let frame = |i: u32| {
            let keyframe = i.is_multiple_of(fps);
            // Frame tag, and size of a keyframe (RFC 6386 section 9.1); the rest is for nobody.
            let mut data = vec![0x10 | u8::from(!keyframe), 0, 0];
            if keyframe {
                data.extend([0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
            }
            fill(if keyframe { unit * KEYFRAME_FACTOR } else { unit }, &mut data);
            let data = Bytes::from(data);
            let parts = vp8::split(&data, PART).map(|part| data.slice_ref(part)).collect();
            Frame { at: u64::from(i) * step, keyframe, parts }
        };
        Self {
            kind: Kind::Video,
            clock_rate: PICTURE_CLOCK,
            frames: (0..count).map(frame).collect(),
            duration: u64::from(count) * step,
        }
    }

    /// Bits a second of payloads.
    pub fn bps(&self) -> f64 {
        let bytes: usize = self.frames.iter().flat_map(|frame| &frame.parts).map(Bytes::len).sum();
        bytes as f64 * 8.0 * f64::from(self.clock_rate) / self.duration as f64
    }

    /// Packets a second.
    pub fn packets_per_second(&self) -> f64 {
        let packets: usize = self.frames.iter().map(|frame| frame.parts.len()).sum();
        packets as f64 * f64::from(self.clock_rate) / self.duration as f64
    }

    /// Sound or pictures.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Fills up to `len` bytes with what does not compress and holds no stamp: all have the high bit.
fn fill(len: usize, out: &mut Vec<u8>) {
    let mut state = 0x9e37_79b9_u32;
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.push((state >> 24) as u8 | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_encoder_made_has_the_rate_that_was_asked_for() {
        let voice = Reel::voice(32_000);
        assert_eq!((voice.kind(), voice.bps() as u32), (Kind::Audio, 32_000));
        assert!((voice.packets_per_second() - 50.0).abs() < 1e-9);
        let picture = Reel::picture(500_000, 25);
        assert!((picture.bps() / 500_000.0 - 1.0).abs() < 0.02, "{}", picture.bps());
        assert!(picture.frames[0].keyframe && picture.frames[25].keyframe);
        assert!(!picture.frames[1].keyframe);
        assert!(
            picture.frames.iter().flat_map(|frame| &frame.parts).all(|part| part.len() <= PART)
        );
    }
}
