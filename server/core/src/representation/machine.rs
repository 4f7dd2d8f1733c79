//! The state machine of one (track, subscriber).

use std::time::Duration;

use sotto_frame::Epoch;

use super::{Backoff, BackoffTimes};
use crate::{
    media::Kind,
    signal::{Form, GateState, RawReason},
    time::Time,
};

/// How long a client may take to go over to a model whose frames it gets: its decoder is ready, so
/// all that it waits for is a pause or aligned delays.
const ENTER_LIMIT: Duration = Duration::from_secs(4);

/// How long the model is sent beside raw media that flow again, if the client does not say that it
/// plays them: longer than a jitter buffer and a round trip.
const LEAVE_LIMIT: Duration = Duration::from_millis(1_500);

/// How long frames may take to come after they were asked for, before the model counts as stalled.
const START_LIMIT: Duration = Duration::from_secs(2);

/// How long raw media stand in for a model that was given up: it may fit again in a moment.
const STAND_IN: Duration = Duration::from_secs(10);

/// Whether a subscriber can show a track's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It can.
    Yes,
    /// It cannot.
    No,
    /// It could, but not in time.
    TooSlow,
}

/// Whether there is a model of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Not yet: it is being learned, wherever that is.
    Learning,
    /// Not yet: the learners are busy with others.
    Waiting,
    /// No: the node cannot learn it.
    Refused,
    /// There is: the epoch that the publisher's encoder uses.
    Ready(Epoch),
}

/// What is known about a track as one subscriber would receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Sound or picture.
    pub kind: Kind,
    /// Whether the room's settings and the speaker allow models at all.
    pub enabled: bool,
    /// Whether the track is among those that try models out.
    pub canary: bool,
    /// Whether the subscriber can show it.
    pub support: Support,
    /// Whether there is a model.
    pub model: Availability,
    /// Whether the subscriber has that very epoch, and its decoder is ready.
    pub held: bool,
    /// Whether the encoder is about to use a later epoch that the subscriber does not hold.
    pub lags: bool,
    /// What the publisher's gate says.
    pub gate: GateState,
    /// Whether the subscriber's policy wants the model.
    pub wanted: bool,
    /// Whether more of the subscriber's frames are lost than can be concealed.
    pub lossy: bool,
    /// Whether raw media that a decoder can start at reach the subscriber.
    pub raw_flows: bool,
    /// Whether model frames come from the publisher.
    pub model_flows: bool,
    /// Whether they are sent on to the subscriber: those of a voice are not while five others talk.
    pub delivered: bool,
}

/// In which form a subscriber receives a track, and what is about to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Raw.
    Raw(RawReason),
    /// Raw, until the subscriber has the model.
    Fetching { epoch: Epoch },
    /// Both, until the subscriber shows the model.
    Entering { epoch: Epoch, since: Time },
    /// The model.
    Model { epoch: Epoch, since: Time },
    /// Both, until the subscriber shows raw media.
    Leaving { epoch: Epoch, reason: RawReason, raw_since: Option<Time> },
    /// The model must not be shown: raw media are on their way.
    Falling { epoch: Epoch, reason: RawReason, raw_since: Option<Time> },
}

/// What is sent to the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Raw media.
    pub raw: bool,
    /// Frames of the model.
    pub model: bool,
}

/// What the subscriber is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is to play, as soon as it is there.
    pub form: Form,
    /// Why it is raw.
    pub reason: Option<RawReason>,
    /// The epoch that is on its way, or that frames are of.
    pub epoch: Option<Epoch>,
    /// Whether both forms are sent.
    pub overlap: bool,
}

/// Why the model cannot be shown, and how soon it has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Obstacle {
    reason: RawReason,
    /// Nothing of it may be shown any more: there is no time for an overlap.
    at_once: bool,
    /// It counts as a fall: the way back takes longer each time.
    counts: bool,
}

/// In which form one subscriber receives one track. Pure: the caller tells it the [`Facts`] whenever
/// one of them changed and when [`Self::poll_timeout`] says so.
#[derive(Clone, Copy, Debug)]
pub struct Representation {
    state: State,
    backoff: Backoff,
    /// The epoch that falls are counted of.
    epoch: Option<Epoch>,
    /// Since when nothing speaks against the model but that it may have to be fetched.
    clear_since: Option<Time>,
    /// The epoch that the subscriber could not use, and until when.
    failed: Option<(Epoch, Option<Time>)>,
    failures: u32,
}

