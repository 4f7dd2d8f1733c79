//! What one packet costs in the core's hot path: reading it once, then selecting and writing it for
//! every subscriber. Prints nanoseconds per packet, the best of several rounds, beside the cost of
//! copying the same bytes, below which nothing that forwards can go.
#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sotto_core::{
    Time,
    forward::{
        LayerChoice, MAX_HEADER_LEN, Selection, Skip, SlotStart, SlotStream, SourceStream, Target,
    },
    id::{ExtensionId, LayerIndex, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Extension, Kind},
    rtp::{
        Dependency, DependencyStructure, ExtensionMap, FrameTemplate, Indication, Packet,
        PacketBuilder, VideoDescriptor,
    },
};

/// Payload of a full video packet.
const PAYLOAD_LEN: usize = 1100;
const SUBSCRIBERS: usize = 50;
const PACKETS: usize = 4096;
const ROUNDS: usize = 15;

const LAYER: LayerIndex = LayerIndex(0);
const MID: ExtensionId = ExtensionId(4);
const DEPENDENCY: ExtensionId = ExtensionId(8);

/// What is sent, and what of it goes on.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// Whether subscribers negotiated the dependency descriptor.
    dependency: bool,
    /// Highest temporal layer that goes on; none: the stream has one only.
    temporal: Option<u8>,
}

const CASES: [Case; 3] = [
    Case { name: "VP8", dependency: false, temporal: None },
    Case { name: "VP8 + dependency descriptor", dependency: true, temporal: None },
    Case {
        name: "VP8 + dependency descriptor, three temporal layers of which two go on",
        dependency: true,
        temporal: Some(1),
    },
];

fn main() {
    for case in CASES {
        let packets = source_packets(case);
        let floor = best(PACKETS * SUBSCRIBERS, || copy_all(&packets));
        let parse = best(PACKETS, || parse_all(&packets));
        let receive = best(PACKETS, || receive_all(&packets));
        let select = best(PACKETS * SUBSCRIBERS, || forward_all(&packets, case, false));
        let all = best(PACKETS * SUBSCRIBERS, || forward_all(&packets, case, true));
        println!("{}, {} bytes, 1 -> {SUBSCRIBERS}", case.name, packets[0].len());
        println!(
            "  once per packet:       parse {parse:6.1} ns, parse and number {receive:6.1} ns"
        );
        println!(
            "  per subscriber:        select {select:5.1} ns, with its share of the above and the \
             write {all:6.1} ns"
        );
        println!("  floor, the copy alone: {floor:6.1} ns");
    }
}

/// Nanoseconds per operation in the best of several rounds of `operations`.
fn best(operations: usize, mut round: impl FnMut()) -> f64 {
    let time = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap_or(Duration::MAX);
    time.as_nanos() as f64 / operations as f64
}

fn copy_all(packets: &[Vec<u8>]) {
    let mut out = [0; PAYLOAD_LEN + 128];
    for packet in packets {
        for _ in 0..SUBSCRIBERS {
            out[..packet.len()].copy_from_slice(black_box(packet));
            black_box(&mut out);
        }
    }
}

fn parse_all(packets: &[Vec<u8>]) {
    let (extensions, mut source) = (extension_map(), SourceStream::new());
    for packet in packets {
        black_box(parse(black_box(packet), &extensions, &mut source));
    }
}

fn receive_all(packets: &[Vec<u8>]) {
    let (extensions, mut source) = (extension_map(), SourceStream::new());
    for bytes in packets {
        let packet = parse(black_box(bytes), &extensions, &mut source);
        black_box(source.receive(Time::default(), &packet)).expect("no packet comes twice");
    }
}

