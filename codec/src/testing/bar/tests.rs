//! Bars there and back at several sizes, and the gate.

use super::*;
use crate::{
    EncodeError, LearnError, MediaError, Picture, PictureDecoder, PictureEncoder, PictureMut,
    Pixels, Raw, Sound, Verdict,
};

const GREEN: [u8; 3] = [20, 120, 40];
const WHITE: [u8; 3] = [240, 240, 230];
const BLUE: [u8; 3] = [20, 40, 160];

/// Pixels of bars, each 80 per mille wide, at `positions`.
fn painted(size: (u32, u32), background: [u8; 3], positions: &[u32]) -> Vec<u8> {
    let (width, height) = size;
    let row = (0..width).flat_map(|x| {
        let at = (2 * x + 1) * 1000 / (2 * width);
        let inside = positions.iter().any(|&position| at.abs_diff(position) <= 40);
        let [red, green, blue] = if inside { WHITE } else { background };
        [red, green, blue, 255]
    });
    row.collect::<Vec<u8>>().repeat(height as usize)
}

fn picture((width, height): (u32, u32), rgba: &[u8]) -> Picture<'_> {
    Picture::new(width, height, Pixels::Rgba(rgba)).expect("pixels that fit")
}

fn learned(background: [u8; 3], pictures: usize) -> Vec<u8> {
    let mut learner = Bar.learner();
    for at in 0..pictures as u32 {
        let rgba = painted((320, 180), background, &[100 + at * 7]);
        learner.push(&Raw::Picture(picture((320, 180), &rgba))).expect("a picture");
    }
    learner.finish().expect("enough of a bar")
}

fn model(background: [u8; 3]) -> Box<dyn Model> {
    Bar.model(&learned(background, 12)).expect("what was learned can be read")
}

fn encoder(model: &dyn Model) -> Box<dyn PictureEncoder> {
    match model.encoder() {
        Encoder::Picture(encoder) => encoder,
        Encoder::Sound(_) => panic!("a bar is a picture"),
    }
}

fn decoder(model: &dyn Model) -> Box<dyn PictureDecoder> {
    match model.decoder() {
        Decoder::Picture(decoder) => decoder,
        Decoder::Sound(_) => panic!("a bar is a picture"),
    }
}

fn drawn(decoder: &mut dyn PictureDecoder, frame: usize, (width, height): (u32, u32)) -> Vec<u8> {
    let mut rgba = vec![0; (width * height * 4) as usize];
    let mut target = PictureMut::new(width, height, &mut rgba).expect("pixels that fit");
    decoder.draw(frame, &mut target).expect("a frame of the payload");
    rgba
}

#[test]
fn a_bar_is_drawn_where_it_was_at_any_size() {
    let model = model(GREEN);
    let mut encoder = encoder(&*model);
    let mut decoder = decoder(&*model);
    let (mut payload, mut offsets) = (Vec::new(), Vec::new());
    for (position, offset) in [(300, 0), (345, 40)] {
        let rgba = painted((640, 360), GREEN, &[position]);
        encoder.push(&picture((640, 360), &rgba), offset).expect("a picture in time");
    }
    encoder.flush(&mut payload).expect("two pictures");
    assert_eq!(payload.len(), 12);
    decoder.decode(&payload, &mut offsets).expect("a payload of this model");
    assert_eq!(offsets, [0, 40]);
    for size in [(640, 360), (160, 90), (33, 5)] {
        for (frame, position) in [(0, 300), (1, 345)] {
            let scene = analysis::Scene::of(&picture(size, &drawn(&mut *decoder, frame, size)));
            let bar = scene.only_bar().expect("one bar");
            // A pixel is 31 per mille at the smallest size.
            assert!(bar.position.abs_diff(position) <= 2 + 500 / size.0 as u16, "{bar:?}");
            assert_eq!((bar.colour, scene.background), (WHITE, GREEN));
        }
    }
    let mut pixel = [0; 4];
    let mut target = PictureMut::new(1, 1, &mut pixel).expect("one pixel");
    assert_eq!(decoder.draw(2, &mut target), Err(FrameError::NoSuchFrame));
}

#[test]
fn frames_are_counted_and_know_their_model() {
    let model = model(GREEN);
    let mut encoder = encoder(&*model);
    let rgba = painted((320, 180), GREEN, &[500]);
    let mut counters = Vec::new();
    let mut payload = Vec::new();
    for _ in 0..3 {
        payload.clear();
        for offset in [5, 45] {
            encoder.push(&picture((320, 180), &rgba), offset).expect("a picture in time");
        }
        encoder.flush(&mut payload).expect("two pictures");
        let read = Payload::read(&payload).expect("what was encoded can be read");
        counters.extend(read.frames.iter().map(|frame| frame.counter));
    }
    assert_eq!(counters, [0, 1, 2, 3, 4, 5]);
    let mut other = decoder(&*self::model(BLUE));
    assert_eq!(other.decode(&payload, &mut Vec::new()), Err(FrameError::OtherModel));
}

