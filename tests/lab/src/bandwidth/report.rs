//! The table, and the same as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Profile, Run, Sample, profile::BESIDE_TCP, run, run::TCP_START_S, settle, share};

/// What one link showed.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Name of the profile.
    pub profile: &'static str,
    /// Longest time in seconds until a flow was below a capacity that went down.
    pub settle_down_s: Option<f64>,
    /// Longest time in seconds until a flow was at 80 % of a capacity that went up, start included.
    pub settle_up_s: Option<f64>,
    /// Estimate over capacity (over what is wanted, if that is less), mean of the last five seconds before each change and the end.
    pub settled_rate: f64,
    /// The same in bits per second at the end.
    pub settled_bps: u64,
    /// Wait at the bottleneck in milliseconds.
    pub queue_ms_p50: f64,
    /// See `queue_ms_p50`.
    pub queue_ms_p95: f64,
    /// The same with the wait in the sender, padding left out.
    pub queue_and_pacer_ms_p95: f64,
    /// Packets lost of those sent, 0 to 1.
    pub loss: f64,
    /// Media that arrived over capacity, 0 to 1.
    pub utilisation: f64,
    /// Bytes of pictures given up in the sender over those sent.
    pub given_up: f64,
}

/// How a flow of ours and one of TCP divide a link.
#[derive(Clone, Debug, Serialize)]
pub struct BesideTcp {
    /// Length of the link's queue.
    pub queue_ms: u32,
    /// Bits per second that ours brought to the far end, padding included.
    pub our_bps: u64,
    /// Bits per second that TCP brought there.
    pub tcp_bps: u64,
    /// Our share of the capacity, 0 to 1.
    pub our_share: f64,
    /// That of TCP.
    pub tcp_share: f64,
}

/// What all links showed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Seed of all that is random.
    pub seed: u64,
    /// Longest over all profiles, as in the rows.
    pub settle_down_s_max: f64,
    /// See `settle_down_s_max`.
    pub settle_up_s_max: f64,
    /// See `settle_down_s_max`.
    pub queue_ms_p95_max: f64,
    /// Jain's index of two flows of ours on 2 Mbit/s, over 40 s from 20 s after the second came.
    pub fairness: Option<f64>,
    /// Beside TCP, by the length of the queue. Who has less than a tenth of the capacity starves.
    pub beside_tcp: Option<Vec<BesideTcp>>,
    /// Each link.
    pub profiles: Vec<Row>,
}

/// Runs the profiles; `flows`: and two flows on the first of them, and ours beside TCP.
pub fn report(profiles: &[&Profile], seed: u64, flows: bool) -> Report {
    let rows: Vec<_> = profiles.iter().map(|p| row(p, &run(p, 1, seed))).collect();
    let max =
        |value: &dyn Fn(&Row) -> Option<f64>| rows.iter().filter_map(value).fold(0.0, f64::max);
    Report {
        seed,
        settle_down_s_max: max(&|row| row.settle_down_s),
        settle_up_s_max: max(&|row| row.settle_up_s),
        queue_ms_p95_max: max(&|row| Some(row.queue_ms_p95)),
        fairness: flows.then(|| jain(profiles[0], seed)),
        beside_tcp: flows.then(|| BESIDE_TCP.iter().map(|p| beside_tcp(p, seed)).collect()),
        profiles: rows,
    }
}

/// What the flow over one link did, every 100 ms, as CSV.
pub fn trace(profile: &Profile, seed: u64) -> String {
    let run = run(profile, 1, seed);
    let mut text = String::from("second,capacity,estimate,sent,media,arrived\n");
    for Sample { at_s, capacity, estimate, sent, media, arrived } in &run.samples[0] {
        _ = writeln!(text, "{at_s:.1},{capacity},{estimate},{sent},{media},{arrived}");
    }
    text
}

/// Jain's fairness index of two flows, the second of which comes 10 s later.
pub(super) fn jain(profile: &Profile, seed: u64) -> f64 {
    let profile = Profile { seconds: 70, ..*profile };
    let run = run(&profile, 2, seed);
    let mean = |samples: &[Sample]| {
        samples.iter().filter(|s| s.at_s > 30.0).map(|s| s.arrived as f64).sum::<f64>()
    };
    let rates: Vec<_> = run.samples.iter().map(|samples| mean(samples)).collect();
    let squares: f64 = rates.iter().map(|rate| rate * rate).sum();
    rates.iter().sum::<f64>().powi(2) / (rates.len() as f64 * squares)
}