fn forward_all(packets: &[Vec<u8>], case: Case, write: bool) {
    let (extensions, mut source) = (extension_map(), SourceStream::new());
    let mut slots = slots(case);
    let mut out = [0; PAYLOAD_LEN + MAX_HEADER_LEN];
    for bytes in packets {
        let packet = parse(black_box(bytes), &extensions, &mut source);
        let received = source.receive(Time::default(), &packet).expect("no packet comes twice");
        for slot in &mut slots {
            match slot.forward(LAYER, &received) {
                Selection::Send(rewrite)
                | Selection::Start(rewrite)
                | Selection::Switch(rewrite) => {
                    if write {
                        black_box(rewrite.write(bytes, &mut out, None))
                            .expect("the buffer is long enough");
                    } else {
                        black_box(rewrite);
                    }
                }
                Selection::Skip(Skip::LeftOut) if case.temporal.is_some() => {}
                Selection::Skip(reason) => unreachable!("everything goes on: {reason:?}"),
            }
        }
    }
}

fn parse(bytes: &[u8], extensions: &ExtensionMap, source: &mut SourceStream) -> Packet {
    let mut packet = Packet::parse(bytes, extensions).expect("the builder wrote it");
    source.describe(&mut packet, bytes, Codec::Vp8, false);
    packet
}

fn slots(case: Case) -> Vec<SlotStream> {
    (0..SUBSCRIBERS as u32)
        .map(|number| {
            let mut slot = SlotStream::new(Ssrc(number), Kind::Video, SlotStart::default());
            let target = Target {
                csrc: ShortId(1),
                codec: Codec::Vp8,
                payload_type: PayloadType(96),
                dependency: case.dependency.then_some(DEPENDENCY),
            };
            let temporal = case.temporal.unwrap_or(u8::MAX);
            slot.point(target, LayerChoice { temporal, ..LayerChoice::whole(LAYER) });
            slot
        })
        .collect()
}

fn extension_map() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.insert(MID, Extension::Mid);
    map.insert(DEPENDENCY, Extension::DependencyDescriptor);
    map
}

/// A keyframe packet, then frames of four packets.
fn source_packets(case: Case) -> Vec<Vec<u8>> {
    let structure = structure();
    (0..PACKETS)
        .map(|number| {
            let (frame, part) = (number / 4, number % 4);
            let temporal = match case.temporal {
                Some(_) => [0, 2, 1, 2][frame % 4],
                None => 0,
            };
            let mut payload = vec![0; PAYLOAD_LEN];
            let descriptor = VideoDescriptor::Vp8 {
                start_of_frame: part == 0,
                keyframe: frame == 0,
                picture_id: Some((frame as u16, true)),
                tl0_picture_index: Some(frame as u8),
                temporal_layer: Some((temporal, true)),
            };
            let len = descriptor.write(&mut payload).expect("the payload is long enough");
            payload[len] = u8::from(frame != 0);
            let dependency = Dependency {
                start_of_frame: part == 0,
                end_of_frame: part == 3,
                template: temporal,
                frame_number: frame as u16,
                structure: &structure,
                attached: frame == 0 && part == 0 && case.temporal.is_some(),
                active: None,
                indications: None,
                references: None,
                chains: None,
            };
            let mut data = [0; 64];
            let len = dependency.write(&mut data).expect("the buffer is long enough");
            let packet = PacketBuilder {
                ssrc: Ssrc(7),
                payload_type: PayloadType(96),
                seq: SeqNo(number as u16),
                timestamp: RtpTime(frame as u32 * 3000),
                marker: part == 3,
                csrcs: &[],
                extensions: &[(MID, b"1"), (DEPENDENCY, &data[..len])],
                payload: &payload,
                padding: 0,
            };
            let mut bytes = vec![0; PAYLOAD_LEN + 128];
            let len = packet.write(&mut bytes).expect("the buffer is long enough");
            bytes.truncate(len);
            bytes
        })
        .collect()
}

/// Three temporal layers.
fn structure() -> DependencyStructure {
    use Indication::{Discardable as D, NotPresent as N, Switch as S};
    let templates = [[S, S, S], [N, D, S], [N, N, D]].into_iter().zip(0..);
    let templates = templates.map(|(indications, temporal)| FrameTemplate {
        temporal,
        indications: indications.to_vec(),
        references: vec![1],
        ..FrameTemplate::default()
    });
    DependencyStructure { templates: templates.collect(), ..DependencyStructure::default() }
}
