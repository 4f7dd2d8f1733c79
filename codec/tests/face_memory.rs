//! A long call in model form: 10,000 pictures of a face, some of something else, some of another size,
//! some payloads lost or damaged. Nothing panics, and what encoder, decoder and gate keep does not grow.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use sotto_codec::{Decoder, Encoder, Picture, PictureMut, Pixels, Plugin, Raw, face::Face};

thread_local! {
    static KEPT: Cell<isize> = const { Cell::new(0) };
    static MOST_KEPT: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, and what each thread has of it, in bytes.
struct Counting;

fn count(bytes: isize) {
    let kept = KEPT.get() + bytes;
    KEPT.set(kept);
    MOST_KEPT.set(MOST_KEPT.get().max(kept));
}

// SAFETY: every call goes to the system's allocator as it came; the counts are thread-local cells that
// need neither allocation nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `dealloc`; the memory came from the system.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `realloc`; the memory came from the system.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Pixels of a side of the pictures.
const SIDE: usize = 48;
const LEARNED: usize = 200;
const PICTURES: usize = 10_000;
/// Pictures in which everything that happens has happened: sizes, losses, damage.
const SETTLED: usize = 2_000;
/// What payloads and offsets of one moment may take more than those of another.
const SLACK: isize = 16 << 10;

/// A head that moves, with eyes that blink and a mouth that opens, of so many pixels a side.
fn face(time: usize, side: usize) -> Vec<u8> {
    let t = time as f32;
    let scale = side as f32 / 48.0;
    let (middle_x, middle_y) = (24.0 + 2.5 * (t * 0.07).sin(), 22.0 + 1.5 * (t * 0.11).cos());
    let lids = if time % 40 < 4 { 0.3 } else { 1.8 };
    let open = (1.5 + 1.5 * (t * 0.4).sin()).max(0.2);
    let parts = [
        (0.0, 0.0, 13.0, 17.0, 150.0),
        (-5.0, -4.0, 3.0, lids, 60.0),
        (5.0, -4.0, 3.0, lids, 60.0),
        (0.0, 8.0, 5.0, open, 80.0),
    ];
    let mut bytes = vec![128; side * side * 3 / 2];
    for (at, sample) in bytes[..side * side].iter_mut().enumerate() {
        let (x, y) = ((at % side) as f32 / scale, (at / side) as f32 / scale);
        let mut luma = 90.0 + 20.0 * (x * 0.6).sin() * (y * 0.46).sin();
        for (right, down, half_width, half_height, shade) in parts {
            let (x, y) = (x - middle_x - right, y - middle_y - down);
            if (x / half_width).powi(2) + (y / half_height).powi(2) < 1.0 {
                luma = shade + 10.0 * (x * 0.7).sin();
            }
        }
        *sample = luma as u8;
    }
    bytes
}

fn noise(time: usize, side: usize) -> Vec<u8> {
    let mut state = time as u32 | 1;
    let mut next = || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (state >> 24) as u8
    };
    (0..side * side * 3 / 2).map(|_| next()).collect()
}

fn view(side: usize, bytes: &[u8]) -> Picture<'_> {
    Picture::packed_i420(side as u32, side as u32, bytes).unwrap()
}

/// What the camera sees: the face most of the time, at 8 pictures a second; now and then something else
/// or of another size.
fn seen(time: usize) -> (usize, Vec<u8>) {
    let side = if time % 101 < 2 { 2 * SIDE } else { SIDE };
    let strange = time % 97 < 3 || time % 1_500 > 1_450;
    (side, if strange { noise(time, side) } else { face(time / 3, side) })
}

#[test]
fn ten_thousand_pictures_are_coded_drawn_and_judged_in_memory_that_does_not_grow() {
    let plugin = Face::default();
    let mut learner = plugin.learner();
    for time in 0..LEARNED {
        learner.push(&Raw::Picture(view(SIDE, &face(time, SIDE)))).unwrap();
    }
    let model = plugin.model(&learner.finish().unwrap()).unwrap();
    drop(learner);
    let (Encoder::Picture(mut encoder), Decoder::Picture(mut decoder)) =
        (model.encoder(), model.decoder())
    else {
        panic!("faces are pictures");
    };
    let mut gate = model.gate();
    let (mut offsets, mut rgba) = (Vec::new(), Vec::new());
    let (mut refused, mut settled) = (0, (0, 0));
    MOST_KEPT.set(KEPT.get());
    for time in (0..PICTURES).step_by(2) {
        let pictures = [time, time + 1].map(seen);
        for (offset, (side, bytes)) in [0, 40].into_iter().zip(&pictures) {
            encoder.push(&view(*side, bytes), offset).unwrap();
        }
        let mut payload = Vec::new();
        encoder.flush(&mut payload).unwrap();
        if time % 26 == 0 {
            continue; // lost
        }
        if time % 34 == 0 {
            let at = time / 34 % payload.len();
            payload[at] ^= 1 << (time % 8);
        }
        offsets.clear();
        if decoder.decode(&payload, &mut offsets).is_err() {
            refused += 1;
            encoder.restart();
        }
        for (frame, (side, bytes)) in (0..offsets.len()).zip(&pictures) {
            rgba.resize(side * side * 4, 0);
            let mut target = PictureMut::new(*side as u32, *side as u32, &mut rgba).unwrap();
            decoder.draw(frame, &mut target).unwrap();
            let shown = Picture::new(*side as u32, *side as u32, Pixels::Rgba(&rgba)).unwrap();
            gate.observe(&Raw::Picture(view(*side, bytes)), &Raw::Picture(shown)).unwrap();
        }
        drop((pictures, payload));
        if time < SETTLED {
            settled = (KEPT.get(), MOST_KEPT.get());
        }
    }
    assert!(refused > 0, "damage is noticed");
    let (kept, most) = (KEPT.get() - settled.0, MOST_KEPT.get() - settled.1);
    assert!(kept <= SLACK, "{kept} bytes more are kept at the end than at first");
    assert!(most <= SLACK, "{most} bytes more were in use than at first");
}
