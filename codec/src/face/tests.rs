//! The plug-in behind its traits, over a face that is drawn here: a head that moves, a mouth that
//! opens, eyes that blink.

use super::{Face, Settings};
use crate::{
    Decoder, EncodeError, Encoder, FrameError, Gate, LearnError, MAX_SIDE, MediaError, Model,
    ModelError, Picture, PictureDecoder, PictureEncoder, PictureMut, Pixels, Plugin, Raw, Sound,
};

/// Pixels of a side of the pictures.
pub(super) const SIDE: usize = 96;
/// Pictures that are learned from.
const LEARNED: usize = 240;

/// A picture at a time: everything about it is a smooth function of that, but for blinks.
pub(super) fn picture(time: usize) -> Vec<u8> {
    picture_with(time, if time % 40 < 4 { SHUT } else { OPEN })
}

/// Half the height of eyes.
pub(super) const OPEN: f32 = 3.0;
pub(super) const SHUT: f32 = 0.4;

/// A picture at a time with such eyes.
pub(super) fn picture_with(time: usize, lids: f32) -> Vec<u8> {
    let t = time as f32;
    let (shift_x, shift_y) = (5.0 * (t * 0.07).sin(), 3.0 * (t * 0.11).cos());
    let open = (2.5 + 2.5 * (t * 0.4).sin()).max(0.2);
    let mut bytes = vec![128; SIDE * SIDE * 3 / 2];
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (place_x, place_y) = (column as f32, row as f32);
            let (x, y) = (place_x - 48.0 - shift_x, place_y - 44.0 - shift_y);
            let mut luma = background(place_x, place_y);
            let mut paint = |cover: f32, with: f32| luma += cover * (with - luma);
            paint(cover(x, y, 26.0, 34.0), 150.0 + 12.0 * (x * 0.5).sin() * (y * 0.4).cos());
            paint(cover(x - 10.0, y + 8.0, 6.0, lids), 60.0);
            paint(cover(x + 10.0, y + 8.0, 6.0, lids), 60.0);
            paint(cover(x, y - 16.0, 10.0, open), 80.0);
            bytes[row * SIDE + column] = luma as u8;
        }
    }
    bytes
}

/// What is behind the face.
pub(super) fn background(x: f32, y: f32) -> f32 {
    90.0 + 20.0 * (x * 0.3).sin() * (y * 0.23).sin()
}

/// How much of a pixel an ellipse covers, roughly.
pub(super) fn cover(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let depth = 1.0 - (x / half_width).powi(2) - (y / half_height).powi(2);
    (0.5 + depth * half_width.min(half_height) / 2.0).clamp(0.0, 1.0)
}

pub(super) fn view(bytes: &[u8]) -> Picture<'_> {
    Picture::packed_i420(SIDE as u32, SIDE as u32, bytes).expect("the size fits")
}

/// The body of a model of the drawn face.
pub(super) fn body() -> Vec<u8> {
    let mut learner = Face::default().learner();
    for time in 0..LEARNED {
        learner.push(&Raw::Picture(view(&picture(time)))).expect("a picture");
    }
    learner.finish().expect("it is enough, and fits")
}

pub(super) fn model() -> Box<dyn Model> {
    Face::default().model(&body()).expect("a body of our own")
}

pub(super) fn ends(
    model: &dyn Model,
) -> (Box<dyn PictureEncoder>, Box<dyn PictureDecoder>, Box<dyn Gate>) {
    let (Encoder::Picture(encoder), Decoder::Picture(decoder)) = (model.encoder(), model.decoder())
    else {
        panic!("faces are pictures");
    };
    (encoder, decoder, model.gate())
}

/// Codes two pictures 40 ms apart.
fn payload(encoder: &mut dyn PictureEncoder, time: usize) -> Vec<u8> {
    for at in 0..2 {
        encoder.push(&view(&picture(time + at)), 40 * at as u8).expect("it is in order");
    }
    let mut out = Vec::new();
    encoder.flush(&mut out).expect("there are pictures");
    out
}

pub(super) fn drawn(decoder: &mut dyn PictureDecoder, frame: usize, side: usize) -> Vec<u8> {
    let mut rgba = vec![0; side * side * 4];
    let mut target = PictureMut::new(side as u32, side as u32, &mut rgba).expect("the size fits");
    decoder.draw(frame, &mut target).expect("the payload has the frame");
    rgba
}

pub(super) fn as_picture(rgba: &[u8]) -> Picture<'_> {
    Picture::new(SIDE as u32, SIDE as u32, Pixels::Rgba(rgba)).expect("the size fits")
}

