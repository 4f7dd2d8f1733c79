//! Tests of the forwarding plane. Packets are real: built, parsed, rewritten and parsed again.

mod history;
mod inside;
mod keyframe;
mod layers;
mod missing;
mod properties;
mod red;
mod report;
mod retransmission;
mod rewrite;
mod scalable;
mod slot;
mod source;

use super::{
    LayerChoice, Received, Rewrite, Selection, Skip, SlotStart, SlotStream, SourceStream, Target,
};
use crate::{
    id::{ExtensionId, LayerIndex, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Extension, Kind},
    rtp::{ExtensionMap, Packet, PacketBuilder, VideoDescriptor},
    time::Time,
};

/// The id of the dependency descriptor on every connection of these tests.
const DEPENDENCY: ExtensionId = ExtensionId(9);
/// The only layer of a publication without simulcast.
const LAYER: LayerIndex = LayerIndex(0);
const SLOT: Ssrc = Ssrc(0x5107);
const SLOT_PAYLOAD: PayloadType = PayloadType(120);

/// What a publisher sends. The fields that a test says nothing about are those of an audio packet.
#[derive(Clone, Debug)]
struct Sent {
    ssrc: u32,
    codec: Codec,
    seq: u16,
    timestamp: u32,
    marker: bool,
    keyframe: bool,
    start_of_frame: bool,
    picture_id: Option<(u16, bool)>,
    tl0: Option<u8>,
    /// Data of the dependency descriptor.
    dependency: Option<Vec<u8>>,
    /// What follows the payload descriptor and the one byte of payload header.
    body: Vec<u8>,
}

fn audio(seq: u16, timestamp: u32) -> Sent {
    Sent {
        ssrc: 1,
        codec: Codec::Opus,
        seq,
        timestamp,
        marker: false,
        keyframe: false,
        start_of_frame: false,
        picture_id: None,
        tl0: None,
        dependency: None,
        body: vec![7; 10],
    }
}

/// A packet that is a whole frame.
fn video(seq: u16, timestamp: u32) -> Sent {
    Sent { codec: Codec::Vp8, start_of_frame: true, ..audio(seq, timestamp) }
}

fn key(seq: u16, timestamp: u32) -> Sent {
    Sent { keyframe: true, ..video(seq, timestamp) }
}

impl Sent {
    fn picture(self, id: u16, long: bool, tl0: u8) -> Self {
        Self { picture_id: Some((id, long)), tl0: Some(tl0), ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut payload = vec![0; 8];
        let len = match self.codec {
            Codec::Opus => 0,
            Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::Av1 => {
                let len = self.descriptor().write(&mut payload).unwrap();
                payload[len] = u8::from(!self.keyframe);
                len + 1
            }
        };
        payload.truncate(len);
        payload.extend(&self.body);
        let extensions: Vec<_> =
            self.dependency.iter().map(|data| (DEPENDENCY, data.as_slice())).collect();
        let packet = PacketBuilder {
            ssrc: Ssrc(self.ssrc),
            payload_type: PayloadType(96),
            seq: SeqNo(self.seq),
            timestamp: RtpTime(self.timestamp),
            marker: self.marker,
            csrcs: &[],
            extensions: &extensions,
            payload: &payload,
            padding: 0,
        };
        let mut bytes = vec![0; 1500];
        let len = packet.write(&mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    fn packet(&self) -> Packet {
        parse(&self.bytes(), self.codec)
    }

    fn descriptor(&self) -> VideoDescriptor {
        VideoDescriptor::Vp8 {
            start_of_frame: self.start_of_frame,
            keyframe: self.keyframe,
            picture_id: self.picture_id,
            tl0_picture_index: self.tl0,
            temporal_layer: None,
        }
    }
}

/// A published layer.
#[derive(Default)]
struct Layer {
    stream: SourceStream,
}

impl Layer {
    fn take(&mut self, at_ms: u64, sent: &Sent) -> Received {
        self.stream.receive(ms(at_ms), &sent.packet()).expect("neither duplicate nor stray")
    }
}

/// What a subscriber reads in a packet of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    seq: u16,
    timestamp: u32,
    picture_id: Option<u16>,
    tl0: Option<u8>,
    frame_number: Option<u16>,
}

/// Applies `rewrite` to `sent` and reads the result as the subscriber would.
fn seen(rewrite: &Rewrite, sent: &Sent) -> Seen {
    let mut out = [0xaa; 1500];
    let len = rewrite.write(&sent.bytes(), &mut out, None).unwrap();
    let packet = parse(&out[..len], sent.codec);
    assert_eq!(packet.ssrc, SLOT);
    assert_eq!(packet.payload_type, SLOT_PAYLOAD);
    let (picture_id, tl0) = match packet.video {
        Some(VideoDescriptor::Vp8 { picture_id, tl0_picture_index, .. }) => {
            assert_eq!(picture_id.map(|(_, long)| long), sent.picture_id.map(|(_, long)| long));
            (picture_id.map(|(id, _)| id), tl0_picture_index)
        }
        _ => (None, None),
    };
    Seen {
        seq: packet.seq.0,
        timestamp: packet.timestamp.0,
        picture_id,
        tl0,
        frame_number: packet.dependency.map(|frame| frame.frame_number),
    }
}

fn parse(bytes: &[u8], codec: Codec) -> Packet {
    let mut extensions = ExtensionMap::default();
    extensions.insert(DEPENDENCY, Extension::DependencyDescriptor);
    let mut packet = Packet::parse(bytes, &extensions).unwrap();
    packet.video = VideoDescriptor::parse(codec, packet.payload(bytes), false);
    packet
}

fn slot(kind: Kind, start: SlotStart) -> SlotStream {
    SlotStream::new(SLOT, kind, start)
}

/// Points `slot` at `target`, of which it wants the only layer.
fn point(slot: &mut SlotStream, target: Target) {
    slot.point(target, LayerChoice::whole(LAYER));
}

fn target(csrc: u32, codec: Codec) -> Target {
    Target { csrc: ShortId(csrc), codec, payload_type: SLOT_PAYLOAD, dependency: Some(DEPENDENCY) }
}

fn ms(ms: u64) -> Time {
    Time::from_micros(1_800_000_000_000_000 + ms * 1000)
}

/// Hands `sent`, as packets of `layer`, to `slot`, each with its time in ms, and gives what the
/// subscriber reads, or why it gets nothing.
fn drive(
    slot: &mut SlotStream,
    layer: &mut Layer,
    sent: impl IntoIterator<Item = (u64, Sent)>,
) -> Vec<Result<Seen, Skip>> {
    sent.into_iter()
        .map(|(at, sent)| match slot.forward(LAYER, &layer.take(at, &sent)) {
            Selection::Send(rewrite) | Selection::Start(rewrite) | Selection::Switch(rewrite) => {
                Ok(seen(&rewrite, &sent))
            }
            Selection::Skip(reason) => Err(reason),
        })
        .collect()
}
