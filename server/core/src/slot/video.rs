//! Which video one client wants to see.

use crate::{
    id::ShortId,
    room::TrackKey,
    signal::{View, ViewMode},
    slot::{Picture, Scene},
};

/// Who watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer<'a> {
    /// Who it is.
    pub(crate) who: ShortId,
    /// What it wants to see.
    pub(crate) view: &'a View,
    /// How many video tracks it can be sent.
    pub(crate) slots: usize,
    /// What it sees now, and is to go on seeing where there are more cameras than tiles.
    pub(crate) current: &'a [TrackKey],
}

/// The video tracks that a client is to see, most wanted first: pins, shared screens, cameras by the
/// view's mode. Never its own, never hidden ones.
///
/// A grid with more cameras than tiles keeps those that it shows. Only the dominant speaker, when it
/// is not among them, takes the place of whoever has been silent for longest.
pub(crate) fn wanted_video(scene: &Scene, viewer: &Viewer<'_>) -> Vec<TrackKey> {
    let &Viewer { who, view, slots, current } = viewer;
    let tiles = view.tiles.map_or(slots, |tiles| usize::from(tiles).min(slots));
    let mut wanted = Vec::with_capacity(tiles);
    let visible =
        |picture: &&Picture| picture.owner != who && !view.hidden.contains(&picture.participant);
    let pinned = view.pins.iter().flat_map(|&pin| scene.of_participant(pin));
    fill(&mut wanted, tiles, pinned.filter(visible), 0);
    fill(&mut wanted, tiles, scene.screens().iter().filter(visible), 0);
    let cameras = scene.cameras().iter().filter(visible);
    match view.mode {
        ViewMode::Grid if view.offset == 0 => {
            let fixed = wanted.len();
            let shown = current.iter().filter_map(|&track| scene.camera(track)).filter(visible);
            fill(&mut wanted, usize::MAX, shown, 0);
            while wanted.len() > tiles {
                wanted.remove(fixed + longest_silent(scene, &wanted[fixed..]));
            }
            fill(&mut wanted, tiles, cameras, 0);
            if let Some(speaker) = scene.dominant().filter(visible)
                && wanted.len() > fixed
                && !wanted.contains(&speaker.track)
            {
                let place = fixed + longest_silent(scene, &wanted[fixed..]);
                wanted[place] = speaker.track;
            }
        }
        ViewMode::Grid => fill(&mut wanted, tiles, cameras, usize::from(view.offset)),
        ViewMode::Speaker => {
            fill(&mut wanted, tiles, scene.by_speech().iter().filter(visible), 0);
        }
    }
    wanted
}

/// The camera whose owner has been silent for longest; of those who never spoke the last one.
fn longest_silent(scene: &Scene, cameras: &[TrackKey]) -> usize {
    let speech =
        |track: TrackKey| scene.camera(track).map(|camera| (camera.speaking, camera.last_spoke));
    let places = (0..cameras.len()).rev();
    places.min_by_key(|&place| speech(cameras[place])).unwrap_or_default()
}