/// Mean squared error of green.
pub(super) fn error(source: &[u8], rgba: &[u8]) -> f32 {
    let wanted = view(source);
    let differences = rgba.as_chunks::<4>().0.iter().enumerate().map(|(at, pixel)| {
        let green = wanted.rgb((at % SIDE) as u32, (at / SIDE) as u32)[1];
        (f32::from(green) - f32::from(pixel[1])).powi(2)
    });
    differences.sum::<f32>() / (SIDE * SIDE) as f32
}

#[test]
fn a_face_that_was_learned_is_drawn_as_it_is_in_few_bytes() {
    let model = model();
    let (mut encoder, mut decoder, mut gate) = ends(&*model);
    let (mut bytes, mut errors, mut offsets) = (0, Vec::new(), Vec::new());
    for time in (LEARNED + 7..LEARNED + 107).step_by(2) {
        let payload = payload(&mut *encoder, time);
        bytes += payload.len();
        decoder.decode(&payload, &mut offsets).expect("a payload of our own");
        assert_eq!(offsets, [0, 40]);
        for frame in 0..2 {
            let rgba = drawn(&mut *decoder, frame, SIDE);
            let source = picture(time + frame);
            errors.push(error(&source, &rgba));
            let shown = Raw::Picture(as_picture(&rgba));
            let fidelity = gate.observe(&Raw::Picture(view(&source)), &shown).expect("one size");
            assert!(fidelity.scores.iter().all(|score| (0.0..=1.0).contains(score)));
        }
    }
    let mean = errors.iter().sum::<f32>() / errors.len() as f32;
    assert!(mean < 130.0, "{mean}");
    let bps = bytes * 8 * 25 / 100;
    assert!(bps < 6_500, "{bps}");
}

#[test]
fn a_frame_is_drawn_at_any_size() {
    let model = model();
    let (mut encoder, mut decoder, _) = ends(&*model);
    let payload = payload(&mut *encoder, 50);
    decoder.decode(&payload, &mut Vec::new()).expect("a payload of our own");
    let whole = drawn(&mut *decoder, 0, SIDE);
    for side in [1, 17, 24, 48, 131, 300] {
        let other = drawn(&mut *decoder, 0, side);
        let (x, y) = (side / 2, side / 3);
        let green = f32::from(other[(y * side + x) * 4 + 1]);
        assert!((20.0..=240.0).contains(&green) || side == 1);
    }
    assert_eq!(drawn(&mut *decoder, 0, SIDE), whole, "sizes before leave no trace");
    let mut rgba = vec![0; 4];
    let mut target = PictureMut::new(1, 1, &mut rgba).expect("the size fits");
    assert_eq!(decoder.draw(2, &mut target), Err(FrameError::NoSuchFrame));
}

#[test]
fn what_is_seen_is_right_again_three_payloads_after_a_loss() {
    let model = model();
    let (mut encoder, mut decoder, _) = ends(&*model);
    let payloads: Vec<_> = (0..9).map(|at| payload(&mut *encoder, 2 * at)).collect();
    let mut offsets = Vec::new();
    let all: Vec<_> = payloads
        .iter()
        .map(|payload| {
            decoder.decode(payload, &mut offsets).expect("a payload of our own");
            assert_eq!(offsets, [0, 40]);
            drawn(&mut *decoder, 1, SIDE)
        })
        .collect();
    for (lost, held) in [(3, 2), (4, 1), (5, 0)] {
        let (_, mut decoder, _) = ends(&*model);
        for (at, payload) in payloads.iter().enumerate().filter(|(at, _)| *at != lost) {
            decoder.decode(payload, &mut offsets).expect("a payload of our own");
            let is_held = at > lost && at <= lost + held;
            let seen = if is_held { lost - 1 } else { at };
            assert_eq!(offsets.is_empty(), is_held, "{lost} lost, at {at}");
            assert_eq!(drawn(&mut *decoder, 1, SIDE), all[seen], "{lost} lost, at {at}");
        }
    }
}

#[test]
fn a_payload_stands_for_itself_where_the_one_before_was_not_sent() {
    let model = model();
    let (mut encoder, _, _) = ends(&*model);
    payload(&mut *encoder, 10);
    encoder.restart();
    let payload = payload(&mut *encoder, 12);
    let (_, mut decoder, _) = ends(&*model);
    let mut offsets = Vec::new();
    decoder.decode(&payload, &mut offsets).expect("a payload of our own");
    assert_eq!(offsets, [0, 40]);
}

