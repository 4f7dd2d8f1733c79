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
    /// Serve those anew whose lines or wishes have changed.
    pub(crate) allocate: Option<Time>,
    /// Look at what publications can be had in, and serve the next anew.
    pub(crate) survey: Option<Time>,
    /// Look at who receives what in which form.
    pub(crate) forms: Option<Time>,
    /// Let bundles leave.
    pub(crate) bundles: Option<Time>,
}

impl Schedule {
    /// The earliest of them.
    pub(crate) fn next(&self) -> Option<Time> {
        self.all().into_iter().flatten().min()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all().into_iter().flatten().count()
    }

    fn all(&self) -> [Option<Time>; 9] {
        let Self { settle, speakers, reports, keyframes, repairs, .. } = *self;
        let Self { allocate, survey, forms, bundles, .. } = *self;
        [settle, speakers, reports, keyframes, repairs, allocate, survey, forms, bundles]
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
