//! Figures to read.

use std::fmt::Write as _;

use super::figures::{Figures, Quantiles};

impl Figures {
    /// A table.
    pub fn to_table(&self) -> String {
        let mut out = String::new();
        let per_second = |count: u64| count as f64 / self.seconds.max(1e-9);
        let rows = [
            (
                "people in / refused / failed",
                format!(
                    "{} / {} / {} of {}",
                    self.joined, self.refused, self.failed, self.arrivals
                ),
            ),
            ("join p50 / p95 / p99", format!("{} ms", quantiles(self.join_ms))),
            ("packets/s in / out", {
                format!("{:.0} / {:.0}", per_second(self.packets_in), per_second(self.packets_out))
            }),
            ("Mbit/s in / out", {
                let mbit = |bytes| per_second(bytes) * 8.0 / 1e6;
                format!("{:.2} / {:.2}", mbit(self.bytes_in), mbit(self.bytes_out))
            }),
            ("loss", format!("{:.3} %", self.loss * 100.0)),
            ("sender to receiver p50 / p95 / p99", format!("{} ms", quantiles(self.added_ms))),
            ("pictures, freezes", {
                format!("{}, {} ({:.1} s)", self.pictures, self.freezes, self.frozen_s)
            }),
            ("other room / not authentic / unsent / unserved", {
                let [wrong, rejected] = [self.wrong_room, self.rejected];
                format!("{wrong} / {rejected} / {} / {}", self.unsent, self.unserved)
            }),
            ("server, share of a core", number(self.server_cpu_share, 3)),
            ("  µs a packet", number(self.server_cpu_us_per_packet, 2)),
            ("  ms/s a participant / ms a join", {
                let join = number(self.server_cpu_ms_per_join, 2);
                format!("{} / {join}", number(self.server_cpu_ms_per_participant, 3))
            }),
            ("  resident MB, KB a participant", {
                let resident = self.server_rss_bytes.map(|bytes| bytes as f64 / 1e6);
                let each = self.rss_per_participant.map(|bytes| bytes / 1e3);
                format!("{}, {}", number(resident, 1), number(each, 0))
            }),
            ("clients, share of a core", format!("{:.3}", self.client_cpu_share)),
        ];
        let _ = writeln!(out, "{}, {:.1} s", self.scenario, self.seconds);
        for (what, value) in rows {
            let _ = writeln!(out, "{what:<48}{value}");
        }
        for (reason, times) in &self.reasons {
            let _ = writeln!(out, "NOT IN {times} times: {reason}");
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// A figure that may be unknown, with so many digits.
pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "unknown".into(), |value| format!("{value:.digits$}"))
}

fn quantiles(of: Quantiles) -> String {
    let [p50, p95, p99] = [of.p50, of.p95, of.p99].map(|value| number(value, 2));
    format!("{p50} / {p95} / {p99}")
}
