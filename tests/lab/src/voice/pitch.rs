//! How far the pitch of one sound is from that of another.

use std::sync::Arc;

use sotto_codec::voice::{
    features::{Analysis, CORRELATION, Features, HOP, PITCH},
    weights::Weights,
};

use super::activity::Activity;

/// Correlation above which a frame is voiced.
const VOICED: f32 = 0.1;
const CENTS: f64 = 1200.0;
/// Past this another octave was found, or none.
const GROSS_CENTS: f64 = 240.0;

/// What the difference is where the first of the sounds is voiced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PitchError {
    /// The median.
    pub cents: f64,
    /// Share of frames past a fifth of an octave, 0 to 1.
    pub gross: f64,
}

/// The difference by the pitch network of the voice plug-in. `None` where nothing is voiced.
pub(super) fn pitch_error(
    weights: &Arc<Weights>,
    reference: &[f32],
    other: &[f32],
    activity: &Activity,
) -> Option<PitchError> {
    let (reference, other) = (features(weights, reference), features(weights, other));
    let mut cents: Vec<f64> = reference
        .iter()
        .zip(&other)
        .enumerate()
        .filter(|(at, (frame, _))| {
            frame[CORRELATION] > VOICED && activity.speaks(at * HOP..(at + 1) * HOP)
        })
        .map(|(_, (a, b))| f64::from(a[PITCH] - b[PITCH]).abs() * CENTS)
        .collect();
    cents.sort_by(f64::total_cmp);
    let gross = cents.iter().filter(|&&cents| cents > GROSS_CENTS).count();
    let median = *cents.get(cents.len() / 2)?;
    Some(PitchError { cents: median, gross: gross as f64 / cents.len() as f64 })
}

/// Of each 10 ms.
pub(super) fn features(weights: &Arc<Weights>, samples: &[f32]) -> Vec<Features> {
    let mut analysis = Analysis::new(weights);
    let (frames, _) = samples.as_chunks::<HOP>();
    frames.iter().map(|frame| analysis.frame(frame)).collect()
}
