//! The model: who should receive what now, by looking at everything each time.

use std::collections::{BTreeMap, BTreeSet};

use sotto_core::{
    id::{ParticipantId, PeerId},
    media::Kind,
    signal::{Source, View, ViewMode},
};

use super::ops::PEOPLE;

/// Slots of a client that joins.
pub(crate) const AUDIO_SLOTS: usize = 3;
pub(crate) const VIDEO_SLOTS: usize = 4;

/// A track, as people speak of it.
pub(crate) type Item = (ParticipantId, Source);

/// Everybody, and what they do.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) people: [Option<Person>; PEOPLE],
    /// By room: who is on stage.
    pub(crate) dominant: BTreeMap<usize, ParticipantId>,
    clock: u64,
}

/// Somebody who is in a room.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) peer: PeerId,
    pub(crate) participant: ParticipantId,
    pub(crate) room: usize,
    pub(crate) tracks: BTreeMap<Source, Publication>,
    pub(crate) view: View,
    pub(crate) audio_slots: usize,
    pub(crate) video_slots: usize,
    /// When it last changed its slots.
    offered: u64,
    joined: u64,
}

/// Something that is published.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Publication {
    pub(crate) muted: bool,
    /// When somebody last spoke on it.
    spoke: Option<u64>,
    /// Whether it was never muted since.
    unbroken: bool,
}

impl Model {
    pub(crate) fn join(
        &mut self,
        who: usize,
        room: usize,
        peer: PeerId,
        participant: ParticipantId,
    ) {
        self.leave(who);
        self.clock += 1;
        self.people[who] = Some(Person {
            peer,
            participant,
            room,
            tracks: BTreeMap::new(),
            view: View::default(),
            audio_slots: AUDIO_SLOTS,
            video_slots: VIDEO_SLOTS,
            offered: self.clock,
            joined: self.clock,
        });
    }

    pub(crate) fn leave(&mut self, who: usize) {
        if let Some(person) = self.people[who].take() {
            self.dominant.retain(|_, dominant| *dominant != person.participant);
        }
    }

    /// Publishes, if the source is free.
    pub(crate) fn publish(&mut self, who: usize, source: Source, muted: bool) {
        if let Some(person) = &mut self.people[who] {
            let fresh = Publication { muted, ..Publication::default() };
            person.tracks.entry(source).or_insert(fresh);
        }
    }

    pub(crate) fn unpublish(&mut self, who: usize, source: Source) {
        if let Some(person) = &mut self.people[who] {
            person.tracks.remove(&source);
        }
    }

    pub(crate) fn mute(&mut self, who: usize, source: Source, muted: bool) {
        if let Some(track) =
            self.people[who].as_mut().and_then(|person| person.tracks.get_mut(&source))
        {
            track.muted = muted;
            track.unbroken &= !muted;
        }
    }

    /// Offers again, with other slots.
    pub(crate) fn set_slots(&mut self, who: usize, audio: usize, video: usize) {
        self.clock += 1;
        if let Some(person) = &mut self.people[who] {
            (person.audio_slots, person.video_slots) = (audio, video);
            person.offered = self.clock;
        }
    }

    /// Speaks alone, if it can be heard.
    pub(crate) fn talk(&mut self, who: usize) -> bool {
        self.clock += 1;
        let Some(person) = &mut self.people[who] else { return false };
        let Some(voice) = person.tracks.get_mut(&Source::Microphone).filter(|v| !v.muted) else {
            return false;
        };
        (voice.spoke, voice.unbroken) = (Some(self.clock), true);
        self.dominant.insert(person.room, person.participant);
        true
    }

    /// Holds the video that somebody receives against what it should.
    pub(crate) fn check_video(&self, who: usize, seen: &BTreeSet<Item>) {
        let Some(me) = &self.people[who] else { return };
        let wanted = self.wanted_video(me);
        let tiles = me.view.tiles.map_or(me.video_slots, |tiles| me.video_slots.min(tiles.into()));
        let is_first_page = me.view.mode == ViewMode::Grid && me.view.offset == 0;
        if wanted.len() <= tiles || !is_first_page {
            let wanted: BTreeSet<Item> = wanted.into_iter().take(tiles).collect();
            return assert_eq!(*seen, wanted, "video of {who}");
        }
        // Which cameras a grid shows that are too many for it depends on who spoke when; but not
        // how many, and the dominant speaker is one of them.
        let pinned = |item: &Item| item.1 == Source::Screen || me.view.pins.contains(&item.0);
        let (fixed, cameras): (Vec<Item>, Vec<Item>) = wanted.into_iter().partition(pinned);
        assert_eq!(seen.len(), tiles, "video of {who}: {seen:?}");
        let places = tiles.saturating_sub(fixed.len());
        assert!(fixed.iter().take(tiles).all(|item| seen.contains(item)), "pins of {who}");
        assert_eq!(cameras.iter().filter(|item| seen.contains(item)).count(), places);
        let dominant = self.dominant.get(&me.room).map(|&dominant| (dominant, Source::Camera));
        if let Some(dominant) = dominant.filter(|item| places > 0 && cameras.contains(item)) {
            assert!(seen.contains(&dominant), "{who} does not see {dominant:?}, who is on stage");
        }
    }

