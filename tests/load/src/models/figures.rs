//! What both meetings say together.

use serde::Serialize;

use super::{Cast, ModelsArgs, Row, Rows};

/// What one person of a meeting gets, who hears the voices and sees everybody else, and what that
/// costs the node. Rates are in bit/s, all headers of UDP counted; those of the websocket are not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// People in the meeting.
    pub people: u32,
    /// Those of them who talk.
    pub voices: u32,
    /// Recordings that they were taken from, in turn.
    pub recordings: Vec<String>,
    /// Whether what the gates say something about was left out of them.
    pub calm: bool,
    /// Time between two bundles, in milliseconds.
    pub flush_ms: u64,
    /// How eagerly models are shown.
    pub policy: &'static str,
    /// Seconds of the steady window of the meeting that learned.
    pub seconds: f64,
    /// When that begins, in seconds after the joining.
    pub steady_from_s: f64,
    /// Of the meeting that is raw, steady.
    pub downlink_raw_bps: f64,
    /// Of the meeting that learned, steady: with all that its gates sent back to raw.
    pub downlink_model_bps: f64,
    /// Bundles alone in that, with all their headers.
    pub downlink_bundles_bps: f64,
    /// Mean of those seconds in which everything was in model form; none where there were none.
    pub downlink_all_model_bps: Option<f64>,
    /// How many there were.
    pub all_model_seconds: usize,
    /// Share of voices in model form over the window, 0 to 1.
    pub voices_in_model: f64,
    /// The same of cameras.
    pub faces_in_model: f64,
    /// Bytes of models that were fetched.
    pub model_bytes: u64,
    /// Steady, with the bytes of models spread over ten minutes.
    pub downlink_with_models_10min_bps: f64,
    /// The same over thirty.
    pub downlink_with_models_30min_bps: f64,
    /// Ten minutes from the joining on: raw in the beginning, models fetched, then steady.
    pub downlink_amortised_10min_bps: f64,
    /// The same of thirty.
    pub downlink_amortised_30min_bps: f64,
    /// Raw by model, steady.
    pub ratio: f64,
    /// Raw by what ten minutes take.
    pub ratio_amortised_10min: f64,
    /// Processor time of the node's media thread: raw by model, steady.
    pub server_cpu_ratio: f64,
    /// Microseconds of it a second and participant, raw.
    pub server_raw_cpu_us: f64,
    /// The same of the meeting that learned.
    pub server_model_cpu_us: f64,
    /// Changes of form of somebody's camera or voice, from the joining on.
    pub switches: u64,
    /// Those of them in the steady window.
    pub switches_steady: u64,
    /// How often a camera stood still for more than half a second, from the joining on.
    pub gaps: u64,
    /// The same in the steady window.
    pub gaps_steady: u64,
    /// The same in that of the raw meeting.
    pub gaps_raw: u64,
    /// The longest of the steady window, in milliseconds.
    pub longest_gap_ms: u64,
    /// What went wrong.
    pub failures: Vec<String>,
}

