//! What one client may be sent, and what was decided about it.

use std::time::Duration;

use super::replays::Replays;
use crate::{
    bandwidth::{Budget, Demand, Estimate, START_BITRATE, Spending},
    time::Time,
};

/// Change of the estimate, in per mille of what was decided upon, that calls for a new decision.
const NOTABLE: u64 = 150;

/// For how long after its start an estimate that has not fallen says little: probes are still on
/// their way.
const START_TIME: Duration = Duration::from_secs(2);

/// What the smallest pictures may take in that time, in bits per second: a first picture now is worth
/// more than a line that is a little too full for a moment.
const START_BUDGET: u64 = 2_000_000;

/// Time that kept packets may take on a line, in milliseconds.
const REPLAY_SPAN_MS: u64 = 400;

/// What part of a line a model may take while it is fetched, in per mille.
const MODEL_SHARE: u64 = 250;

/// The least of that in bits per second: less never ends.
const LEAST_MODEL: u64 = 8_000;

/// What one client may be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// Since when its transport carries media.
    pub(crate) connected: Time,
    /// What may be spent on video.
    pub(crate) spending: Spending,
    /// What may be spent on raw voices, which come before.
    pub(crate) voices: Spending,
    /// What it carries; `None`: not known yet, or never, where feedback was not negotiated.
    pub(crate) estimate: Option<Estimate>,
    /// Whether slots must be served anew.
    pub(crate) stale: bool,
    /// Whether slots may be served otherwise than the client was told.
    pub(crate) untold: bool,
    /// How often slots were served anew.
    pub(crate) decisions: u64,
    /// The estimate that was decided upon.
    decided: u64,
    /// What the last decision takes, sound included.
    pub(crate) demand: Demand,
    /// What its sender was told of that.
    pub(crate) demanded: Option<Demand>,
    /// When the client was told what, of the estimate and of what is allocated.
    pub(crate) told: Option<(Time, u64, u64)>,
    /// Pays for kept packets.
    pub(crate) replays: Replays,
}

impl Allowance {
    /// The sender's estimate is another. Returns whether slots must be served anew at once: more than
    /// the way carries is being sent, or it was away. Where it only carries more, they are served anew in
    /// time.
    pub(crate) fn observe(&mut self, now: Time, estimate: Estimate) -> bool {
        let returned = self.estimate.is_some_and(|before| before.away) && !estimate.away;
        if returned {
            self.spending.restart();
            self.voices.restart();
        }
        self.spending.observe(now, estimate.bitrate);
        self.voices.observe(now, estimate.bitrate);
        self.estimate = Some(estimate);
        let change = estimate.bitrate.abs_diff(self.decided);
        let is_notable = change.saturating_mul(1_000) >= self.decided.saturating_mul(NOTABLE);
        let is_short = estimate.bitrate < self.demand.allocated;
        self.stale |= is_short || is_notable || returned;
        is_short || returned
    }

    /// Most bytes of kept packets that a slot may begin with: on a line that is known to be thin they
    /// would be in the way of everything for longer than a fresh keyframe takes to come. On any line, no more than is
    /// left for this.
    pub(crate) fn replay_bytes(&mut self, now: Time) -> u64 {
        let is_new = now.saturating_since(self.connected) < START_TIME;
        let left = self.replays.left(now);
        match self.estimate {
            Some(estimate) if !is_new => left.min(estimate.bitrate / 8 * REPLAY_SPAN_MS / 1_000),
            _ => left,
        }
    }

    /// What may be spent on video, when sound takes `reserved` bits per second. `limited`: the
    /// connection has feedback, so that an estimate will come.
    pub(crate) fn budget(&mut self, now: Time, reserved: u64, limited: bool) -> Budget {
        self.decisions += 1;
        if !limited && self.estimate.is_none() {
            return Budget::UNLIMITED;
        }
        if self.estimate.is_none() {
            self.spending.observe(now, START_BITRATE);
        }
        self.decided = self.estimate.map_or(START_BITRATE, |estimate| estimate.bitrate);
        let mut budget = self.spending.budget(now, reserved);
        if self.is_starting(now) {
            budget.keep = budget.keep.max(START_BUDGET);
        }
        budget
    }

    /// What may be spent on raw voices, when `reserved` bits per second are taken already.
    pub(crate) fn sound_budget(&mut self, now: Time, reserved: u64) -> Budget {
        if self.estimate.is_none() || self.is_starting(now) {
            return Budget::UNLIMITED;
        }
        self.voices.budget(now, reserved)
    }

    /// What a model may take at most while it is fetched, in bits per second: a share of the line.
    pub(crate) fn of_model(&self, wanted: u64) -> u64 {
        let share = |estimate: Estimate| (estimate.bitrate * MODEL_SHARE / 1_000).max(LEAST_MODEL);
        self.estimate.map_or(wanted, |estimate| wanted.min(share(estimate)))
    }

    /// Whether its estimate says little yet.
    fn is_starting(&self, now: Time) -> bool {
        let estimate = self.estimate.map_or(START_BITRATE, |estimate| estimate.bitrate);
        estimate >= START_BITRATE && now.saturating_since(self.connected) < START_TIME
    }
}