/// Adds what is not there yet, after passing over `offset` of them.
fn fill<'a>(
    wanted: &mut Vec<TrackKey>,
    tiles: usize,
    pictures: impl Iterator<Item = &'a Picture>,
    offset: usize,
) {
    let mut to_pass = offset;
    for picture in pictures {
        if wanted.len() == tiles {
            return;
        }
        if wanted.contains(&picture.track) {
            continue;
        }
        if to_pass > 0 {
            to_pass -= 1;
        } else {
            wanted.push(picture.track);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::{arena::Key, id::ParticipantId, time::Time};

    fn participant(n: u32) -> ParticipantId {
        ParticipantId(Uuid::from_u128(u128::from(n)))
    }

    fn camera(n: u32) -> Picture {
        picture(n, n as usize)
    }

    fn screen(n: u32) -> Picture {
        picture(n, 100 + n as usize)
    }

    fn picture(n: u32, track: usize) -> Picture {
        Picture {
            track: TrackKey::from_index(track),
            owner: ShortId(n),
            participant: participant(n),
            speaking: n == 5,
            last_spoke: match n {
                5 => Some(Time::default() + Duration::from_secs(9)),
                3 => Some(Time::default() + Duration::from_secs(5)),
                _ => None,
            },
        }
    }

    /// Six people with cameras, the second of whom shares a screen. The fifth is dominant, the
    /// third spoke before.
    fn scene() -> Scene {
        let cameras = (1..=6).map(camera).collect();
        Scene::new(vec![screen(2)], cameras, Vec::new(), Some(ShortId(5)))
    }

    fn check(view: &View, slots: usize, expected: &[usize]) {
        check_after(&[], view, slots, expected);
    }

    /// What is to be seen by one who sees `current`.
    fn check_after(current: &[usize], view: &View, slots: usize, expected: &[usize]) {
        let current: Vec<TrackKey> = current.iter().map(|&n| TrackKey::from_index(n)).collect();
        let viewer = Viewer { who: ShortId(1), view, slots, current: &current };
        let wanted = wanted_video(&scene(), &viewer);
        let wanted: Vec<usize> = wanted.into_iter().map(Key::index).collect();
        assert_eq!(wanted, expected, "{view:?} with {slots} slots");
    }

    #[test]
    fn without_a_wish_everyone_is_shown_by_time_of_joining_after_the_screens() {
        check(&View::default(), 9, &[102, 2, 3, 4, 5, 6]);
        check(&View::default(), 0, &[]);
    }

    #[test]
    fn the_dominant_speaker_is_among_those_of_a_grid_that_shows_not_everyone() {
        check(&View::default(), 3, &[102, 5, 3]);
        check(&View::default(), 4, &[102, 2, 3, 5]);
    }

    #[test]
    fn a_grid_keeps_what_it_shows_and_gives_up_the_longest_silent() {
        let grid = View::default();
        check_after(&[6, 4, 5], &grid, 4, &[102, 6, 4, 5]);
        check_after(&[6, 3, 4], &grid, 4, &[102, 6, 3, 5]);
        check_after(&[3, 6], &grid, 3, &[102, 3, 5]);
        check_after(&[6, 3], &grid, 5, &[102, 6, 3, 2, 5]);
    }

    #[test]
    fn a_grid_that_shrinks_keeps_those_who_spoke_last() {
        check_after(&[2, 3, 4, 5], &View { tiles: Some(3), ..View::default() }, 9, &[102, 3, 5]);
    }

    #[test]
    fn pages_behind_the_first_are_by_time_of_joining() {
        check_after(&[6, 2], &View { offset: 1, ..View::default() }, 3, &[102, 3, 4]);
    }

    #[test]
    fn in_speaker_view_the_dominant_speaker_comes_first_then_who_spoke_last() {
        check(&View { mode: ViewMode::Speaker, ..View::default() }, 4, &[102, 5, 3, 2]);
    }

    #[test]
    fn tiles_limit_what_is_shown() {
        check(&View { tiles: Some(2), ..View::default() }, 9, &[102, 5]);
        check(&View { tiles: Some(0), ..View::default() }, 9, &[]);
        check(&View { tiles: Some(60), ..View::default() }, 2, &[102, 5]);
    }

    #[test]
    fn pins_come_before_all_in_their_order_and_once() {
        let pins = vec![participant(6), participant(2), participant(6), participant(77)];
        check(&View { pins, ..View::default() }, 9, &[6, 102, 2, 3, 4, 5]);
    }

    #[test]
    fn hidden_ones_are_never_shown_even_when_pinned() {
        let hidden = vec![participant(2), participant(3)];
        let view = View { pins: hidden.clone(), hidden, ..View::default() };
        check(&view, 9, &[4, 5, 6]);
    }

    #[test]
    fn the_offset_passes_over_cameras_of_the_grid_only() {
        check(&View { offset: 3, ..View::default() }, 9, &[102, 5, 6]);
        check(&View { offset: 30, ..View::default() }, 9, &[102]);
        let speaker = View { mode: ViewMode::Speaker, offset: 3, ..View::default() };
        check(&speaker, 3, &[102, 5, 3]);
    }

    #[test]
    fn nobody_sees_itself() {
        let view = View { pins: vec![participant(1)], ..View::default() };
        check(&view, 9, &[102, 2, 3, 4, 5, 6]);
    }
}
