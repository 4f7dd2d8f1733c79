//! What was measured, of everybody, as JSON.

use serde::Serialize;
use serde_json::{Value, json};
use sotto_codec::SOUND_RATE;

use super::{
    Arguments, Subject,
    bench::{Bench, MeasureError},
    figures::Figures,
    mean::mean,
    metrics::Scorer,
    set::Set,
};

/// All figures.
#[derive(Clone, Debug)]
pub struct Report {
    /// Everybody of whom there is a model.
    pub speakers: Vec<SpeakerFigures>,
    /// Those of whom there is none, with the generic model. Means are not over these: their sound
    /// stays raw.
    pub refused: Vec<SpeakerFigures>,
    /// Everybody else.
    pub left_out: Vec<LeftOut>,
    /// How it was measured, for whoever reads the figures.
    pub settings: Value,
}

/// The figures of one person.
#[derive(Clone, Debug, Serialize)]
pub struct SpeakerFigures {
    /// Of the file.
    pub name: String,
    /// Means are over these.
    pub wideband: bool,
    /// Of speech that was measured with.
    pub speech_s: f64,
    /// Why there is no model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// All figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Somebody who was not measured.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// Of the file.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Measures a plug-in; `on_speaker` is told who is next.
///
/// # Errors
/// [`MeasureError`].
pub fn report(
    subject: &dyn Subject,
    set: &Set,
    arguments: &Arguments,
    scorer: Option<&Scorer>,
    mut on_speaker: impl FnMut(&str),
) -> Result<Report, MeasureError> {
    let bench = Bench::new(subject, arguments, set, scorer)?;
    let left_out = |name: &String, reason: String| LeftOut { name: name.clone(), reason };
    let too_short = |name| left_out(name, "too little speech behind that for learning".into());
    let has_generic = subject.plugin(arguments.step, false).generic().is_some();
    let mut report = Report {
        speakers: Vec::new(),
        refused: Vec::new(),
        left_out: set.too_short.iter().map(too_short).collect(),
        settings: json!({
            "train_seconds": arguments.train_seconds,
            "test_seconds": arguments.test_seconds,
            "step": arguments.step,
            "redundancy": arguments.redundancy,
            "model": format!("{:?}", arguments.model).to_lowercase(),
            "gate_frozen_in": subject.gate_frozen_in(),
            "means_over": "wideband speakers of whom there is a model",
            "equal_distortion": "log-rate over the squared error of decoded features (mcd: over \
                mel-cepstral distance from the unquantised vocoder), between steps around the one asked for",
        }),
    };
    for speaker in &set.speakers {
        on_speaker(&speaker.name);
        let learned = bench.learned(speaker);
        let refusal = learned.err().map(|reason| reason.to_string());
        if let Some(reason) = refusal.clone().filter(|_| !has_generic) {
            report.left_out.push(left_out(&speaker.name, reason));
            continue;
        }
        let speakers = if refusal.is_none() { &mut report.speakers } else { &mut report.refused };
        speakers.push(SpeakerFigures {
            name: speaker.name.clone(),
            wideband: speaker.wideband,
            speech_s: speaker.activity.spoken() as f64 / f64::from(SOUND_RATE),
            refusal,
            figures: bench.measure(speaker, learned.ok())?,
        });
    }
    Ok(report)
}

impl Report {
    /// Means over the wideband speakers, key by key; empty where there are none.
    pub fn means(&self) -> Value {
        let figures: Vec<_> = self
            .speakers
            .iter()
            .filter(|speaker| speaker.wideband)
            .map(|speaker| serde_json::to_value(&speaker.figures).expect("figures are plain data"))
            .collect();
        match mean(&figures.iter().collect::<Vec<_>>()) {
            Value::Null => json!({}),
            means => means,
        }
    }

    /// One object: the means, and `speakers`, `refused`, `left_out` and `settings`.
    pub fn to_json(&self) -> String {
        let mut object = self.means();
        object["speakers"] = json!(self.speakers);
        object["refused"] = json!(self.refused);
        object["left_out"] = json!(self.left_out);
        object["settings"] = self.settings.clone();
        serde_json::to_string_pretty(&object).expect("figures are plain data")
    }
}
