//! What a run has shown.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{fleet::Tally, server::Usage};

/// Longest time that is told apart from longer ones, in microseconds.
const LONGEST: u64 = 600_000_000;

/// Figures of a run. Packets and bytes are those of the measured window, seen from the server; bytes
/// are those of IP packets. What the server uses is absent where its process is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// What was played.
    pub scenario: &'static str,
    /// People who came.
    pub arrivals: u64,
    /// Those who got in.
    pub joined: u64,
    /// Those whom the node refused.
    pub refused: u64,
    /// Those for whom it went wrong.
    pub failed: u64,
    /// Why not, and how often.
    pub reasons: BTreeMap<String, u64>,
    /// From the opening of the websocket until the first packet, or until media may flow for those who
    /// do not wait for any. Milliseconds.
    pub join_ms: Quantiles,
    /// Seconds from the first arrival to the last one being in.
    pub join_s: f64,
    /// Processor time of the server for one join, in milliseconds.
    pub server_cpu_ms_per_join: Option<f64>,
    /// Seconds that were measured.
    pub seconds: f64,
    /// RTP packets into the server.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// RTP packets that it forwarded and that arrived.
    pub packets_out: u64,
    /// Bytes of all that came out of it.
    pub bytes_out: u64,
    /// Bytes of raw media in that.
    pub bytes_out_raw: u64,
    /// Bytes of model streams in that.
    pub bytes_out_model: u64,
    /// Share of the packets that did not arrive, 0 to 1.
    pub loss: f64,
    /// From the sender's system call to the receiver's, on one machine. Milliseconds.
    pub added_ms: Quantiles,
    /// Whole pictures that arrived.
    pub pictures: u64,
    /// Pictures that came late (W3C `freezeCount`).
    pub freezes: u64,
    /// How long they were late together, in seconds.
    pub frozen_s: f64,
    /// Packets of another room: a failure.
    pub wrong_room: u64,
    /// Datagrams that were not authentic, and packets of unknown sources.
    pub rejected: u64,
    /// Datagrams of clients that this machine did not take: the clients are the limit then.
    pub unsent: u64,
    /// People with slots in which nothing ever came.
    pub unserved: u64,
    /// Processor time of the server in the window.
    pub server_cpu_s: Option<f64>,
    /// The same as a share of one core.
    pub server_cpu_share: Option<f64>,
    /// Microseconds of it for each forwarded packet.
    pub server_cpu_us_per_packet: Option<f64>,
    /// Milliseconds of it for each participant and second.
    pub server_cpu_ms_per_participant: Option<f64>,
    /// Resident memory of the server, at the end of the window.
    pub server_rss_bytes: Option<u64>,
    /// What it has grown by for each participant.
    pub rss_per_participant: Option<f64>,
    /// Processor time of the clients, as a share of one core: where it comes near to 1 the clients are
    /// the limit, not the server.
    pub client_cpu_share: f64,
}

/// Three of a distribution; absent where there is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

impl Quantiles {
    pub(super) fn of_delays(tally: &Tally) -> Self {
        Self { p50: tally.delay_ms(0.5), p95: tally.delay_ms(0.95), p99: tally.delay_ms(0.99) }
    }

    /// Of times in milliseconds.
    pub(super) fn of_times(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram =
            Histogram::<u64>::new_with_bounds(1, LONGEST, 3).expect("the bounds are constants");
        for time in times {
            histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
        }
        let value = |share| {
            (!histogram.is_empty()).then(|| histogram.value_at_quantile(share) as f64 / 1e3)
        };
        Self { p50: value(0.5), p95: value(0.95), p99: value(0.99) }
    }
}

impl Figures {
    /// Enters what the fleet counted in a window.
    pub(super) fn count(&mut self, window: Duration, tally: &Tally) {
        self.seconds = window.as_secs_f64();
        self.packets_in = tally.packets_in;
        self.bytes_in = tally.bytes_in;
        self.packets_out = tally.received;
        self.bytes_out = tally.bytes_out;
        self.bytes_out_raw = tally.bytes_out;
        self.loss = tally.loss();
        self.added_ms = Quantiles::of_delays(tally);
        self.pictures = tally.pictures;
        self.freezes = tally.freezes;
        self.frozen_s = tally.frozen.as_secs_f64();
        self.wrong_room = tally.wrong_room;
        self.rejected = tally.rejected + tally.strays;
        self.unsent = tally.unsent;
        self.unserved = tally.unserved;
    }

    /// Enters what the server used: before anybody came, at the beginning and at the end of the window.
    pub(super) fn charge(&mut self, empty: Usage, begin: Usage, end: Usage) {
        let used = end.processor.saturating_sub(begin.processor).as_secs_f64();
        let per = |divisor: f64| (divisor > 0.0).then(|| used / divisor);
        self.server_cpu_s = Some(used);
        self.server_cpu_share = per(self.seconds);
        self.server_cpu_us_per_packet = per(self.packets_out as f64).map(|share| share * 1e6);
        let participants = self.joined as f64;
        self.server_cpu_ms_per_participant =
            per(self.seconds * participants).map(|share| share * 1e3);
        self.server_rss_bytes = Some(end.resident);
        let grown = end.resident.saturating_sub(empty.resident) as f64;
        self.rss_per_participant = (participants > 0.0).then(|| grown / participants);
        let joining = begin.processor.saturating_sub(empty.processor).as_secs_f64();
        self.server_cpu_ms_per_join = (participants > 0.0).then(|| joining * 1e3 / participants);
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain numbers and text")
    }
}
