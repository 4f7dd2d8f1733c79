//! What a participant is to do.

use sotto_core::signal::Source;

use super::{
    Loss, Profiles,
    models::{ModelOptions, Talking},
};
use crate::{link::Shape, media::Clip};

/// Audio and video slots that a browser offers by default.
pub const SLOT_DEFAULTS: (u16, u16) = (4, 9);

/// How to join and what to do there.
#[derive(Clone, Debug)]
pub struct Options {
    /// The websocket: `ws://127.0.0.1:8080/v1/signal`.
    pub url: String,
    /// Access token.
    pub token: String,
    /// Name to show.
    pub name: Option<String>,
    /// Audio slots to offer.
    pub audio_slots: u16,
    /// Video slots to offer.
    pub video_slots: u16,
    /// What to publish from the start.
    pub publish: Vec<Publish>,
    /// What to do with received media beyond checking it.
    pub listen: Listen,
    /// SRTP protection profiles to offer.
    pub profiles: Profiles,
    /// What is offered against loss.
    pub repair: Repair,
    /// Media that the line loses on the way to the node, and on the way from it.
    pub loss: (Loss, Loss),
    /// What the line to the node and from it does to every datagram; `None`: nothing.
    pub way: Option<(Shape, Shape)>,
    /// What is done with models.
    pub models: ModelOptions,
}

/// What a client offers against loss. The node may accept less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Asking again: NACK for sound and pictures, retransmission on a source of its own for pictures.
    pub nack: bool,
    /// Redundant audio.
    pub red: bool,
    /// Telling of every packet's arrival.
    pub transport_cc: bool,
}

impl Repair {
    /// As a browser with our SDK.
    pub const ALL: Self = Self { nack: true, red: true, transport_cc: true };
    /// As if the line never lost anything.
    pub const NONE: Self = Self { nack: false, red: false, transport_cc: false };
}

impl Options {
    /// Joins, receives, publishes nothing.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        let (audio_slots, video_slots) = SLOT_DEFAULTS;
        Self {
            url: url.into(),
            token: token.into(),
            name: None,
            audio_slots,
            video_slots,
            publish: Vec::new(),
            listen: Listen::Check,
            profiles: Profiles::GcmAndCm,
            repair: Repair::ALL,
            loss: (Loss::default(), Loss::default()),
            way: None,
            models: ModelOptions::default(),
        }
    }

    /// Also publishes this.
    #[must_use]
    pub fn publishing(mut self, source: Source, media: Media) -> Self {
        self.publish.push(Publish { source, media, muted: false });
        self
    }

    /// Offers so many slots.
    #[must_use]
    pub const fn with_slots(mut self, audio: u16, video: u16) -> Self {
        (self.audio_slots, self.video_slots) = (audio, video);
        self
    }

    /// Loses media both ways, and offers this against it.
    #[must_use]
    pub const fn losing(mut self, loss: Loss, repair: Repair) -> Self {
        (self.loss, self.repair) = ((loss, loss), repair);
        self
    }

    /// Sends and receives over such a line, both ways.
    #[must_use]
    pub fn behind(mut self, way: Shape) -> Self {
        self.way = Some((way.clone(), way));
        self
    }

    /// Does this with models.
    #[must_use]
    pub fn with_models(mut self, models: ModelOptions) -> Self {
        self.models = models;
        self
    }

    /// Decodes what it receives.
    #[must_use]
    pub const fn decoding(mut self) -> Self {
        self.listen = Listen::Decode;
        self
    }
}

/// A publication.
#[derive(Clone, Debug)]
pub struct Publish {
    /// What it is; also the m-line on which it is sent.
    pub source: Source,
    /// What is sent.
    pub media: Media,
    /// Whether it starts muted.
    pub muted: bool,
}

/// What is sent on a publication.
#[derive(Clone, Debug)]
pub enum Media {
    /// A clip, in a loop.
    Clip {
        /// The clip; its clock tells audio from video.
        clip: Clip,
        /// Whether a keyframe request makes it go on at the next keyframe of the clip. Otherwise
        /// the request is met when that keyframe's time comes, and the clip keeps its time.
        seek: bool,
    },
    /// A clip of a voice, in a loop, and silence while it is not to talk.
    Spoken {
        /// The clip.
        clip: Clip,
        /// When it talks.
        talking: Talking,
    },
    /// Frames that look like VP8 and carry notes ([`crate::media::synthetic`]).
    SyntheticVideo {
        /// Frames a second.
        fps: u32,
        /// Bytes of a frame that is not a keyframe; keyframes have four times as many.
        bytes: usize,
    },
    /// Silent Opus packets of 20 ms that carry notes.
    SyntheticAudio {
        /// What the audio level extension says, in -dBov (RFC 6464): 127 is silence.
        level: u8,
    },
}

/// What to do with received media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Order, count, put frames together and check who they are from.
    Check,
    /// Also decode sound, and pictures with one ffmpeg process a video slot in use.
    Decode,
}
