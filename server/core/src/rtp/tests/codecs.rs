//! Payload descriptors of VP9, H.264 and AV1.

use crate::{
    media::Codec,
    rtp::{BuildError, VideoDescriptor, Vp9Descriptor, Vp9Layers, patch_vp9},
};

/// A payload and three things that it is, or is not.
type Row<'a> = (&'a [u8], (bool, bool, bool));

fn vp9(payload: &[u8]) -> Option<Vp9Descriptor> {
    match VideoDescriptor::parse(Codec::Vp9, payload, false)? {
        VideoDescriptor::Vp9(descriptor) => Some(descriptor),
        other => panic!("a VP9 payload is {other:?}"),
    }
}

#[test]
fn every_form_of_the_vp9_descriptor_is_read() {
    let plain = Vp9Descriptor::default();
    let layers = Vp9Layers::default();
    let cases: [(&[u8], Vp9Descriptor); 8] = [
        (&[0x08], Vp9Descriptor { start_of_frame: true, ..plain }),
        (
            &[0x45],
            Vp9Descriptor { predicted: true, end_of_frame: true, not_referenced: true, ..plain },
        ),
        (&[0x80, 0x7f], Vp9Descriptor { picture_id: Some((127, false)), ..plain }),
        (&[0x80, 0xff, 0xff], Vp9Descriptor { picture_id: Some((32_767, true)), ..plain }),
        (
            &[0xa0, 0x01, 0x75, 9],
            Vp9Descriptor {
                picture_id: Some((1, false)),
                layers: Some(Vp9Layers {
                    temporal: 3,
                    switch_up: true,
                    spatial: 2,
                    inter_layer: true,
                    tl0_picture_index: Some(9),
                }),
                ..plain
            },
        ),
        // Flexible mode: no index in temporal layer 0, references at the end.
        (
            &[0xf0, 0x01, 0x20, 0x03, 0x04],
            Vp9Descriptor {
                predicted: true,
                flexible: true,
                picture_id: Some((1, false)),
                layers: Some(Vp9Layers { temporal: 1, ..layers }),
                references: [1, 2, 0],
                ..plain
            },
        ),
        // Two spatial layers with their sizes.
        (
            &[0x02, 0x30, 1, 64, 0, 180, 2, 128, 1, 104],
            Vp9Descriptor { spatial_layers: Some(2), ..plain },
        ),
        // Three pictures in a group, with no, one and two references.
        (
            &[0x02, 0x48, 3, 0x00, 0x24, 0x01, 0x58, 0x01, 0x02],
            Vp9Descriptor { spatial_layers: Some(3), ..plain },
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(vp9(payload), Some(expected), "{payload:x?}");
        for len in 0..payload.len() {
            assert_eq!(vp9(&payload[..len]), None, "{:x?}", &payload[..len]);
        }
    }
    assert_eq!(vp9(&[0x50, 3, 3, 3]), None, "at most three references");
}

#[test]
fn a_vp9_keyframe_starts_with_the_lowest_layer_of_a_picture_that_is_not_predicted() {
    let start = Vp9Descriptor { start_of_frame: true, ..Vp9Descriptor::default() };
    let layers = |spatial, inter_layer| {
        Some(Vp9Layers { spatial, inter_layer, tl0_picture_index: Some(1), ..Vp9Layers::default() })
    };
    let cases = [
        (start, true),
        (Vp9Descriptor { start_of_frame: false, ..start }, false),
        (Vp9Descriptor { predicted: true, ..start }, false),
        (Vp9Descriptor { layers: layers(0, false), ..start }, true),
        (Vp9Descriptor { layers: layers(1, true), ..start }, false),
    ];
    for (descriptor, expected) in cases {
        let video = VideoDescriptor::Vp9(descriptor);
        assert_eq!(video.starts_keyframe(), expected, "{descriptor:?}");
    }
}

#[test]
fn vp9_counters_are_patched_in_their_width_and_a_short_descriptor_is_left_alone() {
    let cases: [(&[u8], &[u8]); 5] = [
        (&[0x08, 7], &[0x08, 7]),
        (&[0x80, 0x01, 7], &[0x80, 0x34, 7]),
        (&[0x80, 0x80, 0x01, 7], &[0x80, 0x92, 0x34, 7]),
        (&[0xa0, 0x80, 0x01, 0x20, 5, 7], &[0xa0, 0x92, 0x34, 0x20, 99, 7]),
        (&[0xb0, 0x01, 0x20, 7], &[0xb0, 0x34, 0x20, 7]),
    ];
    for (payload, expected) in cases {
        let mut patched = payload.to_vec();
        assert_eq!(patch_vp9(&mut patched, 0x1234, 99), Some(()));
        assert_eq!(patched, expected);
    }
    for cut in [&[][..], &[0x80], &[0x80, 0x80], &[0xa0, 0x01, 0x20]] {
        let mut patched = cut.to_vec();
        assert_eq!(patch_vp9(&mut patched, 0x1234, 99), None, "{cut:x?}");
        assert_eq!(patched, cut);
    }
}

#[test]
fn vp9_values_that_do_not_fit_are_refused() {
    let plain = Vp9Descriptor::default();
    let layers = Vp9Layers { tl0_picture_index: Some(1), ..Vp9Layers::default() };
    for bad in [
        Vp9Descriptor { picture_id: Some((128, false)), ..plain },
        Vp9Descriptor { picture_id: Some((1 << 15, true)), ..plain },
        Vp9Descriptor { layers: Some(Vp9Layers { spatial: 8, ..layers }), ..plain },
        Vp9Descriptor { layers: Some(Vp9Layers { temporal: 8, ..layers }), ..plain },
        Vp9Descriptor { layers: Some(layers), flexible: true, ..plain },
        Vp9Descriptor { predicted: true, flexible: true, ..plain },
        Vp9Descriptor { spatial_layers: Some(9), ..plain },
    ] {
        assert_eq!(
            VideoDescriptor::Vp9(bad).write(&mut [0; 20]),
            Err(BuildError::Value),
            "{bad:?}"
        );
    }
}

#[test]
fn h264_frames_and_keyframes_are_found_in_every_packetisation() {
    // Payload; start of a frame, parameter sets, start of an IDR picture.
    let cases: [Row; 12] = [
        (&[0x67, 0x42], (true, true, false)),
        (&[0x68, 0xce], (false, false, false)),
        (&[0x65, 0x88], (true, false, true)),
        // A slice that is not the first of its picture.
        (&[0x65, 0x48], (false, false, false)),
        (&[0x41, 0x9a], (true, false, false)),
        (&[0x09, 0x10], (true, false, false)),
        (&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], (true, true, false)),
        (&[0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 0x88], (true, true, true)),
        (&[0x7c, 0x85, 0x88], (true, false, true)),
        (&[0x7c, 0x05, 0x88], (false, false, false)),
        (&[0x7c, 0x45, 0x88], (false, false, false)),
        (&[0x5c, 0x81, 0x9a], (true, false, false)),
    ];
    for (payload, (start_of_frame, parameters, idr)) in cases {
        let expected = VideoDescriptor::H264 { start_of_frame, parameters, idr };
        assert_eq!(
            VideoDescriptor::parse(Codec::H264, payload, false),
            Some(expected),
            "{payload:x?}"
        );
    }
    for bad in
        [&[][..], &[0x00], &[0x7d, 1, 2], &[0x78, 0, 9, 1], &[0x78, 0], &[0x78, 0, 0], &[0x7c]]
    {
        assert_eq!(VideoDescriptor::parse(Codec::H264, bad, false), None, "{bad:x?}");
    }
    let opaque = VideoDescriptor::parse(Codec::H264, &[0x65, 0x88], true).unwrap();
    assert!(!opaque.starts_keyframe());
}

