//! Golden pictures: what a model and payloads that lie in the tree are drawn as. Tests of the web
//! client hold the build for browsers to the same bytes, and what draws on a graphics processor to
//! nearly the same.
//!
//! `golden/face.bin`, words little-endian: length of the model's body u32, body; of each payload its
//! length u32, payload. `golden/face.txt`: of each picture, in words: number of the payload, of the
//! frame, width, height, FNV-1a of 32 bits of its RGBA in hexadecimal digits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Write as _, fs, path::Path};

use sotto_codec::{
    Decoder, Encoder, FrameError, Model, Picture, PictureDecoder, PictureMut, Plugin, Raw,
    face::Face,
};

const WIDTH: usize = 192;
const HEIGHT: usize = 160;
/// Pictures that the model was learned of, and payloads behind them.
const LEARNED: usize = 400;
const PAYLOADS: usize = 12;
/// From this picture on there is something before the face that was not learned.
const HIDDEN: usize = 450;
/// Sizes: below, at and above that of the model, and shapes that nothing divides.
const SIZES: [(usize, usize); 5] = [(192, 160), (384, 320), (277, 231), (96, 80), (41, 67)];

/// A face of circles that moves, talks and blinks, in colours.
fn picture(time: usize) -> Vec<u8> {
    let t = time as f32;
    let (middle_x, middle_y) = (96.0 + 7.0 * (t * 0.07).sin(), 76.0 + 4.0 * (t * 0.11).cos());
    let open = (4.0 + 4.0 * (t * 0.4).sin()).max(0.4);
    let lids = if time % 40 < 4 { 0.7 } else { 5.0 };
    let (mut luma, mut blue, mut red) = (Vec::new(), Vec::new(), Vec::new());
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (place_x, place_y) = (x as f32, y as f32);
            let (dx, dy) = (place_x - middle_x, place_y - middle_y);
            let mut colour =
                [90.0 + 20.0 * (place_x * 0.3).sin() * (place_y * 0.23).sin(), 140.0, 118.0];
            let mut paint = |dx: f32, dy: f32, half: (f32, f32), with: [f32; 3]| {
                let depth = 1.0 - (dx / half.0).powi(2) - (dy / half.1).powi(2);
                let cover = (0.5 + depth * half.0.min(half.1) / 2.0).clamp(0.0, 1.0);
                for (own, with) in colour.iter_mut().zip(with) {
                    *own += cover * (with - *own);
                }
            };
            let skin = 150.0 + 12.0 * (dx * 0.5).sin() * (dy * 0.4).cos();
            paint(dx, dy, (44.0, 58.0), [skin, 108.0, 152.0]);
            for side in [-17.0, 17.0] {
                paint(dx + side, dy + 14.0, (10.0, lids), [200.0, 126.0, 130.0]);
                paint(dx + side, dy + 14.0, (lids.min(4.5), lids), [50.0, 134.0, 122.0]);
            }
            paint(dx, dy - 27.0, (17.0, open), [80.0, 116.0, 168.0]);
            if time >= HIDDEN {
                paint(dx - 30.0, dy - 10.0, (20.0, 26.0), [200.0, 112.0, 148.0]);
            }
            luma.push(colour[0] as u8);
            if x % 2 == 0 && y % 2 == 0 {
                blue.push(colour[1] as u8);
                red.push(colour[2] as u8);
            }
        }
    }
    [luma, blue, red].concat()
}

fn view(bytes: &[u8]) -> Picture<'_> {
    Picture::packed_i420(WIDTH as u32, HEIGHT as u32, bytes).unwrap()
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The body of the model, and payloads.
fn golden() -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = fs::read(path("face.bin")).unwrap();
    let mut rest = bytes.as_slice();
    let mut next = || {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let (part, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        rest = behind;
        Some(part.to_vec())
    };
    let body = next().unwrap();
    (body, std::iter::from_fn(next).collect())
}

fn decoder(model: &dyn Model) -> Box<dyn PictureDecoder> {
    let Decoder::Picture(decoder) = model.decoder() else { panic!("faces are pictures") };
    decoder
}

