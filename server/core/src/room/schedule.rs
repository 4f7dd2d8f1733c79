//! When a room wants to be called.

use crate::time::Time;

/// The next due times of one room. Each is set by the step that it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Slots must be pointed anew: somebody began to speak who has no slot.
    pub(crate) settle: Option<Time>,
    /// Look who speaks.
    pub(crate) speakers: Option<Time>,
    /// Send sender reports.
    pub(crate) reports: Option<Time>,
    /// Ask publishers for keyframes.
    pub(crate) keyframes: Option<Time>,
    /// Ask publishers for packets that are missing.
    pub(crate) repairs: Option<Time>,
}

impl Schedule {
    /// The earliest of them.
    pub(crate) fn next(&self) -> Option<Time> {
        let all = [self.settle, self.speakers, self.reports, self.keyframes, self.repairs];
        all.into_iter().flatten().min()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        let all = [self.settle, self.speakers, self.reports, self.keyframes, self.repairs];
        all.into_iter().flatten().count()
    }
}

/// Moves a due time forward to `time`, if that is earlier.
pub(crate) fn hasten(due: &mut Option<Time>, time: Time) {
    *due = Some(due.map_or(time, |due| due.min(time)));
}

/// Takes a due time that has come.
pub(crate) fn take_due(due: &mut Option<Time>, now: Time) -> bool {
    let is_due = due.is_some_and(|due| due <= now);
    if is_due {
        *due = None;
    }
    is_due
}
