//! What a face costs to draw, of golden payloads, in nanoseconds a pixel. The best of several rounds.
#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]

use std::time::Instant;

use sotto_codec::{Decoder, PictureMut, Plugin, face::Face};

const ROUNDS: usize = 9;
const SIZES: [(usize, usize); 3] = [(384, 320), (192, 160), (96, 80)];

fn main() {
    let golden: &[u8] = include_bytes!("../tests/golden/face.bin");
    let mut rest = golden;
    let mut next = || {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let part = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        rest = part.1;
        Some(part.0)
    };
    let model = Face::default().model(next().unwrap_or(&[])).expect("a golden model");
    let Decoder::Picture(mut decoder) = model.decoder() else { return };
    let mut offsets = Vec::new();
    let payloads: Vec<&[u8]> = std::iter::from_fn(next).collect();
    for (width, height) in SIZES {
        let mut rgba = vec![0; width * height * 4];
        let mut best = f64::INFINITY;
        for payload in payloads.iter().cycle().take(ROUNDS * payloads.len()) {
            decoder.decode(payload, &mut offsets).expect("a golden payload");
            let began = Instant::now();
            for frame in 0..offsets.len() {
                let target = PictureMut::new(width as u32, height as u32, &mut rgba);
                decoder.draw(frame, &mut target.expect("the size fits")).expect("it is there");
            }
            let pixels = offsets.len() * width * height;
            best = best.min(began.elapsed().as_secs_f64() * 1e9 / pixels as f64);
        }
        println!("drawing at {width} x {height}: {best:.1} ns a pixel");
    }
}