    /// The video that somebody wants to receive, most wanted first.
    fn wanted_video(&self, me: &Person) -> Vec<Item> {
        let all = self.available(me, Kind::Video);
        let visible: Vec<&(&Person, Item)> = all
            .iter()
            .filter(|(_, (participant, _))| !me.view.hidden.contains(participant))
            .collect();
        let of = |wanted: Source| {
            let mut items: Vec<_> =
                visible.iter().filter(|(_, (_, source))| *source == wanted).collect();
            items.sort_by_key(|(person, _)| person.joined);
            items
        };
        let mut list: Vec<Item> = Vec::new();
        for pin in &me.view.pins {
            for source in [Source::Screen, Source::Camera] {
                list.extend(visible.iter().map(|(_, item)| *item).filter(|i| *i == (*pin, source)));
            }
        }
        list.extend(of(Source::Screen).iter().map(|(_, item)| *item));
        let listed = list.clone();
        let mut cameras = of(Source::Camera);
        cameras.retain(|(_, item)| !listed.contains(item));
        match me.view.mode {
            ViewMode::Grid => {
                list.extend(cameras.iter().map(|(_, i)| *i).skip(me.view.offset.into()));
            }
            ViewMode::Speaker => {
                cameras.sort_by_key(|(person, _)| {
                    let on_stage = self.dominant.get(&me.room) == Some(&person.participant);
                    let voice = person.tracks.get(&Source::Microphone);
                    let spoke = voice.and_then(|voice| voice.spoke);
                    std::cmp::Reverse((on_stage, spoke, std::cmp::Reverse(person.joined)))
                });
                list.extend(cameras.iter().map(|(_, item)| *item));
            }
        }
        let mut distinct: Vec<Item> = Vec::new();
        for item in list {
            if !distinct.contains(&item) {
                distinct.push(item);
            }
        }
        distinct
    }

    /// Holds the audio that somebody receives against what it should.
    pub(crate) fn check_audio(&self, who: usize, heard: &BTreeSet<Item>) {
        let Some(me) = &self.people[who] else { return };
        let available = self.available(me, Kind::Audio);
        let items: BTreeSet<Item> = available.iter().map(|(_, item)| *item).collect();
        assert!(heard.is_subset(&items), "{who} hears {heard:?}, there are {items:?}");
        assert_eq!(
            heard.len(),
            items.len().min(me.audio_slots),
            "{who} hears {heard:?} of {items:?}"
        );
        let spoke = |person: &Person| person.tracks.get(&Source::Microphone).copied();
        let others = available.iter().map(|(person, _)| person);
        let voices = others.filter_map(|person| Some((spoke(person)?, person.participant)));
        let last = voices.max_by_key(|(voice, _)| voice.spoke);
        // Who gives up slots may lose anybody; from then on it hears whoever speaks.
        if let Some((Publication { spoke: Some(spoke), unbroken: true, .. }, participant)) = last
            && me.audio_slots > 0
            && (spoke > me.offered || me.offered == me.joined)
        {
            let item = (participant, Source::Microphone);
            assert!(heard.contains(&item), "{who} does not hear {item:?}, who spoke last");
        }
    }

    /// What somebody could receive.
    fn available(&self, me: &Person, kind: Kind) -> Vec<(&Person, Item)> {
        let others = self.people.iter().flatten();
        let others = others.filter(|other| other.room == me.room && other.peer != me.peer);
        let items = others.flat_map(|other| {
            let open = other.tracks.iter().filter(|(_, track)| !track.muted);
            open.map(move |(&source, _)| (other, (other.participant, source)))
        });
        items.filter(|(_, (_, source))| source.kind() == kind).collect()
    }
}