/// A flow of ours and one of TCP.
fn beside_tcp(profile: &Profile, seed: u64) -> BesideTcp {
    let run = run(profile, 1, seed);
    let capacity = profile.capacity(0) as f64;
    let (from, to) = profile.tcp.unwrap_or_default();
    let seconds = u64::from((to - from).saturating_sub(TCP_START_S)).max(1);
    let (tcp_bps, our_bps) = (run.beside_tcp.0 * 8 / seconds, run.beside_tcp.1 * 8 / seconds);
    BesideTcp {
        queue_ms: profile.queue_ms,
        our_bps,
        tcp_bps,
        our_share: our_bps as f64 / capacity,
        tcp_share: tcp_bps as f64 / capacity,
    }
}

fn row(profile: &Profile, run: &Run) -> Row {
    let samples = &run.samples[0];
    let settled = settle::settled(profile, samples);
    let longest = |times: &[f64]| times.iter().copied().reduce(f64::max);
    let mut ends: Vec<_> = profile.capacity.iter().skip(1).map(|(from, _)| *from).collect();
    ends.push(f64::from(profile.seconds));
    let last_five: Vec<_> = ends
        .iter()
        .flat_map(|&end| samples.iter().filter(move |s| s.at_s > end - 5.0 && s.at_s <= end))
        .filter(|s| s.capacity > 0)
        .map(|s| s.estimate as f64 / profile.reach(s.capacity))
        .collect();
    let end = &samples[samples.len().saturating_sub(50)..];
    let sum = |value: fn(&Sample) -> u64| samples.iter().map(value).sum::<u64>() as f64;
    let sent_bytes = sum(|s| s.sent) / 80.0;
    Row {
        profile: profile.name,
        settle_down_s: longest(&settled.down_s),
        settle_up_s: longest(&settled.up_s),
        settled_rate: last_five.iter().sum::<f64>() / last_five.len().max(1) as f64,
        settled_bps: end.iter().map(|s| s.estimate).sum::<u64>() / end.len().max(1) as u64,
        queue_ms_p50: share(&run.link_ms, 0.5),
        queue_ms_p95: share(&run.link_ms, 0.95),
        queue_and_pacer_ms_p95: share(&run.all_ms, 0.95),
        loss: run.packets.1 as f64 / run.packets.0.max(1) as f64,
        utilisation: sum(|s| s.media) / sum(|s| s.capacity),
        given_up: run.given_up_bytes as f64 / sent_bytes.max(1.0),
    }
}

impl Report {
    /// As JSON, for whoever compares.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data")
    }

    /// As a table, for people. What misses its limit is marked.
    pub fn to_table(&self) -> String {
        let mut text = format!(
            "{:<12} {:>7} {:>7} {:>8} {:>8} {:>8} {:>9} {:>6} {:>6} {:>7}\n",
            "profile",
            "down s",
            "up s",
            "rate/cap",
            "queue50",
            "queue95",
            "+pacer95",
            "loss%",
            "use%",
            "gaveup%"
        );
        let time = |value: Option<f64>| value.map_or("-".into(), |s| format!("{s:.1}"));
        for row in &self.profiles {
            _ = writeln!(
                text,
                "{:<12} {:>7} {:>7} {:>8.2} {:>8.0} {:>8.0} {:>9.0} {:>6.1} {:>6.0} {:>7.1}{}",
                row.profile,
                time(row.settle_down_s),
                time(row.settle_up_s),
                row.settled_rate,
                row.queue_ms_p50,
                row.queue_ms_p95,
                row.queue_and_pacer_ms_p95,
                row.loss * 100.0,
                row.utilisation * 100.0,
                row.given_up * 100.0,
                if row.misses() { "  <- misses a limit" } else { "" },
            );
        }
        _ = writeln!(
            text,
            "longest: down {:.1} s (limit 3), up {:.1} s (limit 15), queue p95 {:.0} ms (limit 150)",
            self.settle_down_s_max, self.settle_up_s_max, self.queue_ms_p95_max
        );
        if let Some(fairness) = self.fairness {
            _ = writeln!(text, "two flows of ours: Jain index {fairness:.3} (limit 0.9)");
        }
        for BesideTcp { queue_ms, our_share, tcp_share, .. } in self.beside_tcp.iter().flatten() {
            let starved = our_share.min(*tcp_share) < STARVED;
            _ = writeln!(
                text,
                "beside TCP, queue of {queue_ms:>4} ms: ours {:.0} %, TCP {:.0} % of the capacity{}",
                our_share * 100.0,
                tcp_share * 100.0,
                if starved { "  <- one starves" } else { "" },
            );
        }
        text
    }
}

/// Who has less than this share of the capacity starves.
pub const STARVED: f64 = 0.1;

impl Row {
    /// Whether a figure is beyond what was asked for: below the limit within 3 s, back within 15 s,
    /// a queue of at most 150 ms at p95.
    pub fn misses(&self) -> bool {
        self.settle_down_s.is_some_and(|s| s > 3.0)
            || self.settle_up_s.is_some_and(|s| s > 15.0)
            || self.queue_ms_p95 > 150.0
    }
}
