//! What was measured, of all clips, as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Arguments, Subject,
    bench::{Bench, MeasureError},
    clip::{Clip, ClipError},
    figures::{Figures, PeerTable, Validation},
    landmarks::Landmarks,
    peers::open_cache,
    ratio::Bound,
    tools::Tools,
};
use crate::voice::mean::mean;

/// All figures.
#[derive(Clone, Debug)]
pub struct Report {
    /// Every clip with a face in it.
    pub clips: Vec<ClipFigures>,
    /// All others.
    pub left_out: Vec<LeftOut>,
    /// How it was measured, for whoever reads the figures.
    pub settings: Value,
}

/// The figures of one clip.
#[derive(Clone, Debug, Serialize)]
pub struct ClipFigures {
    /// Of the file.
    pub name: String,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures per second.
    pub fps: f64,
    /// Learned from.
    pub train_s: f64,
    /// Measured with.
    pub test_s: f64,
    /// Why there is no model: such a clip stays raw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Of the plug-in, where it was measured.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Of the measure of states.
    pub validation: Validation,
    /// The codecs beside it.
    pub peers: PeerTable,
}

/// A clip that was not measured.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The file.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Measures a plug-in; `told` what is done next.
///
/// # Errors
/// [`MeasureError`].
pub fn report(
    subject: &dyn Subject,
    arguments: &Arguments,
    mut told: impl FnMut(&str),
) -> Result<Report, MeasureError> {
    let tools = Tools::of(&arguments.python)?;
    let cache = open_cache(arguments.cache.as_deref())?;
    let mut bench = Bench {
        subject,
        arguments,
        tools: &tools,
        landmarks: Landmarks::start(&tools)?,
        cache: &cache,
    };
    let mut report = Report {
        clips: Vec::new(),
        left_out: Vec::new(),
        settings: json!({
            "train_seconds": arguments.train_seconds,
            "test_seconds": arguments.test_seconds,
            "target_bps": arguments.target,
            "gate_frozen_in": subject.gate_frozen_in(),
            "vmaf": "v0.6.1 and v0.6.1neg, every picture",
            "ratios": "rate at equal face VMAF-NEG over the same pictures: log-rate by straight \
                lines between measured points, best of full and half resolution",
            "means_over": "clips of which there is a model",
            "tools": tools.versions().lines().collect::<Vec<_>>(),
        }),
    };
    for path in &arguments.clip {
        let name = path.display().to_string();
        told(&format!("decoding {name}"));
        let reason = match Clip::read(&tools, path, &arguments.cut()) {
            Ok(clip) => match bench.measure(&clip, &mut told) {
                Ok(Some(figures)) => {
                    report.clips.push(figures);
                    continue;
                }
                Ok(None) => "no face is found in it".to_owned(),
                // The other clips took long enough to be told of.
                Err(MeasureError::Code(fault)) => format!("fault of the plug-in: {fault}"),
                Err(MeasureError::Learn(fault)) => format!("fault of the plug-in: {fault}"),
                Err(fault) => return Err(fault),
            },
            Err(ClipError::Video(fault)) => return Err(fault.into()),
            Err(reason) => reason.to_string(),
        };
        report.left_out.push(LeftOut { name, reason });
    }
    Ok(report)
}

impl Report {
    /// Means over the clips of which there is a model, key by key; empty where there are none. With
    /// them, how many ratios are bounds.
    pub fn means(&self) -> Value {
        let figures: Vec<_> = self.clips.iter().filter_map(|clip| clip.figures.as_ref()).collect();
        let values: Vec<_> = figures
            .iter()
            .map(|figures| serde_json::to_value(figures).expect("figures are plain data"))
            .collect();
        let mut means = match mean(&values.iter().collect::<Vec<_>>()) {
            Value::Null => return json!({}),
            means => means,
        };
        let bounds = |of: fn(&Figures) -> Option<Bound>| {
            let bounds = figures.iter().filter_map(|figures| of(figures));
            bounds.filter(|bound| *bound != Bound::Exact).count()
        };
        means["ratio_av1_bounds"] = json!(bounds(|of| of.shown.ratios.ratio_av1_bound));
        means["ratio_vp9_bounds"] = json!(bounds(|of| of.shown.ratios.ratio_vp9_bound));
        means["ratio_vp8_bounds"] = json!(bounds(|of| of.shown.ratios.ratio_vp8_bound));
        means["clips"] = json!(figures.len());
        means
    }

    /// One object: `mean`, `clips`, `left_out` and `settings`.
    pub fn to_json(&self) -> String {
        let object = json!({
            "mean": self.means(),
            "clips": self.clips,
            "left_out": self.left_out,
            "settings": self.settings,
        });
        serde_json::to_string_pretty(&object).expect("figures are plain data")
    }
}
