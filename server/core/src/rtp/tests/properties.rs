use proptest::{collection::vec, option, prelude::*};

use crate::{
    id::{ExtensionId, PayloadType, RtpTime, SeqNo, Ssrc},
    media::{Codec, Extension},
    rtp::{
        AudioLevel, DependencyDescriptor, ExtensionMap, Packet, PacketBuilder, VideoDescriptor,
        Vp9Descriptor, Vp9Layers, patch_vp8, patch_vp9,
    },
};

const KNOWN: [Extension; 4] =
    [Extension::Mid, Extension::Rid, Extension::AudioLevel, Extension::DependencyDescriptor];

/// Every id that the one-byte form has, and some that it has not, mean something.
fn map() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    for (id, extension) in (1..=20).zip(KNOWN.into_iter().cycle()) {
        map.insert(ExtensionId(id), extension);
    }
    map
}

/// Bytes that are more likely than chance to be a packet.
fn packet_like() -> impl Strategy<Value = Vec<u8>> {
    let profile = prop_oneof![Just([0xbe, 0xde]), Just([0x10, 0x00]), any::<[u8; 2]>()];
    (any::<u8>(), any::<[u8; 11]>(), 0..4usize, profile, 0..12u8, vec(any::<u8>(), 0..80)).prop_map(
        |(flags, fixed, csrcs, profile, words, rest)| {
            let mut bytes = vec![0x80 | flags & 0x30 | csrcs as u8];
            bytes.extend(fixed);
            bytes.extend([0x11; 16][..csrcs * 4].iter());
            bytes.extend(profile);
            bytes.extend([0, words]);
            bytes.extend(rest);
            bytes
        },
    )
}

/// What holds for whatever [`Packet::parse`] takes.
fn check(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes, &map()) else { return };
    let end = usize::from(packet.header_len) + usize::from(packet.payload_len);
    assert!(packet.header_len >= 12 && end <= bytes.len());
    let payload = packet.payload(bytes);
    assert_eq!(payload.len(), usize::from(packet.payload_len));
    if let Some(frame) = packet.dependency {
        let at = usize::from(frame.offset);
        assert!(frame.len >= 3 && at + usize::from(frame.len) <= usize::from(packet.header_len));
        assert_eq!(bytes[at + 1..at + 3], frame.frame_number.to_be_bytes());
    }
    for opaque in [false, true] {
        let descriptor = VideoDescriptor::parse(Codec::Vp8, payload, opaque);
        let mut patched = payload.to_vec();
        assert_eq!(patch_vp8(&mut patched, 77, 88).is_some(), descriptor.is_some());
        for codec in [Codec::H264, Codec::Av1] {
            let read = VideoDescriptor::parse(codec, payload, opaque);
            assert!(!opaque || codec == Codec::Av1 || !read.is_some_and(|v| v.starts_keyframe()));
        }
    }
    if let Some(before) = VideoDescriptor::parse(Codec::Vp9, payload, false) {
        let mut patched = payload.to_vec();
        assert!(patch_vp9(&mut patched, 77, 88).is_some());
        let after = VideoDescriptor::parse(Codec::Vp9, &patched, false);
        assert_eq!(after.map(without_counters), Some(without_counters(before)));
    }
}

