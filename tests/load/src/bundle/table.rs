//! Figures to read.

use std::fmt::Write as _;

use super::Figures;

/// The heads of the columns, and how wide they are.
const COLUMNS: [(&str, usize); 14] = [
    ("people", 6),
    ("voices", 6),
    ("flush", 5),
    ("via", 4),
    ("bundles/s", 9),
    ("kbit/s", 6),
    ("all kbit/s", 10),
    ("over B/s", 8),
    ("framing B", 9),
    ("late p50", 8),
    ("p99 ms", 6),
    ("lost %", 7),
    ("wrong", 5),
    ("cpu/raw", 7),
];

/// A table, what its columns are, and the budgets that were not kept.
pub(super) fn write(rows: &[Figures]) -> String {
    let mut out = String::new();
    line(&mut out, COLUMNS.map(|(name, _)| name.to_owned()));
    for row in rows {
        line(&mut out, cells(row));
    }
    out.push_str(
        "kbit/s: bundles for one person, IPv4 to SRTP included; all: with reports and probes; \
         over: what of the bundles is no payload; framing: id, time and heads of one block; \
         cpu/raw: time of the media thread for one person against 600 kbit/s of camera and Opus\n",
    );
    for row in rows {
        let name = format!("{} people, {} ms", row.people, row.flush_ms);
        let ([model, raw], rounds) = ([row.model_cpu_us, row.raw_cpu_us], &row.cpu_ratio_of_rounds);
        let _ = writeln!(
            out,
            "{name}: {} watchers, {} s, line {}; {model} against {raw} µs/s for a person, rounds {rounds:?}; \
             {} of {} payloads came, {} again; {:.0} % of the raw packets came",
            row.watchers,
            row.seconds,
            row.line.as_deref().unwrap_or("none"),
            row.entries_received,
            row.entries_sent,
            row.entries_repeated,
            row.raw_delivered_share * 100.0,
        );
        for budget in &row.budgets {
            let verdict = if budget.kept { "within" } else { "ABOVE" };
            let _ = writeln!(
                out,
                "  {verdict} {}: {} ({})",
                budget.limit, budget.measured, budget.what
            );
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn cells(row: &Figures) -> [String; 14] {
    let kilo = |bps: f64| format!("{:.2}", bps / 1e3);
    [
        row.people.to_string(),
        row.voices.to_string(),
        row.flush_ms.to_string(),
        row.transport.to_owned(),
        format!("{:.1}", row.bundles_per_second),
        kilo(row.wire_bps_per_person),
        kilo(row.all_bps_per_person),
        format!("{:.0}", row.overhead_bytes_per_person.per_second),
        format!("{:.2}", row.overhead_bytes_per_person.framing_per_block),
        row.late_p50_ms.to_string(),
        row.late_p99_ms.to_string(),
        format!("{:.3}", row.lost_share * 100.0),
        row.misattributed.to_string(),
        format!("{:.3}", row.cpu_ratio),
    ]
}

fn line(out: &mut String, cells: [String; 14]) {
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        let _ = write!(out, "{cell:>width$} ");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
}
