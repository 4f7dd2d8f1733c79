//! The model stream: packets and bundles, containers and deltas, payloads.

use std::sync::{Arc, OnceLock};

use sotto_codec::{
    Decoder, FRAME_SAMPLES, Learner, Model, Picture, PictureMut, Pixels, Plugin, Raw, Registry,
    SOUND_RATE, Sound,
    testing::{Bar, Tone},
    voice::{
        fargan::Vocoder,
        features::{Analysis, HOP},
        weights::Weights,
    },
};
use sotto_frame::{
    Bundle, BundleWriter, Container, Delta, Epoch, MAX_DATAGRAM_LEN, ModelHash, ModelPacket,
    PacketWriter, PluginId,
};

/// Model packets, written again as they were read.
pub fn packet(bytes: &[u8]) {
    let Ok(packet) = ModelPacket::parse(bytes) else { return };
    let mut again = Vec::new();
    let mut writer = PacketWriter::begin(&mut again, packet.time(), packet.encrypted());
    for (index, block) in packet.blocks().enumerate() {
        for (place, entry) in block.entries().enumerate() {
            let written = match (index, place) {
                (1.., 0) => writer.older(block.time, &entry),
                _ => writer.entry(&entry),
            };
            written.expect("what was read can be written");
        }
    }
    let len = writer.finish().expect("a packet has an entry");
    assert!(len <= MAX_DATAGRAM_LEN, "a packet within the limit");
    assert_eq!(again, bytes, "one packet, one spelling");
}

/// Bundles, written again as they were read.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::parse(bytes) else { return };
    let mut again = Vec::new();
    let mut writer = BundleWriter::begin(&mut again);
    for block in bundle.blocks() {
        let written = writer.push_block(block.participant, block.time, block.entries());
        written.expect("what was read can be written");
    }
    assert_eq!(again, bytes, "one bundle, one spelling");
}

/// Containers, and the models in them. The input has no digest, which no mutation would hit.
pub fn container(bytes: &[u8]) {
    let _ = Container::parse(bytes);
    let sealed = [bytes, &ModelHash::of(bytes).0].concat();
    let Ok((container, hash)) = Container::parse_named(&sealed) else { return };
    assert_eq!(container.write(), Ok((sealed.clone(), hash)), "one container, one spelling");
    if let Ok(model) = Registry::standard().model(&container) {
        drop((model.encoder(), model.decoder(), model.gate()));
    }
}

/// Deltas of any ops, between two containers. The input is a target length of 2 bytes and the ops.
pub fn delta(bytes: &[u8]) {
    let _ = Delta::parse(bytes);
    let Some((target_len, ops)) = bytes.split_first_chunk::<2>() else { return };
    let Refinement { base, target, head } = refinement();
    let mut hostile = [&head[..], &[0, 0], &target_len[..], ops].concat();
    hostile.extend_from_slice(&ModelHash::of(&hostile).0);
    let Ok(delta) = Delta::parse(&hostile) else { return };
    if let Ok(made) = delta.apply(base) {
        assert_eq!(&made, target, "a delta makes its target or nothing");
    }
}

/// Weights of the voice networks: these bytes, and the built-in ones with some of them replaced, of
/// which each 7 bytes are a place and 4 bytes to put there.
pub fn weights(bytes: &[u8]) {
    let _ = Weights::parse(bytes);
    let mut file = Weights::embedded_bytes().to_vec();
    for &[a, b, c, rest @ ..] in bytes.as_chunks::<7>().0 {
        let place = u32::from_le_bytes([a, b, c, 0]) as usize % (file.len() / 4) * 4;
        file[place..place + 4].copy_from_slice(&rest);
    }
    let Ok(weights) = Weights::parse(&file).map(Arc::new) else { return };
    let mut sound = std::array::from_fn(|at| if at % 99 < 50 { 0.3 } else { -0.3 });
    let (mut analysis, mut vocoder) = (Analysis::new(&weights), Vocoder::new(&weights));
    let features = analysis.frame(&sound);
    assert!(features.iter().all(|number| number.is_finite()), "{features:?}");
    vocoder.frame(&features, &mut sound);
    assert!(sound.iter().all(|sample| sample.abs() <= 1.0), "{HOP} samples of -1 to 1");
}

