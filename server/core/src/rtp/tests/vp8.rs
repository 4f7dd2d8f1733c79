use crate::{
    media::Codec,
    rtp::{BuildError, VideoDescriptor, patch_vp8},
};

/// What a table says about a descriptor: start, keyframe, picture id, index, layer and
/// whether it synchronises.
type Row = (bool, bool, Option<(u16, bool)>, Option<u8>, Option<(u8, bool)>);

fn read(payload: &[u8], opaque: bool) -> Option<Row> {
    match VideoDescriptor::parse(Codec::Vp8, payload, opaque)? {
        VideoDescriptor::Vp8 {
            start_of_frame,
            keyframe,
            picture_id,
            tl0_picture_index,
            temporal_layer,
        } => Some((start_of_frame, keyframe, picture_id, tl0_picture_index, temporal_layer)),
        other => panic!("a VP8 payload is {other:?}"),
    }
}

#[test]
fn every_form_of_the_descriptor_is_read() {
    let cases: [(&[u8], Row); 12] = [
        (&[0x10, 0x00], (true, true, None, None, None)),
        (&[0x10, 0x01], (true, false, None, None, None)),
        (&[0x00, 0x00], (false, false, None, None, None)),
        // The start of another partition is not the start of the frame.
        (&[0x11, 0x00], (false, false, None, None, None)),
        (&[0x90, 0x80, 0x7f, 0x00], (true, true, Some((127, false)), None, None)),
        (&[0x90, 0x80, 0xff, 0xff, 0x01], (true, false, Some((32_767, true)), None, None)),
        (&[0x90, 0x40, 0x07, 0x00], (true, true, None, Some(7), None)),
        (&[0x90, 0x20, 0xc0, 0x00], (true, true, None, None, Some((3, false)))),
        (&[0x90, 0x20, 0x60, 0x00], (true, true, None, None, Some((1, true)))),
        // A key index alone says nothing about the layer.
        (&[0x90, 0x10, 0xdf, 0x00], (true, true, None, None, None)),
        (
            &[0x80, 0xe0, 0x80, 0x01, 0x02, 0x40],
            (false, false, Some((1, true)), Some(2), Some((1, false))),
        ),
        (
            &[0x90, 0xf0, 0x05, 0x06, 0x9f, 0x10],
            (true, true, Some((5, false)), Some(6), Some((2, false))),
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(read(payload, false), Some(expected), "{payload:x?}");
    }
}

#[test]
fn the_frame_of_an_opaque_payload_is_not_looked_at() {
    assert_eq!(read(&[0x10, 0x00], true), Some((true, false, None, None, None)));
    assert_eq!(read(&[0x90, 0x80, 0x05, 0x00], true).unwrap().2, Some((5, false)));
}

#[test]
fn a_descriptor_that_ends_early_is_none() {
    for payload in [&[0x90, 0xf0, 0x85, 0x06, 0x07, 0x9f][..], &[0x90, 0xf0, 0x05, 0x06, 0x9f]] {
        for len in 0..payload.len() {
            assert_eq!(read(&payload[..len], false), None, "{:x?}", &payload[..len]);
            let mut cut = payload[..len].to_vec();
            assert_eq!(patch_vp8(&mut cut, 1, 1), None);
            assert_eq!(cut, payload[..len], "nothing is written");
        }
        assert!(read(payload, false).is_some());
    }
}

#[test]
fn audio_has_no_descriptor() {
    assert_eq!(VideoDescriptor::parse(Codec::Opus, &[0x10, 0x00], false), None);
}

#[test]
fn values_wider_than_their_field_are_refused() {
    let descriptor = |picture_id, temporal_layer| VideoDescriptor::Vp8 {
        start_of_frame: true,
        keyframe: false,
        picture_id,
        tl0_picture_index: None,
        temporal_layer,
    };
    let mut out = [0; 8];
    for bad in [
        descriptor(Some((128, false)), None),
        descriptor(Some((32_768, true)), None),
        descriptor(None, Some((4, false))),
    ] {
        assert_eq!(bad.write(&mut out), Err(BuildError::Value));
    }
    assert_eq!(
        descriptor(Some((1, true)), Some((1, true))).write(&mut out[..4]),
        Err(BuildError::Buffer)
    );
}
