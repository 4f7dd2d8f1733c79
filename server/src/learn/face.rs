//! From packets of video to a model of a face.
//!
//! ```text
//!  Intake ─► Depacketiser ─► VideoDecoder ─► Pictures ─► Lessons, in a thread of their own
//! ```
//!
//! The decoder goes on while a model is made, so that no keyframe is needed behind it.

use std::{
    ffi::OsString,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use sotto_codec::{Picture, Raw};
use sotto_core::media::Codec;
use tracing::debug;

use super::{
    FailedReason, RefusedReason,
    depacketise::{Depacketiser, Frame, Size},
    ffmpeg::{Decoders, VideoDecoder},
    intake::Intake,
    is_time,
    job::plugin_of,
    lessons::Lessons,
    pictures::{Decoded, Pictures},
    reorder::Ordered,
    wire::{FromLearner, Start},
    work::{Outbox, Verdict},
};

/// Least time between two keyframes that are asked for: each costs its publisher some ten pictures.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(2);
/// Least time between two starts of a decoder.
const START_INTERVAL: Duration = Duration::from_secs(1);
/// Pixels of a picture at most: 4K. More is no camera in a meeting.
const MAX_PIXELS: u64 = 4_096 * 2_304;
/// Decoders in a row that come to nothing before the stream is given up.
const MAX_BROKEN: u32 = 3;

/// Learns a face.
pub(super) struct FacePupil {
    codec: Codec,
    /// Program, and decoder in it.
    ffmpeg: OsString,
    decoder_name: &'static str,
    intake: Intake,
    depacketiser: Depacketiser,
    decoder: Option<VideoDecoder>,
    /// When a decoder was started last.
    started: Option<Instant>,
    /// Decoders in a row that came to nothing.
    broken: u32,
    /// Nothing can be decoded before the next keyframe.
    awaits_keyframe: bool,
    asked: Option<Instant>,
    pictures: Arc<Pictures>,
    learning: Option<JoinHandle<()>>,
    outbox: Outbox,
}

impl FacePupil {
    pub(super) fn new(start: &Start, outbox: Outbox) -> Result<Self, Verdict> {
        let not_started = |_| Verdict::Failed(FailedReason::NotStarted);
        let codec = start.format.codec;
        let ffmpeg = OsString::from(&start.ffmpeg);
        let decoder_name = Decoders::of(&ffmpeg)
            .ok()
            .and_then(|decoders| decoders.decoder(codec))
            .ok_or(Verdict::Refused(RefusedReason::NoDecoder))?;
        let mut lessons = Lessons::new(plugin_of(codec), start.first_epoch)
            .map_err(|_| Verdict::Failed(FailedReason::NotStarted))?;
        let pictures = Arc::<Pictures>::default();
        let (source, said) = (pictures.clone(), outbox.clone());
        let learning = thread::Builder::new()
            .name("face".into())
            .spawn(move || learn(&source, &mut lessons, &said))
            .map_err(not_started)?;
        Ok(Self {
            codec,
            ffmpeg,
            decoder_name,
            intake: Intake::new(start.format),
            depacketiser: Depacketiser::new(codec),
            decoder: None,
            started: None,
            broken: 0,
            awaits_keyframe: true,
            asked: None,
            pictures,
            learning: Some(learning),
            outbox,
        })
    }

    /// Takes a packet.
    pub(super) fn packet(&mut self, rtp: &[u8], now: Instant) -> Result<(), Verdict> {
        self.intake.push(rtp);
        while let Some(next) = self.intake.pop() {
            let frame = match next {
                Ordered::Packet(payload) => self.depacketiser.push(&payload).ok(),
                Ordered::Lost => {
                    self.depacketiser.lost();
                    None
                }
            };
            match frame {
                Some(Some(frame)) => self.frame(&frame, now)?,
                Some(None) => {}
                // What follows goes on from what is not there.
                None => self.awaits_keyframe = true,
            }
        }
        if self.awaits_keyframe && is_time(self.asked, KEYFRAME_INTERVAL, now) {
            self.asked = Some(now);
            // The pool is gone where nothing can be said: the next read tells.
            drop(self.outbox.say(&FromLearner::Keyframe));
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame, now: Instant) -> Result<(), Verdict> {
        if let Some(size) = frame.keyframe {
            self.awaits_keyframe = !self.prepare(size, now)?;
        }
        if self.awaits_keyframe {
            return Ok(());
        }
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if decoder.decode(frame).is_ok() {
            return Ok(());
        }
        self.broken = if decoder.works() { 1 } else { self.broken + 1 };
        self.decoder = None;
        self.awaits_keyframe = true;
        if self.broken < MAX_BROKEN { Ok(()) } else { Err(Verdict::Failed(FailedReason::Decoder)) }
    }

    /// Sees to a decoder for pictures of this size; whether there is one. A new size takes a new one: it
    /// scales to one size only.
    fn prepare(&mut self, size: Size, now: Instant) -> Result<bool, Verdict> {
        if self.decoder.as_ref().is_some_and(|decoder| decoder.size() == size) {
            return Ok(true);
        }
        if u64::from(size.width) * u64::from(size.height) > MAX_PIXELS {
            debug!(?size, "no camera has pictures of this size");
            return Err(Verdict::Failed(FailedReason::Decoder));
        }
        if !is_time(self.started, START_INTERVAL, now) {
            return Ok(false);
        }
        self.started = Some(now);
        self.decoder = None;
        let pictures = self.pictures.clone();
        match VideoDecoder::start(&self.ffmpeg, self.codec, self.decoder_name, size, pictures) {
            Ok(decoder) => self.decoder = Some(decoder),
            Err(error) => {
                debug!(%error, "the video decoder cannot be started");
                return Err(Verdict::Failed(FailedReason::Decoder));
            }
        }
        Ok(true)
    }
}

impl Drop for FacePupil {
    fn drop(&mut self) {
        self.decoder = None;
        self.pictures.close();
        if let Some(learning) = self.learning.take()
            && learning.join().is_err()
        {
            debug!("the learner of a face panicked");
        }
    }
}

/// Learns from pictures until there are no more. Of another shape, it is another picture: a telephone
/// that was turned, another camera.
fn learn(pictures: &Pictures, lessons: &mut Lessons, outbox: &Outbox) {
    let mut shape = None;
    while let Some(Decoded { width, height, planes }) = pictures.next() {
        let aspect = f64::from(width) / f64::from(height);
        let known = *shape.get_or_insert(aspect);
        if (aspect / known - 1.0).abs() > 0.02 {
            shape = Some(aspect);
            lessons.restart();
        }
        let taken = Picture::packed_i420(width, height, &planes).and_then(|picture| {
            let raw = Raw::Picture(picture);
            lessons.take(&raw, Instant::now(), |message| drop(outbox.say(message)))
        });
        if let Err(error) = taken {
            debug!(%error, "a picture that nothing can be learned from");
        }
    }
}