/// Two containers, and what a delta from one to the other begins with.
struct Refinement {
    base: Vec<u8>,
    target: Vec<u8>,
    /// Up to the length of the target.
    head: Vec<u8>,
}

fn refinement() -> &'static Refinement {
    static REFINEMENT: OnceLock<Refinement> = OnceLock::new();
    REFINEMENT.get_or_init(|| {
        let (base, target) = (container_of(&[7; 300]), container_of(&[7; 200]));
        let mut head = Delta::between(&base, &target).expect("a short delta");
        head.truncate(b"SOTD".len() + 1 + 2 * ModelHash::LEN);
        Refinement { base, target, head }
    })
}

/// Payloads of both kinds, for decoders that have already seen whatever came before. The first
/// byte chooses the kind; each payload stands behind its length in one byte.
pub fn payload(bytes: &[u8]) {
    let Some((kind, mut rest)) = bytes.split_first() else { return };
    let (tone, bar) = models();
    let model = if kind % 2 == 0 { tone } else { bar };
    let mut decoder = model.decoder();
    while let Some((&len, behind)) = rest.split_first() {
        let payload;
        (payload, rest) = behind.split_at(usize::from(len).min(behind.len()));
        match &mut decoder {
            Decoder::Sound(decoder) => {
                let mut sound = [0.0; FRAME_SAMPLES];
                if decoder.decode(payload, &mut sound).is_err() {
                    decoder.conceal(&mut sound);
                }
                assert!(sound.iter().all(|sample| sample.abs() <= 1.0), "sound within its range");
            }
            Decoder::Picture(decoder) => {
                let mut offsets = Vec::new();
                let Ok(()) = decoder.decode(payload, &mut offsets) else { continue };
                assert!(!offsets.is_empty() && offsets.iter().all(|&offset| offset < 80));
                let mut rgba = [0; 16 * 9 * 4];
                let mut target = PictureMut::new(16, 9, &mut rgba).expect("pixels that fit");
                for frame in 0..offsets.len() {
                    decoder.draw(frame, &mut target).expect("a frame of the payload");
                }
                assert!(decoder.draw(offsets.len(), &mut target).is_err());
            }
        }
    }
}

/// A tone of 200 Hz and a white bar on black.
fn models() -> &'static (Box<dyn Model>, Box<dyn Model>) {
    static MODELS: OnceLock<(Box<dyn Model>, Box<dyn Model>)> = OnceLock::new();
    MODELS.get_or_init(|| {
        let step = std::f32::consts::TAU * 200.0 / SOUND_RATE as f32;
        let sound: Vec<f32> =
            (0..8 * FRAME_SAMPLES).map(|at| (step * at as f32).sin() / 2.0).collect();
        let mut row = [[0, 0, 0, 255]; 32];
        row[10..14].fill([255; 4]);
        let rgba = row.as_flattened().repeat(18);
        let picture = Picture::new(32, 18, Pixels::Rgba(&rgba)).expect("pixels that fit");
        (
            learned(&Tone, &[Raw::Sound(Sound::new(&sound))]),
            learned(&Bar, &[Raw::Picture(picture); 10]),
        )
    })
}

fn learned(plugin: &dyn Plugin, media: &[Raw<'_>]) -> Box<dyn Model> {
    let mut learner: Box<dyn Learner> = plugin.learner();
    for raw in media {
        learner.push(raw).expect("media of the plug-in's kind");
    }
    let body = learner.finish().expect("enough to learn from");
    plugin.model(&body).expect("what was learned can be read")
}

fn container_of(body: &[u8]) -> Vec<u8> {
    let (plugin, epoch) = (PluginId::FACE, Epoch(1));
    let container = Container { plugin, plugin_version: 1, epoch, created_at_ms: 0, body };
    container.write().expect("a short body").0
}
