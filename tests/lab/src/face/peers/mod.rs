//! Curves of the codecs beside it: rate and quality of each, at full and at half resolution.
//!
//! The part of a clip that is learned from is coded too, and not counted: rate control has settled
//! when what is measured begins, and no key picture is in it.

mod cache;
pub(super) mod codec;
pub(super) mod ivf;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::{
    cache::{Cache, digest, key},
    codec::{Codec, RATES, Resolution},
};
use super::{
    clip::Clip,
    landmarks::{Landmarks, SCRIPT},
    scores::{Original, ScoreError, Scores},
    tools::{ToolError, Tools, failed},
    video::Video,
};

/// A codec that makes so many times the rate asked for is at its floor: asked for less, it makes
/// the same.
const FLOOR: f64 = 1.5;
/// So is one that makes as many times what it made when it was asked for more.
const STUCK: f64 = 0.97;
/// Of what is kept: to be changed when it is measured in another way.
const CACHE_VERSION: &str = "1";

/// One point of a curve.
#[derive(Clone, Debug)]
pub(super) struct PeerPoint {
    /// Bits per second asked for.
    pub asked: f64,
    /// Bits per second of the measured part.
    pub rate: f64,
    /// What was measured.
    pub scores: Scores,
    /// The coded clip, both parts.
    pub coded: PathBuf,
}

/// One curve, the dearest point first.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub codec: Codec,
    pub resolution: Resolution,
    pub points: Vec<PeerPoint>,
}

/// What is kept of a point.
#[derive(Serialize, Deserialize)]
struct Kept {
    rate: f64,
    scores: Scores,
}

/// Measures peers over one clip.
pub(super) struct PeerBench<'a> {
    pub tools: &'a Tools,
    pub cache: &'a Cache,
    pub clip: &'a Clip,
    pub original: &'a Original<'a>,
}

pub(super) fn open_cache(folder: Option<&Path>) -> Result<Cache, ToolError> {
    Cache::open(folder)
}

pub(super) use cache::Cache as PeerCache;

impl PeerBench<'_> {
    /// All curves; `told` of each point that is to be measured.
    pub(super) fn curves(
        &self,
        landmarks: &mut Landmarks,
        told: &mut dyn FnMut(&str),
    ) -> Result<Vec<Curve>, ScoreError> {
        let digest = digest(&self.clip.whole)?;
        let mut curves = Vec::new();
        for codec in Codec::ALL {
            for resolution in Resolution::ALL {
                let mut points: Vec<PeerPoint> = Vec::new();
                for kilobits in RATES {
                    let point =
                        self.point(&digest, codec, resolution, kilobits, landmarks, told)?;
                    let before = points.last().map_or(f64::INFINITY, |point| point.rate);
                    let at_floor = point.rate > FLOOR * point.asked || point.rate > STUCK * before;
                    points.push(point);
                    if at_floor {
                        break;
                    }
                }
                curves.push(Curve { codec, resolution, points });
            }
        }
        Ok(curves)
    }

    fn point(
        &self,
        digest: &str,
        codec: Codec,
        resolution: Resolution,
        kilobits: u32,
        landmarks: &mut Landmarks,
        told: &mut dyn FnMut(&str),
    ) -> Result<PeerPoint, ScoreError> {
        let settings = codec.arguments(kilobits).join(" ");
        let versions = self.tools.versions();
        let coded_key = key(&[versions, digest, resolution.name(), &settings]);
        let original = self.original;
        let measured = format!("{} {:?} {:?}", self.clip.training, original.face, original.search);
        let scores_key = key(&[CACHE_VERSION, SCRIPT, &coded_key, &measured]);
        let coded = self.cache.path(&coded_key, "ivf");
        let asked = f64::from(kilobits) * 1e3;
        let kept = self.cache.get(&scores_key).filter(|_| coded.exists());
        if let Some(Kept { rate, scores }) = kept {
            return Ok(PeerPoint { asked, rate, scores, coded });
        }
        let (name, codec_name) = (&self.clip.name, codec.name());
        told(&format!("{name}: {codec_name} {} {kilobits} kbit/s", resolution.name()));
        if !coded.exists() {
            self.encode(codec, resolution, kilobits, &coded)?;
        }
        let rate = self.rate(&coded)?;
        let decoded = self.decode(&coded)?;
        let scores = original.score(self.tools, landmarks, &decoded)?;
        let kept = Kept { rate, scores };
        self.cache.put(&scores_key, &kept)?;
        Ok(PeerPoint { asked, rate, scores: kept.scores, coded })
    }

    /// Codes both parts of the clip. The file is there as a whole or not at all.
    fn encode(
        &self,
        codec: Codec,
        resolution: Resolution,
        kilobits: u32,
        coded: &Path,
    ) -> Result<(), ToolError> {
        let whole = &self.clip.whole;
        let [width, height] = resolution.size(whole.format());
        let mut line = vec!["-i".to_owned(), whole.path().display().to_string()];
        line.extend(["-vf".to_owned(), format!("scale={width}:{height}:flags=area")]);
        line.extend(codec.arguments(kilobits));
        let unfinished = self.tools.file("peer.ivf");
        line.extend(["-f".to_owned(), "ivf".to_owned(), unfinished.display().to_string()]);
        self.tools.ffmpeg(line)?;
        // The folder of the tools may be on another disk, where nothing can be renamed to.
        let part = coded.with_extension("ivf.part");
        fs::copy(&unfinished, &part)
            .and_then(|_| fs::rename(&part, coded))
            .map_err(|source| failed(coded, source))
    }

    /// Bits per second of the measured part.
    fn rate(&self, coded: &Path) -> Result<f64, ToolError> {
        let bytes = fs::read(coded).map_err(|source| failed(coded, source))?;
        let pictures = ivf::pictures(&bytes).ok_or_else(|| ToolError::Failed {
            program: "ffmpeg".into(),
            message: format!("{} is no IVF file", coded.display()),
        })?;
        let measured = pictures.iter().skip(self.clip.training);
        let sum: usize = measured.map(|(_, len)| len).sum();
        let test = &self.clip.test;
        Ok(sum as f64 * 8.0 * test.format().rate() / test.pictures() as f64)
    }

    /// The measured part, at the size of the clip.
    pub(super) fn decode(&self, coded: &Path) -> Result<Video, ScoreError> {
        let test = &self.clip.test;
        let format = test.format();
        let decoded = self.tools.file("peer.y4m");
        let first = self.clip.training;
        let filters = format!(
            "trim=start_frame={first},setpts=PTS-STARTPTS,scale={}:{}:flags=bicubic",
            format.width, format.height
        );
        let mut line = vec!["-i".to_owned(), coded.display().to_string()];
        line.extend(["-vf".to_owned(), filters]);
        line.extend(["-pix_fmt", "yuv420p", "-fps_mode", "passthrough"].map(String::from));
        line.push(decoded.display().to_string());
        self.tools.ffmpeg(line)?;
        let video = Video::open(&decoded)?;
        if video.pictures() == test.pictures() {
            return Ok(video);
        }
        let message = format!(
            "{} pictures of {} came back of {}",
            video.pictures(),
            test.pictures(),
            coded.display()
        );
        Err(ToolError::Failed { program: "ffmpeg".into(), message }.into())
    }
}
