//! A job on its way through the pool.

use std::sync::{
    Arc,
    mpsc::{SyncSender, TrySendError},
};

use super::{
    Job,
    pool::Event,
    queue::{Candidate, Cost},
    tap::{Feed, JobState},
};

/// A job, its packets, and how it fared so far.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) job: Job,
    pub(super) state: Arc<JobState>,
    pub(super) feed: Feed,
    /// How often it had a place and gave it away.
    pub(super) turns: u32,
}

impl Submission {
    pub(super) fn cost(&self) -> Cost {
        Cost::of(self.job.format.codec.kind())
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate { worth: self.state.worth(), cost: self.cost(), turns: self.turns }
    }
}

/// The way into the pool for a job that is not in it yet.
#[derive(Debug)]
pub(super) struct Doorway {
    events: SyncSender<Event>,
    submission: Box<Submission>,
}

impl Doorway {
    pub(super) fn new(events: SyncSender<Event>, submission: Submission) -> Self {
        Self { events, submission: Box::new(submission) }
    }

    /// Goes in. Full: comes back, to be tried again.
    pub(super) fn enter(self) -> Option<Self> {
        let Self { events, submission } = self;
        match events.try_send(Event::Begin(submission)) {
            Err(TrySendError::Full(Event::Begin(submission))) => Some(Self { events, submission }),
            // In, or the pool has ended: then there is nobody to tell.
            _ => None,
        }
    }
}
