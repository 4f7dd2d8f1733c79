use std::sync::Arc;

use sotto_codec::voice::{prior, weights::Weights};

use super::Speech;
use crate::sound::Clip;

/// Trains the prior of voices on recordings, each of one speaker. The same recordings give the same
/// bytes: those of `codec/src/voice/prior/prior.bin`.
pub fn train_prior(recordings: &[Clip]) -> Vec<u8> {
    let weights = Arc::new(Weights::embedded());
    let packets = |recording: &Clip| {
        let speech = Speech::new(&weights, recording);
        // Twice, half a packet apart: blocks are first and next in turn.
        [speech.active(0), speech.active(4)].concat()
    };
    prior::train(&recordings.iter().map(packets).collect::<Vec<_>>())
}
