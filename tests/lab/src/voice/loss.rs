//! Packets that do not come.

use sotto_codec::{FRAME_SAMPLES, Model};

use super::coded::{CodeError, align, decoder};
use crate::Rng;

/// Which of `count` packets are lost when each is with the same probability, 0 to 1.
pub(crate) fn random_losses(count: usize, probability: f64, seed: u64) -> Vec<bool> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| rng.unit() < probability).collect()
}

/// What a receiver hears of payloads of which some are lost, aligned with the source and `len`
/// samples long. It waits for one packet more, so that what the next one repeats can be used.
///
/// # Errors
/// [`CodeError`].
pub(super) fn decode_with_losses(
    model: &dyn Model,
    payloads: &[Vec<u8>],
    lost: &[bool],
    delay: usize,
    len: usize,
) -> Result<Vec<f32>, CodeError> {
    let mut decoder = decoder(model)?;
    let came = |at: usize| payloads.get(at).filter(|_| lost.get(at) == Some(&false));
    let mut sound = Vec::with_capacity(payloads.len() * FRAME_SAMPLES);
    for at in 0..payloads.len() {
        let mut out = [0.0; FRAME_SAMPLES];
        if let Some(payload) = came(at) {
            decoder.decode(payload, &mut out)?;
        } else {
            let repeated = match came(at + 1) {
                Some(next) => decoder.decode_before(next, &mut out)?,
                None => false,
            };
            if !repeated {
                decoder.conceal(&mut out);
            }
        }
        sound.extend_from_slice(&out);
    }
    align(&mut sound, delay, len);
    Ok(sound)
}