#[test]
fn an_av1_keyframe_is_a_new_sequence_with_a_sequence_header() {
    // Payload; goes on, new sequence, new sequence if opaque.
    let cases: [Row; 7] = [
        (&[0x18, 0x0a], (false, true, true)),
        (&[0x18, 0x12], (false, true, true)),
        (&[0x18, 0x32], (false, false, true)),
        (&[0x08, 0x0b, 0x0a], (false, true, true)),
        (&[0x28, 0x81, 0x01, 0x0a], (false, true, true)),
        (&[0x98, 0x0a], (true, false, false)),
        (&[0x10, 0x0a], (false, false, false)),
    ];
    for (payload, (continues, clear, opaque)) in cases {
        for (hidden, new_sequence) in [(false, clear), (true, opaque)] {
            let expected = VideoDescriptor::Av1 { continues, new_sequence };
            let read = VideoDescriptor::parse(Codec::Av1, payload, hidden);
            assert_eq!(read, Some(expected), "{payload:x?}, opaque {hidden}");
        }
    }
    assert_eq!(VideoDescriptor::parse(Codec::Av1, &[], false), None);
    let mut out = [0; 2];
    let video = VideoDescriptor::Av1 { continues: false, new_sequence: true };
    assert_eq!(video.write(&mut out), Ok(2));
    assert_eq!(VideoDescriptor::parse(Codec::Av1, &out, false), Some(video));
}
