//! Pictures in files and in memory, and where faces are in them.

use sotto_codec::Picture;

use crate::face::{
    Format, Video, VideoError,
    clip::divide,
    coded::{offset_ms, slots},
    i420::planes_of,
    landmarks::Face,
    peers::{codec::Resolution, ivf},
    regions::{Regions, face_area, psnr},
};

use super::{SMALL, grey};

#[test]
fn a_video_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = grey(&folder.path().join("a.y4m"), SMALL, &[10, 20, 30]);
    let check = |video: &Video, luma: &[u8]| {
        assert_eq!((video.format(), video.pictures()), (SMALL, luma.len()));
        for (at, &luma) in luma.iter().enumerate() {
            let planes = video.picture(at).expect("it is there");
            assert_eq!((planes.len(), planes[0], planes[64 * 48]), (SMALL.bytes(), luma, 128));
        }
        assert!(matches!(video.picture(luma.len()), Err(VideoError::Io { .. })));
    };
    check(&video, &[10, 20, 30]);
    check(&video.copy(&folder.path().join("b.y4m"), 1..3).expect("a copy"), &[20, 30]);
}

#[test]
fn what_is_no_video_is_refused() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = folder.path().join("a.y4m");
    for header in [
        "",
        "RIFF",
        "YUV4MPEG2\n",
        "YUV4MPEG2 W64 H48\n",
        "YUV4MPEG2 W63 H48 F25:1\n",
        "YUV4MPEG2 W0 H48 F25:1\n",
        "YUV4MPEG2 W64 H48 F0:1\n",
        "YUV4MPEG2 W64 H48 F25:1 C444\n",
        "YUV4MPEG2 W64 H48 F25:1 C420p10\n",
    ] {
        std::fs::write(&path, header).expect("a folder of ours");
        assert!(matches!(Video::open(&path), Err(VideoError::Format(_))), "{header}");
    }
    std::fs::write(&path, "YUV4MPEG2 W64 H48 F30000:1001 C420jpeg\n").expect("a folder of ours");
    let rate = Video::open(&path).map(|video| video.format().rate());
    assert!(rate.is_ok_and(|rate| (rate - 29.97).abs() < 0.001));
}

#[test]
fn payloads_hold_the_pictures_of_their_80_milliseconds() {
    assert_eq!(slots(SMALL, 5), [0..2, 2..4, 4..5]);
    let thirty = Format { pictures: 30, ..SMALL };
    assert_eq!(slots(thirty, 7), [0..3, 3..5, 5..7]);
    let offsets: Vec<_> = (0..6).map(|at| offset_ms(thirty, at)).collect();
    assert_eq!(offsets, [0, 33, 66, 20, 53, 6]);
    // A picture each 100 ms: one payload in five holds none.
    let ten = Format { pictures: 10, ..SMALL };
    assert_eq!(slots(ten, 5), [0..1, 1..2, 2..3, 3..4, 4..5]);
    assert!(slots(SMALL, 0).is_empty());
}

#[test]
fn at_most_six_tenths_of_a_clip_are_learned_from() {
    assert_eq!(divide(1_775, 500, 375), (500, 375));
    assert_eq!(divide(500, 500, 375), (300, 200));
    assert_eq!(divide(75, 500, 375), (45, 30));
    assert_eq!(divide(0, 500, 375), (0, 0));
}

#[test]
fn drawn_pictures_become_the_planes_that_they_are_drawn_of() {
    let planes: Vec<u8> = [60, 60, 90, 90, 60, 60, 90, 90, 110, 140, 150, 120].into();
    let picture = Picture::packed_i420(4, 2, &planes).expect("the size of the planes");
    let rgba: Vec<u8> = (0..8)
        .flat_map(|at| {
            let [r, g, b] = picture.rgb(at % 4, at / 4);
            [r, g, b, 255]
        })
        .collect();
    let mut back = vec![0; 12];
    planes_of(&rgba, 4, &mut back);
    for (back, plane) in back.iter().zip(&planes) {
        assert!(back.abs_diff(*plane) <= 1, "{back} for {plane}");
    }
}

