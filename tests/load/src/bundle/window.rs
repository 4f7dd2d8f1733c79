//! What is counted between two moments.

use std::time::Duration;

use sotto_tests::client::{
    Report,
    models::{BundlesReport, EntriesReport, Lateness},
};

use crate::crowd::{Crowd, Measured};

/// Sums over everybody, from the beginning to one moment, or between two of them.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// What was to reach all watchers together, in the form that is measured: payloads of models, or
    /// packets of raw media.
    pub due: u64,
    /// What of that reached them.
    pub came: u64,
    /// The payloads that the watchers got.
    pub entries: EntriesReport,
    /// Their bundles.
    pub bundles: BundlesReport,
    /// How late payloads came.
    pub lateness: Lateness,
    /// Datagrams to them, and the bytes of UDP in those.
    pub datagrams: (u64, u64),
}

/// A while in which nothing changed.
#[derive(Clone, Debug)]
pub struct Window {
    /// How long it was.
    pub length: Duration,
    /// Processor time of the media thread.
    pub used: Duration,
    /// What was counted.
    pub sums: Sums,
}

impl Sums {
    /// Those of a crowd at this moment.
    pub fn of(crowd: &Crowd, measured: Measured) -> Self {
        let mut sums = Self::default();
        for person in &crowd.people {
            sums.due += person.look(|report| pieces_sent(report, measured));
        }
        sums.due *= crowd.watchers.len() as u64;
        for watcher in &crowd.watchers {
            watcher.look(|report| sums.add(report, measured));
        }
        sums
    }

    fn add(&mut self, report: &Report, measured: Measured) {
        let models = &report.models;
        self.came += match measured {
            Measured::Model => models.total().received,
            Measured::Raw => report.slots.iter().map(|slot| slot.packets).sum(),
        };
        self.entries = self.entries.plus(&models.total());
        self.bundles = self.bundles.plus(&models.bundles);
        self.lateness.merge(&models.lateness);
        self.datagrams.0 += report.datagrams.0;
        self.datagrams.1 += report.datagrams.1;
    }

    /// What was counted since it was like that.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        let (packets, bytes) = self.datagrams;
        Self {
            due: self.due - before.due,
            came: self.came - before.came,
            entries: self.entries.since(&before.entries),
            bundles: self.bundles.since(&before.bundles),
            lateness: self.lateness.since(&before.lateness),
            datagrams: (packets - before.datagrams.0, bytes - before.datagrams.1),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, more: &Self) -> Self {
        self.lateness.merge(&more.lateness);
        Self {
            due: self.due + more.due,
            came: self.came + more.came,
            entries: self.entries.plus(&more.entries),
            bundles: self.bundles.plus(&more.bundles),
            lateness: self.lateness,
            datagrams: (self.datagrams.0 + more.datagrams.0, self.datagrams.1 + more.datagrams.1),
        }
    }

    /// The share of what was due that came, 0 to 1; a little more where some of it was on its way in
    /// the beginning.
    pub fn delivered(&self) -> f64 {
        self.came as f64 / self.due.max(1) as f64
    }
}

/// Payloads or packets that one person has sent, each of which is to reach every watcher.
fn pieces_sent(report: &Report, measured: Measured) -> u64 {
    match measured {
        Measured::Model => report.models.sent.iter().map(|(_, sent)| u64::from(*sent)).sum(),
        Measured::Raw => report.sent.iter().map(|sent| u64::from(sent.packets)).sum(),
    }
}
