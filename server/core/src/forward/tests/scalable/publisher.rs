//! A publisher that knows which frame needs which.

use super::super::*;
use crate::rtp::{
    Dependency, DependencyStructure, FrameTemplate, Indication, Vp9Descriptor, Vp9Layers,
};

/// Temporal layers of the pictures, over and over.
pub(super) const TEMPORAL: [u8; 4] = [0, 2, 1, 2];
/// Media time between two pictures.
pub(super) const PERIOD: u32 = 3000;

/// How a publisher codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) codec: Codec,
    /// Spatial layers.
    pub(super) spatial: u8,
    /// Three temporal layers, or one.
    pub(super) temporal: bool,
    /// Spatial layers are predicted from one another at keyframes only.
    pub(super) key_only: bool,
    /// Frames have dependency descriptors.
    pub(super) dependency: bool,
}

pub(super) const fn mode(
    codec: Codec,
    spatial: u8,
    temporal: bool,
    key_only: bool,
    dependency: bool,
) -> Mode {
    Mode { codec, spatial, temporal, key_only, dependency }
}

pub(super) const MODES: [Mode; 9] = [
    mode(Codec::Vp8, 1, false, true, false),
    mode(Codec::Vp8, 1, true, true, false),
    mode(Codec::Vp8, 1, true, true, true),
    mode(Codec::H264, 1, false, true, false),
    mode(Codec::H264, 1, true, true, true),
    mode(Codec::Vp9, 3, true, false, false),
    mode(Codec::Vp9, 3, true, true, true),
    mode(Codec::Av1, 3, true, true, true),
    mode(Codec::Av1, 2, true, false, true),
];

/// One frame: a spatial layer of a picture.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) picture: u32,
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    pub(super) key: bool,
    /// The frames that it needs.
    pub(super) references: Vec<u32>,
}

/// One simulcast layer of the publisher.
pub(super) struct Encoder {
    mode: Mode,
    index: u8,
    structure: DependencyStructure,
    pub(super) frames: Vec<Frame>,
    seq: u16,
    pub(super) picture: u32,
    since_key: usize,
    tl0: u8,
    /// Per spatial layer, the last frame of temporal layers 0 and 1.
    last: [[Option<u32>; 2]; 3],
}

impl Encoder {
    pub(super) fn new(mode: Mode, index: u8) -> Self {
        Self {
            mode,
            index,
            structure: structure(mode),
            frames: Vec::new(),
            seq: 65_400 + u16::from(index),
            picture: 0,
            since_key: 0,
            tl0: 250,
            last: [[None; 2]; 3],
        }
    }

    /// The packets of the next picture.
    pub(super) fn encode(&mut self, key: bool, packets: u8) -> Vec<Packed> {
        self.since_key = if key { 0 } else { self.since_key + 1 };
        let temporal =
            if self.mode.temporal { TEMPORAL[self.since_key % TEMPORAL.len()] } else { 0 };
        self.picture += 1;
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let mut all = Vec::new();
        for spatial in 0..self.mode.spatial {
            let id = self.frames.len() as u32;
            let last = self.last[usize::from(spatial)];
            let second = self.since_key % TEMPORAL.len() == 3;
            let mut references = Vec::new();
            if !key {
                references.extend(if temporal == 2 && second { last[1] } else { last[0] });
            }
            if spatial > 0 && (key || !self.mode.key_only) {
                references.push(id - 1);
            }
            if temporal < 2 {
                self.last[usize::from(spatial)][usize::from(temporal)] = Some(id);
            }
            self.frames.push(Frame { picture: self.picture, spatial, temporal, key, references });
            for part in 0..packets {
                all.push(self.packet(id, part, packets));
            }
        }
        all
    }

