//! When a publisher is asked for a keyframe.

use std::time::Duration;

use crate::time::Time;

/// Least time between two requests for one layer. A request that is answered later than this is
/// repeated: it may have been lost.
const INTERVAL: Duration = Duration::from_millis(500);

/// While subscribers keep arriving, the age of the last keyframe at which the next one is asked for
/// unprompted.
const REFRESH: Duration = Duration::from_secs(2);

/// The requests for one layer, however many subscribers are behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyframeRequests {
    /// Somebody cannot go on without a keyframe.
    wanted: bool,
    /// Somebody came since the last keyframe.
    joined: bool,
    last_request: Option<Time>,
    last_keyframe: Option<Time>,
}

impl KeyframeRequests {
    /// Nothing wanted.
    pub const fn new() -> Self {
        Self { wanted: false, joined: false, last_request: None, last_keyframe: None }
    }

    /// A subscriber cannot go on without a keyframe: its slot waits for one, or it said so. May be
    /// called as often as one likes. Takes effect at [`Self::poll_timeout`], which may be at once.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A subscriber arrived at the layer, whether or not it could be served from the cache.
    pub fn join(&mut self) {
        self.joined = true;
    }

    /// A keyframe came: all is answered.
    pub fn keyframe(&mut self, now: Time) {
        *self = Self { last_request: self.last_request, last_keyframe: Some(now), ..Self::new() };
    }

    /// The layer has nobody left who would want a keyframe.
    pub fn cancel(&mut self) {
        self.wanted = false;
        self.joined = false;
    }

    /// When [`Self::handle_timeout`] wants to be called; a time that has passed means now. `None`
    /// if nobody wants anything.
    pub fn poll_timeout(&self) -> Option<Time> {
        let allowed = self.last_request.map_or(Time::default(), |at| at + INTERVAL);
        if self.wanted {
            return Some(allowed);
        }
        let refresh = self.last_keyframe.filter(|_| self.joined).map(|at| at + REFRESH);
        refresh.map(|at| at.max(allowed))
    }

    /// Whether a request is to be sent now. It is taken as sent.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Time) -> bool {
        let due = self.poll_timeout().is_some_and(|at| now >= at);
        if due {
            self.last_request = Some(now);
            // Asked for somebody: repeated until it is answered.
            self.wanted = true;
        }
        due
    }
}
