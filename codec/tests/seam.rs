//! A third plug-in, defined here, goes everywhere that the others go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sotto_codec::{
    Decoder, Duplicate, EncodeError, Encoder, FRAME_SAMPLES, Fidelity, FrameError, Gate,
    LearnError, Learner, MediaError, Model, ModelError, Plugin, Progress, Raw, Registry,
    RegistryError, Sound, SoundDecoder, SoundEncoder, Verdict,
};
use sotto_frame::{Activity, Container, Epoch, PluginId};

/// Sends the loudest sample of 80 ms, as a part of the loudest that was learned.
struct Loudest;

#[derive(Clone, Copy)]
struct Peak(f32);

struct PeakEncoder(Peak, Vec<f32>);

impl Plugin for Loudest {
    fn id(&self) -> PluginId {
        PluginId::new(3).unwrap()
    }

    fn version(&self) -> u8 {
        2
    }

    fn name(&self) -> &'static str {
        "loudest"
    }

    fn learner(&self) -> Box<dyn Learner> {
        Box::new(Peak(0.0))
    }

    fn model(&self, body: &[u8]) -> Result<Box<dyn Model>, ModelError> {
        let bytes = body.try_into().map_err(|_| ModelError::Malformed)?;
        Ok(Box::new(Peak(f32::from_be_bytes(bytes))))
    }
}

impl Peak {
    fn of(samples: &[f32]) -> f32 {
        samples.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
    }
}

impl Learner for Peak {
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError> {
        self.0 = Self::of(raw.sound()?.samples).max(self.0);
        Ok(Progress { per_mille: 1000, usable: true, refined: false })
    }

    fn finish(&mut self) -> Result<Vec<u8>, LearnError> {
        Ok(self.0.to_be_bytes().to_vec())
    }
}

impl Model for Peak {
    fn encoder(&self) -> Encoder {
        Encoder::Sound(Box::new(PeakEncoder(*self, Vec::new())))
    }

    fn decoder(&self) -> Decoder {
        Decoder::Sound(Box::new(*self))
    }

    fn gate(&self) -> Box<dyn Gate> {
        Box::new(*self)
    }
}

impl SoundEncoder for PeakEncoder {
    fn push(&mut self, sound: &Sound<'_>) -> Result<(), MediaError> {
        self.1.extend_from_slice(sound.at_model_rate()?);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<Activity, EncodeError> {
        out.push((Peak::of(&self.1) / self.0.0 * 255.0) as u8);
        let level = Sound::new(&self.1).level();
        self.1.clear();
        Ok(Activity { level, talking: true })
    }
}

impl SoundDecoder for Peak {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; FRAME_SAMPLES]) -> Result<(), FrameError> {
        let [part] = *payload else { return Err(FrameError::Malformed) };
        out.fill(self.0 * f32::from(part) / 255.0);
        Ok(())
    }

    fn conceal(&mut self, out: &mut [f32]) {
        out.fill(0.0);
    }

    fn prime(&mut self, _: &[f32]) {}
}

impl Gate for Peak {
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError> {
        let (a, b) = (Self::of(source.sound()?.samples), Self::of(decoded.sound()?.samples));
        let verdict = if (a - b).abs() < 0.01 { Verdict::Green } else { Verdict::Red };
        Ok(Fidelity { verdict, scores: vec![1.0 - (a - b).abs()], passing: false })
    }
}

#[test]
fn a_third_plug_in_learns_encodes_decodes_and_is_gated_like_any_other() {
    let mut registry = Registry::standard();
    registry.add(Box::new(Loudest)).expect("a number that is free");
    assert_eq!(registry.add(Box::new(Loudest)), Err(Duplicate(Loudest.id())));
    let listed = registry.iter().map(|plugin| (plugin.id(), plugin.version(), plugin.name()));
    assert_eq!(listed.last(), Some((Loudest.id(), 2, "loudest")));

    let mut learner = registry.get(Loudest.id()).expect("it was added").learner();
    learner.push(&Raw::Sound(Sound::new(&[0.1, -0.5]))).unwrap();
    let body = learner.finish().unwrap();
    let container = Container {
        plugin: Loudest.id(),
        plugin_version: 2,
        epoch: Epoch(1),
        created_at_ms: 0,
        body: &body,
    };
    let (bytes, _) = container.write().unwrap();
    let model = registry.model(&Container::parse(&bytes).unwrap()).unwrap();

    let (Encoder::Sound(mut encoder), Decoder::Sound(mut decoder)) =
        (model.encoder(), model.decoder())
    else {
        panic!("3 is a sound plug-in");
    };
    let source = [0.2; FRAME_SAMPLES];
    let (mut payload, mut heard) = (Vec::new(), [0.0; FRAME_SAMPLES]);
    encoder.push(&Sound::new(&source)).unwrap();
    encoder.flush(&mut payload).unwrap();
    decoder.decode(&payload, &mut heard).unwrap();
    let (source, heard) = (Raw::Sound(Sound::new(&source)), Raw::Sound(Sound::new(&heard)));
    assert_eq!(model.gate().observe(&source, &heard).unwrap().verdict, Verdict::Green);
}

#[test]
fn a_model_that_no_plug_in_can_read_is_refused_by_reason() {
    let mut registry = Registry::new();
    let container = Container {
        plugin: Loudest.id(),
        plugin_version: 1,
        epoch: Epoch(1),
        created_at_ms: 0,
        body: &[1],
    };
    let refused = |registry: &Registry, container| registry.model(container).err();
    assert_eq!(refused(&registry, &container), Some(RegistryError::Unknown(Loudest.id())));
    registry.add(Box::new(Loudest)).expect("a number that is free");
    let version = RegistryError::Version { plugin: Loudest.id(), ours: 2, theirs: 1 };
    assert_eq!(refused(&registry, &container), Some(version));
    let malformed = refused(&registry, &Container { plugin_version: 2, ..container });
    assert_eq!(malformed, Some(RegistryError::Model(ModelError::Malformed)));
}
