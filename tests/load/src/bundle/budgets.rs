//! What the design allows (its section 11), for those settings that it names.

use serde::Serialize;

use super::Figures;

/// One limit and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// What is limited.
    pub what: &'static str,
    /// The limit, with the unit in the name.
    pub limit: f64,
    /// What was measured.
    pub measured: f64,
    /// Whether it is within the limit.
    pub kept: bool,
}

/// Bits per second of one person alone, all headers counted.
const ALONE: f64 = 17_000.0;
/// The same of each of nine, at 80 and at 20 ms.
const OF_NINE: [(u64, f64); 2] = [(80, 11_000.0), (20, 13_500.0)];
/// Bytes of a block that are no payload.
const FRAMING: f64 = 8.0;
/// Processor time in model form against raw: three times as many people on a core.
const PROCESSOR: f64 = 1.0 / 3.0;

/// The limits that apply to these figures. Those of the wire and of losses are for a line that loses
/// nothing; repeats are paid for by what a line loses.
pub fn budgets_of(figures: &Figures) -> Vec<Budget> {
    let mut budgets = Vec::new();
    let mut limit = |what, limit: f64, measured: f64| {
        budgets.push(Budget { what, limit, measured, kept: measured <= limit });
    };
    let is_clean = figures.line.is_none();
    let wire = figures.wire_bps_per_person;
    if is_clean && figures.people == 1 {
        limit("wire of one person alone, bit/s", ALONE, wire);
    }
    let of_nine = OF_NINE.into_iter().find(|(flush_ms, _)| *flush_ms == figures.flush_ms);
    if let Some((_, most)) = of_nine.filter(|_| is_clean && figures.people == 9) {
        limit("wire of each of nine, bit/s", most, wire);
    }
    limit(
        "framing of a block, bytes",
        FRAMING,
        figures.overhead_bytes_per_person.framing_per_block,
    );
    if is_clean && figures.people >= 9 {
        limit("processor time against raw", PROCESSOR, figures.cpu_ratio);
    }
    budgets
}
