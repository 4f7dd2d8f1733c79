//! How far decoded features are from those of the source, in the scale in which they are coded.

use sotto_codec::voice::features::{CORRELATION, Features, PITCH};

/// Correlation up to which nobody hears the pitch.
const VOICELESS: f32 = -0.1;

/// Mean over frames of the squared error: cepstra as they are (1 is about 2.4 dB in each band),
/// correlation twice, pitch 20 times, where there is any. `None` without frames.
pub(super) fn feature_error<'a>(
    frames: impl Iterator<Item = (&'a Features, &'a Features)>,
) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for (source, decoded) in frames {
        let errors = source.iter().zip(decoded).enumerate();
        sum +=
            errors.map(|(at, (a, b))| (weight(at, source) * f64::from(a - b)).powi(2)).sum::<f64>();
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

fn weight(at: usize, source: &Features) -> f64 {
    match at {
        PITCH if source[CORRELATION] <= VOICELESS => 0.0,
        PITCH => 20.0,
        CORRELATION => 2.0,
        _ => 1.0,
    }
}