impl Default for Representation {
    fn default() -> Self {
        Self {
            state: State::Raw(RawReason::Learning),
            backoff: Backoff::default(),
            epoch: None,
            clear_since: None,
            failed: None,
            failures: 0,
        }
    }
}

impl Representation {
    /// Takes what is known now. Returns whether the flow or the status changed.
    pub fn update(&mut self, now: Time, facts: &Facts, times: &BackoffTimes) -> bool {
        let before = (self.flow(facts.kind), self.status());
        if let Some(epoch) = ready(facts)
            && self.epoch.replace(epoch) != Some(epoch)
        {
            // It was learned anew, or on: what the one before it did not fit says little of it.
            self.backoff.forget();
        }
        self.watch_obstacles(now, facts);
        // Each step goes towards a state in which it stays: two are the most.
        for _ in 0..4 {
            let state = self.next(now, facts, times);
            if state == self.state {
                break;
            }
            self.state = state;
        }
        before != (self.flow(facts.kind), self.status())
    }

    /// Whether raw media only stand in for the model, which was given up moments ago.
    pub fn stands_in(&self, now: Time) -> bool {
        let given_up = self.backoff.given_up();
        given_up.is_some_and(|at| now.saturating_since(at) < STAND_IN)
            && !matches!(self.state, State::Model { .. })
    }

    /// The subscriber says that it plays a form.
    pub fn switched(&mut self, now: Time, form: Form) {
        match (form, self.state) {
            (Form::Model, State::Entering { epoch, .. }) => {
                self.backoff.entered(now);
                self.state = State::Model { epoch, since: now };
            }
            (Form::Raw, State::Leaving { reason, .. } | State::Falling { reason, .. }) => {
                self.state = State::Raw(reason);
            }
            // Said before it heard of a change that is under way: what it plays is no news.
            _ => {}
        }
    }

    /// The subscriber could not use an epoch. `again`: another try may do.
    pub fn failed(&mut self, now: Time, epoch: Epoch, again: bool, times: &BackoffTimes) {
        let wait = times.0[(self.failures as usize).min(times.0.len() - 1)];
        self.failures = self.failures.saturating_add(1);
        self.failed = Some((epoch, again.then(|| now + wait)));
        match self.state {
            State::Fetching { .. } | State::Entering { .. } => {
                self.state = State::Raw(RawReason::NotFetched);
            }
            State::Model { epoch: shown, .. } | State::Leaving { epoch: shown, .. }
                if shown == epoch =>
            {
                self.backoff.fell(now);
                let reason = RawReason::NotFetched;
                self.state = State::Falling { epoch, reason, raw_since: None };
            }
            _ => {}
        }
    }

    /// The epoch that the subscriber is to fetch.
    pub const fn wants(&self) -> Option<Epoch> {
        match self.state {
            State::Fetching { epoch } => Some(epoch),
            _ => None,
        }
    }

    /// Whether the subscriber could not use an epoch, and is not to try again yet.
    pub fn has_failed(&self, epoch: Epoch) -> bool {
        self.failed.is_some_and(|(failed, _)| failed == epoch)
    }

    /// What is sent to the subscriber.
    pub fn flow(&self, kind: Kind) -> Flow {
        match self.state {
            State::Raw(_) | State::Fetching { .. } => Flow { raw: true, model: false },
            State::Entering { .. } | State::Leaving { .. } => Flow { raw: true, model: true },
            State::Model { .. } => Flow { raw: false, model: true },
            // A voice that is not quite right is better than none; a wrong face is not.
            State::Falling { reason, .. } => {
                let carries_on = kind == Kind::Audio && reason == RawReason::GateTripped;
                Flow { raw: true, model: carries_on }
            }
        }
    }

    /// Whether the publisher's raw media are needed for this subscriber: also on amber, so that they
    /// are there when the gate turns red.
    pub fn needs_raw(&self, kind: Kind, gate: GateState) -> bool {
        self.flow(kind).raw || gate != GateState::Green
    }

    /// Whether it is in model form, or on the way there.
    pub const fn is_model(&self) -> bool {
        matches!(self.state, State::Entering { .. } | State::Model { .. })
    }

    /// What the subscriber is told.
    pub const fn status(&self) -> Status {
        let (form, reason, epoch, overlap) = match self.state {
            State::Raw(reason) => (Form::Raw, Some(reason), None, false),
            State::Fetching { epoch } => {
                (Form::Raw, Some(RawReason::NotFetched), Some(epoch), false)
            }
            State::Entering { epoch, .. } => (Form::Model, None, Some(epoch), true),
            State::Model { epoch, .. } => (Form::Model, None, Some(epoch), false),
            State::Leaving { epoch, reason, .. } => (Form::Raw, Some(reason), Some(epoch), true),
            State::Falling { reason, .. } => (Form::Raw, Some(reason), None, false),
        };
        Status { form, reason, epoch, overlap }
    }

