//! Which slot takes which track: nobody moves who need not.

use crate::{id::TrackId, room::TrackKey};

/// One slot, as far as seating goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chair<S> {
    /// The slot.
    pub(crate) slot: S,
    /// What it carries.
    pub(crate) content: Option<TrackKey>,
    /// What it carried before, for tracks that come back.
    pub(crate) before: Option<TrackId>,
}

/// Seats the wanted tracks: those that are seated stay; a slot that carried a track before gets it
/// back if it is free; the rest takes free slots in order. Returns the slots that change, those that
/// become empty first. There are no more tracks wanted than chairs.
pub(crate) fn seat<S: Copy>(
    chairs: &[Chair<S>],
    wanted: &[TrackKey],
    id: impl Fn(TrackKey) -> TrackId,
) -> Vec<(S, Option<TrackKey>)> {
    let leaving = |chair: &&Chair<S>| chair.content.is_some_and(|track| !wanted.contains(&track));
    let seated = |track: TrackKey| chairs.iter().any(|chair| chair.content == Some(track));
    let mut free: Vec<&Chair<S>> = chairs
        .iter()
        .filter(|chair| chair.content.is_none_or(|track| !wanted.contains(&track)))
        .collect();
    let arriving: Vec<TrackKey> = wanted.iter().copied().filter(|&track| !seated(track)).collect();
    let mut taken = vec![None; arriving.len()];
    for (track, place) in arriving.iter().zip(&mut taken) {
        let former = free.iter().position(|chair| chair.before == Some(id(*track)));
        *place = former.map(|position| free.remove(position).slot);
    }
    let mut free = free.into_iter();
    let mut changes = Vec::new();
    for (track, place) in arriving.into_iter().zip(taken) {
        if let Some(slot) = place.or_else(|| free.next().map(|chair| chair.slot)) {
            changes.push((slot, Some(track)));
        }
    }
    let emptied = free.filter(leaving).map(|chair| (chair.slot, None));
    let mut all: Vec<(S, Option<TrackKey>)> = emptied.collect();
    all.append(&mut changes);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Key;

    fn track(n: usize) -> TrackKey {
        TrackKey::from_index(n)
    }

    /// Chairs as (content, before); expected changes as (chair, track).
    fn check(
        chairs: &[(Option<usize>, Option<usize>)],
        wanted: &[usize],
        expected: &[(usize, Option<usize>)],
    ) {
        let chairs: Vec<Chair<usize>> = chairs
            .iter()
            .enumerate()
            .map(|(slot, &(content, before))| Chair {
                slot,
                content: content.map(track),
                before: before.map(|n| TrackId(n as u64)),
            })
            .collect();
        let wanted: Vec<TrackKey> = wanted.iter().map(|&n| track(n)).collect();
        let changes = seat(&chairs, &wanted, |track| TrackId(track.index() as u64));
        let changes: Vec<(usize, Option<usize>)> =
            changes.into_iter().map(|(slot, track)| (slot, track.map(Key::index))).collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn who_stays_wanted_stays_seated_in_whatever_order() {
        check(&[(Some(1), None), (Some(2), None)], &[2, 1], &[]);
    }

    #[test]
    fn newcomers_take_free_slots_in_order() {
        check(
            &[(Some(1), None), (None, None), (None, None)],
            &[7, 1, 8],
            &[(1, Some(7)), (2, Some(8))],
        );
    }

    #[test]
    fn a_slot_is_pointed_anew_without_becoming_empty_in_between() {
        check(&[(Some(1), None), (Some(2), None)], &[2, 3], &[(0, Some(3))]);
    }

    #[test]
    fn unwanted_content_leaves_its_slot_empty() {
        check(&[(Some(1), None), (Some(2), None)], &[2], &[(0, None)]);
    }

    #[test]
    fn a_track_that_comes_back_gets_its_slot_back() {
        check(&[(None, Some(4)), (None, Some(5))], &[6, 5], &[(0, Some(6)), (1, Some(5))]);
    }
}
