//! Learners, models, encoders, decoders and gates, by handle.

use sotto_codec::{
    Decoder, EXTENDED_SAMPLES, Encoder, FRAME_SAMPLES, Fidelity, MAX_SIDE, MediaError, Picture,
    PictureMut, Pixels, Progress, Raw, RegistryError, Sound, SoundExtension,
};
use sotto_frame::Container;

use crate::{
    Failure, Session,
    formats::{pack_activity, plugin_id},
    session::Object,
};

/// Of packed progress: a model can be had. How far it is stands in the 16 lowest bits.
const USABLE: u32 = 0x1_0000;
/// Of packed progress: it is worth a new epoch.
const REFINED: u32 = 0x2_0000;

/// In place of a verdict: red, but it may pass by itself.
const PASSING: u32 = 3;

/// Size and layout of a picture in an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 0: RGBA; 1: I420 without gaps.
    pub(crate) format: u32,
}

impl Layout {
    fn picture(self, bytes: &[u8]) -> Result<Picture<'_>, Failure> {
        match self.format {
            0 => Ok(Picture::new(self.width, self.height, Pixels::Rgba(bytes))?),
            1 => Ok(Picture::packed_i420(self.width, self.height, bytes)?),
            _ => Err(Failure::Argument),
        }
    }
}

impl Session {
    /// Level of the sound in the first argument, 0 to 15.
    pub(crate) fn level(&self) -> Result<u32, Failure> {
        Ok(Sound::new(&self.samples[0]).level().into())
    }

    /// A learner of a plug-in.
    pub(crate) fn learner(&mut self, plugin: u32) -> Result<u32, Failure> {
        let id = plugin_id(plugin)?;
        let learner = self.registry.get(id).ok_or(RegistryError::Unknown(id))?.learner();
        Ok(self.keep(Object::Learner(learner)))
    }

    /// The model of a plug-in that knows no speaker.
    pub(crate) fn generic(&mut self, plugin: u32) -> Result<u32, Failure> {
        let id = plugin_id(plugin)?;
        let plugin = self.registry.get(id).ok_or(RegistryError::Unknown(id))?;
        let model = plugin.generic().ok_or(Failure::NoGeneric(id))?;
        Ok(self.keep(Object::Model(model)))
    }

    /// An extension of the sound of a plug-in.
    pub(crate) fn extension(&mut self, plugin: u32) -> Result<u32, Failure> {
        let id = plugin_id(plugin)?;
        let extension = self.registry.get(id).ok_or(RegistryError::Unknown(id))?.extension();
        Ok(self.keep(Object::Extension(extension)))
    }

    /// The model in the container in the first argument.
    pub(crate) fn model(&mut self) -> Result<u32, Failure> {
        let model = self.registry.model(&Container::parse(&self.bytes[0])?)?;
        Ok(self.keep(Object::Model(model)))
    }

    /// What `make` makes of a model.
    pub(crate) fn of_model(
        &mut self,
        model: u32,
        make: fn(&dyn sotto_codec::Model) -> Object,
    ) -> Result<u32, Failure> {
        let made = self.with(model, |object, _| match object {
            Object::Model(model) => Ok(make(&**model)),
            _ => Err(Failure::Handle),
        })?;
        Ok(self.keep(made))
    }

    /// Gives a learner the sound in the first argument.
    pub(crate) fn learn_sound(&mut self, learner: u32, rate: u32) -> Result<u32, Failure> {
        self.with(learner, |object, session| {
            let Object::Learner(learner) = object else { return Err(Failure::Handle) };
            let sound = Sound { rate, samples: &session.samples[0] };
            Ok(pack_progress(learner.push(&Raw::Sound(sound))?))
        })
    }

    /// Gives a learner the picture in the first argument.
    pub(crate) fn learn_picture(&mut self, learner: u32, layout: Layout) -> Result<u32, Failure> {
        self.with(learner, |object, session| {
            let Object::Learner(learner) = object else { return Err(Failure::Handle) };
            let picture = layout.picture(&session.bytes[0])?;
            Ok(pack_progress(learner.push(&Raw::Picture(picture))?))
        })
    }

    /// Gives a learner the picture in the first argument, which the model in use does not fit.
    pub(crate) fn learn_missed(&mut self, learner: u32, layout: Layout) -> Result<u32, Failure> {
        self.with(learner, |object, session| {
            let Object::Learner(learner) = object else { return Err(Failure::Handle) };
            learner.push_missed(&Raw::Picture(layout.picture(&session.bytes[0])?))?;
            Ok(0)
        })
    }

    /// The body of a model.
    pub(crate) fn learned(&mut self, learner: u32) -> Result<u32, Failure> {
        self.with(learner, |object, session| {
            let Object::Learner(learner) = object else { return Err(Failure::Handle) };
            session.output = learner.finish()?;
            Ok(0)
        })
    }

