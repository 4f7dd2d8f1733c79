//! What the vocoder makes of features that nobody quantised: no coder of them can be better.

use std::sync::Arc;

use sotto_codec::voice::{
    DELAY,
    fargan::Vocoder,
    features::{Analysis, HOP},
    weights::Weights,
};

use super::coded::align;

/// A sound through analysis and vocoder, aligned with it and as long.
pub(super) fn ceiling(weights: &Arc<Weights>, source: &[f32]) -> Vec<f32> {
    let (mut analysis, mut vocoder) = (Analysis::new(weights), Vocoder::new(weights));
    let mut padded = source.to_vec();
    padded.resize((source.len() + DELAY).next_multiple_of(HOP), 0.0);
    let (frames, _) = padded.as_chunks::<HOP>();
    let mut sound = Vec::with_capacity(padded.len());
    for frame in frames {
        let mut out = [0.0; HOP];
        vocoder.frame(&analysis.frame(frame), &mut out);
        sound.extend_from_slice(&out);
    }
    align(&mut sound, DELAY, source.len());
    sound
}
