//! Figures to read.

use std::fmt::Write as _;

use super::Figures;

pub(super) fn write(figures: &Figures) -> String {
    let mut out = format!(
        "{} people of {}, {} of them talk; policy {}, bundles each {} ms; {} s from second {} on{}\n",
        figures.people,
        figures.recordings.join(", "),
        figures.voices,
        figures.policy,
        figures.flush_ms,
        figures.seconds,
        figures.steady_from_s,
        if figures.calm { "; calm: without what gates say something about" } else { "" },
    );
    let kbit = |bps: f64| format!("{:.1} kbit/s", bps / 1e3);
    let whole = figures.downlink_all_model_bps;
    let rows = [
        ("one downlink, raw", kbit(figures.downlink_raw_bps)),
        ("learned, steady", kbit(figures.downlink_model_bps)),
        ("  bundles of that", kbit(figures.downlink_bundles_bps)),
        (
            "  all in model form",
            whole.map_or_else(
                || "never".into(),
                |bps| format!("{} ({} s)", kbit(bps), figures.all_model_seconds),
            ),
        ),
        (
            "  in model form",
            format!(
                "{:.0} % of voices, {:.0} % of cameras",
                figures.voices_in_model * 100.0,
                figures.faces_in_model * 100.0
            ),
        ),
        (
            "with models, 10 / 30 min",
            format!(
                "{} / {} ({} bytes)",
                kbit(figures.downlink_with_models_10min_bps),
                kbit(figures.downlink_with_models_30min_bps),
                figures.model_bytes
            ),
        ),
        (
            "from the joining on, 10 / 30 min",
            format!(
                "{} / {}",
                kbit(figures.downlink_amortised_10min_bps),
                kbit(figures.downlink_amortised_30min_bps)
            ),
        ),
        (
            "raw by model, steady / 10 min",
            format!("{:.2} / {:.2}", figures.ratio, figures.ratio_amortised_10min),
        ),
        (
            "media thread, raw by model",
            format!(
                "{:.2} ({:.0} / {:.0} µs/s a person)",
                figures.server_cpu_ratio, figures.server_raw_cpu_us, figures.server_model_cpu_us
            ),
        ),
        ("changes of form, steady", format!("{}, {}", figures.switches, figures.switches_steady)),
        (
            "cameras still > 500 ms",
            format!(
                "{}, steady {} (raw {}), longest {} ms",
                figures.gaps, figures.gaps_steady, figures.gaps_raw, figures.longest_gap_ms
            ),
        ),
    ];
    for (what, value) in rows {
        let _ = writeln!(out, "{what:<34}{value}");
    }
    for failure in &figures.failures {
        let _ = writeln!(out, "FAILED {failure}");
    }
    out.truncate(out.trim_end().len());
    out
}
