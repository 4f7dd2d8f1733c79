//! What the phases say together.

use serde::Serialize;

use super::{
    Budget, BundleArgs, budgets_of,
    window::{Sums, Window},
};
use crate::crowd::CrowdPlan;

/// What was measured with so many people and such an interval. "A person" is one whom one watcher
/// sees, and hears if he is one of the voices.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// People who were seen.
    pub people: u32,
    /// Those of them who talked.
    pub voices: u32,
    /// Those who saw and heard them.
    pub watchers: u32,
    /// Time between two bundles, in milliseconds.
    pub flush_ms: u64,
    /// How bundles travelled.
    pub transport: &'static str,
    /// What lay between a watcher and the node.
    pub line: Option<String>,
    /// Seconds of all windows in model form together. Payloads are counted over a longer time, that
    /// of the windows of raw media included.
    pub seconds: f64,
    /// Payloads that were to reach watchers: each as often as there are watchers.
    pub entries_sent: u64,
    /// Payloads that reached them.
    pub entries_received: u64,
    /// Payloads that never came, after all repair.
    pub entries_lost: u64,
    /// Their share, 0 to 1.
    pub lost_share: f64,
    /// Payloads left out twelve or more in a row: another form was sent.
    pub entries_paused: u64,
    /// Payloads that came again: redundancy, and repair of what was only late.
    pub entries_repeated: u64,
    /// Payloads that were broken or under a wrong name. Since the watchers came.
    pub misattributed: u64,
    /// From the sender to the watcher, the wait for the bundle included, in milliseconds.
    pub late_p50_ms: u32,
    /// The same of 99 %.
    pub late_p99_ms: u32,
    /// Bundles to one watcher in a second.
    pub bundles_per_second: f64,
    /// Bits per second of bundles for one person, all headers from IPv4 to SRTP included.
    pub wire_bps_per_person: f64,
    /// The same of everything that reached the watcher: reports, feedback and probes too.
    pub all_bps_per_person: f64,
    /// What of that is no payload, in bytes.
    pub overhead_bytes_per_person: Overhead,
    /// Processor time of the media thread for one person who is received in model form, against the
    /// same person raw: median of the rounds by median of the rounds.
    pub cpu_ratio: f64,
    /// Microseconds of that time in each second, for one person in model form.
    pub model_cpu_us: f64,
    /// The same for one person raw: a camera of 600 kbit/s, and Opus if he is one of the voices.
    pub raw_cpu_us: f64,
    /// Share of the raw packets that reached the watchers, 0 to 1; the time is divided by those.
    pub raw_delivered_share: f64,
    /// Processor time in model form by that in raw form, of each round.
    pub cpu_ratio_of_rounds: Vec<f64>,
    /// What the design allows, and whether it is kept.
    pub budgets: Vec<Budget>,
}

/// Bytes that are no payload, for one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Overhead {
    /// Everything around payloads, IPv4 to SRTP and repeats included, each second.
    pub per_second: f64,
    /// The same, for each bundle.
    pub per_bundle: f64,
    /// What the format of bundles takes for one person and media time: id, time, entry headers.
    pub framing_per_block: f64,
}

/// One measurement, or many.
#[derive(Clone, Debug)]
pub enum BundleReport {
    /// What the arguments asked for.
    One(Box<Figures>),
    /// A row for each number of people and each interval.
    Sweep(Vec<Figures>),
}

impl BundleReport {
    /// As JSON: an object, or an array of them.
    pub fn to_json(&self) -> String {
        let written = match self {
            Self::One(figures) => serde_json::to_string(figures),
            Self::Sweep(rows) => serde_json::to_string(rows),
        };
        written.expect("numbers and names can be written")
    }

    /// As a table to read.
    pub fn to_table(&self) -> String {
        super::table::write(self.rows())
    }

    /// Whether every budget is kept, and nothing came under a wrong name.
    pub fn is_within_budgets(&self) -> bool {
        let kept = |row: &Figures| row.budgets.iter().all(|budget| budget.kept);
        self.rows().iter().all(|row| row.misattributed == 0 && kept(row))
    }

