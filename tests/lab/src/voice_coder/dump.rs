use std::{fs, io, path::Path};

use sotto_codec::voice::{
    features::{Analysis, HOP},
    weights::Weights,
};

use crate::sound::Clip;

/// Writes for each clip what `vocoder_finetune.py` reads: `NAME.f32`, 20 features for each 10 ms, and
/// `NAME.s16`, the samples that they are of, both little-endian.
///
/// # Errors
/// Where a file cannot be written.
pub fn dump_features(clips: &[Clip], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let weights = Weights::shared();
    for clip in clips {
        let mut analysis = Analysis::new(&weights);
        let (hops, _) = clip.samples.as_chunks::<HOP>();
        let features: Vec<u8> =
            hops.iter().flat_map(|hop| analysis.frame(hop)).flat_map(f32::to_le_bytes).collect();
        let samples: Vec<u8> = hops
            .as_flattened()
            .iter()
            .flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes())
            .collect();
        fs::write(folder.join(&clip.name).with_extension("f32"), features)?;
        fs::write(folder.join(&clip.name).with_extension("s16"), samples)?;
    }
    Ok(())
}