/// A face of which mouth and eyes are boxes about these middles.
fn face(x: f64, y: f64) -> Face {
    let eye = |x: f64| {
        [
            [x - 4.0, y],
            [x - 2.0, y - 1.0],
            [x + 2.0, y - 1.0],
            [x + 4.0, y],
            [x + 2.0, y + 1.0],
            [x - 2.0, y + 1.0],
        ]
    };
    let mouth = y + 16.0;
    Face {
        outline: [x - 16.0, y - 10.0, x + 16.0, y + 26.0],
        eyes: [eye(x - 8.0), eye(x + 8.0)],
        mouth: [
            [x - 6.0, mouth],
            [x + 6.0, mouth],
            [x - 3.0, mouth - 1.5],
            [x, mouth - 1.5],
            [x + 3.0, mouth - 1.5],
            [x - 3.0, mouth + 1.5],
            [x, mouth + 1.5],
            [x + 3.0, mouth + 1.5],
        ],
        mouth_outline: [x - 7.0, mouth - 3.0, x + 7.0, mouth + 3.0],
        nose: [[x, y], [x, y + 10.0]],
    }
}

#[test]
fn eyes_open_in_parts_of_their_width_and_mouths_of_the_nose() {
    let openings = face(32.0, 16.0).openings();
    assert!((openings.eyes - 0.25).abs() < 1e-9, "{openings:?}");
    assert!((openings.mouth - 0.3).abs() < 1e-9, "{openings:?}");
}

#[test]
fn the_area_of_the_face_holds_it_nearly_all_the_time() {
    let mut faces = vec![Some(face(30.0, 14.0)); 50];
    faces.extend(vec![Some(face(34.0, 18.0)); 50]);
    faces.extend([None, Some(face(50.0, 40.0))]);
    let area = face_area(&faces, SMALL).expect("there is a face");
    assert_eq!((area.left, area.top, area.width, area.height), (14, 4, 36, 40));
    assert_eq!(face_area(&[None, None], SMALL), None);
    assert_eq!(face_area(&[Some(face(-40.0, 14.0))], SMALL), None, "outside of the picture");
}

#[test]
fn quality_is_looked_at_where_mouth_and_eyes_are() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let original = grey(&folder.path().join("a.y4m"), SMALL, &[100, 100, 100]);
    let mut picture = original.picture(0).expect("it is there");
    // Luma of the mouth's rows is off by 10.
    for row in 29..36 {
        picture[row * 64..][..64].fill(110);
    }
    let decoded = folder.path().join("b.y4m");
    let mut writer = crate::face::video::VideoWriter::create(&decoded, SMALL).expect("a folder");
    for _ in 0..3 {
        writer.push(&picture).expect("a folder of ours");
    }
    let decoded = writer.finish().expect("a folder of ours");
    let here = face(32.0, 16.0);
    let area = face_area(&[Some(here.clone())], SMALL).expect("there is a face");
    let regions = [Regions::of(&here, SMALL), None, Regions::of(&face(900.0, 16.0), SMALL)];
    assert!(regions[2].is_none(), "outside of the picture");
    let found = psnr(&original, &decoded, area, &regions).expect("videos of ours");
    let mouth = found[0].mouth.expect("there is a mouth");
    assert!((28.0..30.5).contains(&mouth), "about 28 dB where it is off by 10: {mouth}");
    assert_eq!(found[0].eyes, Some(100.0), "the same");
    assert!(found[0].face > mouth && found[0].face < 40.0, "{found:?}");
    assert_eq!((found[1].mouth, found[1].eyes), (None, None));
}

#[test]
fn half_a_resolution_is_even() {
    assert_eq!(Resolution::Full.size(SMALL), [64, 48]);
    assert_eq!(Resolution::Half.size(SMALL), [32, 24]);
    assert_eq!(Resolution::Half.size(Format { width: 178, height: 2, ..SMALL }), [88, 2]);
}

#[test]
fn pictures_of_an_ivf_file_are_counted_as_they_are_sent() {
    let mut file = b"DKIF\0\0\x20\0AV01".to_vec();
    file.resize(32, 0);
    for (time, bytes) in [(0_u64, &[0x12, 0, 1, 2, 3][..]), (1, &[7, 8])] {
        file.extend((bytes.len() as u32).to_le_bytes());
        file.extend(time.to_le_bytes());
        file.extend(bytes);
    }
    // The delimiter of AV1 is not sent.
    assert_eq!(ivf::pictures(&file), Some(vec![(0, 3), (1, 2)]));
    assert_eq!(ivf::pictures(&file[..32]), Some(vec![]));
    for wrong in [&file[..file.len() - 1], &file[..40], &file[..8], b"RIFF", b""] {
        assert_eq!(ivf::pictures(wrong), None);
    }
}
