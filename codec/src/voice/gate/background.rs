//! What is heard all the time, for longer than a window is.

use super::pairing::Pair;
use crate::voice::features::{BANDS, Bands};

/// By how much a background may rise in a payload, in powers of ten: 2 dB a second.
const RISE: f32 = 0.016;

/// The lowest level of each band, forgotten slowly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Background {
    bands: Option<Bands>,
}

impl Background {
    /// Hears the frames of the next payload.
    pub(super) fn hear(&mut self, pairs: &[Pair]) {
        let before = self.bands.map(|bands| bands.map(|band| band + RISE));
        self.bands = Some(std::array::from_fn(|band| {
            let levels = pairs.iter().map(|pair| pair.source.bands[band]);
            levels.fold(before.map_or(f32::MAX, |before| before[band]), f32::min)
        }));
    }

    /// Its bands, in powers of ten; silence where nothing was heard.
    pub(super) fn bands(&self) -> Bands {
        self.bands.unwrap_or([0.0; BANDS])
    }
}