impl Figures {
    /// What was counted in both meetings.
    pub fn of(args: &ModelsArgs, cast: &Cast, raw: &Rows, learned: &Rows) -> Self {
        let [begun, end] = &learned.steady;
        let (steady, raw_bps) = (learned.udp_bps(), raw.udp_bps());
        let models = end.model_bytes;
        let spread = |minutes: f64| steady + models as f64 * 8.0 / (minutes * 60.0);
        let amortised = |minutes: f64| {
            let (seconds, start) = (minutes * 60.0, begun.at.as_secs_f64());
            let beginning = (begun.udp_bytes() + begun.model_bytes) as f64 * 8.0;
            let later = (models - begun.model_bytes) as f64 * 8.0;
            (beginning + later + steady * (seconds - start).max(0.0)) / seconds.max(start)
        };
        let is_whole = |row: &&Row| row.voices >= row.people && row.faces >= row.people;
        let whole: Vec<_> = learned.steady().filter(is_whole).collect();
        let all_model = whole.iter().map(|row| row.udp_bps).sum::<f64>() / whole.len() as f64;
        let cost =
            |rows: &Rows| rows.used.as_secs_f64() * 1e6 / rows.seconds() / f64::from(cast.people());
        let (raw_us, model_us) = (cost(raw), cost(learned));
        let failures = raw.failures.iter().chain(&learned.failures).cloned().collect();
        Self {
            people: cast.people(),
            voices: cast.voices(),
            recordings: cast.names(),
            calm: args.calm,
            flush_ms: args.flush_ms,
            policy: args.policy.name(),
            seconds: rounded(learned.seconds()),
            steady_from_s: rounded(begun.at.as_secs_f64()),
            downlink_raw_bps: raw_bps.round(),
            downlink_model_bps: steady.round(),
            downlink_bundles_bps: learned.bundle_bps().round(),
            downlink_all_model_bps: (!whole.is_empty()).then(|| all_model.round()),
            all_model_seconds: whole.len(),
            voices_in_model: rounded(share(learned, |row| row.voices)),
            faces_in_model: rounded(share(learned, |row| row.faces)),
            model_bytes: models,
            downlink_with_models_10min_bps: spread(10.0).round(),
            downlink_with_models_30min_bps: spread(30.0).round(),
            downlink_amortised_10min_bps: amortised(10.0).round(),
            downlink_amortised_30min_bps: amortised(30.0).round(),
            ratio: rounded(raw_bps / steady.max(1.0)),
            ratio_amortised_10min: rounded(raw_bps / amortised(10.0).max(1.0)),
            server_cpu_ratio: rounded(raw_us / model_us.max(1e-3)),
            server_raw_cpu_us: rounded(raw_us),
            server_model_cpu_us: rounded(model_us),
            switches: end.switches,
            switches_steady: end.switches - begun.switches,
            gaps: learned.gaps[0].count(),
            gaps_steady: learned.gaps[1].count(),
            gaps_raw: raw.gaps[1].count(),
            longest_gap_ms: learned.gaps[1].longest().as_millis() as u64,
            failures,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names can be written")
    }

    /// As a table to read.
    pub fn to_table(&self) -> String {
        super::table::write(self)
    }
}

/// Of all others, over the steady window.
fn share(rows: &Rows, in_model: impl Fn(&Row) -> usize) -> f64 {
    let (part, all) =
        rows.steady().fold((0, 0), |(part, all), row| (part + in_model(row), all + row.people));
    part as f64 / all.max(1) as f64
}

/// To two digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sotto_tests::media::{Clip, Recorded, make, make::CAST};

    use super::*;
    use crate::models::{Gaps, watch::Counted};

    /// A meeting that is watched from second 50 to second 60.
    fn rows(start: Counted, end: Counted, used_ms: u64, faces: [usize; 2]) -> Rows {
        let row = |(at, faces): (usize, usize)| Row {
            at: 51.0 + at as f64,
            udp_bps: 1_000.0 * (1 + at) as f64,
            model_bps: 0.0,
            voices: 2,
            faces,
            people: 2,
        };
        let at = |seconds, counted| Counted { at: Duration::from_secs(seconds), ..counted };
        Rows {
            rows: faces.into_iter().enumerate().map(row).collect(),
            steady: [at(50, start), at(60, end)],
            used: Duration::from_millis(used_ms),
            gaps: [Gaps::default(), Gaps::default()],
            failures: Vec::new(),
        }
    }

    fn counted(datagrams: (u64, u64), model_bytes: u64) -> Counted {
        Counted { datagrams, model_bytes, ..Counted::default() }
    }

    fn cast() -> Cast {
        let recorded = Recorded {
            recording: make::recording("anna", 9).into(),
            picture: Clip { clock_rate: 90_000, frames: [].into(), duration: 1 },
            voice: Clip::audio(&make::voice(CAST[0], 4).expect("ffmpeg")).expect("a voice"),
        };
        Cast::of(vec![recorded], 3)
    }

    #[test]
    fn rates_are_those_of_the_window_and_ten_minutes_begin_with_the_joining() {
        let raw = rows(counted((0, 0), 0), counted((1_000, 1_222_000), 0), 90, [0, 0]);
        // 1,000,000 bytes until it is steady and 10,000 in ten seconds; of models 200,000 before, and
        // 10,000 later.
        let start = counted((1_000, 972_000), 200_000);
        let end = counted((1_100, 979_200), 210_000);
        let learned = rows(start, end, 30, [2, 1]);
        let figures = Figures::of(&ModelsArgs::default(), &cast(), &raw, &learned);
        assert_eq!(figures.downlink_raw_bps, 1_000_000.0);
        assert_eq!((figures.downlink_model_bps, figures.ratio), (8_000.0, 125.0));
        assert_eq!(figures.downlink_with_models_10min_bps, 8_000.0 + 2_800.0);
        let all = (1_200_000.0 + 10_000.0) * 8.0 + 8_000.0 * 550.0;
        assert_eq!(figures.downlink_amortised_10min_bps, (all / 600.0_f64).round());
        assert_eq!(figures.server_cpu_ratio, 3.0);
        assert_eq!((figures.server_raw_cpu_us, figures.server_model_cpu_us), (3_000.0, 1_000.0));
        assert_eq!((figures.downlink_all_model_bps, figures.all_model_seconds), (Some(1_000.0), 1));
        assert_eq!((figures.voices_in_model, figures.faces_in_model), (1.0, 0.75));
    }
}
