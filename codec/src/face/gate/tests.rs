//! The gate over scenes that are drawn here: red where what is drawn is not what the camera sees, and
//! green again when it is.

use sotto_frame::MAX_PAYLOAD_LEN;

use crate::{
    Plugin, Raw, Verdict,
    face::{
        Face, Settings,
        tests::{
            OPEN, SHUT, SIDE, as_picture, background, body, cover, drawn, ends, error, model,
            picture, picture_with, view,
        },
    },
};

/// Pictures until a gate must be red: 200 ms at 25 a second.
const RED_WITHIN: usize = 5;
/// And until it must be green again, once all is well: a second, and two pictures, at most.
const GREEN_WITHIN: usize = 27;

/// Changes luma of a picture: what is at a column and row, given what was.
fn painted(mut bytes: Vec<u8>, luma: impl Fn(f32, f32, f32) -> f32) -> Vec<u8> {
    for (at, sample) in bytes[..SIDE * SIDE].iter_mut().enumerate() {
        let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
        *sample = luma(x, y, f32::from(*sample)) as u8;
    }
    bytes
}

/// Lays an ellipse of skin over a picture.
fn skin(bytes: Vec<u8>, middle: (f32, f32), half: (f32, f32), shade: f32) -> Vec<u8> {
    painted(bytes, |x, y, luma| {
        let shade = shade + 20.0 * (x * 0.4).cos();
        luma + cover(x - middle.0, y - middle.1, half.0, half.1) * (shade - luma)
    })
}

fn hand(bytes: Vec<u8>) -> Vec<u8> {
    skin(bytes, (40.0, 50.0), (30.0, 25.0), 215.0)
}

/// Less of one, before the cheek.
fn fingers(bytes: Vec<u8>) -> Vec<u8> {
    skin(bytes, (71.0, 50.0), (8.0, 13.0), 235.0)
}

fn second_person(bytes: Vec<u8>) -> Vec<u8> {
    skin(bytes, (86.0, 50.0), (14.0, 30.0), 170.0)
}

fn low_light(bytes: Vec<u8>) -> Vec<u8> {
    painted(bytes, |_, _, luma| 16.0 + 0.35 * (luma - 16.0))
}

fn scene_change(bytes: Vec<u8>) -> Vec<u8> {
    painted(bytes, |x, y, _| 128.0 + 60.0 * (x * 0.7).sin() * (y * 0.5).cos())
}

fn empty_chair(bytes: Vec<u8>) -> Vec<u8> {
    painted(bytes, |x, y, _| background(x, y))
}

/// What is shown of a picture.
struct Shown {
    red: bool,
    /// Mean squared error of green.
    error: f32,
    /// Bytes of its payload.
    bytes: usize,
}

/// Codes what the camera sees, something happening in pictures 60 to 79.
fn shown(happens: fn(Vec<u8>) -> Vec<u8>, residuals: bool) -> Vec<Shown> {
    let face = Face::new(Settings { residuals, ..Settings::default() });
    let model = face.model(&body()).expect("a body of our own");
    let (mut encoder, mut decoder, mut gate) = ends(&*model);
    let source = |time: usize| {
        // Back and forth between two moments, from 16 to 22: an open mouth, no blink.
        let calm = picture_with(16 + (time % 12).abs_diff(6), OPEN);
        if (60..80).contains(&time) { happens(calm) } else { calm }
    };
    let mut all = Vec::new();
    for time in (0..140).step_by(2) {
        for at in 0..2 {
            encoder.push(&view(&source(time + at)), 40 * at as u8).expect("it is in order");
        }
        let mut payload = Vec::new();
        encoder.flush(&mut payload).expect("there are pictures");
        decoder.decode(&payload, &mut Vec::new()).expect("a payload of our own");
        for at in 0..2 {
            let (source, shown) = (source(time + at), drawn(&mut *decoder, at, SIDE));
            let raws = (Raw::Picture(view(&source)), Raw::Picture(as_picture(&shown)));
            let fidelity = gate.observe(&raws.0, &raws.1).expect("one size");
            let red = fidelity.verdict == Verdict::Red;
            all.push(Shown { red, error: error(&source, &shown), bytes: payload.len() });
        }
    }
    all
}

