//! Scalable video in a room: one stream of many parts, of which everybody gets what its line carries.

use std::{collections::BTreeMap, time::Duration};

use sotto_core::{
    Input, Kept, Output, Sfu, SfuConfig, Time,
    bandwidth::Estimate,
    forward::Forward,
    id::{ExtensionId, Mid, PacketId, ParticipantId, PayloadType, PeerId, RtpTime, SeqNo, Ssrc},
    input::Join,
    media::{Codec, Direction, Extension, Kind, Offer},
    rtp::{
        Dependency, DependencyStructure, ExtensionMap, FrameTemplate, Indication, Packet,
        PacketBuilder, VideoDescriptor, Vp9Descriptor, Vp9Layers,
    },
    signal::{ClientMessage, PublishedLayer, ReceivedLayer, ServerMessage, SlotViewport, Source},
};
use uuid::Uuid;

use crate::{media::rich_offer, world::everything};

const SPATIAL: u8 = 3;
const TEMPORAL: u8 = 3;

/// Payload bytes of the frames of a spatial layer: some 50, 120 and 290 kbit/s at 30 pictures per
/// second, headers included.
const SIZES: [usize; 3] = [120, 400, 1_110];

/// Temporal layer of each picture.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

const CAMERA: PeerId = PeerId(1);
const VIEWER: PeerId = PeerId(2);
const DEPENDENCY: ExtensionId = ExtensionId(12);
const VP9: PayloadType = PayloadType(98);

/// Three spatial and three temporal layers; the spatial ones need one another at keyframes alone
/// (L3T3_KEY). Decode targets by spatial, then by temporal layer. Templates: nine for the pictures
/// between keyframes, then three for keyframes.
pub(crate) fn l3t3_key() -> DependencyStructure {
    let template = |s: u8, t: u8, key: bool| {
        let indication = |target: u8| {
            let (spatial, temporal) = (target / TEMPORAL, target % TEMPORAL);
            let is_in = if key { spatial >= s } else { spatial == s };
            match (is_in && temporal >= t, t) {
                (false, _) => Indication::NotPresent,
                (true, 2) => Indication::Discardable,
                (true, _) => Indication::Switch,
            }
        };
        FrameTemplate {
            spatial: s,
            temporal: t,
            indications: (0..SPATIAL * TEMPORAL).map(indication).collect(),
            references: match (key, s) {
                (true, 0) => Vec::new(),
                (true, _) => vec![1],
                (false, _) => vec![[12, 6, 3][usize::from(t)]],
            },
            chains: vec![0; usize::from(SPATIAL)],
        }
    };
    let between = (0..SPATIAL).flat_map(|s| (0..TEMPORAL).map(move |t| (s, t, false)));
    let keys = (0..SPATIAL).map(|s| (s, 0, true));
    // The templates go up by layers, as the format wants it.
    let mut all: Vec<(u8, u8, bool)> = between.chain(keys).collect();
    all.sort_by_key(|&(s, t, key)| (s, t, !key));
    DependencyStructure {
        id_offset: 0,
        templates: all.into_iter().map(|(s, t, key)| template(s, t, key)).collect(),
        protected_by: (0..SPATIAL * TEMPORAL).map(|target| target / TEMPORAL).collect(),
        resolutions: vec![(320, 180), (640, 360), (1_280, 720)],
    }
}

/// A frame that the viewer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    picture: u32,
    spatial: u8,
    temporal: u8,
    keyframe: bool,
    seq: SeqNo,
    marker: bool,
}

struct Call {
    sfu: Sfu,
    now: Time,
    structure: DependencyStructure,
    slab: BTreeMap<PacketId, Vec<u8>>,
    picture: u32,
    frame_number: u16,
    seq: u16,
    keyframe: bool,
    bitrate: u64,
    got: Vec<Frame>,
    told: Option<ReceivedLayer>,
    next_packet: u32,
}