    fn rows(&self) -> &[Figures] {
        match self {
            Self::One(figures) => std::slice::from_ref(figures),
            Self::Sweep(rows) => rows,
        }
    }
}

/// UDP and IPv4 headers of a datagram.
const UDP_HEADERS: u64 = 28;

impl Figures {
    /// What was counted in all windows together, and over the whole time of the models.
    pub fn of(
        args: &BundleArgs,
        plan: &CrowdPlan,
        flush_ms: u64,
        whole: &Sums,
        models: &[Window],
        raw: &[Window],
    ) -> Self {
        let seconds: f64 = models.iter().map(|window| window.length.as_secs_f64()).sum();
        let sums = models.iter().fold(Sums::default(), |sums, window| sums.plus(&window.sums));
        let (bundles, watchers) = (sums.bundles, f64::from(plan.watchers));
        let (people, received) = (f64::from(plan.people), f64::from(plan.people) * watchers);
        let all_bytes = sums.datagrams.1 + UDP_HEADERS * sums.datagrams.0;
        let overhead = bundles.wire_bytes.saturating_sub(bundles.payload_bytes) as f64;
        // The first byte of a bundle is nobody's.
        let entries = bundles.payload_bytes + bundles.repeated_bytes;
        let framing = bundles.bytes.saturating_sub(entries + bundles.packets) as f64;
        let per_second = |bytes: f64| rounded(bytes / seconds / received);
        let cost = Cost::of(received, models, raw);
        let mut figures = Self {
            people: plan.people,
            voices: plan.voices(),
            watchers: plan.watchers,
            flush_ms,
            transport: args.transport.name(),
            line: args.line.as_ref().map(|line| line.text.clone()),
            seconds: rounded(seconds),
            entries_sent: whole.due,
            entries_received: whole.came,
            entries_lost: whole.entries.lost,
            lost_share: (whole.entries.share_lost() * 1e5).round() / 1e5,
            entries_paused: whole.entries.paused,
            entries_repeated: whole.entries.repeats,
            misattributed: whole.entries.misattributed,
            late_p50_ms: sums.lateness.percentile(0.5),
            late_p99_ms: sums.lateness.percentile(0.99),
            bundles_per_second: rounded(bundles.packets as f64 / seconds / watchers),
            wire_bps_per_person: per_second(bundles.wire_bytes as f64 * 8.0),
            all_bps_per_person: per_second(all_bytes as f64 * 8.0),
            overhead_bytes_per_person: Overhead {
                per_second: per_second(overhead),
                per_bundle: rounded(overhead / bundles.packets.max(1) as f64 / people),
                framing_per_block: rounded(framing / bundles.blocks.max(1) as f64),
            },
            cpu_ratio: rounded(cost.ratio),
            model_cpu_us: rounded(cost.model_us),
            raw_cpu_us: rounded(cost.raw_us),
            raw_delivered_share: rounded(cost.delivered),
            cpu_ratio_of_rounds: cost.rounds,
            budgets: Vec::new(),
        };
        figures.budgets = budgets_of(&figures);
        figures
    }
}

/// What people cost the media thread.
struct Cost {
    ratio: f64,
    model_us: f64,
    raw_us: f64,
    delivered: f64,
    rounds: Vec<f64>,
}

impl Cost {
    /// `received`: people times watchers.
    fn of(received: f64, models: &[Window], raw: &[Window]) -> Self {
        let per_person = |window: &Window| {
            let delivered = (received * window.sums.delivered()).max(f64::EPSILON);
            window.used.as_secs_f64() * 1e6 / window.length.as_secs_f64() / delivered
        };
        let delivered: Vec<f64> = raw.iter().map(|window| window.sums.delivered()).collect();
        let [models, raw] =
            [models, raw].map(|windows| windows.iter().map(per_person).collect::<Vec<_>>());
        let rounds = models.iter().zip(&raw).map(|(model, raw)| rounded(model / raw)).collect();
        let (model_us, raw_us) = (median(&models), median(&raw));
        Self { ratio: model_us / raw_us, model_us, raw_us, delivered: median(&delivered), rounds }
    }
}

/// The middle one of some; 0 of none.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// To two digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
