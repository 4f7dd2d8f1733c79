use crate::{
    entropy::Port,
    voice::features::{CORRELATION, FEATURES, Features, PITCH},
};

/// Cepstra that are described, of 18: the rest of a noise is flat.
const DESCRIBED: usize = 10;
/// Bits of the first cepstrum, which is the loudness, and of the others; and the step of each.
const LOUDNESS: (u32, f32) = (6, 0.5);
const COLOUR: (u32, f32) = (4, 0.35);
/// The first cepstrum of the loudest noise. Softer ones go down from here, to digital silence.
const LOUDEST: f32 = 6.0;

/// Codes the mean of frames as noise: 42 bits.
pub(super) fn noise(port: &mut impl Port, frames: &[Features]) -> Features {
    let mut noise = [0.0; FEATURES];
    let count = frames.len().max(1) as f32;
    for at in 0..DESCRIBED {
        let mean = frames.iter().map(|features| features[at]).sum::<f32>() / count;
        let (bits, step) = if at == 0 { LOUDNESS } else { COLOUR };
        let lowest =
            if at == 0 { LOUDEST } else { (1 << (bits - 1)) as f32 * step } - range(bits, step);
        // What is no number is as low as can be.
        let index = ((mean - lowest) / step).round().max(0.0).min(range(bits, 1.0)) as u32;
        noise[at] = lowest + port.bits(index, bits) as f32 * step;
    }
    noise[PITCH] = 0.0;
    noise[CORRELATION] = -0.5;
    noise
}

/// From the lowest to the highest of so many bits.
fn range(bits: u32, step: f32) -> f32 {
    ((1 << bits) - 1) as f32 * step
}