    /// Gives an encoder the sound in the first argument.
    pub(crate) fn encode_sound(&mut self, encoder: u32, rate: u32) -> Result<u32, Failure> {
        self.with(encoder, |object, session| match object {
            Object::Encoder(Encoder::Sound(encoder)) => {
                encoder.push(&Sound { rate, samples: &session.samples[0] })?;
                Ok(0)
            }
            Object::Encoder(Encoder::Picture(_)) => Err(MediaError::Kind.into()),
            _ => Err(Failure::Handle),
        })
    }

    /// Gives an encoder the picture in the first argument.
    pub(crate) fn encode_picture(
        &mut self,
        encoder: u32,
        layout: Layout,
        offset_ms: u32,
    ) -> Result<u32, Failure> {
        let offset_ms = u8::try_from(offset_ms).map_err(|_| MediaError::Amount)?;
        self.with(encoder, |object, session| match object {
            Object::Encoder(Encoder::Picture(encoder)) => {
                encoder.push(&layout.picture(&session.bytes[0])?, offset_ms)?;
                Ok(0)
            }
            Object::Encoder(Encoder::Sound(_)) => Err(MediaError::Kind.into()),
            _ => Err(Failure::Handle),
        })
    }

    /// The payload of what an encoder was given. Gives the activity.
    pub(crate) fn flush(&mut self, encoder: u32) -> Result<u32, Failure> {
        self.with(encoder, |object, session| {
            let Object::Encoder(encoder) = object else { return Err(Failure::Handle) };
            session.output.clear();
            let activity = match encoder {
                Encoder::Sound(encoder) => Some(encoder.flush(&mut session.output)?),
                Encoder::Picture(encoder) => {
                    encoder.flush(&mut session.output)?;
                    None
                }
            };
            Ok(pack_activity(activity))
        })
    }

    /// Tells an encoder that what it flushed last is not sent.
    pub(crate) fn restart_encoder(&mut self, encoder: u32) -> Result<u32, Failure> {
        self.with(encoder, |object, _| match object {
            Object::Encoder(Encoder::Picture(encoder)) => {
                encoder.restart();
                Ok(0)
            }
            // Each payload of sound stands for itself.
            Object::Encoder(Encoder::Sound(_)) => Ok(0),
            _ => Err(Failure::Handle),
        })
    }

    /// Whether a model lacks what an encoder flushed last: 1, else 0.
    pub(crate) fn misses(&mut self, encoder: u32) -> Result<u32, Failure> {
        self.with(encoder, |object, _| match object {
            Object::Encoder(Encoder::Picture(encoder)) => Ok(u32::from(encoder.misses())),
            Object::Encoder(Encoder::Sound(_)) => Ok(0),
            _ => Err(Failure::Handle),
        })
    }

    /// The sound of the payload in the first argument.
    pub(crate) fn decode_sound(&mut self, decoder: u32) -> Result<u32, Failure> {
        self.sound_decoder(decoder, |decoder, session| {
            session.sound.resize(FRAME_SAMPLES, 0.0);
            let out = session.sound.first_chunk_mut().expect("resized to a frame right here");
            decoder.decode(&session.bytes[0], out)?;
            Ok(0)
        })
    }

    /// The sound of the payload before the one in the first argument, if that repeats it: 1, else 0.
    pub(crate) fn decode_before(&mut self, decoder: u32) -> Result<u32, Failure> {
        self.sound_decoder(decoder, |decoder, session| {
            session.sound.resize(FRAME_SAMPLES, 0.0);
            let out = session.sound.first_chunk_mut().expect("resized to a frame right here");
            Ok(u32::from(decoder.decode_before(&session.bytes[0], out)?))
        })
    }

    /// Sound in place of what did not come, of at most one payload's length.
    pub(crate) fn conceal(&mut self, decoder: u32, samples: u32) -> Result<u32, Failure> {
        if samples as usize > FRAME_SAMPLES {
            return Err(MediaError::Amount.into());
        }
        self.sound_decoder(decoder, |decoder, session| {
            session.sound.resize(samples as usize, 0.0);
            decoder.conceal(&mut session.sound);
            Ok(0)
        })
    }

    /// Tells a decoder the raw sound in the first argument.
    pub(crate) fn prime(&mut self, decoder: u32) -> Result<u32, Failure> {
        self.sound_decoder(decoder, |decoder, session| {
            decoder.prime(&session.samples[0]);
            Ok(0)
        })
    }

    /// Samples by which an extension is late.
    pub(crate) fn extension_delay(&mut self, extension: u32) -> Result<u32, Failure> {
        self.sound_extension(extension, |extension, _| Ok(extension.delay() as u32))
    }