#[test]
fn what_is_not_a_payload_is_refused_and_the_frames_before_stay() {
    let model = model();
    let (mut encoder, mut decoder, _) = ends(&*model);
    let good = payload(&mut *encoder, 10);
    decoder.decode(&good, &mut Vec::new()).expect("a payload of our own");
    let before = drawn(&mut *decoder, 0, SIDE);
    let mut refused = 0;
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            match decoder.decode(&bad, &mut Vec::new()) {
                Ok(()) => decoder.decode(&good, &mut Vec::new()).expect("it was good"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > good.len(), "{refused}");
    assert_eq!(decoder.decode(&[0xFC], &mut Vec::new()), Err(FrameError::OtherModel));
    assert_eq!(drawn(&mut *decoder, 0, SIDE), before);
}

#[test]
fn what_is_not_a_model_is_refused() {
    let face = Face::default();
    let body = body();
    let refused = |bytes: &[u8]| face.model(bytes).err() == Some(ModelError::Malformed);
    assert!(refused(&[]));
    assert!(refused(&[0xFF; 40]));
    assert!(refused(&[&body[..], &[1; 9]].concat()));
    for at in (0..body.len()).step_by(body.len() / 40) {
        let mut bad = body.clone();
        bad[at] ^= 0x10;
        if let Ok(model) = face.model(&bad) {
            let (mut encoder, mut decoder, _) = ends(&*model);
            let payload = payload(&mut *encoder, at);
            decoder.decode(&payload, &mut Vec::new()).expect("a payload of our own");
            drawn(&mut *decoder, 0, 32);
        }
    }
}

#[test]
fn learning_says_how_far_it_is_and_refuses_too_little_and_sound() {
    let mut learner = Face::default().learner();
    let sound = Raw::Sound(Sound::new(&[0.0]));
    assert_eq!(learner.push(&sound), Err(MediaError::Kind));
    let source = picture(0);
    let progress = learner.push(&Raw::Picture(view(&source))).expect("a picture");
    assert!(!progress.usable && !progress.refined && progress.per_mille < 10);
    assert_eq!(learner.finish(), Err(LearnError::TooLittle));
    let mut progress = progress;
    for time in 1..LEARNED {
        let source = picture(time);
        progress = learner.push(&Raw::Picture(view(&source))).expect("a picture");
    }
    assert!(progress.usable && progress.refined);
    let first = learner.finish().expect("it is enough");
    let progress = learner.push(&Raw::Picture(view(&source))).expect("a picture");
    assert!(progress.usable && !progress.refined, "one picture more is not worth an epoch");
    assert_eq!(first, body(), "the same pictures make the same model");
}

#[test]
fn a_small_model_is_there_soon_and_a_whole_one_grows_by_what_is_new() {
    let mut learner = Face::default().learner();
    let mut bodies: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut learn = |time: usize, source: &[u8]| {
        let progress = learner.push(&Raw::Picture(view(source))).expect("a picture");
        if progress.refined {
            bodies.push((time + 1, learner.finish().expect("it fits")));
        }
    };
    for time in 0..600 {
        learn(time, &picture(time));
    }
    // Somebody leans far to the side, and stays.
    for time in 600..1_800 {
        let mut source = picture(time);
        source[..SIDE * SIDE].chunks_exact_mut(SIDE).for_each(|row| row.rotate_right(14));
        learn(time, &source);
    }
    let [(100, first), (600, whole), (later, grown), ..] = &bodies[..] else {
        panic!("{:?}", bodies.iter().map(|(time, _)| time).collect::<Vec<_>>());
    };
    assert!(2 * first.len() < whole.len() && *later > 600);
    // Behind a whole model there is only what is new, and that within 1 kbit/s.
    assert!(grown.starts_with(whole) && grown.len() > whole.len());
    let bytes = bodies.last().map_or(0, |last| last.1.len()) - whole.len();
    assert!(bytes <= 7_500, "{bytes} bytes in 48 s");
    for (_, body) in &bodies {
        let model = Face::default().model(body).expect("a body of our own");
        let (mut encoder, mut decoder, _) = ends(&*model);
        let payload = payload(&mut *encoder, 3);
        decoder.decode(&payload, &mut Vec::new()).expect("a payload of our own");
    }
}

#[test]
fn a_whole_model_that_misses_much_is_learned_anew_behind_as_much_again() {
    let mut learner = Face::default().learner();
    let mut refined_at = |from: usize, to: usize, is_missed: fn(usize) -> bool| {
        let mut refined = None;
        for time in from..to {
            // Poses that it has, so that it does not grow.
            let source = picture(time % 100);
            let raw = Raw::Picture(view(&source));
            let progress = learner.push(&raw).expect("a picture");
            if is_missed(time) {
                learner.push_missed(&raw).expect("a picture");
            }
            if progress.refined {
                learner.finish().expect("it fits");
                refined = Some(time + 1);
            }
        }
        refined
    };
    assert_eq!(refined_at(0, 600, |_| false), Some(600), "it is whole");
    assert_eq!(refined_at(600, 1_300, |time| time % 20 == 0), None, "a little is missed always");
    assert_eq!(refined_at(1_300, 1_500, |time| time % 2 == 0), Some(1_380));
    assert_eq!(refined_at(1_500, 2_500, |time| time % 2 == 0), None, "too soon");
    assert_eq!(refined_at(2_500, 2_800, |_| false), Some(2_760));
}

fn noise(time: usize) -> Vec<u8> {
    let mut state = (time as u32).wrapping_mul(747_796_405) + 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    (0..SIDE * SIDE * 3 / 2).map(next).collect()
}

#[test]
fn pictures_that_no_reference_resembles_do_not_fit() {
    let mut learner = Face::default().learner();
    for time in 0..LEARNED {
        learner.push(&Raw::Picture(view(&noise(time)))).expect("a picture");
    }
    assert_eq!(learner.finish(), Err(LearnError::Unfit));
}

#[test]
fn who_fits_later_starts_with_a_small_model_too_and_a_whole_one_follows_at_once() {
    let mut learner = Face::default().learner();
    let mut tries = Vec::new();
    for time in 0..603 {
        let source = if time < 100 { noise(time) } else { picture(time) };
        let progress = learner.push(&Raw::Picture(view(&source))).expect("a picture");
        if progress.refined {
            tries.push((time + 1, learner.finish().map(|body| body.len())));
        }
    }
    let [(100, Err(LearnError::Unfit)), (600, Ok(first)), (601, Ok(whole))] = tries[..] else {
        panic!("{tries:?}");
    };
    assert!(first <= 40_000 && first < whole, "{first}, then {whole}");
}

#[test]
fn a_payload_takes_pictures_in_order_and_of_any_size() {
    let model = model();
    let (mut encoder, mut decoder, mut gate) = ends(&*model);
    assert_eq!(encoder.flush(&mut Vec::new()), Err(EncodeError::TooLittle));
    let source = picture(3);
    encoder.push(&view(&source), 20).expect("it is in order");
    assert_eq!(encoder.push(&view(&source), 20), Err(MediaError::Amount));
    assert_eq!(encoder.push(&view(&source), 80), Err(MediaError::Amount));
    let pixel = [9, 200, 30, 255];
    let tiny = Picture::new(1, 1, Pixels::Rgba(&pixel)).expect("the size fits");
    encoder.push(&tiny, 21).expect("it is in order");
    let line = vec![50; MAX_SIDE as usize * 4];
    let long = Picture::new(MAX_SIDE, 1, Pixels::Rgba(&line)).expect("the size fits");
    encoder.push(&long, 22).expect("it is in order");
    encoder.push(&view(&source), 79).expect("it is in order");
    assert_eq!(encoder.push(&view(&source), 79), Err(MediaError::Amount));
    let mut payload = Vec::new();
    encoder.flush(&mut payload).expect("there are pictures");
    let mut offsets = Vec::new();
    decoder.decode(&payload, &mut offsets).expect("a payload of our own");
    assert_eq!(offsets, [20, 21, 22, 79]);
    let (one, other) = (Raw::Picture(tiny), Raw::Picture(view(&source)));
    assert_eq!(gate.observe(&one, &other).err(), Some(MediaError::Size));
}

#[test]
fn payloads_have_the_size_that_is_asked_for() {
    let body = body();
    let rate = |target_bps| {
        let model = Face::new(Settings { target_bps, residuals: false })
            .model(&body)
            .expect("a body of our own");
        let (mut encoder, _, _) = ends(&*model);
        let bytes: usize = (0..50).map(|at| payload(&mut *encoder, 2 * at).len()).sum();
        bytes * 8 * 25 / 100
    };
    let (low, high) = (rate(1_500), rate(6_000));
    assert!((900..2_400).contains(&low), "{low}");
    assert!(high > low && high < 7_500, "{high}");
}
