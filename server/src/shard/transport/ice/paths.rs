//! The paths over which authentic checks came.

use std::time::{Duration, Instant};

use crate::shard::transport::Path;

/// Paths that one peer may have. A client with Wi-Fi, cellular and VPN over both address families
/// needs six.
pub const MAX_PATHS: usize = 8;

/// How long a better nomination keeps a worse one off without another check: paths that are nominated
/// at once come within the first second, and a client checks a path that works every few seconds.
const PRECEDENCE: Duration = Duration::from_secs(1);

/// Validated paths, and the selected one among them.
#[derive(Debug, Default)]
pub(super) struct Paths {
    known: Vec<Known>,
    selected: Option<Path>,
    /// Since when.
    selected_at: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    path: Path,
    validated: Instant,
    checked: Instant,
    priority: u32,
    /// Whether the last check on this path nominated it.
    nominated: bool,
}

/// What a check changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) validated: bool,
    pub(super) selected: bool,
    /// A path that had to make room.
    pub(super) lost: Option<Path>,
}

impl Paths {
    pub(super) fn is_validated(&self, path: Path) -> bool {
        self.known.iter().any(|known| known.path == path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Path> + '_ {
        self.known.iter().map(|known| known.path)
    }

    pub(super) const fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Takes an authentic check. When all places are taken, the path that was silent for longest
    /// makes room, never the selected one.
    pub(super) fn check(
        &mut self,
        now: Instant,
        path: Path,
        priority: u32,
        nominated: bool,
    ) -> Change {
        let mut change = Change::default();
        if !self.is_validated(path) {
            change.validated = true;
            change.lost = self.make_room();
            self.known.push(Known { path, validated: now, checked: now, priority, nominated });
        }
        for known in self.known.iter_mut().filter(|known| known.path == path) {
            known.checked = now;
            known.priority = priority;
            known.nominated = nominated;
        }
        if nominated
            && self.selected != Some(path)
            && self.may_replace_selected(now, path, priority)
        {
            self.selected = Some(path);
            self.selected_at = Some(now);
            change.selected = true;
        }
        change
    }

    /// Starts over (ICE restart): every path must be validated anew, and the first nomination wins.
    /// The selected path stays in use until then. Gives the paths that are no longer valid.
    pub(super) fn restart(&mut self) -> impl Iterator<Item = Path> + use<> {
        let selected = self.selected;
        let known = std::mem::take(&mut self.known);
        known.into_iter().map(|known| known.path).filter(move |path| Some(*path) != selected)
    }

    /// Aggressive nomination nominates several paths at once, and then the best counts (RFC 5245
    /// section 8.1.1.2). A client that moved no longer nominates its old path; or, where that network
    /// is gone, can say nothing over it at all: then the new path came up long after the old one was
    /// chosen.
    fn may_replace_selected(&self, now: Instant, path: Path, priority: u32) -> bool {
        let chosen_before = |known: &Known| {
            self.selected_at
                .is_some_and(|at| known.validated.saturating_duration_since(at) > PRECEDENCE)
        };
        if self.known.iter().any(|known| known.path == path && chosen_before(known)) {
            return true;
        }
        let selected = self.known.iter().find(|known| Some(known.path) == self.selected);
        selected.is_none_or(|selected| {
            let silent = now.saturating_duration_since(selected.checked) > PRECEDENCE;
            !selected.nominated || silent || priority >= selected.priority
        })
    }

    fn make_room(&mut self) -> Option<Path> {
        if self.known.len() < MAX_PATHS {
            return None;
        }
        let candidates =
            self.known.iter().enumerate().filter(|(_, known)| Some(known.path) != self.selected);
        let (oldest, _) = candidates.min_by_key(|(_, known)| known.checked)?;
        Some(self.known.swap_remove(oldest).path)
    }
}