impl Call {
    fn new() -> Self {
        let mut call = Self {
            sfu: Sfu::new(SfuConfig::default()),
            now: Time::from_micros(1_795_000_000_000_000),
            structure: l3t3_key(),
            slab: BTreeMap::new(),
            picture: 0,
            frame_number: 0,
            seq: 60_000,
            keyframe: true,
            bitrate: 2_000_000,
            got: Vec::new(),
            told: None,
            next_packet: 0,
        };
        for peer in [CAMERA, VIEWER] {
            call.drive(Input::Join(Join {
                peer,
                participant: ParticipantId(Uuid::from_u128(peer.0.into())),
                room: "blue".into(),
                identity: peer.0.to_string(),
                name: peer.0.to_string(),
                permissions: everything(),
                model_key: None,
                resumption: None,
            }));
            call.drive(Input::Offer { peer, id: 0, offer: vp9_offer() });
            call.drive(Input::Connected { peer });
        }
        let layer = PublishedLayer {
            rid: None,
            width: 1_280,
            height: 720,
            max_bitrate: None,
            scalability_mode: Some("L3T3_KEY".into()),
        };
        let message = ClientMessage::Publish {
            mid: Mid::new("cam").unwrap(),
            source: Source::Camera,
            muted: false,
            encrypted: false,
            layers: vec![layer],
        };
        call.drive(Input::Message { peer: CAMERA, message });
        let slot = SlotViewport { mid: Mid::new("v0").unwrap(), width: 1_280, height: 720 };
        let message = ClientMessage::Viewport { slots: vec![slot] };
        call.drive(Input::Message { peer: VIEWER, message });
        call
    }

    /// The camera runs, the viewer's line carries what it carries.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            if self.picture.is_multiple_of(6) {
                let estimate = Estimate {
                    bitrate: self.bitrate,
                    round_trip: Some(Duration::from_millis(40)),
                    loss_per_mille: 0,
                };
                self.drive(Input::Bandwidth { peer: VIEWER, estimate });
            }
            self.picture();
            let next = self.now + Duration::from_micros(33_333);
            while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= next) {
                self.now = self.now.max(due);
                self.sfu.handle_timeout(self.now);
                self.drain();
            }
            self.now = next;
        }
    }

    fn picture(&mut self) {
        let key = std::mem::take(&mut self.keyframe);
        let temporal = if key { 0 } else { PATTERN[self.picture as usize % PATTERN.len()] };
        for spatial in 0..SPATIAL {
            let bytes = self.frame(spatial, temporal, key);
            let id = PacketId(self.next_packet);
            self.next_packet += 1;
            let mut out = Vec::new();
            let kept = self.sfu.packet(self.now, CAMERA, id, &bytes, &mut out).unwrap();
            self.slab.insert(id, bytes);
            out.iter().for_each(|forward| self.take(forward));
            self.drain();
            if kept == Kept::No {
                self.slab.remove(&id);
            }
        }
        self.picture += 1;
    }

    /// One packet that is a whole frame.
    fn frame(&mut self, spatial: u8, temporal: u8, key: bool) -> Vec<u8> {
        let descriptor = VideoDescriptor::Vp9(Vp9Descriptor {
            start_of_frame: true,
            end_of_frame: true,
            predicted: !key,
            not_referenced: !key || spatial == SPATIAL - 1,
            picture_id: Some(((self.picture & 0x7fff) as u16, true)),
            layers: Some(Vp9Layers {
                temporal,
                switch_up: temporal < 2,
                spatial,
                inter_layer: key && spatial > 0,
                tl0_picture_index: Some((self.picture / 4) as u8),
            }),
            ..Vp9Descriptor::default()
        });
        let mut payload = vec![0; SIZES[usize::from(spatial)]];
        let front = descriptor.write(&mut payload).unwrap();
        payload[front..front + 4].copy_from_slice(&self.picture.to_be_bytes());
        payload[front + 4..front + 7].copy_from_slice(&[spatial, temporal, u8::from(key)]);
        let template = self.structure.templates.iter().position(|template| {
            let is_key = template.references.is_empty() || template.references == [1];
            (template.spatial, template.temporal, is_key) == (spatial, temporal, key)
        });
        let dependency = Dependency {
            start_of_frame: true,
            end_of_frame: true,
            template: template.unwrap() as u8,
            frame_number: self.frame_number,
            structure: &self.structure,
            attached: key && spatial == 0,
            active: None,
            indications: None,
            references: None,
            chains: None,
        };
        let mut data = [0; 255];
        let len = dependency.write(&mut data).unwrap();
        let builder = PacketBuilder {
            ssrc: Ssrc(77),
            payload_type: VP9,
            seq: SeqNo(self.seq),
            timestamp: RtpTime(self.picture * 3_000),
            marker: spatial == SPATIAL - 1,
            csrcs: &[],
            extensions: &[(DEPENDENCY, &data[..len])],
            payload: &payload,
            padding: 0,
        };
        let mut bytes = vec![0; 1_500];
        let len = builder.write(&mut bytes).unwrap();
        bytes.truncate(len);
        self.seq = self.seq.wrapping_add(1);
        self.frame_number = self.frame_number.wrapping_add(1);
        bytes
    }

    fn drive(&mut self, input: Input) {
        self.sfu.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Forward(forward) => self.take(&forward),
                Output::Release { packet } => {
                    self.slab.remove(&packet);
                }
                Output::RequestKeyframe { peer: CAMERA, .. } => self.keyframe = true,
                Output::Message { message: ServerMessage::Quality { slots }, .. } => {
                    self.told = slots[0].layer;
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, forward: &Forward) {
        assert_eq!(forward.peer, VIEWER);
        let mut out = vec![0; 2_000];
        let bytes = |id: PacketId| self.slab.get(&id).map(Vec::as_slice);
        let len = forward.write(bytes, &mut out, None).unwrap();
        let packet = Packet::parse(&out[..len], &ExtensionMap::default()).unwrap();
        let payload = packet.payload(&out[..len]);
        // The descriptor has one byte of flags, two of picture id, one of layers, one of index.
        let stamp = &payload[5..];
        self.got.push(Frame {
            picture: u32::from_be_bytes(stamp[..4].try_into().unwrap()),
            spatial: stamp[4],
            temporal: stamp[5],
            keyframe: stamp[6] == 1,
            seq: packet.seq,
            marker: packet.marker,
        });
    }

    /// What came within two seconds, after one to settle.
    fn seen(&mut self) -> Vec<Frame> {
        self.run(Duration::from_secs(1));
        self.got.clear();
        self.run(Duration::from_secs(2));
        std::mem::take(&mut self.got)
    }
}

