//! Contact sheets, for people to look at: moments of a clip as rows, and as columns the original,
//! peers at about the same quality or at their floor, and this.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sotto_codec::Verdict;

use super::{
    peers::{Curve, PeerPoint, codec::Codec},
    quality::Quality,
    scores::{Original, Scores},
    tools::{ToolError, Tools, failed, run},
};

const SCRIPT: &str = include_str!("../../face_sheet.py");
/// Seconds between two moments at least.
const APART: f64 = 0.4;
/// Moments of each kind.
const OF_KIND: usize = 2;

/// What is to be drawn.
pub(super) struct Shots<'a> {
    tools: &'a Tools,
    folder: &'a Path,
    name: &'a str,
    original: &'a Original<'a>,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    title: String,
    caption: String,
    video: PathBuf,
}

#[derive(Serialize)]
struct Moment {
    at: usize,
    caption: String,
}

#[derive(Serialize)]
struct Request<'a> {
    columns: &'a [Column],
    moments: Vec<Moment>,
    /// Left, top, right, bottom of the face.
    face: [u32; 4],
    face_sheet: PathBuf,
    frame_sheet: PathBuf,
}

/// The point of a codec that is nearest in VMAF-NEG of the face, of all its curves.
pub(super) fn nearest<'c>(
    original: &Original<'_>,
    curves: &'c [Curve],
    codec: Codec,
    quality: Option<f64>,
) -> Option<(&'c Curve, &'c PeerPoint)> {
    let quality = quality?;
    let of_codec = curves.iter().filter(|curve| curve.codec == codec);
    let points = of_codec.flat_map(|curve| curve.points.iter().map(move |point| (curve, point)));
    let distance = |point: &PeerPoint| {
        face_quality(original, point).map_or(f64::INFINITY, |of| (of - quality).abs())
    };
    points.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
}

/// VMAF-NEG of the face over all pictures.
pub(super) fn face_quality(original: &Original<'_>, point: &PeerPoint) -> Option<f64> {
    let all = vec![true; original.openings.len()];
    Quality::of(original, &point.scores, &all).face_vmaf_neg
}

/// Rate in kbit/s and VMAF-NEG of the face.
pub(super) fn caption(rate: f64, quality: Option<f64>) -> String {
    format!("{rate:.1} kbit/s, face NEG {:.0}", quality.unwrap_or(0.0))
}

impl<'a> Shots<'a> {
    pub(super) const fn new(
        tools: &'a Tools,
        folder: &'a Path,
        name: &'a str,
        original: &'a Original<'a>,
    ) -> Self {
        Self { tools, folder, name, original, columns: Vec::new() }
    }

    /// Adds a column.
    pub(super) fn add(&mut self, title: &str, caption: &str, video: &Path) {
        let (title, caption) = (title.to_owned(), caption.to_owned());
        self.columns.push(Column { title, caption, video: video.to_owned() });
    }

    /// Writes `NAME-face.png`, `NAME.png`, and the columns side by side as `NAME.mp4`.
    ///
    /// # Errors
    /// [`ToolError`].
    pub(super) fn write(self, scores: &Scores, verdicts: &[Verdict]) -> Result<(), ToolError> {
        std::fs::create_dir_all(self.folder).map_err(|source| failed(self.folder, source))?;
        let file = |ending: &str| self.folder.join(format!("{}{ending}", self.name));
        let area = self.original.face;
        let request = Request {
            columns: &self.columns,
            moments: self.moments(scores, verdicts),
            face: [area.left, area.top, area.left + area.width, area.top + area.height],
            face_sheet: file("-face.png"),
            frame_sheet: file(".png"),
        };
        let path = self.tools.file("sheet.json");
        let unwritable = |source| ToolError::Answer { program: "sheet".into(), source };
        let bytes = serde_json::to_vec(&request).map_err(unwritable)?;
        std::fs::write(&path, bytes).map_err(|source| failed(&path, source))?;
        run(self.tools.python("face_sheet.py", SCRIPT)?.arg(&path))?;

        let mut line: Vec<String> = Vec::new();
        for column in &self.columns {
            line.extend(["-i".to_owned(), column.video.display().to_string()]);
        }
        let inputs = self.columns.len();
        line.extend(["-filter_complex".to_owned(), format!("hstack=inputs={inputs}")]);
        line.extend(["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"].map(String::from));
        line.push(file(".mp4").display().to_string());
        self.tools.ffmpeg(line)
    }

    /// Closed eyes, open mouths, the worst faces, and some that are just there.
    fn moments(&self, scores: &Scores, verdicts: &[Verdict]) -> Vec<Moment> {
        let count = self.original.openings.len();
        let apart = self.original.video.format().count(APART);
        let opening = |at: usize, of: fn(&super::states::Openings) -> f64| {
            self.original.openings[at].as_ref().map(of)
        };
        let eyes = |at| opening(at, |of| of.eyes).unwrap_or(f64::INFINITY);
        let mouth = |at| opening(at, |of| of.mouth).map_or(f64::INFINITY, |mouth| -mouth);
        let face = |at: usize| scores.psnr[at].face;
        let spread = |at: usize| if at % (count / 3).max(1) == count / 6 { 0.0 } else { 1.0 };
        let kinds: [(&str, &dyn Fn(usize) -> f64); 4] =
            [("eyes closed", &eyes), ("mouth open", &mouth), ("worst", &face), ("", &spread)];
        let mut moments: Vec<Moment> = Vec::new();
        for (kind, cost) in kinds {
            let mut order: Vec<_> = (0..count).collect();
            order.sort_by(|&a, &b| cost(a).total_cmp(&cost(b)));
            let mut of_kind = 0;
            for at in order {
                let is_apart = moments.iter().all(|moment| moment.at.abs_diff(at) >= apart);
                if of_kind < OF_KIND && is_apart {
                    let gate = format!("{:?}", verdicts[at]).to_lowercase();
                    moments.push(Moment { at, caption: format!("{kind} {gate}") });
                    of_kind += 1;
                }
            }
        }
        moments.sort_by_key(|moment| moment.at);
        moments
    }
}
