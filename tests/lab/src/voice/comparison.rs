//! What a speaker's own model is worth: bits at equal distortion.

use sotto_codec::{FRAME_MS, FRAME_SAMPLES, voice::features::HOP};

use super::{
    bench::Bench,
    cepstrum::mel_cepstral_distance,
    coded::CodeError,
    equal_distortion::{Point, rate_difference},
    feature_error::feature_error,
    figures::ModelComparison,
    learning::{Learned, model},
    pitch::features,
    set::Speaker,
    wire::Rate,
};

/// Strangers whose models are tried.
const STRANGERS: usize = 2;
/// Steps on each side of the one asked for, between which equal distortion is looked for.
const STEPS_BESIDE: usize = 1;

/// Points of one model, by how distortion is measured.
#[derive(Default)]
struct Curves {
    /// By the error of decoded features.
    by_features: Vec<Point>,
    /// By the mel-cepstral distance from what the vocoder makes of unquantised features: what the
    /// vocoder itself gets wrong, which no model changes, is left out.
    by_cepstra: Vec<Point>,
}

impl Bench<'_> {
    /// Bits at equal distortion, of the own model against the generic one and strangers'.
    pub(super) fn compare_models(
        &self,
        speaker: &Speaker,
        learned: &Learned,
        ceiling: &[f32],
    ) -> Result<ModelComparison, CodeError> {
        let own = self.curves(speaker, Some(learned), ceiling)?;
        let generic = self.curves(speaker, None, ceiling)?;
        let strangers = self
            .strangers(speaker)
            .take(STRANGERS)
            .map(|(_, theirs)| self.curves(speaker, Some(theirs), ceiling))
            .collect::<Result<Vec<_>, _>>()?;
        let by_features = differences(&own, &generic, &strangers, |curves| &curves.by_features);
        let by_cepstra = differences(&own, &generic, &strangers, |curves| &curves.by_cepstra);
        Ok(ModelComparison {
            own_vs_generic_pct: by_features.0,
            wrong_vs_own_pct: by_features.1,
            own_vs_generic_mcd_pct: by_cepstra.0,
            wrong_vs_own_mcd_pct: by_cepstra.1,
        })
    }

    /// Rates and distortions around the step that the arguments ask for, with a learned model or
    /// the generic one; none where there is no such model.
    fn curves(
        &self,
        speaker: &Speaker,
        learned: Option<&Learned>,
        ceiling: &[f32],
    ) -> Result<Curves, CodeError> {
        let mut curves = Curves::default();
        let source = features(&self.weights, &speaker.test);
        for &step in steps_around(&self.subject.steps(), self.arguments.step) {
            let plugin = self.subject.plugin(step, false);
            let model = match learned {
                Some(learned) => Some(model(&*plugin, learned)),
                None => plugin.generic(),
            };
            let Some(model) = model else { continue };
            let coded = self.code(&*model, &speaker.test)?;
            let rate = Rate::while_speaking(&coded.lens(), FRAME_MS, &speaker.activity).payload_bps;
            let point = |distortion| Point { rate, distortion };

            let body = learned.map(|learned| &*learned.body);
            let decoded: Vec<_> = coded
                .payloads
                .iter()
                .map(|payload| self.subject.features(body, payload).unwrap_or_default())
                .collect();
            let pairs = source.chunks(FRAME_SAMPLES / HOP).zip(&decoded);
            let error =
                feature_error(pairs.flat_map(|(source, decoded)| source.iter().zip(decoded)));
            let distance = mel_cepstral_distance(ceiling, &coded.sound, &speaker.activity);
            if rate > 0.0 {
                curves.by_features.extend(error.map(point));
                curves.by_cepstra.extend(distance.map(point));
            }
        }
        Ok(curves)
    }
}

/// Percent that the own model saves beside the generic one, and that strangers' need more than the
/// own one, the mean of several.
fn differences(
    own: &Curves,
    generic: &Curves,
    strangers: &[Curves],
    by: fn(&Curves) -> &[Point],
) -> (Option<f64>, Option<f64>) {
    let saved = rate_difference(by(generic), by(own)).map(|difference| -100.0 * difference);
    let lost: Vec<_> =
        strangers.iter().filter_map(|wrong| rate_difference(by(own), by(wrong))).collect();
    let sum: f64 = lost.iter().sum();
    (saved, (!lost.is_empty()).then(|| 100.0 * sum / lost.len() as f64))
}

/// Of all steps the one nearest to `step`, and those beside it.
pub(super) fn steps_around(steps: &[f32], step: f32) -> &[f32] {
    let distance = |at: usize| (steps[at] / step).ln().abs();
    let nearest = (0..steps.len()).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    let nearest = nearest.unwrap_or(0);
    let end = (nearest + STEPS_BESIDE + 1).min(steps.len());
    &steps[nearest.saturating_sub(STEPS_BESIDE)..end]
}
