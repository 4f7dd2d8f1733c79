//! How well a model does on the pictures that it was learned from.

use std::sync::Arc;

use super::{gallery::Gallery, references::Chosen};
use crate::face::{
    decoder::FaceDecoder,
    encoder::FaceEncoder,
    gate::{Excess, Levels, Limits, Measures, Meter, UNLIKE_PART},
    model::FaceModel,
    regions::REGIONS,
    step::eighths,
};

/// Pictures that are rehearsed.
const REHEARSED: usize = 48;
/// Rate of the rehearsal, in which each payload stands for itself.
const TARGET_BPS: u32 = 5_500;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rehearsal {
    pub(super) levels: Levels,
    /// Share of pictures that are bad as the gate sees it, in per mille.
    pub(super) bad_per_mille: usize,
}

/// Codes pictures that are no references, and measures what is drawn of them.
pub(super) fn of(gallery: &Gallery, chosen: &[Chosen], model: FaceModel) -> Rehearsal {
    let model = Arc::new(model);
    let mut encoder = FaceEncoder::new(Arc::clone(&model), TARGET_BPS);
    let mut decoder = FaceDecoder::new(Arc::clone(&model));
    let mut meter = Meter::new(&model);
    let pairs = gallery.pairs();
    let stride = (2 * pairs).div_ceil(REHEARSED).max(1);
    let mut all: Vec<Measures> = Vec::new();
    for pair in (0..pairs).step_by(stride) {
        let pictures = [2 * pair, 2 * pair + 1];
        encoder.restart();
        for (offset, &at) in [0, 40].into_iter().zip(&pictures) {
            encoder.take(gallery.picture(at), offset);
        }
        let mut payload = Vec::new();
        encoder.write(&mut payload);
        let is_reference =
            pictures.iter().any(|&at| chosen.iter().any(|chosen| chosen.study == at));
        if decoder.read(&payload).is_err() || is_reference {
            continue;
        }
        for (frame, &at) in pictures.iter().enumerate() {
            if let Ok(drawn) = decoder.planes(frame, model.width(), model.height()) {
                all.push(meter.measure(gallery.picture(at), &drawn));
            }
        }
    }
    let common = |value: &dyn Fn(&Measures) -> f32| {
        let mut values: Vec<f32> = all.iter().map(value).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() * 9 / 10).map_or(0, |&value| eighths(value))
    };
    let levels = Levels {
        face: common(&|measures| measures.face),
        unlike: std::array::from_fn::<_, REGIONS, _>(|at| common(&|m| m.unlike[at] * UNLIKE_PART)),
        rest: common(&|measures| measures.rest),
    };
    let limits = Limits::new(levels);
    let bad = all.iter().filter(|measures| Excess::of(measures, &limits).worst() > 1.0).count();
    Rehearsal { levels, bad_per_mille: bad * 1_000 / all.len().max(1) }
}