#[test]
fn payloads_that_no_encoder_wrote_are_refused() {
    let refused = |payload: &[u8]| Payload::read(payload) == Err(FrameError::Malformed);
    assert!(!refused(&[0, 0, 79, 0, 0, 3, 232]));
    assert!(refused(&[]) && refused(&[0, 0]));
    assert!(refused(&[0, 0, 80, 0, 0, 3, 232]), "past the end of the payload's time");
    assert!(refused(&[0, 0, 79, 0, 0, 3, 233]), "outside the picture");
    assert!(refused(&[0, 0, 79, 0, 0, 3]), "cut");
    assert!(refused(&[0, 0, 9, 0, 0, 0, 0, 9, 0, 1, 0, 0]), "two at a time");
    let many: Vec<u8> = (0..5).flat_map(|at| [at, 0, 0, 0, 0]).collect();
    assert!(refused(&[&[0, 0], &many[..]].concat()), "five frames");
}

#[test]
fn an_encoder_takes_pictures_in_order() {
    let mut encoder = encoder(&*model(GREEN));
    let rgba = painted((320, 180), GREEN, &[500]);
    let picture = picture((320, 180), &rgba);
    assert_eq!(encoder.flush(&mut Vec::new()), Err(EncodeError::TooLittle));
    assert_eq!(encoder.push(&picture, 80), Err(MediaError::Amount));
    for offset in [0, 20, 40, 60] {
        encoder.push(&picture, offset).expect("a picture in time");
        assert_eq!(encoder.push(&picture, offset), Err(MediaError::Amount));
    }
    assert_eq!(encoder.push(&picture, 70), Err(MediaError::Amount));
}

#[test]
fn a_learner_refines_what_it_gave_and_learns_nothing_of_crowds() {
    let mut learner = Bar.learner();
    let size = (320, 180);
    let mut push = |count: usize, positions: &[u32]| {
        let rgba = painted(size, GREEN, positions);
        let raw = Raw::Picture(picture(size, &rgba));
        let pushed = (0..count).map(|_| learner.push(&raw).expect("a picture")).last();
        (pushed.expect("at least one"), learner.finish())
    };
    assert_eq!(push(20, &[200, 700]), (crate::Progress::default(), Err(LearnError::TooLittle)));
    assert_eq!(push(20, &[]).1, Err(LearnError::TooLittle));
    let (progress, body) = push(10, &[200]);
    assert!(progress.usable && progress.refined && progress.per_mille == 200);
    let body = body.expect("enough of a bar");
    let (progress, refined) = push(10, &[300]);
    assert!(progress.refined);
    let refined = refined.expect("enough of a bar");
    assert!(refined.starts_with(&body) && refined.len() == 2 * body.len());
    let sound = Raw::Sound(Sound::new(&[]));
    assert_eq!(learner.push(&sound), Err(MediaError::Kind));
}

#[test]
fn a_body_that_no_learner_wrote_is_refused() {
    for body in [&[][..], &[0; 7], &[0; 8], &[0xff; 8], &[1; RECORD_LEN * (MAX_RECORDS + 1)]] {
        assert_eq!(Bar.model(body).err(), Some(ModelError::Malformed));
    }
}

#[test]
fn the_gate_is_red_for_a_second_bar_another_background_and_wrong_moments() {
    let size = (320, 180);
    let mut gate = model(GREEN).gate();
    let mut check = |background, positions: &[u32], shown: &[u32]| {
        let (source, drawn) = (painted(size, background, positions), painted(size, GREEN, shown));
        let (source, drawn) = (picture(size, &source), picture(size, &drawn));
        let fidelity = gate.observe(&Raw::Picture(source), &Raw::Picture(drawn));
        fidelity.map(|fidelity| fidelity.verdict)
    };
    assert_eq!(check(GREEN, &[400], &[402]), Ok(Verdict::Green));
    assert_eq!(check(GREEN, &[400], &[425]), Ok(Verdict::Amber));
    assert_eq!(check(GREEN, &[400], &[500]), Ok(Verdict::Red));
    assert_eq!(check(GREEN, &[400, 700], &[400]), Ok(Verdict::Red));
    assert_eq!(check(GREEN, &[], &[400]), Ok(Verdict::Red));
    assert_eq!(check(BLUE, &[400], &[400]), Ok(Verdict::Red));
    let small = painted((32, 18), GREEN, &[400]);
    let large = painted(size, GREEN, &[400]);
    let (small, large) = (picture((32, 18), &small), picture(size, &large));
    let observed = gate.observe(&Raw::Picture(small), &Raw::Picture(large));
    assert_eq!(observed, Err(MediaError::Size));
}

#[test]
fn planes_of_a_video_decoder_are_read_like_pixels() {
    let (width, height) = (64, 36);
    let y: Vec<u8> = (0..height)
        .flat_map(|_| (0..64).map(|x| if (20..28).contains(&x) { 200 } else { 60 }))
        .collect();
    let planes = [&y[..], &[128; 2 * 32 * 18]].concat();
    let picture = Picture::packed_i420(width, height, &planes).expect("planes that fit");
    let bar = analysis::Scene::of(&picture).only_bar().expect("one bar");
    assert_eq!((bar.position, bar.width), (375, 125));
}