    /// When [`Self::update`] has something to do although nothing else happens.
    pub fn poll_timeout(&self, now: Time, times: &BackoffTimes) -> Option<Time> {
        let due = match self.state {
            State::Raw(_) => match self.clear_since {
                Some(since) => Some(since + self.backoff.wait(times)),
                None => self.failed.and_then(|(_, until)| until),
            },
            State::Fetching { .. } => None,
            State::Entering { since, .. } => Some(since + ENTER_LIMIT),
            State::Model { since, .. } => Some(since + START_LIMIT),
            State::Leaving { raw_since, .. } | State::Falling { raw_since, .. } => {
                raw_since.map(|since| since + LEAVE_LIMIT)
            }
        };
        due.filter(|&due| due > now)
    }

    /// Notes since when the way to the model is free.
    fn watch_obstacles(&mut self, now: Time, facts: &Facts) {
        if let Some((epoch, until)) = self.failed {
            let is_past = until.is_some_and(|until| until <= now);
            let is_gone = match facts.model {
                // One that is not used yet is remembered until it is.
                Availability::Ready(ready) => ready > epoch,
                Availability::Learning | Availability::Waiting | Availability::Refused => true,
            };
            if is_past || is_gone {
                self.failed = None;
            }
        }
        if self.obstacle(facts, true).is_some() {
            self.clear_since = None;
        } else {
            self.clear_since.get_or_insert(now);
        }
    }

    fn next(&mut self, now: Time, facts: &Facts, times: &BackoffTimes) -> State {
        match self.state {
            State::Raw(reason) => self.out_of_raw(now, facts, times, reason),
            State::Fetching { epoch } => match (self.obstacle(facts, true), facts.model) {
                (Some(obstacle), _) => State::Raw(obstacle.reason),
                (None, Availability::Ready(ready)) if facts.held => {
                    State::Entering { epoch: ready, since: now }
                }
                (None, Availability::Ready(ready)) => State::Fetching { epoch: ready },
                // An obstacle of its own.
                (None, _) => State::Fetching { epoch },
            },
            State::Entering { epoch, since } => {
                if let Some(obstacle) = self.obstacle(facts, true) {
                    self.count(now, obstacle);
                    return State::Raw(obstacle.reason);
                }
                if !facts.held {
                    return State::Raw(RawReason::NotFetched);
                }
                if facts.delivered && now.saturating_since(since) >= ENTER_LIMIT {
                    // It has everything that it needs, and does not go over.
                    self.backoff.fell(now);
                    self.clear_since = Some(now);
                    return State::Raw(RawReason::TooSlow);
                }
                // Who gets no frames cannot go over.
                let since = if facts.delivered { since } else { now };
                State::Entering { epoch: ready(facts).unwrap_or(epoch), since }
            }
            State::Model { epoch, since } => {
                let stalled = !facts.model_flows && now.saturating_since(since) >= START_LIMIT;
                let stalled = stalled.then_some(STALLED);
                let Some(obstacle) = self.obstacle(facts, false).or(stalled) else {
                    return State::Model { epoch: ready(facts).unwrap_or(epoch), since };
                };
                self.count(now, obstacle);
                if obstacle == STALLED {
                    // Nothing else speaks against it: it rests from now on.
                    self.clear_since = Some(now);
                }
                Self::back(epoch, obstacle)
            }
            State::Leaving { epoch, reason, raw_since } => {
                let falls = self.obstacle(facts, false).filter(|obstacle| obstacle.at_once);
                if let Some(obstacle) = falls {
                    self.count(now, obstacle);
                    return State::Falling { epoch, reason: obstacle.reason, raw_since };
                }
                if let Some(state) = self.turn_back(now, facts, times, reason) {
                    return state;
                }
                let raw_since = raw_since.or(facts.raw_flows.then_some(now));
                if raw_since.is_some_and(|since| now.saturating_since(since) >= LEAVE_LIMIT) {
                    return State::Raw(reason);
                }
                State::Leaving { epoch, reason, raw_since }
            }
            State::Falling { epoch, reason, raw_since } => {
                if let Some(state) = self.turn_back(now, facts, times, reason) {
                    return state;
                }
                let raw_since = raw_since.or(facts.raw_flows.then_some(now));
                if raw_since.is_some_and(|since| now.saturating_since(since) >= LEAVE_LIMIT) {
                    return State::Raw(reason);
                }
                // Forbidden, or gone, in the meantime: then it is that.
                let worse = self.obstacle(facts, false).filter(|obstacle| obstacle.at_once);
                let reason = worse.map_or(reason, |obstacle| obstacle.reason);
                State::Falling { epoch, reason, raw_since }
            }
        }
    }

