//! From payloads to sound.

use std::sync::Arc;

use super::FRAMES;
use crate::{
    FRAME_SAMPLES, FrameError, SoundDecoder,
    voice::{
        coder::{self, Heard},
        fargan::{BEFORE, FRAMES_BEFORE, Vocoder},
        features::{Analysis, CORRELATION, FEATURES, Features, HOP},
        model::SpeakerModel,
        weights::Weights,
    },
};

/// Frames that are made up as they were, before they fade: the rest of a sound.
const STEADY: u32 = 4;
/// What is taken off the first cepstral coefficient in each frame that fades: 1.9 dB.
const FADE: f32 = 0.8;
/// What is taken off the correlation in each frame that is made up: a voice that is held too long
/// buzzes.
const LOSS_OF_PITCH: f32 = 0.02;
/// The first coefficient of silence.
const SILENT: f32 = -12.0;
/// Samples over which sound that was made up goes over into what came: 5 ms.
const OVERLAP: usize = HOP / 2;

/// Makes sound of somebody's payloads.
#[derive(Debug)]
pub(super) struct VoiceDecoder {
    weights: Arc<Weights>,
    speaker: Arc<SpeakerModel>,
    vocoder: Vocoder,
    /// Features of the last frame.
    last: Features,
    /// Of pauses, as it was described last.
    noise: Option<Features>,
    /// Frames made up since the last payload.
    made_up: u32,
    /// Sound that was made up and not given yet: less than a frame.
    rest: Vec<f32>,
}

impl VoiceDecoder {
    pub(super) fn new(weights: Arc<Weights>, speaker: Arc<SpeakerModel>) -> Self {
        let mut last = [0.0; FEATURES];
        last[0] = SILENT;
        last[CORRELATION] = -0.5;
        Self {
            vocoder: Vocoder::new(&weights),
            weights,
            speaker,
            last,
            noise: None,
            made_up: 0,
            rest: Vec::with_capacity(HOP),
        }
    }

    /// The sound of frames that came, behind sound that was made up if there is any left.
    fn render(&mut self, frames: &[Features; FRAMES], out: &mut [f32; FRAME_SAMPLES]) {
        let (hops, _) = out.as_chunks_mut::<HOP>();
        for (features, hop) in frames.iter().zip(hops) {
            self.vocoder.frame(features, hop);
        }
        let overlap = self.rest.len().min(OVERLAP);
        for (at, (sample, made_up)) in out.iter_mut().zip(&self.rest).take(overlap).enumerate() {
            let part = (at + 1) as f32 / (overlap + 1) as f32;
            *sample = part * *sample + (1.0 - part) * made_up;
        }
        self.rest.clear();
        self.last = frames[FRAMES - 1];
        self.made_up = 0;
    }

    /// Features of the next payload of a pause.
    fn pause(&self) -> [Features; FRAMES] {
        let noise = self.noise.unwrap_or_else(|| {
            let mut silence = self.last;
            silence[0] = silence[0].min(SILENT);
            silence[CORRELATION] = -0.5;
            silence
        });
        // Over two frames, so that neither an edge nor a tail is heard.
        std::array::from_fn(|frame| {
            let part = ((frame + 1) as f32 / 2.0).min(1.0);
            std::array::from_fn(|at| self.last[at] + part * (noise[at] - self.last[at]))
        })
    }

    /// Features of the next frame that is made up.
    fn guess(&mut self) -> Features {
        self.made_up = self.made_up.saturating_add(1);
        let mut features = self.last;
        features[CORRELATION] = (features[CORRELATION] - LOSS_OF_PITCH).max(-0.5);
        if self.made_up > STEADY {
            let floor = self.noise.map_or(SILENT, |noise| noise[0]).min(features[0]);
            features[0] = (features[0] - FADE).max(floor);
        }
        self.last = features;
        features
    }
}

impl SoundDecoder for VoiceDecoder {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; FRAME_SAMPLES]) -> Result<(), FrameError> {
        let frames = if payload.is_empty() {
            self.pause()
        } else {
            match coder::decode(&self.speaker, payload)?.sound {
                Heard::Speech(frames) => as_payload(&frames)?,
                Heard::Silence(noise) => {
                    self.noise = Some(noise);
                    self.pause()
                }
            }
        };
        self.render(&frames, out);
        Ok(())
    }

    fn decode_before(
        &mut self,
        payload: &[u8],
        out: &mut [f32; FRAME_SAMPLES],
    ) -> Result<bool, FrameError> {
        if payload.is_empty() {
            return Ok(false);
        }
        let Some(frames) = coder::decode(&self.speaker, payload)?.before else { return Ok(false) };
        self.render(&as_payload(&frames)?, out);
        Ok(true)
    }

    fn conceal(&mut self, out: &mut [f32]) {
        let left = self.rest.len().min(out.len());
        let (given, out) = out.split_at_mut(left);
        for (sample, made_up) in given.iter_mut().zip(self.rest.drain(..left)) {
            *sample = made_up;
        }
        for piece in out.chunks_mut(HOP) {
            let mut hop = [0.0; HOP];
            let features = self.guess();
            self.vocoder.frame(&features, &mut hop);
            let (now, later) = hop.split_at(piece.len());
            piece.copy_from_slice(now);
            self.rest.extend_from_slice(later);
        }
    }

    fn prime(&mut self, before: &[f32]) {
        let Some(end) = before.last_chunk::<BEFORE>() else { return };
        // The analysis hears what there is, and silence before it.
        let mut analysis = Analysis::new(&self.weights);
        let (_, hops) = before.as_rchunks::<HOP>();
        let frames: Vec<Features> = hops.iter().map(|hop| analysis.frame(hop)).collect();
        let first = frames[0];
        let features: [Features; FRAMES_BEFORE] = std::array::from_fn(|at| {
            (frames.len() + at).checked_sub(FRAMES_BEFORE).map_or(first, |at| frames[at])
        });
        self.vocoder.prime(end, &features);
        self.last = features[FRAMES_BEFORE - 1];
        self.made_up = 0;
        self.rest.clear();
    }
}

/// The frames of one payload of a stream, which has as many as [`FRAME_SAMPLES`] say.
fn as_payload(frames: &[Features]) -> Result<[Features; FRAMES], FrameError> {
    frames.try_into().map_err(|_| FrameError::Malformed)
}