/// A camera and a slot that take VP9 with dependency descriptors and feedback.
fn vp9_offer() -> Offer {
    let mut offer = rich_offer();
    offer.media.retain(|media| media.kind == Kind::Video);
    for media in &mut offer.media {
        media.rids.clear();
        media.formats.retain(|format| format.codec == Codec::Vp9);
        media.extensions.retain(|(known, _)| *known != Extension::Rid);
        media.ssrc = (media.direction == Direction::Send).then_some(Ssrc(77));
    }
    offer
}

/// Numbers go up by one, and every picture ends with a marker.
fn check_numbers(frames: &[Frame]) {
    for pair in frames.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq.next(), "what is left out leaves no gap: {pair:?}");
        assert_eq!(pair[0].marker, pair[1].picture != pair[0].picture, "{pair:?}");
    }
}

#[test]
fn everybody_gets_the_spatial_layer_that_its_line_carries_and_no_more() {
    let mut call = Call::new();
    for (bitrate, highest) in [(2_000_000, 2), (250_000, 1), (90_000, 0), (2_000_000, 2)] {
        call.bitrate = bitrate;
        call.run(Duration::from_secs(15));
        let frames = call.seen();
        check_numbers(&frames);
        let pictures = frames.iter().filter(|frame| frame.spatial == highest).count();
        assert!(pictures >= 58, "{pictures} of 60 pictures at {bitrate}");
        for frame in &frames {
            let needed = frame.spatial == highest || (frame.keyframe && frame.spatial < highest);
            assert!(needed, "{frame:?} at {bitrate}");
        }
        let told = call.told.expect("something is sent");
        assert_eq!((told.spatial, told.height), (highest, Some(720 >> (2 - highest))));
    }
}

#[test]
fn a_line_that_carries_not_even_the_smallest_picture_in_full_gets_fewer_of_them() {
    let mut call = Call::new();
    call.bitrate = 55_000;
    call.run(Duration::from_secs(10));
    let frames = call.seen();
    check_numbers(&frames);
    let other = frames.iter().find(|frame| frame.spatial > 0 || frame.temporal > 1);
    assert_eq!(other, None);
    assert!((28..=32).contains(&frames.len()), "{} frames in two seconds", frames.len());
}
