//! What reaches one person, second by second.

use std::{fmt::Write as _, time::Duration};

use sotto_core::{
    media::Kind,
    signal::{Form, Source},
};
use sotto_tests::client::Report;

use super::{Gaps, Shown};

/// UDP and IPv4 headers of a datagram.
const UDP_HEADERS: u64 = 28;

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Its end, in seconds after the joining.
    pub at: f64,
    /// Bits per second over UDP, IPv4 and UDP headers included.
    pub udp_bps: f64,
    /// Bits per second of models over HTTP, without the headers of TCP.
    pub model_bps: f64,
    /// Voices in model form at its end.
    pub voices: usize,
    /// Cameras in model form at its end.
    pub faces: usize,
    /// Others, each with a voice and a camera.
    pub people: usize,
}

/// What was counted up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub at: Duration,
    /// Datagrams, and bytes of UDP in them.
    pub datagrams: (u64, u64),
    /// Bytes of models that were fetched.
    pub model_bytes: u64,
    pub switches: u64,
    /// Bytes of bundles on the wire.
    pub bundle_bytes: u64,
}

impl Counted {
    pub(super) fn of(at: Duration, report: &Report) -> Self {
        let models = &report.models;
        Self {
            at,
            datagrams: report.datagrams,
            model_bytes: models.fetched.iter().map(|fetched| fetched.bytes as u64).sum(),
            switches: models.switches,
            bundle_bytes: models.bundles.wire_bytes,
        }
    }

    /// Bytes over UDP, with headers.
    pub(super) const fn udp_bytes(&self) -> u64 {
        self.datagrams.1 + UDP_HEADERS * self.datagrams.0
    }
}

/// A meeting as the watcher had it.
#[derive(Clone, Debug)]
pub struct Rows {
    /// From the joining on.
    pub rows: Vec<Row>,
    /// At the beginning of the steady window, and at its end.
    pub(super) steady: [Counted; 2],
    /// Processor time of the media thread in the window.
    pub used: Duration,
    /// Gaps of others' cameras, over the whole meeting and in the window.
    pub gaps: [Gaps; 2],
    /// What went wrong: uploads, fetches, bundles that cannot be read.
    pub failures: Vec<String>,
}

/// Rows while they come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    rows: Vec<Row>,
    last: Counted,
}

impl Watch {
    /// A second is over.
    pub(super) fn second(&mut self, now: Counted, report: &Report, people: usize) {
        let seconds = (now.at - self.last.at).as_secs_f64().max(1e-3);
        let per_second = |bytes: u64| bytes as f64 * 8.0 / seconds;
        let in_model = |source| {
            let forms = report.models.forms.values();
            forms.filter(|form| form.form == Form::Model && form.source == source).count()
        };
        self.rows.push(Row {
            at: now.at.as_secs_f64(),
            udp_bps: per_second(now.udp_bytes() - self.last.udp_bytes()),
            model_bps: per_second(now.model_bytes - self.last.model_bytes),
            voices: in_model(Source::Microphone),
            faces: in_model(Source::Camera),
            people,
        });
        self.last = now;
    }

    pub(super) fn rows(self) -> Vec<Row> {
        self.rows
    }
}

/// When the last picture came of somebody, in either form.
pub(super) fn last_picture(report: &Report, short_id: u32) -> Option<Duration> {
    let raw = report.source(short_id, Kind::Video).and_then(|source| source.last_frame);
    raw.max(report.models.last(short_id, Kind::Video))
}

impl Rows {
    /// Seconds of the steady window.
    pub fn seconds(&self) -> f64 {
        (self.steady[1].at - self.steady[0].at).as_secs_f64().max(1e-3)
    }

    /// The rows of the steady window.
    pub fn steady(&self) -> impl Iterator<Item = &Row> {
        let start = self.steady[0].at.as_secs_f64();
        self.rows.iter().filter(move |row| row.at > start + 0.5)
    }

    /// Bits per second over UDP in the window, headers included.
    pub fn udp_bps(&self) -> f64 {
        let [start, end] = &self.steady;
        (end.udp_bytes() - start.udp_bytes()) as f64 * 8.0 / self.seconds()
    }

    /// The same of bundles alone.
    pub fn bundle_bps(&self) -> f64 {
        let [start, end] = &self.steady;
        (end.bundle_bytes - start.bundle_bytes) as f64 * 8.0 / self.seconds()
    }

    /// A line for each second of each meeting.
    pub fn to_csv(meetings: &[(Shown, &Self)]) -> String {
        let head = "meeting,second,udp_bps,model_bytes_bps,voices_in_model,faces_in_model,others\n";
        let mut out = String::from(head);
        for (shown, meeting) in meetings {
            for Row { at, udp_bps, model_bps, voices, faces, people } in &meeting.rows {
                let name = shown.name();
                let line =
                    format!("{name},{at:.2},{udp_bps:.0},{model_bps:.0},{voices},{faces},{people}");
                let _ = writeln!(out, "{line}");
            }
        }
        out
    }
}
