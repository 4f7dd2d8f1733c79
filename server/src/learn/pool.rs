//! The pool: who learns now, and who waits.
//!
//! ```text
//!  begin ─► events (bounded) ─► dispatcher thread ─► one thread for each job that has a place
//!                  ▲   waiting, by savings over cost          │ course.rs
//!                  └──────────────── Event::Left ◄────────────┘
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use tracing::{debug, warn};

use super::{
    FailedReason, Job, JobKey, LearnerStats, RefusedReason, Report, Tap,
    course::{Course, End},
    queue::{self, Candidate, PLACE},
    stats::Counters,
    submission::{Doorway, Submission},
    tap::Stage,
};
use crate::config::LearnConfig;

/// Jobs that wait. One more: the one of least worth is refused.
const MAX_WAITING: usize = 4_096;
/// What the dispatcher has not looked at yet. Full: a new job is handed over with its next packet, and
/// the thread of a job that leaves waits.
const MAX_EVENTS: usize = 1_024;
/// How often jobs that nobody wants any more are looked for among those that wait.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

/// Takes what becomes of jobs. Called from the pool's threads; must not block.
pub type Reporter = Arc<dyn Fn(JobKey, Report) + Send + Sync>;

/// The learners of a node: cheap to clone. Dropping the last one ends every job.
#[derive(Clone, Debug)]
pub struct Learners {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    events: SyncSender<Event>,
    counters: Arc<Counters>,
    stopping: Arc<AtomicBool>,
}

/// What the dispatcher hears.
#[derive(Debug)]
pub(super) enum Event {
    /// A new job.
    Begin(Box<Submission>),
    /// A job left its place.
    Left(Box<Submission>, End),
    /// The pool ends.
    Stop,
}

impl Learners {
    /// Starts a pool. It has one thread of its own while nothing is learned.
    pub fn start(config: &LearnConfig, report: Reporter) -> Self {
        let (events, received) = mpsc::sync_channel(MAX_EVENTS);
        let counters = Arc::<Counters>::default();
        let stopping = Arc::<AtomicBool>::default();
        let dispatcher = Dispatcher {
            config: Arc::new(config.clone()),
            report,
            events: events.clone(),
            counters: counters.clone(),
            stopping: stopping.clone(),
            waiting: Vec::new(),
            free: config.places.saturating_mul(PLACE),
        };
        let started = thread::Builder::new()
            .name("learners".into())
            .spawn(move || dispatcher.run(&received))
            .map(drop);
        if let Err(error) = started {
            // The queue has no other end then: every job is over before it begins.
            warn!(%error, "nothing is learned on this node: no thread");
        }
        Self { pool: Arc::new(Pool { events, counters, stopping }) }
    }

    /// Queues a job. As many run as there are places, others wait. The tap can be used at once: what
    /// comes before the job has a place is dropped.
    pub fn begin(&self, job: Job) -> Tap {
        let (mut tap, state, feed) = Tap::new(job.worth, self.pool.counters.clone());
        let submission = Submission { job, state, feed, turns: 0 };
        tap.submit(Doorway::new(self.pool.events.clone(), submission));
        tap
    }

    /// What the pool counts.
    pub fn stats(&self) -> LearnerStats {
        self.pool.counters.snapshot()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Full: the dispatcher is awake, and looks before it waits again.
        drop(self.events.try_send(Event::Stop));
    }
}

struct Dispatcher {
    config: Arc<LearnConfig>,
    report: Reporter,
    events: SyncSender<Event>,
    counters: Arc<Counters>,
    stopping: Arc<AtomicBool>,
    waiting: Vec<Submission>,
    /// Shares of places.
    free: u32,
}

impl Dispatcher {
    fn run(mut self, events: &Receiver<Event>) {
        while let Some(event) = self.next(events) {
            match event {
                Some(Event::Begin(submission)) => self.enter(*submission),
                Some(Event::Left(submission, end)) => self.left(*submission, end),
                Some(Event::Stop) => break,
                None => {}
            }
            self.waiting.retain(|waiting| !waiting.state.has_ended());
            self.dispatch();
        }
    }

