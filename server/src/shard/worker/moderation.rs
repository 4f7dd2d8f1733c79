//! How long the socket may be left alone.
//!
//! A thread that wakes up for each packet spends more on waking up than on the packet. Media that are
//! forwarded at once are worth it; model frames wait for the next bundle anyway, and so can reports,
//! feedback, and the checks of connections that stand. While nothing else comes, the shard rests after
//! each turn, and takes what has come meanwhile together, as network cards do it (interrupt
//! moderation).

use std::time::{Duration, Instant};

/// How long what can wait is left in the socket: bundles leave at multiples of it.
const REST: Duration = Duration::from_millis(5);

/// For how long after something that could not wait more of it is expected. A raw voice has a packet
/// each 20 to 60 ms, a handshake a round trip between two messages.
const HURRY: Duration = Duration::from_millis(200);

/// Whether there is a hurry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moderation {
    hurried: Option<Instant>,
}

impl Moderation {
    /// Something came that could not wait.
    pub(super) const fn hurry(&mut self, now: Instant) {
        self.hurried = Some(now);
    }

    /// How long the socket may be left alone after a turn that took something from it.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        let hurried = |at| now.saturating_duration_since(at) < HURRY;
        if self.hurried.is_some_and(hurried) { Duration::ZERO } else { REST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_rests_unless_something_came_lately_that_could_not_wait() {
        let start = Instant::now();
        let mut moderation = Moderation::default();
        let rest = |moderation: &Moderation, ms| {
            moderation.rest(start + Duration::from_millis(ms)).as_millis()
        };
        assert_eq!(rest(&moderation, 0), 5);
        moderation.hurry(start);
        assert_eq!([0, 199, 200].map(|ms| rest(&moderation, ms)), [0, 0, 5]);
        moderation.hurry(start + Duration::from_millis(150));
        assert_eq!([199, 349, 350].map(|ms| rest(&moderation, ms)), [0, 0, 5]);
    }
}