    /// The sound in the first argument, of one payload, extended.
    pub(crate) fn extend(&mut self, extension: u32) -> Result<u32, Failure> {
        self.sound_extension(extension, |extension, session| {
            let sound = session.samples[0].as_slice().try_into().map_err(|_| MediaError::Amount)?;
            session.sound.resize(EXTENDED_SAMPLES, 0.0);
            let out = session.sound.first_chunk_mut().expect("resized to it right here");
            extension.extend(sound, out);
            Ok(0)
        })
    }

    /// Tells an extension what was heard before what comes next: the first argument.
    pub(crate) fn restart(&mut self, extension: u32) -> Result<u32, Failure> {
        self.sound_extension(extension, |extension, session| {
            extension.restart(&session.samples[0]);
            Ok(0)
        })
    }

    /// A word for each frame of the payload in the first argument: its offset in milliseconds.
    /// Gives their number.
    pub(crate) fn decode_picture(&mut self, decoder: u32) -> Result<u32, Failure> {
        let mut offsets = Vec::new();
        self.picture_decoder(decoder, |decoder, session| {
            Ok(decoder.decode(&session.bytes[0], &mut offsets)?)
        })?;
        self.output.clear();
        for &offset in &offsets {
            self.put(offset.into());
        }
        Ok(offsets.len() as u32)
    }

    /// Draws a frame of the payload decoded last.
    pub(crate) fn draw(
        &mut self,
        decoder: u32,
        frame: u32,
        width: u32,
        height: u32,
    ) -> Result<u32, Failure> {
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(MediaError::Size.into());
        }
        self.picture_decoder(decoder, |decoder, session| {
            session.output.resize((width * height * 4) as usize, 0);
            let mut target = PictureMut::new(width, height, &mut session.output)?;
            decoder.draw(frame as usize, &mut target)?;
            Ok(0)
        })
    }

    /// Compares the sounds of the two arguments. Gives the verdict; the scores are samples.
    pub(crate) fn observe_sound(&mut self, gate: u32, rate: u32) -> Result<u32, Failure> {
        self.with(gate, |object, session| {
            let Object::Gate(gate) = object else { return Err(Failure::Handle) };
            let [source, decoded] = &session.samples;
            let source = Raw::Sound(Sound { rate, samples: source });
            let fidelity = gate.observe(&source, &Raw::Sound(Sound::new(decoded)))?;
            Ok(session.judged(fidelity))
        })
    }

    /// The code of what a gate found; its scores are the sound that is read next.
    fn judged(&mut self, Fidelity { verdict, scores, passing }: Fidelity) -> u32 {
        self.sound = scores;
        if passing { PASSING } else { verdict as u32 }
    }

    /// Compares the pictures of the two arguments, of which the second is RGBA.
    pub(crate) fn observe_picture(&mut self, gate: u32, layout: Layout) -> Result<u32, Failure> {
        self.with(gate, |object, session| {
            let Object::Gate(gate) = object else { return Err(Failure::Handle) };
            let source = Raw::Picture(layout.picture(&session.bytes[0])?);
            let decoded = Layout { format: 0, ..layout }.picture(&session.bytes[1])?;
            let fidelity = gate.observe(&source, &Raw::Picture(decoded))?;
            Ok(session.judged(fidelity))
        })
    }

    pub(crate) fn picture_decoder<R>(
        &mut self,
        handle: u32,
        call: impl FnOnce(&mut dyn sotto_codec::PictureDecoder, &mut Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.with(handle, |object, session| match object {
            Object::Decoder(Decoder::Picture(decoder)) => call(&mut **decoder, session),
            Object::Decoder(Decoder::Sound(_)) => Err(MediaError::Kind.into()),
            _ => Err(Failure::Handle),
        })
    }

    fn sound_decoder<R>(
        &mut self,
        handle: u32,
        call: impl FnOnce(&mut dyn sotto_codec::SoundDecoder, &mut Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.with(handle, |object, session| match object {
            Object::Decoder(Decoder::Sound(decoder)) => call(&mut **decoder, session),
            Object::Decoder(Decoder::Picture(_)) => Err(MediaError::Kind.into()),
            _ => Err(Failure::Handle),
        })
    }

    fn sound_extension<R>(
        &mut self,
        handle: u32,
        call: impl FnOnce(&mut dyn SoundExtension, &mut Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.with(handle, |object, session| match object {
            Object::Extension(extension) => call(&mut **extension, session),
            _ => Err(Failure::Handle),
        })
    }
}

fn pack_progress(progress: Progress) -> u32 {
    let usable = if progress.usable { USABLE } else { 0 };
    let refined = if progress.refined { REFINED } else { 0 };
    u32::from(progress.per_mille) | usable | refined
}
