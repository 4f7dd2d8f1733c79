//! Which video one client wants to see.

use crate::{
    id::ShortId,
    room::TrackKey,
    signal::{View, ViewMode},
    slot::{Picture, Scene},
};

/// The video tracks that a client of `slots` video slots is to see, most wanted first: pins, shared
/// screens, cameras by the view's mode. Never its own, never hidden ones.
pub(crate) fn wanted_video(
    scene: &Scene,
    view: &View,
    viewer: ShortId,
    slots: usize,
) -> Vec<TrackKey> {
    let tiles = view.tiles.map_or(slots, |tiles| usize::from(tiles).min(slots));
    let mut wanted = Vec::with_capacity(tiles);
    let visible =
        |picture: &&Picture| picture.owner != viewer && !view.hidden.contains(&picture.participant);
    let pinned = view.pins.iter().flat_map(|&pin| scene.of_participant(pin));
    fill(&mut wanted, tiles, pinned.filter(visible), 0);
    fill(&mut wanted, tiles, scene.screens().iter().filter(visible), 0);
    match view.mode {
        ViewMode::Grid => {
            let offset = usize::from(view.offset);
            fill(&mut wanted, tiles, scene.cameras().iter().filter(visible), offset);
        }
        ViewMode::Speaker => {
            fill(&mut wanted, tiles, scene.by_speech().iter().filter(visible), 0);
        }
    }
    wanted
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
        }
    }

    /// Six people with cameras, the second of whom shares a screen. The fifth is dominant, the
    /// third spoke before.
    fn scene() -> Scene {
        let spoke = |who: ShortId| match who.0 {
            5 => Some(Time::default() + Duration::from_secs(9)),
            3 => Some(Time::default() + Duration::from_secs(5)),
            _ => None,
        };
        let cameras = (1..=6).map(camera).collect();
        Scene::new(vec![screen(2)], cameras, Vec::new(), Some(ShortId(5)), spoke)
    }

    fn check(view: &View, slots: usize, expected: &[usize]) {
        let wanted = wanted_video(&scene(), view, ShortId(1), slots);
        let wanted: Vec<usize> = wanted.into_iter().map(Key::index).collect();
        assert_eq!(wanted, expected, "{view:?} with {slots} slots");
    }

    #[test]
    fn without_a_wish_everyone_is_shown_by_time_of_joining_after_the_screens() {
        check(&View::default(), 9, &[102, 2, 3, 4, 5, 6]);
        check(&View::default(), 3, &[102, 2, 3]);
        check(&View::default(), 0, &[]);
    }

    #[test]
    fn in_speaker_view_the_dominant_speaker_comes_first_then_who_spoke_last() {
        check(&View { mode: ViewMode::Speaker, ..View::default() }, 4, &[102, 5, 3, 2]);
    }

    #[test]
    fn tiles_limit_what_is_shown() {
        check(&View { tiles: Some(2), ..View::default() }, 9, &[102, 2]);
        check(&View { tiles: Some(0), ..View::default() }, 9, &[]);
        check(&View { tiles: Some(60), ..View::default() }, 2, &[102, 2]);
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
