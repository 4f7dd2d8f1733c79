//! A node and the people in it, of whom the last one to join is watched.

use std::time::Duration;

use sotto_tests::{
    client::{Participant, Report},
    node::Node,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    Cast, Gaps, ModelsArgs, ModelsError, Rows,
    watch::{Counted, Watch, last_picture},
};
use crate::processor::MediaThreads;

const ROOM: &str = "hall";
/// Between two looks at what the watcher sees.
const LOOK: Duration = Duration::from_millis(100);

/// Whether anybody has models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nobody: everything is raw.
    Raw,
    /// Everybody, once they are learned.
    Learned,
}

impl Shown {
    /// What it is called in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Learned => "learned",
        }
    }
}

/// A meeting.
pub struct Meeting {
    node: Node,
    others: Vec<Participant>,
    watcher: Participant,
    /// When he joined.
    joined: Instant,
    threads: MediaThreads,
    /// From his joining until nothing is learned any more.
    learned: Duration,
}

impl Meeting {
    /// Starts a node and brings everybody into it.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub async fn open(args: &ModelsArgs, cast: &Cast, shown: Shown) -> Result<Self, ModelsError> {
        let before = MediaThreads::find()?;
        let node = Node::start_with(|config| {
            config.media.congestion_control = !args.no_congestion_control;
            config.models.bundle_interval = Some(Duration::from_millis(args.flush_ms));
            config.models.policy = args.policy.of_node();
        })
        .await;
        let options = |number: u32| {
            cast.options(number, node.options(ROOM, &format!("person-{number}")), shown)
        };
        let last = cast.people() - 1;
        let mut others = Vec::new();
        for number in 0..last {
            others.push(Participant::join(options(number)).await?);
        }
        let joined = Instant::now();
        let watcher = Participant::join(options(last)).await?;
        let threads = MediaThreads::find()?.without(&before)?;
        let learned = match shown {
            Shown::Raw => Duration::ZERO,
            Shown::Learned => cast.learned(),
        };
        Ok(Self { node, others, watcher, joined, threads, learned })
    }

    /// Watches until the steady window is over, and ends the meeting.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub async fn watch(self, args: &ModelsArgs) -> Result<Rows, ModelsError> {
        let ids: Vec<_> = self.others.iter().map(Participant::short_id).collect();
        let (start, length) = (self.learned + args.settling(), args.window());
        let (mut watch, mut gaps) = (Watch::default(), [Gaps::default(), Gaps::default()]);
        let mut steady: Option<(Counted, Duration)> = None;
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next_row = 1;
        let (steady, used) = loop {
            ticks.tick().await;
            let at = self.joined.elapsed();
            let counted = self.watcher.look(|report| {
                for &id in &ids {
                    let last = last_picture(report, id);
                    gaps[0].look(at, id, last);
                    if steady.is_some() {
                        gaps[1].look(at, id, last);
                    }
                }
                Counted::of(at, report)
            });
            if at >= Duration::from_secs(next_row) {
                next_row = at.as_secs() + 1;
                self.watcher.look(|report| watch.second(counted, report, ids.len()));
            }
            match steady {
                None if at >= start => steady = Some((counted, self.threads.used()?)),
                Some((begun, used)) if at >= begun.at + length => {
                    break ([begun, counted], self.threads.used()? - used);
                }
                _ => {}
            }
        };
        let failures = self.failures();
        drop((self.others, self.watcher));
        self.node.stop().await;
        Ok(Rows { rows: watch.rows(), steady, used, gaps, failures })
    }

    /// What went wrong with models, of anybody.
    fn failures(&self) -> Vec<String> {
        let everybody = self.others.iter().chain([&self.watcher]);
        everybody.flat_map(|person| person.look(failures_of)).collect()
    }
}

fn failures_of(report: &Report) -> Vec<String> {
    let models = &report.models;
    let total = models.total();
    let counts = [
        ("bundles that cannot be read", models.bundles.malformed),
        ("payloads of an epoch that is not held", total.unheld),
        ("payloads of an unknown plug-in", total.misattributed),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let counted = counts.map(|(what, count)| format!("{count} {what}"));
    let refused = report.refusals.iter().map(|refusal| format!("refused: {}", refusal.message));
    let ended = report.ended.iter().map(|ended| format!("ended: {ended:?}"));
    counted.chain(refused).chain(ended).chain(models.failures.iter().cloned()).collect()
}
