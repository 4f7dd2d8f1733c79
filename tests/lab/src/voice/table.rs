//! What was measured, for people to read.

use std::fmt::Write as _;

use serde_json::Value;

use super::report::{LeftOut, Report, SpeakerFigures};

/// Head of a column, where its figure stands, by how much it is multiplied, and its decimals.
pub(crate) type Column = (&'static str, &'static str, f64, usize);

const SPEAKERS: [Column; 20] = [
    ("kbit/s", "/payload_bps", 1e-3, 2),
    ("pauses", "/payload_with_pauses_bps", 1e-3, 2),
    ("wire", "/wire_bps", 1e-3, 2),
    ("bundle", "/bundled_wire_bps", 1e-3, 2),
    ("opus24", "/opus24_wire_bps", 1e-3, 1),
    ("PESQ", "/pesq", 1.0, 2),
    ("ESTOI", "/estoi", 1.0, 3),
    ("simil", "/similarity", 1.0, 3),
    ("MCD dB", "/mel_cepstral_distance_db", 1.0, 2),
    ("cents", "/pitch_error_cents", 1.0, 1),
    ("own %", "/own_vs_generic_pct", 1.0, 1),
    ("wrong %", "/wrong_vs_own_pct", 1.0, 1),
    ("own mcd", "/own_vs_generic_mcd_pct", 1.0, 1),
    ("wro mcd", "/wrong_vs_own_mcd_pct", 1.0, 1),
    ("learn s", "/learn_s", 1.0, 3),
    ("encode", "/encode_rtf", 1.0, 4),
    ("decode", "/decode_rtf", 1.0, 4),
    ("model B", "/model_bytes", 1.0, 0),
    ("loss10", "/loss10_estoi_drop", 1.0, 3),
    ("alone", "/loss10_without_redundancy_estoi_drop", 1.0, 3),
];
const GATE: [Column; 7] = [
    ("clean %", "/gate/false_alarm", 100.0, 1),
    ("music %", "/gate/music", 100.0, 1),
    ("noise10 %", "/gate/noise10db", 100.0, 1),
    ("0-10dB %", "/gate/noise_to_10db", 100.0, 1),
    ("overlap %", "/gate/overlap", 100.0, 1),
    ("two 0dB %", "/gate/two_talkers/0db", 100.0, 1),
    ("-10dB %", "/gate/two_talkers/10db", 100.0, 1),
];
const NOISE: [Column; 4] = [
    ("20dB %", "/20db", 100.0, 1),
    ("10dB %", "/10db", 100.0, 1),
    ("5dB %", "/5db", 100.0, 1),
    ("0dB %", "/0db", 100.0, 1),
];
const SWITCHING: [Column; 5] = [
    ("changes", "/switching/changes", 1.0, 0),
    ("step max", "/switching/step_ratio_worst", 1.0, 2),
    ("p95", "/switching/step_ratio_p95", 1.0, 2),
    ("splash dB", "/switching/splash_db_worst", 1.0, 1),
    ("p95 dB", "/switching/splash_db_p95", 1.0, 1),
];
const CODECS: [Column; 7] = [
    ("kbit/s", "/payload_bps", 1e-3, 2),
    ("wire", "/wire_bps", 1e-3, 2),
    ("PESQ", "/pesq", 1.0, 2),
    ("ESTOI", "/estoi", 1.0, 3),
    ("simil", "/similarity", 1.0, 3),
    ("MCD dB", "/mel_cepstral_distance_db", 1.0, 2),
    ("cents", "/pitch_error_cents", 1.0, 1),
];

impl Report {
    /// Tables: by speaker, the gate, switching, and beside other codecs.
    pub fn to_table(&self) -> String {
        let means = self.means();
        let row = |speaker: &SpeakerFigures| {
            let band = if speaker.wideband { "" } else { ", 8 kHz" };
            let model = if speaker.refusal.is_none() { "" } else { ", refused" };
            (format!("{}{band}{model}", speaker.name), serde_json::json!(speaker.figures))
        };
        let mut people: Vec<_> = self.speakers.iter().map(row).collect();
        people.push(("mean, wideband".into(), means.clone()));
        people.extend(self.refused.iter().map(row));
        let mut text =
            String::from("rates in kbit/s while speaking; encode, decode: share of one core\n");
        table(&mut text, "speaker", &SPEAKERS, &people);
        text += "\ngate: windows of 1 s that are red, in percent\n";
        table(&mut text, "speaker", &GATE, &people);
        text += "\nthe same by noise, mean\n";
        table(&mut text, "noise", &NOISE, &children(&means, "/gate/noise"));
        text += "\nchanges between raw and model form, against the signals themselves\n";
        table(&mut text, "speaker", &SWITCHING, &people);
        text += "\nbeside other codecs, mean\n";
        let mut codecs = vec![("this".to_owned(), means.clone())];
        codecs.push(("vocoder alone".into(), means["ceiling"].clone()));
        codecs.extend(children(&means, "/opus"));
        table(&mut text, "codec", &CODECS, &codecs);
        let ratio = number(&means, "/opus24_wire_bps").zip(number(&means, "/wire_bps"));
        if let Some((opus, ours)) = ratio {
            _ = writeln!(text, "\non the wire {:.2} times less than Opus 24 at 20 ms", opus / ours);
        }
        for SpeakerFigures { name, refusal, .. } in &self.refused {
            let reason = refusal.as_deref().unwrap_or_default();
            _ = writeln!(text, "refused, measured with the generic model: {name}: {reason}");
        }
        for LeftOut { name, reason } in &self.left_out {
            _ = writeln!(text, "left out: {name}: {reason}");
        }
        _ = write!(text, "settings: {}", self.settings);
        text
    }
}

pub(crate) fn table(text: &mut String, of: &str, columns: &[Column], rows: &[(String, Value)]) {
    let first = rows.iter().map(|(name, _)| name.len()).chain([of.len()]).max().unwrap_or(0);
    _ = write!(text, "{of:<first$}");
    for (head, ..) in columns {
        _ = write!(text, " {head:>0$}", width(head));
    }
    text.push('\n');
    for (name, figures) in rows {
        _ = write!(text, "{name:<first$}");
        for &(head, pointer, factor, decimals) in columns {
            let figure = number(figures, pointer)
                .map_or_else(|| "-".to_owned(), |value| format!("{:.decimals$}", value * factor));
            _ = write!(text, " {figure:>0$}", width(head));
        }
        text.push('\n');
    }
}

fn width(head: &str) -> usize {
    head.len().max(6)
}

fn number(figures: &Value, pointer: &str) -> Option<f64> {
    figures.pointer(pointer)?.as_f64()
}

fn children(figures: &Value, pointer: &str) -> Vec<(String, Value)> {
    let children = figures.pointer(pointer).and_then(Value::as_object);
    children.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}