/// Checks that the gate is red and green in time where there are no residuals.
fn check(what: &str, happens: fn(Vec<u8>) -> Vec<u8>) {
    let red: Vec<bool> = shown(happens, false).into_iter().map(|shown| shown.red).collect();
    assert!(!red[10..60].contains(&true), "calm before: {what}: {red:?}");
    assert!(!red[60 + RED_WITHIN - 1..80].contains(&false), "red in time: {what}: {red:?}");
    assert!(!red[80 + GREEN_WITHIN..].contains(&true), "green again: {what}: {red:?}");
}

#[test]
fn what_the_model_lacks_is_shown_by_residuals_if_a_packet_holds_them_and_else_not_at_all() {
    let (without, with) = (shown(fingers, false), shown(fingers, true));
    assert!(without[64..80].iter().all(|shown| shown.red));
    let larger = with.iter().map(|shown| shown.bytes).max();
    assert!(larger.is_some_and(|bytes| bytes <= MAX_PAYLOAD_LEN), "{larger:?}");
    let pairs = || without.iter().zip(&with).skip(60).take(20);
    let better = pairs().filter(|(without, with)| with.error < 0.6 * without.error).count();
    let through = pairs().filter(|(_, with)| !with.red).count();
    assert!(better >= 15 && through >= 15, "{better} better, {through} let through, of 20");
    assert!(with[70].bytes > with[40].bytes, "and only then it takes more bytes");
    for happens in [hand, scene_change] {
        assert!(shown(happens, true)[64..80].iter().all(|shown| shown.red));
    }
}

#[test]
fn what_hides_or_replaces_the_face_turns_the_gate_red_and_it_is_green_a_second_after() {
    check("a hand over the face", hand);
    check("a second person", second_person);
    check("low light", low_light);
    check("another scene", scene_change);
    check("an empty chair", empty_chair);
}

/// Verdicts on calm pictures, something else being shown from picture 5 on.
fn shown_instead(source: fn(usize) -> Vec<u8>, shown: fn(usize) -> Vec<u8>) -> Vec<Verdict> {
    let model = model();
    let (_, _, mut gate) = ends(&*model);
    (0..5 + RED_WITHIN)
        .map(|time| {
            let source = source(time);
            let shown = if time < 5 { source.clone() } else { shown(time) };
            let (source, shown) = (Raw::Picture(view(&source)), Raw::Picture(view(&shown)));
            gate.observe(&source, &shown).expect("one size").verdict
        })
        .collect()
}

#[test]
fn eyes_that_are_open_where_they_are_shut_turn_the_gate_red_and_so_do_shut_ones() {
    let open = |time| picture_with(time, OPEN);
    let shut = |time| picture_with(time, SHUT);
    for verdicts in [shown_instead(open, shut), shown_instead(shut, open)] {
        assert_eq!(verdicts[..5], [Verdict::Green; 5], "{verdicts:?}");
        assert_eq!(verdicts[6..], [Verdict::Red; 4], "{verdicts:?}");
    }
}

#[test]
fn a_torn_picture_turns_the_gate_red() {
    let torn = |time: usize| {
        let mut bytes = picture(time);
        // The lower half is of another moment.
        bytes[SIDE * SIDE / 2..SIDE * SIDE]
            .copy_from_slice(&picture(time + 20)[SIDE * SIDE / 2..SIDE * SIDE]);
        bytes
    };
    let verdicts = shown_instead(picture, torn);
    assert_eq!(verdicts[6..], [Verdict::Red; 4], "{verdicts:?}");
}