/// `golden/face.txt`, as it is drawn now.
fn drawn(body: &[u8], payloads: &[Vec<u8>]) -> String {
    let model = Face::default().model(body).unwrap();
    let mut decoder = decoder(&*model);
    let (mut offsets, mut lines) = (Vec::new(), String::new());
    for (at, payload) in payloads.iter().enumerate() {
        decoder.decode(payload, &mut offsets).unwrap();
        for frame in 0..offsets.len() {
            for (width, height) in SIZES {
                let mut rgba = vec![0; width * height * 4];
                let mut target = PictureMut::new(width as u32, height as u32, &mut rgba).unwrap();
                decoder.draw(frame, &mut target).unwrap();
                let hash = rgba.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
                    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
                });
                writeln!(lines, "{at} {frame} {width} {height} {hash:08x}").unwrap();
            }
        }
    }
    lines
}

#[test]
fn a_face_is_drawn_as_it_always_was() {
    let (body, payloads) = golden();
    assert_eq!(payloads.len(), PAYLOADS);
    let expected = fs::read_to_string(path("face.txt")).unwrap();
    for (now, then) in drawn(&body, &payloads).lines().zip(expected.lines()) {
        assert_eq!(now, then);
    }
}

#[test]
fn a_scene_tells_all_that_its_picture_is_made_of() {
    let (body, payloads) = golden();
    let model = Face::default().model(&body).unwrap();
    let mut decoder = decoder(&*model);
    let (mut offsets, mut patches, mut residuals) = (Vec::new(), 0, 0);
    for payload in &payloads {
        decoder.decode(payload, &mut offsets).unwrap();
        for frame in 0..offsets.len() {
            for (width, level) in [(WIDTH, 0), (WIDTH / 2, 1), (41, 2)] {
                let scene = decoder.scene(frame, width).unwrap().unwrap();
                assert_eq!((scene.size, scene.level), ((WIDTH, HEIGHT), level));
                assert_eq!(scene.nodes, (WIDTH / 16 + 1, HEIGHT / 16 + 1));
                assert_eq!(scene.motion.len(), 2 * scene.nodes.0 * scene.nodes.1);
                let source = decoder.source(scene.source, level).unwrap();
                assert_eq!(source.size, (WIDTH >> level, HEIGHT >> level));
                if let Some(residual) = &scene.residual {
                    assert_eq!(residual.size, (WIDTH, HEIGHT));
                    assert_eq!(residual.samples.len(), WIDTH * HEIGHT);
                    residuals += 1;
                }
                for patch in &scene.patches {
                    let source = decoder.source(patch.source, level).unwrap();
                    assert_eq!(source.size, (patch.size.0 >> level, patch.size.1 >> level));
                    assert_eq!(source.luma.len(), source.size.0 * source.size.1);
                    let chroma = source.chroma_size.0 * source.chroma_size.1;
                    assert_eq!(source.chroma.len(), 2 * chroma);
                }
                patches += scene.patches.len();
            }
        }
        assert_eq!(decoder.scene(offsets.len(), 1), Err(FrameError::NoSuchFrame));
    }
    assert!(patches > payloads.len(), "{patches}");
    assert!(residuals > 0, "what was not learned takes a residual");
    assert_eq!(decoder.source(0, 5), Err(FrameError::NoSuchSource));
    assert_eq!(decoder.source(usize::MAX, 0), Err(FrameError::NoSuchSource));
}

#[test]
#[ignore = "it writes the golden files anew, for another version of payloads, models or drawing"]
fn golden_files_are_written_anew() {
    let face = Face::default();
    let mut learner = face.learner();
    for time in 0..LEARNED {
        learner.push(&Raw::Picture(view(&picture(time)))).unwrap();
    }
    let body = learner.finish().unwrap();
    let model = face.model(&body).unwrap();
    let Encoder::Picture(mut encoder) = model.encoder() else { panic!("faces are pictures") };
    let payloads = (0..PAYLOADS).map(|at| {
        for part in 0..2 {
            // Three times as fast as what was learned: lids and lips go on otherwise than there.
            let source = picture(LEARNED + 3 * (2 * at + part));
            encoder.push(&view(&source), 40 * part as u8).unwrap();
        }
        let mut payload = Vec::new();
        encoder.flush(&mut payload).unwrap();
        payload
    });
    let payloads: Vec<_> = payloads.collect();
    let parts = std::iter::once(&body).chain(&payloads);
    let bytes: Vec<u8> =
        parts.flat_map(|part| [&(part.len() as u32).to_le_bytes()[..], part].concat()).collect();
    fs::create_dir_all(path("")).unwrap();
    fs::write(path("face.bin"), bytes).unwrap();
    fs::write(path("face.txt"), drawn(&body, &payloads)).unwrap();
}