    fn out_of_raw(
        &self,
        now: Time,
        facts: &Facts,
        times: &BackoffTimes,
        before: RawReason,
    ) -> State {
        if let Some(obstacle) = self.obstacle(facts, true) {
            return State::Raw(obstacle.reason);
        }
        if facts.gate == GateState::Amber {
            // Doubts are no fall, and what was waited for is not lost: but it begins on green.
            return State::Raw(RawReason::GateTripped);
        }
        match ready(facts) {
            Some(epoch) if self.is_rested(now, times) && facts.held => {
                State::Entering { epoch, since: now }
            }
            Some(epoch) if self.is_rested(now, times) => State::Fetching { epoch },
            _ => State::Raw(before),
        }
    }

    /// The way back to the model while raw media have not come yet, if nothing speaks against it any
    /// more.
    fn turn_back(
        &self,
        now: Time,
        facts: &Facts,
        times: &BackoffTimes,
        reason: RawReason,
    ) -> Option<State> {
        // Whether frames come again is only seen once they are asked for.
        let is_free = self.obstacle(facts, true).is_none()
            && facts.gate == GateState::Green
            && !facts.lags
            && reason != RawReason::Stalled
            && self.is_rested(now, times);
        let epoch = ready(facts).filter(|_| is_free && facts.held)?;
        Some(State::Entering { epoch, since: now })
    }

    /// Whether nothing has spoken against the model for long enough.
    fn is_rested(&self, now: Time, times: &BackoffTimes) -> bool {
        let clear = self.clear_since.unwrap_or(now);
        now.saturating_since(clear) >= self.backoff.wait(times)
    }

    fn count(&mut self, now: Time, obstacle: Obstacle) {
        if obstacle.counts {
            self.backoff.fell(now);
        }
    }

    fn back(epoch: Epoch, obstacle: Obstacle) -> State {
        let Obstacle { reason, at_once, .. } = obstacle;
        if at_once {
            State::Falling { epoch, reason, raw_since: None }
        } else {
            State::Leaving { epoch, reason, raw_since: None }
        }
    }

    /// What speaks against the model. `entering`: it is not shown yet.
    fn obstacle(&self, facts: &Facts, entering: bool) -> Option<Obstacle> {
        let unlearned = match facts.model {
            Availability::Ready(_) => None,
            Availability::Learning => Some(RawReason::Learning),
            Availability::Waiting => Some(RawReason::LearnersBusy),
            Availability::Refused => Some(RawReason::Disabled),
        };
        let is_failed = ready(facts).is_some_and(|epoch| self.has_failed(epoch));
        let now = |reason, counts| Obstacle { reason, at_once: true, counts };
        let soon = |reason, counts| Obstacle { reason, at_once: false, counts };
        if !facts.enabled {
            Some(now(RawReason::Disabled, false))
        } else if facts.support == Support::No {
            Some(now(RawReason::NoModelSupport, false))
        } else if let Some(reason) = unlearned {
            Some(now(reason, false))
        } else if is_failed {
            Some(now(RawReason::NotFetched, false))
        } else if facts.gate == GateState::Red {
            Some(now(RawReason::GateTripped, true))
        } else if !entering && !facts.held {
            Some(now(RawReason::NotFetched, false))
        } else if facts.support == Support::TooSlow {
            Some(soon(RawReason::TooSlow, true))
        } else if !facts.canary {
            Some(soon(RawReason::NotInCanary, false))
        } else if facts.lossy {
            Some(soon(RawReason::LossyModel, true))
        } else if !facts.wanted {
            Some(soon(RawReason::Policy, false))
        } else if !entering && facts.lags {
            Some(soon(RawReason::NotFetched, false))
        } else {
            None
        }
    }
}

/// No frame has come for a while.
const STALLED: Obstacle = Obstacle { reason: RawReason::Stalled, at_once: true, counts: true };

const fn ready(facts: &Facts) -> Option<Epoch> {
    match facts.model {
        Availability::Ready(epoch) => Some(epoch),
        Availability::Learning | Availability::Waiting | Availability::Refused => None,
    }
}
