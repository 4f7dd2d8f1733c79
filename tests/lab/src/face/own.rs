//! What comes of a clip by the plug-in, and the figures of that.

use sotto_codec::Verdict;
use sotto_frame::PluginId;

use super::{
    bench::MeasureError,
    coded::{Coded, code},
    figures::{Figures, GrowthFigures, LossFigures, Ratios, Shown},
    growth::Growth,
    landmarks::Landmarks,
    learning::Learned,
    loss::{Recovery, decode_with_losses, recovery},
    peers::{Curve, codec::Codec},
    quality::Quality,
    ratio::{PeerRate, Point, peer_rate},
    scores::{Original, Scores},
    tools::Tools,
    wire::{WireFigures, shown_rate, with_model},
};
use crate::voice::loss::random_losses;

/// Of the payloads, lost.
const LOSS: f64 = 0.1;
/// Over which the bytes of a model are counted, too.
const MINUTES: [u32; 3] = [5, 10, 30];

/// What came of a clip by the plug-in.
pub(super) struct Own {
    pub coded: Coded,
    pub scores: Scores,
    lossy_scores: Scores,
    recovery: Recovery,
    growth: GrowthFigures,
}

impl Own {
    /// Codes the measured part, with and without losses.
    pub(super) fn of(
        tools: &Tools,
        landmarks: &mut Landmarks,
        original: &Original<'_>,
        growth: &mut Growth<'_>,
        seed: u64,
    ) -> Result<Self, MeasureError> {
        let source = original.video;
        let coded = code(growth, source, &tools.file("own.y4m"))?;
        let scores = original.score(tools, landmarks, &coded.decoded)?;
        let lost = random_losses(coded.payloads.len(), LOSS, seed);
        let to = tools.file("lossy.y4m");
        let lossy = decode_with_losses(growth.uses(), &coded.payloads, &lost, source, &to)?;
        let lossy_scores = original.score(tools, landmarks, &lossy)?;
        let recovery = recovery(&coded.payloads, &lost, &coded.decoded, &lossy)?;
        let seconds = source.pictures() as f64 / source.format().rate();
        let growth = GrowthFigures {
            grown_epochs: growth.uses().len() - 1,
            grown_bps: growth.bytes as f64 * 8.0 / seconds,
            grown_s: growth.time.as_secs_f64(),
        };
        Ok(Self { coded, scores, lossy_scores, recovery, growth })
    }

    /// What that is worth.
    pub(super) fn figures(
        &self,
        plugin: PluginId,
        learned: &Learned,
        original: &Original<'_>,
        curves: &[Curve],
    ) -> Figures {
        let Coded { payloads, verdicts, encoding, judging, decoding, .. } = &self.coded;
        let (format, pictures) = (original.video.format(), original.video.pictures());
        let shown: Vec<_> = verdicts.iter().map(|verdict| *verdict != Verdict::Red).collect();
        let all = vec![true; pictures];
        let share = |count: usize| count as f64 / pictures as f64;
        let over = |shown: &[bool]| {
            let payload_bps =
                shown_rate(payloads, shown, format.rate()).map(|rate| rate + self.growth.grown_bps);
            let quality = Quality::of(original, &self.scores, shown);
            let ratios = payload_bps.zip(quality.face_vmaf_neg).map(|(rate, quality)| {
                Ratios::new(peer_rates(original, curves, shown, quality), rate)
            });
            Shown { payload_bps, quality, ratios: ratios.unwrap_or_default() }
        };
        let seconds = pictures as f64 / format.rate();
        let payload_bps =
            shown_rate(payloads, &all, format.rate()).unwrap_or(0.0) + self.growth.grown_bps;
        let drawing = decoding.as_secs_f64() / pictures as f64;
        let over_shown = over(&shown);
        let lossy = Quality::of(original, &self.lossy_scores, &shown);
        let drop = over_shown.quality.face_vmaf_neg.zip(lossy.face_vmaf_neg);
        Figures {
            all: over(&all),
            shown: over_shown,
            gate_pass: share(shown.iter().filter(|shown| **shown).count()),
            gate_green: share(verdicts.iter().filter(|of| **of == Verdict::Green).count()),
            model_bytes: learned.body.len(),
            first_model_bytes: learned.first().0,
            first_model_s: learned.first().1 as f64 / format.rate(),
            epochs: learned.epochs.len(),
            growth: self.growth,
            with_model_bps: MINUTES
                .iter()
                .map(|&minutes| {
                    let rate = with_model(payload_bps, learned.body.len(), f64::from(minutes));
                    (format!("{minutes}min"), rate)
                })
                .collect(),
            wire: WireFigures::of(payloads, plugin, seconds),
            learn_s: learned.time.as_secs_f64(),
            encode_fps: pictures as f64 / (*encoding + *judging + *decoding).as_secs_f64(),
            encode_alone_fps: pictures as f64 / encoding.as_secs_f64(),
            decode_ms: drawing * 1e3,
            decode_ns_per_pixel: drawing * 1e9 / format.pixels() as f64,
            loss10: LossFigures {
                face_vmaf_neg_drop: drop.map(|(without, with)| without - with),
                recovery: self.recovery,
            },
        }
    }
}

/// What each codec needs for a VMAF-NEG of the face over the pictures that are `shown`.
fn peer_rates(
    original: &Original<'_>,
    curves: &[Curve],
    shown: &[bool],
    quality: f64,
) -> [Option<PeerRate>; 3] {
    Codec::ALL.map(|codec| {
        let of_codec = curves.iter().filter(|curve| curve.codec == codec);
        let points = of_codec.map(|curve| {
            let points = curve.points.iter().filter_map(|point| {
                let quality = Quality::of(original, &point.scores, shown).face_vmaf_neg?;
                Some(Point { rate: point.rate, quality })
            });
            points.collect()
        });
        peer_rate(&points.collect::<Vec<_>>(), quality)
    })
}