    fn packet(&mut self, id: u32, part: u8, parts: u8) -> Packed {
        let frame = &self.frames[id as usize];
        let (first, last) = (part == 0, part + 1 == parts);
        let top = frame.spatial + 1 == self.mode.spatial;
        let picture = (frame.picture + 32_700) as u16 & 0x7fff;
        let mut payload = vec![0; 12];
        let descriptor = match self.mode.codec {
            Codec::Vp8 => VideoDescriptor::Vp8 {
                start_of_frame: first,
                keyframe: frame.key,
                picture_id: Some((picture, true)),
                tl0_picture_index: Some(self.tl0),
                temporal_layer: self
                    .mode
                    .temporal
                    .then_some((frame.temporal, self.since_key % TEMPORAL.len() != 3)),
            },
            Codec::Vp9 => VideoDescriptor::Vp9(Vp9Descriptor {
                start_of_frame: first,
                end_of_frame: last,
                predicted: !frame.key,
                picture_id: Some((picture, true)),
                layers: Some(Vp9Layers {
                    temporal: frame.temporal,
                    switch_up: frame.temporal == 0,
                    spatial: frame.spatial,
                    inter_layer: frame.spatial > 0 && (frame.key || !self.mode.key_only),
                    tl0_picture_index: Some(self.tl0),
                }),
                ..Vp9Descriptor::default()
            }),
            Codec::Av1 => VideoDescriptor::Av1 {
                continues: !first,
                new_sequence: first && frame.key && frame.spatial == 0,
            },
            Codec::H264 | Codec::Opus => {
                VideoDescriptor::H264 { start_of_frame: first, parameters: false, idr: false }
            }
        };
        let mut len = descriptor.write(&mut payload).unwrap();
        match self.mode.codec {
            Codec::Vp8 => {
                payload[len] = u8::from(!frame.key);
                len += 1;
            }
            Codec::H264 => {
                let start = if frame.key { [0x65, 0x88] } else { [0x41, 0x9a] };
                payload[..2].copy_from_slice(if first { &start } else { &[0x7c, 0x01] });
                len = 2;
            }
            _ => {}
        }
        payload.truncate(len);
        payload.extend([self.index]);
        payload.extend(id.to_be_bytes());
        payload.extend([part, parts]);
        let mut data = [0; 255];
        let dependency = self.mode.dependency.then(|| {
            let references: Vec<u16> =
                frame.references.iter().map(|reference| (id - reference) as u16).collect();
            let dependency = Dependency {
                start_of_frame: first,
                end_of_frame: last,
                template: template(self.mode, frame),
                frame_number: (id + 65_500) as u16,
                structure: &self.structure,
                attached: first && frame.key && frame.spatial == 0,
                active: None,
                indications: None,
                references: Some(&references),
                chains: None,
            };
            let len = dependency.write(&mut data).unwrap();
            (DEPENDENCY, &data[..len])
        });
        let packet = PacketBuilder {
            ssrc: Ssrc(100 + u32::from(self.index)),
            payload_type: PayloadType(96),
            seq: SeqNo(self.seq),
            timestamp: RtpTime((u32::MAX - 50_000).wrapping_add(frame.picture * PERIOD)),
            marker: last && top,
            csrcs: &[],
            extensions: dependency.as_slice(),
            payload: &payload,
            padding: 0,
        };
        let mut bytes = vec![0; 1500];
        let len = packet.write(&mut bytes).unwrap();
        bytes.truncate(len);
        self.seq = self.seq.wrapping_add(1);
        Packed { bytes, layer: LayerIndex(self.index), key: frame.key }
    }
}

/// A packet on its way to the node.
#[derive(Clone)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) layer: LayerIndex,
    pub(super) key: bool,
}

/// Decode targets of a mode: each spatial layer with each temporal one.
pub(super) fn targets(mode: Mode) -> Vec<(u8, u8)> {
    let temporal = if mode.temporal { 3 } else { 1 };
    (0..mode.spatial).flat_map(|s| (0..temporal).map(move |t| (s, t))).collect()
}

pub(super) fn template(mode: Mode, frame: &Frame) -> u8 {
    let temporal: u8 = if mode.temporal { 3 } else { 1 };
    let row = frame.spatial * (temporal + 1);
    row + if frame.key { 0 } else { 1 + frame.temporal }
}

/// A keyframe template and one per temporal layer, for each spatial layer.
pub(super) fn structure(mode: Mode) -> DependencyStructure {
    let temporal = if mode.temporal { 3 } else { 1 };
    let mut templates = Vec::new();
    for spatial in 0..mode.spatial {
        for (key, layer) in [(true, 0)].into_iter().chain((0..temporal).map(|t| (false, t))) {
            let indication = |(s, t): (u8, u8)| {
                if spatial > s || layer > t || (spatial < s && mode.key_only && !key) {
                    Indication::NotPresent
                } else if key && spatial == 0 {
                    Indication::Switch
                } else if spatial < s {
                    Indication::Required
                } else if layer == t && t > 0 {
                    Indication::Discardable
                } else {
                    Indication::Switch
                }
            };
            templates.push(FrameTemplate {
                spatial,
                temporal: layer,
                indications: targets(mode).into_iter().map(indication).collect(),
                references: vec![1],
                chains: Vec::new(),
            });
        }
    }
    DependencyStructure { id_offset: 50, templates, ..DependencyStructure::default() }
}
