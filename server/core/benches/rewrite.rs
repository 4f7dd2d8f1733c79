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
        LayerChoice, MAX_HEADER_LEN, Rewrite, Selection, SlotStart, SlotStream, SourceStream,
        Target,
    },
    id::{ExtensionId, LayerIndex, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Extension, Kind},
    rtp::{ExtensionMap, Packet, PacketBuilder, VideoDescriptor},
};

/// Payload of a full video packet.
const PAYLOAD_LEN: usize = 1100;
const SUBSCRIBERS: usize = 50;
const PACKETS: usize = 4096;
const ROUNDS: usize = 15;

const MID: ExtensionId = ExtensionId(4);
const DEPENDENCY: ExtensionId = ExtensionId(8);

fn main() {
    for (name, dependency) in [("VP8", None), ("VP8 + dependency descriptor", Some(DEPENDENCY))] {
        let packets = source_packets();
        let floor = best(PACKETS * SUBSCRIBERS, || copy_all(&packets));
        let parse = best(PACKETS, || parse_all(&packets));
        let receive = best(PACKETS, || receive_all(&packets));
        let select = best(PACKETS * SUBSCRIBERS, || forward_all(&packets, dependency, false));
        let all = best(PACKETS * SUBSCRIBERS, || forward_all(&packets, dependency, true));
        println!("{name}, {} bytes, 1 -> {SUBSCRIBERS}", packets[0].len());
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
    let extensions = extension_map();
    for packet in packets {
        black_box(parse(black_box(packet), &extensions));
    }
}

fn receive_all(packets: &[Vec<u8>]) {
    let extensions = extension_map();
    let mut source = SourceStream::new();
    for bytes in packets {
        let packet = parse(black_box(bytes), &extensions);
        black_box(source.receive(Time::default(), &packet)).expect("no packet comes twice");
    }
}

fn forward_all(packets: &[Vec<u8>], dependency: Option<ExtensionId>, write: bool) {
    let extensions = extension_map();
    let mut source = SourceStream::new();
    let mut slots = slots(dependency);
    let mut out = [0; PAYLOAD_LEN + MAX_HEADER_LEN];
    for bytes in packets {
        let packet = parse(black_box(bytes), &extensions);
        let received = source.receive(Time::default(), &packet).expect("no packet comes twice");
        for slot in &mut slots {
            let rewrite = rewrite(slot.forward(LayerIndex(0), &received));
            if write {
                black_box(rewrite.write(bytes, &mut out, None)).expect("the buffer is long enough");
            } else {
                black_box(rewrite);
            }
        }
    }
}

fn rewrite(selection: Selection) -> Rewrite {
    match selection {
        Selection::Send(rewrite) | Selection::Start(rewrite) | Selection::Switch(rewrite) => {
            rewrite
        }
        Selection::Skip(reason) => unreachable!("the first packet starts a keyframe: {reason:?}"),
    }
}

fn parse(bytes: &[u8], extensions: &ExtensionMap) -> Packet {
    let mut packet = Packet::parse(bytes, extensions).expect("the builder wrote it");
    packet.video = VideoDescriptor::parse(Codec::Vp8, packet.payload(bytes), false);
    packet
}

fn slots(dependency: Option<ExtensionId>) -> Vec<SlotStream> {
    (0..SUBSCRIBERS as u32)
        .map(|number| {
            let mut slot = SlotStream::new(Ssrc(number), Kind::Video, SlotStart::default());
            let target = Target {
                csrc: ShortId(1),
                codec: Codec::Vp8,
                payload_type: PayloadType(96),
                dependency,
            };
            slot.point(target, LayerChoice::whole(LayerIndex(0)));
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
fn source_packets() -> Vec<Vec<u8>> {
    (0..PACKETS)
        .map(|number| {
            let (frame, part) = (number / 4, number % 4);
            let mut payload = vec![0; PAYLOAD_LEN];
            let descriptor = VideoDescriptor::Vp8 {
                start_of_frame: part == 0,
                keyframe: frame == 0,
                picture_id: Some((frame as u16, true)),
                tl0_picture_index: Some(frame as u8),
                temporal_layer: Some((0, false)),
            };
            let len = descriptor.write(&mut payload).expect("the payload is long enough");
            payload[len] = u8::from(frame != 0);
            let [high, low] = (frame as u16).to_be_bytes();
            let packet = PacketBuilder {
                ssrc: Ssrc(7),
                payload_type: PayloadType(96),
                seq: SeqNo(number as u16),
                timestamp: RtpTime(frame as u32 * 3000),
                marker: part == 3,
                csrcs: &[],
                extensions: &[(MID, b"1"), (DEPENDENCY, &[0x80, high, low])],
                payload: &payload,
                padding: 0,
            };
            let mut bytes = vec![0; PAYLOAD_LEN + 64];
            let len = packet.write(&mut bytes).expect("the buffer is long enough");
            bytes.truncate(len);
            bytes
        })
        .collect()
}
