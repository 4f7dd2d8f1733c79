//! Everything about one clip.

use std::{collections::BTreeMap, path::Path};

use super::{
    Arguments, Peers,
    clip::Clip,
    coded::CodeError,
    figures::{PeerFigures, PeerTable, Validation},
    growth::Growth,
    landmarks::Landmarks,
    learning::{NotLearned, learn},
    own::Own,
    peers::{Curve, PeerBench, PeerCache, codec::Codec},
    quality::Quality,
    report::ClipFigures,
    scores::{Original, ScoreError},
    sheet::{self, Shots},
    states::{Agreement, Matches},
    subject::Subject,
    tools::{ToolError, Tools},
    trace,
    video::VideoError,
    wire::shown_rate,
};
use crate::Rng;

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The plug-in breaks its promises.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The learner breaks its own.
    #[error(transparent)]
    Learn(#[from] NotLearned),
    /// There are no scores.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

impl From<ToolError> for MeasureError {
    fn from(error: ToolError) -> Self {
        Self::Score(error.into())
    }
}

impl From<VideoError> for MeasureError {
    fn from(error: VideoError) -> Self {
        Self::Score(error.into())
    }
}

/// A plug-in and all that it is measured with.
pub(super) struct Bench<'a> {
    pub subject: &'a dyn Subject,
    pub arguments: &'a Arguments,
    pub tools: &'a Tools,
    pub landmarks: Landmarks,
    pub cache: &'a PeerCache,
}

impl Bench<'_> {
    /// Measures a clip; `None` where there is no face in it.
    pub(super) fn measure(
        &mut self,
        clip: &Clip,
        told: &mut dyn FnMut(&str),
    ) -> Result<Option<ClipFigures>, MeasureError> {
        let Some(original) = Original::of(&mut self.landmarks, &clip.test)? else {
            return Ok(None);
        };
        let peers = PeerBench { tools: self.tools, cache: self.cache, clip, original: &original };
        let curves = match self.arguments.peers {
            Peers::None => Vec::new(),
            Peers::Measure | Peers::Only => peers.curves(&mut self.landmarks, told)?,
        };
        let (mut refusal, mut figures) = (None, None);
        if self.arguments.peers != Peers::Only {
            told(&format!("{}: learning", clip.name));
            let plugin =
                self.subject.plugin(self.arguments.target, !self.arguments.without_residuals);
            match learn(&*plugin, &clip.whole, clip.training) {
                Ok(mut learned) => {
                    told(&format!("{}: measuring", clip.name));
                    let mut growth = Growth::new(&*plugin, &mut learned, self.arguments.grow)?;
                    let seed = self.arguments.seed;
                    let landmarks = &mut self.landmarks;
                    let own = Own::of(self.tools, landmarks, &original, &mut growth, seed)?;
                    if let Some(folder) = &self.arguments.sheet {
                        self.write_sheet(folder, &peers, &curves, &own)?;
                    }
                    figures = Some(own.figures(plugin.id(), &learned, &original, &curves));
                }
                Err(NotLearned::Learner(reason)) => refusal = Some(reason.to_string()),
                Err(fault) => return Err(fault.into()),
            }
        }
        let format = clip.test.format();
        Ok(Some(ClipFigures {
            name: clip.name.clone(),
            width: format.width,
            height: format.height,
            fps: format.rate(),
            train_s: clip.training as f64 / format.rate(),
            test_s: clip.test.pictures() as f64 / format.rate(),
            refusal,
            figures,
            validation: self.validation(&original, &curves),
            peers: peer_table(&original, &curves),
        }))
    }

    /// Writes everything that is there to be looked at.
    fn write_sheet(
        &self,
        folder: &Path,
        peers: &PeerBench<'_>,
        curves: &[Curve],
        own: &Own,
    ) -> Result<(), MeasureError> {
        let (clip, original) = (peers.clip, peers.original);
        let all = vec![true; clip.test.pictures()];
        let quality = Quality::of(original, &own.scores, &all);
        let mut shots = Shots::new(self.tools, folder, &clip.name, original);
        shots.add("original", "", clip.test.path());
        for codec in [Codec::Vp8, Codec::Av1] {
            let Some((curve, point)) =
                sheet::nearest(original, curves, codec, quality.face_vmaf_neg)
            else {
                continue;
            };
            let video = peers.decode(&point.coded)?;
            let path = self.tools.file(&format!("sheet-{}.y4m", codec.name()));
            video.copy(&path, 0..video.pictures())?;
            let (rate, resolution) = (point.rate / 1e3, curve.resolution.name());
            let title = format!("{} {resolution}", codec.name());
            shots.add(&title, &sheet::caption(rate, sheet::face_quality(original, point)), &path);
        }
        let rate = shown_rate(&own.coded.payloads, &all, clip.test.format().rate());
        let caption = sheet::caption(rate.unwrap_or(0.0) / 1e3, quality.face_vmaf_neg);
        shots.add("this", &caption, own.coded.decoded.path());
        shots.write(&own.scores, &own.coded.verdicts)?;
        let path = folder.join(format!("{}.csv", clip.name));
        Ok(trace::write(&path, original, &own.coded, &own.scores)?)
    }

    fn validation(&self, original: &Original<'_>, curves: &[Curve]) -> Validation {
        let of = |decoded: &[_]| {
            let matches = Matches::of(&original.scales, &original.openings, decoded);
            let all = vec![true; decoded.len()];
            [Agreement::of(&matches.eyes, &all), Agreement::of(&matches.mouth, &all)]
        };
        let av1 = curves.iter().find(|curve| curve.codec == Codec::Av1);
        let dearest = av1.and_then(|curve| curve.points.first());
        let dearest = dearest.map(|point| of(&point.scores.openings));
        let mut shuffled = original.openings.clone();
        let mut rng = Rng::new(self.arguments.seed);
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, (rng.unit() * (at + 1) as f64) as usize);
        }
        let [shuffled_eyes, shuffled_mouth] = of(&shuffled);
        Validation {
            av1_eyes: dearest.map(|[eyes, _]| eyes),
            av1_mouth: dearest.map(|[_, mouth]| mouth),
            shuffled_eyes,
            shuffled_mouth,
        }
    }
}

fn peer_table(original: &Original<'_>, curves: &[Curve]) -> PeerTable {
    let mut table: PeerTable = BTreeMap::new();
    let all = vec![true; original.openings.len()];
    for curve in curves {
        let points = curve.points.iter().map(|point| PeerFigures {
            asked_bps: point.asked,
            payload_bps: point.rate,
            quality: Quality::of(original, &point.scores, &all),
        });
        let of_codec = table.entry(curve.codec.name().to_owned()).or_default();
        of_codec.insert(curve.resolution.name().to_owned(), points.collect());
    }
    table
}
