//! What was measured, as a table and as JSON.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;
use serde_json::json;
use sotto_codec::EXTENDED_RATE;

use super::{
    bands::{BANDS_HZ, BandFigures, BandPowers},
    coded::{CodeError, Extended, extend},
};
use crate::sound::Clip;

/// Figures of all recordings.
#[derive(Clone, Debug)]
pub struct Report {
    /// One of each.
    pub files: Vec<FileFigures>,
    /// Processor time of one thread for extending, over the time of the sound.
    pub extension_rtf: f64,
}

/// Figures of one recording.
#[derive(Clone, Debug, Serialize)]
pub struct FileFigures {
    /// Of the file.
    pub name: String,
    /// How long it is.
    pub seconds: f64,
    /// It has something up to 16 kHz. Means are over these.
    pub fullband: bool,
    /// Interpolated.
    pub without: BandFigures,
    /// Extended.
    pub with: BandFigures,
}

/// Measures recordings at [`EXTENDED_RATE`]; those without speech are left out.
///
/// # Errors
/// [`CodeError`].
pub fn report(recordings: &[Clip]) -> Result<Report, CodeError> {
    let (mut files, mut spent, mut samples) = (Vec::new(), Duration::ZERO, 0);
    for recording in recordings {
        let Extended { without, with, extending } = extend(&recording.samples)?;
        spent += extending;
        samples += with.len();
        let source = BandPowers::of(&recording.samples);
        let compared = |sound: &[f32]| source.compare(&BandPowers::of(sound));
        let (Some(without), Some(with)) = (compared(&without), compared(&with)) else { continue };
        files.push(FileFigures {
            name: recording.name.clone(),
            seconds: recording.samples.len() as f64 / f64::from(EXTENDED_RATE),
            fullband: source.is_fullband(),
            without,
            with,
        });
    }
    let sound = samples.max(1) as f64 / f64::from(EXTENDED_RATE);
    Ok(Report { files, extension_rtf: spent.as_secs_f64() / sound })
}

impl Report {
    /// Means over recordings with something up to 16 kHz, without and with the extension.
    pub fn means(&self) -> Option<[BandFigures; 2]> {
        let counted = || self.files.iter().filter(|file| file.fullband);
        let without = BandFigures::mean(counted().map(|file| &file.without))?;
        Some([without, BandFigures::mean(counted().map(|file| &file.with))?])
    }

    /// One object: `without` and `with`, the means; `files`, `bands_hz`, `extension_rtf`.
    pub fn to_json(&self) -> String {
        let mut object = json!({
            "bands_hz": BANDS_HZ,
            "extension_rtf": self.extension_rtf,
            "files": self.files,
        });
        if let Some([without, with]) = self.means() {
            object["without"] = json!(without);
            object["with"] = json!(with);
        }
        serde_json::to_string_pretty(&object).expect("figures are plain data")
    }

    /// Lines of every recording and of the means.
    pub fn to_table(&self) -> String {
        let mut table = format!("{:<24} {:<12}", "kHz", "");
        for [from, to] in BANDS_HZ {
            let _ = write!(table, "{:>8}", format!("{}-{}", from / 1_000, to / 1_000));
        }
        table.push('\n');
        for file in &self.files {
            let mark = if file.fullband { "" } else { " *" };
            let name = format!("{}{mark}", file.name);
            add_lines(&mut table, &name, [&file.without, &file.with]);
        }
        if let Some([without, with]) = self.means() {
            add_lines(&mut table, "mean", [&without, &with]);
        }
        let _ = write!(
            table,
            "* nothing up to 16 kHz: not in the mean\nextending takes {:.4} of a core",
            self.extension_rtf
        );
        table
    }
}

fn add_lines(table: &mut String, name: &str, figures: [&BandFigures; 2]) {
    let lines = |what: &'static str, of: fn(&BandFigures) -> &[f64]| {
        figures.map(|figures| (what, of(figures)))
    };
    let [rms, rms_with] = lines("rms dB", |of| &of.rms_db);
    let [bias, bias_with] = lines("bias dB", |of| &of.bias_db);
    let [correlation, correlation_with] = lines("correlation", |of| &of.correlation);
    let rows = [rms, rms_with, bias, bias_with, correlation, correlation_with];
    for (at, (what, values)) in rows.into_iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let what = if at % 2 == 0 { what } else { "  extended" };
        let _ = write!(table, "{name:<24} {what:<12}");
        for value in values {
            let _ = write!(table, "{value:>8.2}");
        }
        table.push('\n');
    }
}
