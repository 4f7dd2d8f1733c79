use crate::{
    id::{ExtensionId, Mid, PayloadType, Rid, RtpTime, SeqNo, Ssrc},
    media::Extension,
    rtp::{
        AudioLevel, BuildError, DependencyDescriptor, ExtensionMap, Packet, PacketBuilder,
        ParseError,
    },
};

/// Version 2, marker, payload type 111, numbers by hand.
const FIXED: [u8; 12] = [0x80, 0xef, 0x12, 0x34, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe];

fn map() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.insert(ExtensionId(1), Extension::AudioLevel);
    map.insert(ExtensionId(4), Extension::Mid);
    map.insert(ExtensionId(10), Extension::Rid);
    map.insert(ExtensionId(12), Extension::DependencyDescriptor);
    map
}

/// The fixed header with `flags` set in its first byte, then `rest`.
fn parse(flags: u8, rest: &[u8]) -> Result<Packet, ParseError> {
    let mut bytes = FIXED.to_vec();
    bytes[0] |= flags;
    bytes.extend(rest);
    Packet::parse(&bytes, &map())
}

#[test]
fn a_plain_header_is_read() {
    let packet = parse(0, &[1, 2, 3]).unwrap();
    let expected = Packet {
        ssrc: Ssrc(0xcafe_babe),
        payload_type: PayloadType(111),
        seq: SeqNo(0x1234),
        timestamp: RtpTime(0x0102_0304),
        marker: true,
        header_len: 12,
        payload_len: 3,
        mid: None,
        rid: None,
        repaired_rid: None,
        transport_seq: None,
        audio_level: None,
        dependency: None,
        video: None,
        frame: None,
    };
    assert_eq!(packet, expected);
}

#[test]
fn contributing_sources_and_padding_are_left_out_of_the_payload() {
    let packet = parse(0x22, &[9, 9, 9, 9, 8, 8, 8, 8, 1, 2, 3, 0, 0, 3]).unwrap();
    assert_eq!((packet.header_len, packet.payload_len), (20, 3));
    let only_padding = parse(0x20, &[0, 0, 0, 0, 5]).unwrap();
    assert_eq!(only_padding.payload_len, 0);
}

#[test]
fn one_byte_extensions_are_read() {
    let block = [
        0xbe, 0xde, 0, 5, // five words
        0x10, 0x85, // audio level 5, voice
        0x41, b'4', b'2', // mid
        0, 0, // padding between
        0xa0, b'h', // rid
        0x71, 1, 2, // not known
        0xc3, 0xc0, 0x12, 0x34, 0x80, // dependency descriptor
        0, 0, 0,    // padding
        0xee, // payload
    ];
    let packet = parse(0x10, &block).unwrap();
    assert_eq!((packet.header_len, packet.payload_len), (36, 1));
    assert_eq!(packet.audio_level, Some(AudioLevel { level: 5, voice: true }));
    assert_eq!(packet.mid, Mid::new("42").ok());
    assert_eq!(packet.rid, Rid::new("h").ok());
    let descriptor = DependencyDescriptor {
        offset: 29,
        len: 4,
        start_of_frame: true,
        end_of_frame: true,
        frame_number: 0x1234,
        keyframe: true,
    };
    assert_eq!(packet.dependency, Some(descriptor));
    assert!(packet.starts_keyframe());
}

#[test]
fn two_byte_extensions_are_read_whatever_their_application_bits() {
    for bits in [0, 7] {
        let block = [
            0x10, bits, 0, 4, // four words
            1, 2, 0x7f, 0, // audio level, padded inside
            0, // padding between
            4, 1, b'0', // mid
            200, 0, // not known, empty
            12, 3, 0x40, 0, 9, // dependency descriptor, mandatory part
            0, // padding
        ];
        let packet = parse(0x10, &block[..]).unwrap();
        assert_eq!(packet.audio_level, Some(AudioLevel { level: 127, voice: false }));
        assert_eq!(packet.mid, Mid::new("0").ok());
        let frame = packet.dependency.unwrap();
        assert_eq!((frame.frame_number, frame.keyframe, frame.end_of_frame), (9, false, true));
        assert_eq!(packet.payload_len, 0);
    }
}

#[test]
fn element_fifteen_ends_a_block_of_one_byte_extensions() {
    let block = [0xbe, 0xde, 0, 2, 0x40, b'a', 0xf0, 1, 0x10, 5, 0xff, 0xff];
    let packet = parse(0x10, &block).unwrap();
    assert_eq!((packet.mid, packet.audio_level), (Mid::new("a").ok(), None));
}

