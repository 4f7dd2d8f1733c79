//! One job that has a place: packets to its learner, what the learner says to the reporter, and an end
//! to a learner that crashed, hung or writes garbage.

use std::{
    io::{ErrorKind, Read, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sotto_frame::{Container, Epoch};
use tracing::{debug, trace, warn};

use super::{
    FailedReason, RefusedReason, Report, is_time,
    learner::Learner,
    pool::Reporter,
    stats::Counters,
    submission::Submission,
    wire::{FromLearner, Messages, Start, ToLearner},
};
use crate::config::LearnConfig;

/// Longest time that new packets, and an end, wait to be seen.
const TURN: Duration = Duration::from_millis(20);
/// Bytes on their way to a learner: as much as its pipe holds. Full: packets stay in the tap.
const MAX_UNWRITTEN: usize = 64 << 10;
/// Least time between two keyframes that are asked for.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(2);
/// Least time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// A learner makes models ten seconds apart at least. Half of it: its clock is not this one.
const MODEL_INTERVAL: Duration = Duration::from_secs(5);

/// Why a job left its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its tap is gone, or the pool ends.
    NotWanted,
    /// It learned nothing new for a while, and others wait.
    Yielded,
    /// There will be no model.
    Refused(RefusedReason),
    /// It broke.
    Failed(FailedReason),
}

/// What a job runs with.
pub(super) struct Course {
    pub(super) config: Arc<LearnConfig>,
    pub(super) report: Reporter,
    pub(super) counters: Arc<Counters>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Course {
    /// Runs a job until it leaves its place. Nothing of what it learned is left then but the models that
    /// were reported; they are counted in its first epoch.
    pub(super) fn run(&self, submission: &mut Submission) -> End {
        let mut learner = match Learner::start(&self.config) {
            Ok(learner) => learner,
            Err(error) => {
                warn!(%error, "a learner cannot be started");
                return End::Failed(FailedReason::NotStarted);
            }
        };
        let mut lesson = Lesson::new(self, submission);
        let end = lesson.run(&mut learner);
        if let End::Failed(reason) = end {
            warn!(%reason, process = learner.pid(), "a learner failed");
        }
        learner.kill();
        let epoch = lesson.epoch;
        submission.job.first_epoch = epoch;
        submission.turns = submission.turns.saturating_add(1);
        end
    }
}

/// One learner at work.
struct Lesson<'a> {
    course: &'a Course,
    submission: &'a Submission,
    unwritten: Vec<u8>,
    messages: Messages,
    /// Of the next model.
    epoch: Epoch,
    last_model: Option<Instant>,
    /// Furthest progress, and when it was reached.
    furthest: (u16, Instant),
    /// What was said last of progress.
    progress: u16,
    told_progress: Option<(u16, Instant)>,
    told_keyframe: Option<Instant>,
    /// Since when the learner has had packets and said nothing.
    silent_since: Option<Instant>,
}

impl<'a> Lesson<'a> {
    fn new(course: &'a Course, submission: &'a Submission) -> Self {
        let start = Start {
            format: submission.job.format,
            first_epoch: submission.job.first_epoch,
            ffmpeg: course.config.ffmpeg.to_string_lossy().into_owned(),
        };
        let mut unwritten = Vec::with_capacity(MAX_UNWRITTEN);
        ToLearner::Start(start).write(&mut unwritten);
        Self {
            course,
            submission,
            unwritten,
            messages: Messages::from_learner(),
            epoch: submission.job.first_epoch,
            last_model: None,
            furthest: (0, Instant::now()),
            progress: 0,
            told_progress: None,
            told_keyframe: None,
            silent_since: None,
        }
    }

    fn run(&mut self, learner: &mut Learner) -> End {
        loop {
            if self.submission.state.has_ended() || self.course.stopping.load(Ordering::Acquire) {
                return End::NotWanted;
            }
            self.take_packets();
            // A learner that ended takes nothing any more, but its last words may still be there.
            let writable = self.write(learner);
            let end = self.read(learner).or_else(|| self.overdue(Instant::now()));
            if let Some(end) = end {
                return end;
            }
            self.wait(learner, writable);
        }
    }

    fn take_packets(&mut self) {
        while self.unwritten.len() < MAX_UNWRITTEN
            && let Some(packet) = self.submission.feed.next()
        {
            ToLearner::Packet(&packet).write(&mut self.unwritten);
            self.submission.feed.give_back(packet);
            self.silent_since.get_or_insert_with(Instant::now);
        }
    }

    /// Writes as much as the pipe takes; whether it is still open.
    fn write(&mut self, learner: &mut Learner) -> bool {
        while !self.unwritten.is_empty() {
            match learner.input.write(&self.unwritten) {
                Ok(written) => drop(self.unwritten.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Reads what there is, as far as one turn goes.
    fn read(&mut self, learner: &mut Learner) -> Option<End> {
        let mut piece = [0; 16 << 10];
        match learner.output.read(&mut piece) {
            Ok(0) => {
                debug!(process = learner.pid(), "a learner ended by itself");
                Some(End::Failed(FailedReason::Crashed))
            }
            Ok(len) => {
                self.messages.push(&piece[..len]);
                self.hear()
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                None
            }
            Err(_) => Some(End::Failed(FailedReason::Crashed)),
        }
    }

    /// Everything that was said so far.
    fn hear(&mut self) -> Option<End> {
        let mut messages = std::mem::replace(&mut self.messages, Messages::from_learner());
        let end = loop {
            let message = match messages.read() {
                Ok(Some((kind, body))) => FromLearner::parse(kind, body),
                Ok(None) => break None,
                Err(error) => Err(error),
            };
            match message {
                Ok(message) => {
                    if let Some(end) = self.heard(&message) {
                        break Some(end);
                    }
                }
                Err(error) => {
                    warn!(%error, "a learner writes garbage");
                    break Some(End::Failed(FailedReason::Garbage));
                }
            }
        };
        self.messages = messages;
        end
    }

    fn heard(&mut self, message: &FromLearner<'_>) -> Option<End> {
        let now = Instant::now();
        self.silent_since = None;
        match *message {
            FromLearner::Alive => {}
            FromLearner::Progress(per_mille) => self.progress(per_mille, now),
            FromLearner::Keyframe => {
                if is_time(self.told_keyframe, KEYFRAME_INTERVAL, now) {
                    self.told_keyframe = Some(now);
                    self.report(Report::KeyframeWanted);
                }
            }
            FromLearner::Model { epoch, container } => return self.model(epoch, container, now),
            FromLearner::Unfit => self.report(Report::Unfit),
            FromLearner::Refused(reason) => return Some(End::Refused(reason)),
            FromLearner::Failed(reason) => return Some(End::Failed(reason)),
        }
        None
    }

    fn progress(&mut self, per_mille: u16, now: Instant) {
        if per_mille > self.furthest.0 {
            self.furthest = (per_mille, now);
        }
        self.progress = per_mille;
        if is_time(self.told_progress.map(|(_, at)| at), PROGRESS_INTERVAL, now) {
            self.tell_progress(now);
        }
    }

    /// Says how far it is, unless that was said.
    fn tell_progress(&mut self, now: Instant) {
        if self.told_progress.is_none_or(|(told, _)| told != self.progress) {
            self.told_progress = Some((self.progress, now));
            self.report(Report::Progress(f32::from(self.progress) / 1_000.0));
        }
    }

    /// A model that is not what it has to be was made by no learner of ours.
    fn model(&mut self, epoch: Epoch, container: &[u8], now: Instant) -> Option<End> {
        let is_expected = epoch == self.epoch
            && is_time(self.last_model, MODEL_INTERVAL, now)
            && Container::parse(container).is_ok_and(|container| {
                container.plugin == self.submission.job.plugin() && container.epoch == epoch
            });
        if !is_expected {
            return Some(End::Failed(FailedReason::Garbage));
        }
        self.last_model = Some(now);
        self.furthest.1 = now;
        self.epoch = Epoch(epoch.0.wrapping_add(1));
        self.course.counters.models.fetch_add(1, Ordering::Relaxed);
        // Whoever gets a model knows how far it goes.
        self.tell_progress(now);
        self.report(Report::Model { container: container.to_vec(), epoch });
        None
    }

    /// What was not done in time.
    fn overdue(&self, now: Instant) -> Option<End> {
        let LearnConfig { patience, idle, .. } = *self.course.config;
        if self.silent_since.is_some_and(|since| now.duration_since(since) >= patience) {
            return Some(End::Failed(FailedReason::Hung));
        }
        let others_wait = self.course.counters.waiting.load(Ordering::Relaxed) > 0;
        (others_wait && now.duration_since(self.furthest.1) >= idle).then_some(End::Yielded)
    }

    fn wait(&self, learner: &Learner, writable: bool) {
        let mut watched = vec![PollFd::from_borrowed_fd(learner.output.as_fd(), PollFlags::IN)];
        if writable && !self.unwritten.is_empty() {
            watched.push(PollFd::from_borrowed_fd(learner.input.as_fd(), PollFlags::OUT));
        }
        let at_most = Timespec { tv_sec: 0, tv_nsec: TURN.subsec_nanos().into() };
        if let Err(error) = poll(&mut watched, Some(&at_most)) {
            // A signal: the turn is short.
            trace!(%error, "not waited");
        }
    }

    fn report(&self, report: Report) {
        if !self.submission.state.has_ended() {
            (self.course.report)(self.submission.job.key, report);
        }
    }
}