    /// The next event; `Some(None)`: none has come for a while. `None`: the pool ends.
    fn next(&self, events: &Receiver<Event>) -> Option<Option<Event>> {
        if self.stopping.load(Ordering::Acquire) {
            return None;
        }
        if self.waiting.is_empty() {
            return events.recv().ok().map(Some);
        }
        match events.recv_timeout(PRUNE_INTERVAL) {
            Ok(event) => Some(Some(event)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn enter(&mut self, submission: Submission) {
        if self.config.places == 0 {
            return self.over(&submission, End::Refused(RefusedReason::Disabled));
        }
        self.wait(submission);
    }

    /// A job waits, unless it can begin at once.
    fn wait(&mut self, submission: Submission) {
        let key = submission.job.key;
        submission.state.set_stage(Stage::Waiting);
        self.waiting.push(submission);
        self.dispatch();
        if self.waiting.iter().any(|waiting| waiting.job.key == key) {
            (self.report)(key, Report::Waiting);
        }
        if self.waiting.len() > MAX_WAITING
            && let Some(last) = queue::last(&self.candidates())
        {
            let refused = self.waiting.remove(last);
            self.over(&refused, End::Refused(RefusedReason::QueueFull));
        }
    }

    fn left(&mut self, submission: Submission, end: End) {
        self.counters.running.fetch_sub(1, Ordering::Relaxed);
        self.free += submission.cost().shares;
        match end {
            End::NotWanted => {}
            End::Yielded => self.wait(submission),
            End::Refused(_) | End::Failed(_) => self.over(&submission, end),
        }
    }

    /// Gives free places away.
    fn dispatch(&mut self) {
        while !self.stopping.load(Ordering::Acquire)
            && let Some(next) = queue::next(&self.candidates(), self.free)
        {
            // The order of those that stay says who came first.
            let submission = self.waiting.remove(next);
            if !submission.state.has_ended() {
                self.begin(submission);
            }
        }
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.counters.waiting.store(waiting, Ordering::Relaxed);
    }

    fn candidates(&self) -> Vec<Candidate> {
        self.waiting.iter().map(Submission::candidate).collect()
    }

    fn begin(&mut self, submission: Submission) {
        let key = submission.job.key;
        self.free -= submission.cost().shares;
        self.counters.running.fetch_add(1, Ordering::Relaxed);
        submission.feed.drain();
        submission.state.set_stage(Stage::Running);
        debug!(peer = key.peer.0, source = ?key.source, "learning begins");
        (self.report)(key, Report::Running);
        let course = Course {
            config: self.config.clone(),
            report: self.report.clone(),
            counters: self.counters.clone(),
            stopping: self.stopping.clone(),
        };
        // Handed over behind the start, so that it is still here where there is no thread for it.
        let (hand_over, handed_over) = mpsc::sync_channel::<Submission>(1);
        let events = self.events.clone();
        let started = thread::Builder::new().name("learner".into()).spawn(move || {
            let Ok(mut submission) = handed_over.recv() else { return };
            let end = course.run(&mut submission);
            // Fails only where the pool has ended.
            drop(events.send(Event::Left(Box::new(submission), end)));
        });
        match started {
            Ok(_) => drop(hand_over.send(submission)),
            Err(error) => {
                warn!(%error, "no thread for a learner");
                self.left(submission, End::Failed(FailedReason::NotStarted));
            }
        }
    }

    /// The last that is said of a job.
    fn over(&self, submission: &Submission, end: End) {
        let key = submission.job.key;
        let (counter, report) = match end {
            End::Refused(reason) => (&self.counters.refused, Report::Refused(reason)),
            End::Failed(reason) => (&self.counters.failed, Report::Failed(reason)),
            End::NotWanted | End::Yielded => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        submission.state.set_stage(Stage::Over);
        debug!(peer = key.peer.0, source = ?key.source, ?report, "learning is over");
        if !submission.state.has_ended() {
            (self.report)(key, report);
        }
    }
}