#[test]
fn a_block_of_another_profile_is_passed_over() {
    let packet = parse(0x10, &[0xab, 0xcd, 0, 1, 0x1f, 0xff, 0xff, 0xff, 7]).unwrap();
    assert_eq!((packet.audio_level, packet.header_len, packet.payload_len), (None, 20, 1));
}

#[test]
fn known_extensions_that_make_no_sense_are_as_if_they_were_not_there() {
    let block = [0xbe, 0xde, 0, 3, 0x41, b'a', b'\n', 0xc1, 1, 2, 0xa1, 0, 0, 0x10, 1, 0];
    let packet = parse(0x10, &block).unwrap();
    assert_eq!((packet.mid, packet.dependency, packet.rid), (None, None, None));
    assert_eq!(packet.audio_level, Some(AudioLevel { level: 1, voice: false }));
}

#[test]
fn lengths_that_contradict_the_packet_are_refused() {
    let cases: [(u8, &[u8], ParseError); 10] = [
        (0x01, &[], ParseError::Length),
        (0x0f, &[0; 59], ParseError::Length),
        (0x10, &[0xbe, 0xde, 0], ParseError::Length),
        (0x10, &[0xbe, 0xde, 0, 2, 0, 0, 0, 0], ParseError::Length),
        (0x10, &[0xbe, 0xde, 0xff, 0xff, 0, 0, 0, 0], ParseError::Length),
        (0x10, &[0xbe, 0xde, 0, 1, 0x13, 1, 2, 3], ParseError::Extension),
        (0x10, &[0x10, 0, 0, 1, 1, 3, 1, 2], ParseError::Extension),
        (0x10, &[0x10, 0, 0, 1, 0, 0, 0, 1], ParseError::Extension),
        (0x20, &[], ParseError::Padding),
        (0x20, &[1, 2, 4], ParseError::Padding),
    ];
    for (flags, rest, error) in cases {
        assert_eq!(parse(flags, rest), Err(error), "{flags:#x} {rest:?}");
    }
    assert_eq!(parse(0x20, &[1, 2, 0]), Err(ParseError::Padding));
    assert_eq!(Packet::parse(&FIXED[..11], &map()), Err(ParseError::Length));
    assert_eq!(Packet::parse(&[0; 65_536], &map()), Err(ParseError::Version));
    let mut long = FIXED.to_vec();
    long.resize(65_536, 0);
    assert_eq!(Packet::parse(&long, &map()), Err(ParseError::Length));
}

#[test]
fn the_builder_takes_the_two_byte_form_only_where_it_must() {
    let profile = |extensions: &[(ExtensionId, &[u8])]| {
        let packet = PacketBuilder { extensions, ..builder() };
        let mut out = [0; 400];
        let len = packet.write(&mut out).unwrap();
        assert_eq!(len % 4, 0);
        u16::from_be_bytes([out[12], out[13]])
    };
    assert_eq!(profile(&[(ExtensionId(14), &[0; 16])]), 0xbede);
    assert_eq!(profile(&[(ExtensionId(15), &[0; 16])]), 0x1000);
    assert_eq!(profile(&[(ExtensionId(1), &[0; 17])]), 0x1000);
    assert_eq!(profile(&[(ExtensionId(1), &[0; 1]), (ExtensionId(2), &[])]), 0x1000);
}

#[test]
fn what_the_builder_cannot_write_it_refuses() {
    let mut out = [0; 400];
    let bad = [
        PacketBuilder { csrcs: &[0; 16], ..builder() },
        PacketBuilder { payload_type: PayloadType(128), ..builder() },
        PacketBuilder { extensions: &[(ExtensionId(0), &[1])], ..builder() },
        PacketBuilder { extensions: &[(ExtensionId(1), &[0; 256])], ..builder() },
    ];
    for packet in bad {
        assert_eq!(packet.write(&mut out), Err(BuildError::Value), "{packet:?}");
    }
    let packet = PacketBuilder { payload: &[1; 10], padding: 4, csrcs: &[1], ..builder() };
    let len = packet.write(&mut out).unwrap();
    for short in 0..len {
        assert_eq!(packet.write(&mut out[..short]), Err(BuildError::Buffer));
    }
}

fn builder() -> PacketBuilder<'static> {
    PacketBuilder {
        ssrc: Ssrc(1),
        payload_type: PayloadType(96),
        seq: SeqNo(1),
        timestamp: RtpTime(1),
        marker: false,
        csrcs: &[],
        extensions: &[],
        payload: &[],
        padding: 0,
    }
}
