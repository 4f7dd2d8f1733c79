//! Whom one client hears.

use crate::{
    id::ShortId,
    room::TrackKey,
    slot::{Scene, Voice},
};

/// How much louder somebody must be to take the slot of one who still speaks, in dB.
const MARGIN_DB: f64 = 6.0;

/// The audio tracks that a client of `slots` audio slots is to hear, given what it hears now.
/// Never its own, and only those that `is_raw` says come raw.
///
/// All of them where they fit. Else a slot keeps its talker until somebody speaks who has none:
/// that one takes the slot of whoever has been silent for longest, and of somebody who speaks only
/// when clearly louder. So slots do not churn, and a pause to breathe costs nobody his slot.
pub(crate) fn wanted_audio(
    scene: &Scene,
    current: &[TrackKey],
    listener: ShortId,
    slots: usize,
    is_raw: impl Fn(TrackKey) -> bool,
) -> Vec<TrackKey> {
    let current = current.iter().filter(|&&track| is_raw(track));
    let mut heard: Vec<&Voice> = current.filter_map(|&track| scene.voice(track)).collect();
    heard.truncate(slots);
    let others = scene.voices().iter();
    let others = others.filter(|voice| voice.owner != listener && is_raw(voice.track));
    for candidate in others.take(slots) {
        if heard.iter().any(|voice| voice.track == candidate.track) {
            continue;
        }
        if heard.len() < slots {
            heard.push(candidate);
        } else if let Some(seat) = seat_for(candidate, &heard) {
            heard[seat] = candidate;
        }
    }
    heard.into_iter().map(|voice| voice.track).collect()
}

/// Whose place the candidate may take.
fn seat_for(candidate: &Voice, heard: &[&Voice]) -> Option<usize> {
    if !candidate.speaking {
        return None;
    }
    let by_silence = |&(_, a): &(usize, &&Voice), &(_, b): &(usize, &&Voice)| {
        let silent_longest = a.speaking.cmp(&b.speaking).then(a.last_spoke.cmp(&b.last_spoke));
        silent_longest.then(b.average.total_cmp(&a.average))
    };
    let (seat, victim) = heard.iter().enumerate().min_by(by_silence)?;
    let yields = !victim.speaking || candidate.average + MARGIN_DB <= victim.average;
    yields.then_some(seat)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{arena::Key, time::Time};

    const ME: ShortId = ShortId(99);

    /// A voice that has been silent since `spoke` seconds, or speaks at a level in -dBov.
    enum Is {
        Silent(Option<u64>),
        Loud(f64),
    }

    use Is::{Loud, Silent};

    fn check(voices: &[(u32, Is)], current: &[usize], slots: usize, expected: &[usize]) {
        let voices = voices.iter().map(|(n, is)| {
            let (speaking, last_spoke, average) = match is {
                Silent(spoke) => (false, spoke.map(seconds), 90.0),
                Loud(average) => (true, Some(seconds(1_000)), *average),
            };
            let track = TrackKey::from_index(*n as usize);
            Voice { track, owner: ShortId(*n), speaking, last_spoke, average }
        });
        let scene = Scene::new(Vec::new(), Vec::new(), voices.collect(), None);
        let current: Vec<TrackKey> = current.iter().map(|&n| TrackKey::from_index(n)).collect();
        let wanted = wanted_audio(&scene, &current, ME, slots, |_| true);
        let wanted: Vec<usize> = wanted.into_iter().map(Key::index).collect();
        assert_eq!(wanted, expected);
    }

    fn seconds(n: u64) -> Time {
        Time::default() + Duration::from_secs(n)
    }

    #[test]
    fn everybody_is_heard_where_they_fit_but_oneself() {
        let voices = [(1, Silent(None)), (99, Loud(20.0)), (2, Loud(30.0))];
        check(&voices, &[], 4, &[2, 1]);
        check(&voices, &[1], 2, &[1, 2]);
    }

    #[test]
    fn the_loudest_are_heard_first() {
        check(&[(1, Loud(40.0)), (2, Loud(20.0)), (3, Loud(30.0))], &[], 2, &[2, 3]);
    }

    #[test]
    fn who_speaks_takes_the_slot_of_the_longest_silent() {
        let voices = [(1, Silent(Some(50))), (2, Silent(Some(10))), (3, Loud(30.0))];
        check(&voices, &[1, 2], 2, &[1, 3]);
        let voices = [(1, Silent(Some(50))), (2, Silent(None)), (3, Loud(30.0))];
        check(&voices, &[1, 2], 2, &[1, 3]);
    }

    #[test]
    fn nobody_loses_a_slot_to_one_who_does_not_speak() {
        let voices = [(1, Silent(None)), (2, Silent(None)), (3, Silent(Some(50)))];
        check(&voices, &[1, 2], 2, &[1, 2]);
    }

    #[test]
    fn among_speakers_only_a_clearly_louder_one_takes_over() {
        check(&[(1, Loud(30.0)), (2, Loud(35.0)), (3, Loud(30.0))], &[1, 2], 2, &[1, 2]);
        check(&[(1, Loud(30.0)), (2, Loud(35.0)), (3, Loud(29.0))], &[1, 2], 2, &[1, 3]);
    }

    #[test]
    fn a_track_that_ended_leaves_its_slot_to_the_next() {
        check(&[(2, Silent(None)), (3, Silent(None))], &[1, 2], 2, &[2, 3]);
    }
}
