//! What a kind of compression implements. Everything is object-safe, and told apart by kind where
//! sound and pictures are used differently.

use sotto_frame::{Activity, PluginId};

use crate::{
    EXTENDED_SAMPLES, FRAME_SAMPLES, MediaError, Picture, PictureMut, Raw, Scene, SceneSource,
    Sound, Upsampling,
};

/// One kind of compression.
pub trait Plugin: Send + Sync {
    /// Its number on the wire, which says whether it is for sound or pictures.
    fn id(&self) -> PluginId;

    /// Version of its model bodies and payloads. One version understands no other.
    fn version(&self) -> u8;

    /// What it is called in logs and statistics, in ASCII.
    fn name(&self) -> &'static str;

    /// A learner that knows nothing yet.
    fn learner(&self) -> Box<dyn Learner>;

    /// Reads the body of a model, which may come from a stranger.
    ///
    /// # Errors
    /// [`ModelError`].
    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError>;

    /// The model of epoch 0, which knows no speaker, where there is one.
    fn generic(&self) -> Option<Box<dyn Model>> {
        None
    }

    /// Makes sound that is fit for ears of what decoders of sound make: one for each voice, whatever
    /// the models it is decoded with. Nothing is above 8 kHz where a plug-in does not say what is.
    fn extension(&self) -> Box<dyn SoundExtension> {
        Box::new(Upsampling::new())
    }
}

/// Makes a model of raw media of one speaker.
pub trait Learner: Send {
    /// Takes the next piece of sound, of any length, or the next picture.
    ///
    /// # Errors
    /// [`MediaError`]; what was learned before stays.
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError>;

    /// The body of a model of what was pushed so far. Learning may go on afterwards: each later
    /// body is a refinement, to be given the next epoch.
    ///
    /// # Errors
    /// [`LearnError`].
    fn finish(&mut self) -> Result<Vec<u8>, LearnError>;

    /// Takes media for which the gate of the model in use was red, pushed or not: a learner may make more
    /// of what a model misses.
    ///
    /// # Errors
    /// [`MediaError`]; what was learned before stays.
    fn push_missed(&mut self, _raw: &Raw<'_>) -> Result<(), MediaError> {
        Ok(())
    }
}

/// How far a learner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much it has of what it would like to have, 0 to 1000.
    pub per_mille: u16,
    /// [`Learner::finish`] gives a model.
    pub usable: bool,
    /// That model is so much better than the one before that it is worth a new epoch. The first
    /// usable one is.
    pub refined: bool,
}

/// What was learned of one speaker.
pub trait Model: Send + Sync {
    /// Makes payloads of this speaker's media.
    fn encoder(&self) -> Encoder;

    /// Makes media of this speaker's payloads.
    fn decoder(&self) -> Decoder;

    /// Tells whether the media are this speaker's still.
    fn gate(&self) -> Box<dyn Gate>;
}

/// Makes payloads.
pub enum Encoder {
    /// Of sound.
    Sound(Box<dyn SoundEncoder>),
    /// Of pictures.
    Picture(Box<dyn PictureEncoder>),
}

/// Makes media of payloads.
pub enum Decoder {
    /// Sound.
    Sound(Box<dyn SoundDecoder>),
    /// Pictures.
    Picture(Box<dyn PictureDecoder>),
}

/// Makes payloads of sound. One payload stands for itself: any of them may be lost.
pub trait SoundEncoder: Send {
    /// Takes the next piece, of any length; [`FRAME_SAMPLES`] in all before [`Self::flush`].
    ///
    /// # Errors
    /// [`MediaError::Rate`], or [`MediaError::Amount`] past [`FRAME_SAMPLES`]: not taken.
    fn push(&mut self, sound: &Sound<'_>) -> Result<(), MediaError>;

    /// Appends the payload of what was pushed to `out`; nothing: silence.
    ///
    /// # Errors
    /// [`EncodeError`]; then what was pushed is still there.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<Activity, EncodeError>;
}

/// Makes payloads of pictures. A payload stands for itself, or goes on from the one before it: a loss
/// takes what goes on from it too, for 300 ms at most.
pub trait PictureEncoder: Send {
    /// Takes the next picture, `offset_ms` (0 to 79, growing) after the media time of the payload
    /// to come.
    ///
    /// # Errors
    /// [`MediaError::Amount`] where it is not after the one before, or one too many: not taken.
    fn push(&mut self, picture: &Picture<'_>, offset_ms: u8) -> Result<(), MediaError>;

    /// Appends the payload of what was pushed to `out`.
    ///
    /// # Errors
    /// [`EncodeError`].
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// What was flushed last is not sent: the next payload stands for itself.
    fn restart(&mut self) {}

    /// Whether the model lacks what the pictures that were flushed last show, so that they took more
    /// than it, or are not shown well: a learner is to see them, by [`Learner::push_missed`].
    fn misses(&self) -> bool {
        false
    }
}

/// Makes sound of payloads, without a gap between them.
pub trait SoundDecoder: Send {
    /// Makes the sound of one payload. An empty one is silence.
    ///
    /// # Errors
    /// [`FrameError`]; then `out` is unspecified, and [`Self::conceal`] may fill it.
    fn decode(&mut self, payload: &[u8], out: &mut [f32; FRAME_SAMPLES]) -> Result<(), FrameError>;