/// A VP9 descriptor as it is whatever its counters are.
fn without_counters(video: VideoDescriptor) -> Vp9Descriptor {
    let VideoDescriptor::Vp9(descriptor) = video else { panic!("a VP9 payload is {video:?}") };
    let layers = descriptor.layers.map(|layers| Vp9Layers {
        tl0_picture_index: layers.tl0_picture_index.map(|_| 0),
        ..layers
    });
    let picture_id = descriptor.picture_id.map(|(_, long)| (0, long));
    Vp9Descriptor { picture_id, layers, ..descriptor }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn no_bytes_that_look_like_a_packet_make_them_panic_either(bytes in packet_like()) {
        check(&bytes);
    }

    #[test]
    fn a_cut_or_bent_packet_does_not_make_them_panic(
        bytes in packet_like(),
        cut in any::<prop::sample::Index>(),
        bend in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = bytes;
        let at = bend.0.index(bytes.len());
        bytes[at] = bend.1;
        check(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn what_the_builder_wrote_is_read_back(
        (ssrc, payload_type, seq, timestamp, marker) in
            (any::<u32>(), 0..128u8, any::<u16>(), any::<u32>(), any::<bool>()),
        csrcs in vec(any::<u32>(), 0..=15),
        mid in option::of("[a-z0-9]{1,16}"),
        rid in option::of("[a-z0-9]{1,16}"),
        level in option::of((0..128u8, any::<bool>())),
        frame in option::of((any::<[u8; 3]>(), vec(any::<u8>(), 0..30))),
        two_byte in any::<bool>(),
        payload in vec(any::<u8>(), 0..100),
        padding in 0..20u8,
    ) {
        let level_byte = level.map(|(level, voice)| [level | if voice { 0x80 } else { 0 }]);
        let descriptor = frame.map(|(mandatory, rest)| [&mandatory[..], &rest].concat());
        let mut extensions: Vec<(ExtensionId, &[u8])> = Vec::new();
        extensions.extend(mid.as_ref().map(|mid| (ExtensionId(1), mid.as_bytes())));
        extensions.extend(rid.as_ref().map(|rid| (ExtensionId(2), rid.as_bytes())));
        extensions.extend(level_byte.as_ref().map(|level| (ExtensionId(3), &level[..])));
        extensions.extend(descriptor.as_ref().map(|data| (ExtensionId(4), &data[..])));
        if two_byte {
            extensions.push((ExtensionId(99), b"?"));
        }
        let builder = PacketBuilder {
            ssrc: Ssrc(ssrc),
            payload_type: PayloadType(payload_type),
            seq: SeqNo(seq),
            timestamp: RtpTime(timestamp),
            marker,
            csrcs: &csrcs,
            extensions: &extensions,
            payload: &payload,
            padding,
        };
        let mut out = [0xaa; 600];
        let len = builder.write(&mut out).unwrap();
        let bytes = &out[..len];
        check(bytes);
        let packet = Packet::parse(bytes, &map()).unwrap();
        prop_assert_eq!(packet.payload(bytes), &payload);
        let expected = Packet {
            ssrc: Ssrc(ssrc),
            payload_type: PayloadType(payload_type),
            seq: SeqNo(seq),
            timestamp: RtpTime(timestamp),
            marker,
            header_len: (len - payload.len() - usize::from(padding)) as u16,
            payload_len: payload.len() as u16,
            mid: mid.as_ref().map(|mid| crate::id::Mid::new(mid).unwrap()),
            rid: rid.as_ref().map(|rid| crate::id::Rid::new(rid).unwrap()),
            repaired_rid: None,
            transport_seq: None,
            audio_level: level.map(|(level, voice)| AudioLevel { level, voice }),
            dependency: descriptor.as_ref().map(|data| DependencyDescriptor {
                offset: packet.dependency.map_or(0, |found| found.offset),
                len: data.len() as u8,
                start_of_frame: data[0] & 0x80 != 0,
                end_of_frame: data[0] & 0x40 != 0,
                frame_number: u16::from_be_bytes([data[1], data[2]]),
                keyframe: data.get(3).is_some_and(|flags| flags & 0x80 != 0),
            }),
            video: None,
            frame: None,
        };
        prop_assert_eq!(packet, expected);
        if let (Some(found), Some(data)) = (packet.dependency, descriptor) {
            let at = usize::from(found.offset);
            prop_assert_eq!(&bytes[at..at + data.len()], &data[..]);
        }
    }

    #[test]
    fn what_a_descriptor_wrote_is_read_back_and_patched_alone(
        start_of_frame in any::<bool>(),
        keyframe in any::<bool>(),
        picture_id in option::of(prop_oneof![
            (0..128u16).prop_map(|id| (id, false)),
            (0..32_768u16).prop_map(|id| (id, true)),
        ]),
        tl0_picture_index in option::of(any::<u8>()),
        temporal_layer in option::of((0..4u8, any::<bool>())),
        rest in vec(any::<u8>(), 0..20),
        new in (0..32_768u16, any::<u8>()),
    ) {
        let keyframe = keyframe && start_of_frame;
        let descriptor = VideoDescriptor::Vp8 {
            start_of_frame, keyframe, picture_id, tl0_picture_index, temporal_layer,
        };
        let mut payload = [0; 8];
        let len = descriptor.write(&mut payload).unwrap();
        let mut payload = payload[..len].to_vec();
        payload.push(u8::from(!keyframe));
        payload.extend(&rest);
        prop_assert_eq!(VideoDescriptor::parse(Codec::Vp8, &payload, false), Some(descriptor));

        patch_vp8(&mut payload, new.0, new.1).unwrap();
        let patched = VideoDescriptor::Vp8 {
            start_of_frame,
            keyframe,
            picture_id: picture_id
                .map(|(_, long)| (if long { new.0 } else { new.0 & 0x7f }, long)),
            tl0_picture_index: tl0_picture_index.map(|_| new.1),
            temporal_layer,
        };
        prop_assert_eq!(VideoDescriptor::parse(Codec::Vp8, &payload, false), Some(patched));
        prop_assert_eq!(&payload[len + 1..], &rest[..]);
    }
}
