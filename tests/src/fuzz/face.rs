//! The face plug-in: its payloads and models.

use std::sync::OnceLock;

use sotto_codec::{Decoder, Encoder, Model, Picture, PictureMut, Plugin, Raw, face::Face};

/// Pixels of a side of the pictures that are learned from, and of those that are drawn.
const SIDE: u32 = 32;
/// Pictures that are learned from.
const LEARNED: usize = 200;

/// Payloads of faces under a small model, alone and behind one that they may go on from.
pub fn face_payload(bytes: &[u8]) {
    static MODEL: OnceLock<(Box<dyn Model>, Vec<u8>)> = OnceLock::new();
    let (model, first) = MODEL.get_or_init(|| {
        let model = Face::default().model(body()).expect("a body of our own");
        let first = payload(model.as_ref());
        (model, first)
    });
    check_payloads(model.as_ref(), &[bytes]);
    check_payloads(model.as_ref(), &[first, bytes]);
}

/// Bodies of face models: these bytes, and a small one with some replaced, of which each 3 bytes are
/// a place and what to put there.
pub fn face_model(bytes: &[u8]) {
    let _ = Face::default().model(bytes);
    let mut body = body().to_vec();
    for &[high, low, byte] in bytes.as_chunks::<3>().0 {
        let place = usize::from(u16::from_be_bytes([high, low])) % body.len();
        body[place] = byte;
    }
    let Ok(model) = Face::default().model(&body) else { return };
    let payload = payload(model.as_ref());
    assert!(check_payloads(model.as_ref(), &[&payload]), "what a model encodes, it decodes");
    let seen = picture(7);
    let seen = Raw::Picture(view(&seen));
    let fidelity = model.gate().observe(&seen, &seen).expect("one size");
    assert!(fidelity.scores.iter().all(|score| (0.0..=1.0).contains(score)), "{fidelity:?}");
    check_payloads(model.as_ref(), &[bytes]);
}

/// The first payload of an encoder.
fn payload(model: &dyn Model) -> Vec<u8> {
    let Encoder::Picture(mut encoder) = model.encoder() else { panic!("faces are pictures") };
    for (at, offset) in [(7, 0), (9, 40)] {
        encoder.push(&view(&picture(at)), offset).expect("it is in order");
    }
    let mut payload = Vec::new();
    encoder.flush(&mut payload).expect("there are pictures");
    payload
}

/// Decodes payloads one after the other, and tells whether all of them are such.
fn check_payloads(model: &dyn Model, payloads: &[&[u8]]) -> bool {
    let Decoder::Picture(mut decoder) = model.decoder() else { panic!("faces are pictures") };
    let mut offsets = Vec::new();
    for payload in payloads {
        if decoder.decode(payload, &mut offsets).is_err() {
            return false;
        }
        assert!(offsets.len() <= 4 && offsets.is_sorted(), "{offsets:?}");
        for frame in 0..offsets.len() {
            let mut rgba = [0; (SIDE * SIDE * 4) as usize];
            let mut target = PictureMut::new(SIDE, SIDE, &mut rgba).expect("the size fits");
            decoder.draw(frame, &mut target).expect("the payload has the frame");
        }
    }
    true
}

fn body() -> &'static [u8] {
    static BODY: OnceLock<Vec<u8>> = OnceLock::new();
    BODY.get_or_init(|| {
        let mut learner = Face::default().learner();
        for time in 0..LEARNED {
            learner.push(&Raw::Picture(view(&picture(time)))).expect("a picture");
        }
        learner.finish().expect("it is enough, and fits")
    })
}

fn view(bytes: &[u8]) -> Picture<'_> {
    Picture::packed_i420(SIDE, SIDE, bytes).expect("the size fits")
}

/// Something that moves and something that comes and goes.
fn picture(time: usize) -> Vec<u8> {
    let time = time as f32;
    let mut bytes = vec![128; (SIDE * SIDE * 3 / 2) as usize];
    for (at, luma) in bytes.iter_mut().take((SIDE * SIDE) as usize).enumerate() {
        let (x, y) = ((at as u32 % SIDE) as f32, (at as u32 / SIDE) as f32);
        let (x, y) = (x + (time * 0.1).sin(), y + (time * 0.17).cos());
        let mouth =
            (x - 16.0).powi(2) + 4.0 * (y - 22.0).powi(2) < 30.0 * (1.0 + (time * 0.3).sin());
        *luma = (120.0 + 40.0 * (x * 0.4).sin() * (y * 0.3).cos()
            - 20.0 * f32::from(u8::from(mouth))) as u8;
    }
    bytes
}
