//! Everything about one speaker.

use std::{collections::BTreeMap, time::Duration};

use sotto_codec::FRAME_MS;
use sotto_frame::PluginId;

use super::{
    baseline::{BASELINES, OpusCoded, USUAL},
    bench::{Bench, MeasureError},
    ceiling::ceiling,
    cepstrum::mel_cepstral_distance,
    coded::Coded,
    figures::{Figures, ModelComparison, OpusFigures, Quality},
    gate::{GateFigures, gate_figures},
    learning::Learned,
    loss::{decode_with_losses, random_losses},
    metrics::Scores,
    pitch::pitch_error,
    set::Speaker,
    switching::switching_figures,
    wire::{BUNDLED, Rate, in_bundle, in_packet},
};

/// Of the packets, lost.
const LOSS: f64 = 0.1;

impl Bench<'_> {
    /// Measures a speaker with what was learned, or else with the generic model.
    pub(super) fn measure(
        &self,
        speaker: &Speaker,
        learned: Option<&Learned>,
    ) -> Result<Figures, MeasureError> {
        let (source, activity) = (&speaker.test, &speaker.activity);
        let (step, delay) = (self.arguments.step, self.subject.delay());
        let plugin = self.subject.plugin(step, self.arguments.redundancy);
        let model = self.chosen_model(&*plugin, speaker, learned)?;
        let coded = self.code(&*model, source)?;
        let plain = self.lossy(speaker, learned, false)?;
        let redundant = self.lossy(speaker, learned, true)?;
        let ceiling = ceiling(&self.weights, source);
        let opus = BASELINES
            .iter()
            .map(|baseline| baseline.code(source))
            .collect::<Result<Vec<_>, _>>()?;

        let of_opus = opus.iter().map(|coded| &*coded.sound);
        let sounds =
            [&*coded.sound, &ceiling, &plain.all, &plain.lossy, &redundant.all, &redundant.lossy];
        let scores = self.scores(source, &sounds.into_iter().chain(of_opus).collect::<Vec<_>>())?;
        let (&[own, best, plain_all, plain_lossy, redundant_all, redundant_lossy], of_opus) =
            scores.split_first_chunk().expect("there are scores of each sound");
        let quality = |sound: &[f32], scores| self.quality(speaker, sound, scores);

        let rate = Rate::while_speaking(&coded.lens(), FRAME_MS, activity);
        let framed = |frame: fn(&[u8], PluginId) -> usize| {
            let lens = coded.payloads.iter().map(|payload| frame(payload, plugin.id()));
            Rate::while_speaking(&lens.collect::<Vec<_>>(), FRAME_MS, activity)
        };
        let (packets, bundles) = (framed(in_packet), framed(in_bundle));
        let gate = if self.arguments.skip_gate {
            GateFigures::of_clean(speaker, &coded.judged)
        } else {
            let noises = self.noises(speaker);
            let other = self.strangers(speaker).next().map(|(other, _)| other);
            let judged_of = |sound: &[f32]| self.code(&*model, sound).map(|coded| coded.judged);
            gate_figures(judged_of, speaker, &coded.judged, self.set, &noises, other)?
        };
        let models = match learned {
            Some(learned) => self.compare_models(speaker, learned, &ceiling)?,
            None => ModelComparison::default(),
        };
        let opus = opus_figures(speaker, &opus, of_opus, quality);
        Ok(Figures {
            payload_bps: rate.payload_bps,
            payload_with_pauses_bps: Rate::of(coded.lens().into_iter(), FRAME_MS).payload_bps,
            wire_bps: rate.wire_bps,
            model_stream_wire_bps: packets.wire_bps,
            bundled_wire_bps: bundles.wire_bps / f64::from(BUNDLED),
            opus24_wire_bps: opus[&USUAL.name()].wire_bps,
            quality: quality(&coded.sound, own),
            models,
            learn_s: learned.map(|learned| learned.time.as_secs_f64()),
            epochs: learned.map(|learned| learned.epochs.len()),
            encode_rtf: real_time_factor(coded.encoding, &coded),
            decode_rtf: real_time_factor(coded.decoding, &coded),
            model_bytes: learned.map(|learned| learned.body.len()),
            gate,
            loss10_estoi_drop: drop(redundant_all, redundant_lossy),
            loss10_without_redundancy_estoi_drop: drop(plain_all, plain_lossy),
            redundant_payload_bps: redundant.rate.payload_bps,
            switching: switching_figures(&*model, source, &coded.payloads, delay, activity)?,
            ceiling: quality(&ceiling, best),
            opus,
        })
    }

    /// What is heard of the speaker when all packets come, and when some are lost.
    fn lossy(
        &self,
        speaker: &Speaker,
        learned: Option<&Learned>,
        redundancy: bool,
    ) -> Result<Lossy, MeasureError> {
        let plugin = self.subject.plugin(self.arguments.step, redundancy);
        let model = self.chosen_model(&*plugin, speaker, learned)?;
        let coded = self.code(&*model, &speaker.test)?;
        let lost = random_losses(coded.payloads.len(), LOSS, self.arguments.seed);
        let (delay, len) = (self.subject.delay(), speaker.test.len());
        let lossy = decode_with_losses(&*model, &coded.payloads, &lost, delay, len)?;
        let rate = Rate::while_speaking(&coded.lens(), FRAME_MS, &speaker.activity);
        Ok(Lossy { rate, all: coded.sound, lossy })
    }

    /// Scores of each sound; empty ones where there is no Python.
    fn scores(&self, source: &[f32], sounds: &[&[f32]]) -> Result<Vec<Scores>, MeasureError> {
        Ok(match self.scorer {
            Some(scorer) => scorer.scores(source, sounds)?,
            None => vec![Scores::default(); sounds.len()],
        })
    }

    fn quality(&self, speaker: &Speaker, sound: &[f32], scores: Scores) -> Quality {
        let Speaker { test, activity, .. } = speaker;
        let distance = mel_cepstral_distance(test, sound, activity);
        Quality::new(scores, distance, pitch_error(&self.weights, test, sound, activity))
    }
}

/// What comes of a sound with and without losses.
struct Lossy {
    rate: Rate,
    all: Vec<f32>,
    lossy: Vec<f32>,
}

fn opus_figures(
    speaker: &Speaker,
    coded: &[OpusCoded],
    scores: &[Scores],
    quality: impl Fn(&[f32], Scores) -> Quality,
) -> BTreeMap<String, OpusFigures> {
    let figures = BASELINES.iter().zip(coded).zip(scores).map(|((baseline, coded), &scores)| {
        let rate = Rate::while_speaking(&coded.lens, baseline.packet_ms, &speaker.activity);
        (baseline.name(), OpusFigures::new(rate, quality(&coded.sound, scores)))
    });
    figures.collect()
}

/// Processor time over the time of the sound.
fn real_time_factor(time: Duration, coded: &Coded) -> f64 {
    let seconds = coded.payloads.len() as f64 * f64::from(FRAME_MS) / 1000.0;
    time.as_secs_f64() / seconds
}

/// ESTOI that losses take.
fn drop(all: Scores, lossy: Scores) -> Option<f64> {
    Some(all.estoi? - lossy.estoi?)
}