    /// Makes the sound of the payload before this one, which did not come, of what this one repeats
    /// of it. `false` where it repeats nothing: then `out` is as it was, and [`Self::conceal`] may
    /// fill it. [`Self::decode`] of this payload comes next.
    ///
    /// # Errors
    /// [`FrameError`]; then `out` is unspecified.
    fn decode_before(
        &mut self,
        _payload: &[u8],
        _out: &mut [f32; FRAME_SAMPLES],
    ) -> Result<bool, FrameError> {
        Ok(false)
    }

    /// Makes sound in place of what did not come, of any length: some plausible way on, quieter
    /// the longer it lasts.
    fn conceal(&mut self, out: &mut [f32]);

    /// Tells what was heard until now in raw form, 20 ms or more at [`crate::SOUND_RATE`]: the next
    /// sound goes on from there.
    fn prime(&mut self, before: &[f32]);
}

/// Makes sound at [`crate::EXTENDED_RATE`] of sound at [`crate::SOUND_RATE`], without a gap.
pub trait SoundExtension: Send {
    /// Samples at [`crate::EXTENDED_RATE`] by which it is late.
    fn delay(&self) -> usize;

    /// Extends what comes next. The result is within -1 to 1, whatever the sound is.
    fn extend(&mut self, sound: &[f32; FRAME_SAMPLES], out: &mut [f32; EXTENDED_SAMPLES]);

    /// The next sound does not go on from the one before, but from this, of any length: what was
    /// heard until now in another form, or nothing, which is silence.
    fn restart(&mut self, before: &[f32]);
}

/// Makes pictures of payloads.
pub trait PictureDecoder: Send {
    /// Reads the frames of one payload in place of those before, and puts their offsets in
    /// milliseconds from its media time into `offsets`, in place of what is there. Where it goes on
    /// from a payload that was not read, there are none, and the frames before stay.
    ///
    /// # Errors
    /// [`FrameError`]; then the frames before are still there, and `offsets` is unspecified.
    fn decode(&mut self, payload: &[u8], offsets: &mut Vec<u8>) -> Result<(), FrameError>;

    /// Draws one of the frames, by its place in the payload, at any size and as often as wanted.
    ///
    /// # Errors
    /// [`FrameError::NoSuchFrame`].
    fn draw(&mut self, frame: usize, target: &mut PictureMut<'_>) -> Result<(), FrameError>;

    /// What one of the frames is made of, for those who draw it by other means, `width` pixels wide.
    /// `None` where the plug-in does not tell: [`Self::draw`] is the only way.
    ///
    /// # Errors
    /// [`FrameError::NoSuchFrame`].
    fn scene(&self, _frame: usize, _width: usize) -> Result<Option<Scene>, FrameError> {
        Ok(None)
    }

    /// A source of scenes, smaller by 2 to the power of `level`. It stays the same for as long as
    /// the decoder lives.
    ///
    /// # Errors
    /// [`FrameError::NoSuchSource`].
    fn source(&self, _source: usize, _level: u32) -> Result<SceneSource, FrameError> {
        Err(FrameError::NoSuchSource)
    }
}

/// Tells, at the encoder, whether what the other side would see or hear is still the person.
pub trait Gate: Send {
    /// Compares what was recorded with what a decoder makes of its payload: 80 ms of sound each,
    /// or one picture each, of the same size.
    ///
    /// # Errors
    /// [`MediaError`].
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError>;
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fidelity {
    /// What to do.
    pub verdict: Verdict,
    /// What was measured, for statistics: each 0, nothing alike, to 1, the same. Which is which is
    /// the plug-in's.
    pub scores: Vec<f32>,
    /// Whether a red is slight and has just begun, as in a blink: it must not be shown, but may be over
    /// before raw media would be there.
    pub passing: bool,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is the person.
    Green,
    /// It still is, but be ready to send raw media.
    Amber,
    /// It is not, and must not be shown.
    Red,
}

/// Why a learner has no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LearnError {
    /// It has seen or heard too little of the speaker.
    #[error("too little was learned")]
    TooLittle,
    /// What a decoder would make of the speaker's own media is not the speaker: raw media stay.
    #[error("the speaker does not fit this kind of model")]
    Unfit,
}

/// Why a body is not a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ModelError {
    /// It is not what a learner of this version writes.
    #[error("malformed model")]
    Malformed,
}

/// Why there is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// Less was pushed than a payload holds.
    #[error("too little for a payload")]
    TooLittle,
}

/// Why a payload gives no media: it is to be concealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FrameError {
    /// It is not what an encoder of this version writes.
    #[error("malformed payload")]
    Malformed,
    /// It was made with another model.
    #[error("payload of another model")]
    OtherModel,
    /// The payload decoded last has fewer frames.
    #[error("no such frame")]
    NoSuchFrame,
    /// There are fewer sources of scenes, or none at that level.
    #[error("no such source")]
    NoSuchSource,
}
