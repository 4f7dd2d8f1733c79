//! Packets of features as the coder sees them: in blocks, and in the scale of what is heard.
//!
//! ```text
//!  frame  0 … 3   4 … 7   (… 11)      each 20 features of 10 ms
//!        └block┘ └block┘  (block)     each 80 numbers, frame by frame: 40 ms
//! ```
//!
//! One step size quantises all numbers, so that what is heard more is scaled up: pitch 20 times,
//! correlation twice, cepstra as they are (chosen by ear and PESQ among 10 and 20 times).

use super::features::{CORRELATION, FEATURES, Features, PITCH};

/// Frames of a block: 40 ms.
pub const BLOCK_FRAMES: usize = 4;
/// Numbers of a block.
pub(in crate::voice) const BLOCK: usize = BLOCK_FRAMES * FEATURES;
/// Numbers of two blocks, which is what models are made of: 80 ms.
pub(in crate::voice) const PAIR: usize = 2 * BLOCK;
/// The longest packet: 120 ms.
pub(in crate::voice) const MAX_BLOCKS: usize = 3;

/// A block in the scale of what is heard.
pub(in crate::voice) type Block = [f32; BLOCK];

const PITCH_WEIGHT: f32 = 20.0;
const CORRELATION_WEIGHT: f32 = 2.0;
/// Frames with less than this correlation have no pitch that anybody hears.
const VOICED: f32 = -0.1;
/// No recording has cepstra beyond.
const MAX_CEPSTRUM: f32 = 40.0;
/// 62.5 Hz is at -1.5.
const MAX_PITCH: f32 = 1.5;
const MAX_CORRELATION: f32 = 0.5;

/// Blocks of whole numbers of frames, at most [`MAX_BLOCKS`]; frames beyond are left out. Finite
/// for any features. Where there is no pitch, it goes straight from one voiced frame to the next;
/// where there is none at all, it is `pitch`, in the scale of features.
pub(in crate::voice) fn blocks(frames: &[Features], pitch: f32) -> Vec<Block> {
    let mut frames: Vec<Features> = frames.iter().map(clean).collect();
    fill_pitch(&mut frames, pitch);
    let (blocks, _) = frames.as_chunks::<BLOCK_FRAMES>();
    blocks.iter().take(MAX_BLOCKS).map(weigh).collect()
}

/// The features of a block. Within the range of features for any finite numbers.
pub(in crate::voice) fn frames(block: &Block) -> [Features; BLOCK_FRAMES] {
    std::array::from_fn(|frame| {
        let mut features = [0.0; FEATURES];
        features.copy_from_slice(&block[frame * FEATURES..][..FEATURES]);
        features[PITCH] /= PITCH_WEIGHT;
        features[CORRELATION] /= CORRELATION_WEIGHT;
        clean(&features)
    })
}

/// Whether the pitch of a frame is heard.
pub(in crate::voice) fn voiced(features: &Features) -> bool {
    features[CORRELATION] > VOICED
}

/// Within the range of features; what is no number is in the middle.
fn clean(features: &Features) -> Features {
    let within = |number: f32, limit: f32| {
        if number.is_nan() { 0.0 } else { number.clamp(-limit, limit) }
    };
    let mut clean = features.map(|cepstrum| within(cepstrum, MAX_CEPSTRUM));
    clean[PITCH] = within(features[PITCH], MAX_PITCH);
    clean[CORRELATION] = within(features[CORRELATION], MAX_CORRELATION);
    clean
}

fn fill_pitch(frames: &mut [Features], pitch: f32) {
    let mut before: Option<(usize, f32)> = None;
    for at in 0..frames.len() {
        if !voiced(&frames[at]) {
            continue;
        }
        let (from, start) = before.unwrap_or((0, frames[at][PITCH]));
        let (steps, rise) = ((at - from).max(1) as f32, frames[at][PITCH] - start);
        for (step, frame) in frames[from..at].iter_mut().enumerate() {
            frame[PITCH] = start + rise * step as f32 / steps;
        }
        before = Some((at, frames[at][PITCH]));
    }
    let (from, last) = before.unwrap_or((0, pitch));
    for frame in &mut frames[from..] {
        frame[PITCH] = last;
    }
}

fn weigh(frames: &[Features; BLOCK_FRAMES]) -> Block {
    let mut block = [0.0; BLOCK];
    for (weighed, features) in block.chunks_exact_mut(FEATURES).zip(frames) {
        weighed.copy_from_slice(features);
        weighed[PITCH] *= PITCH_WEIGHT;
        weighed[CORRELATION] *= CORRELATION_WEIGHT;
    }
    block
}
