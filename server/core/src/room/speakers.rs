//! Who speaks in a room, and telling its clients.

use crate::{
    id::ShortId,
    room::{
        Context, Room,
        schedule::{Schedule, hasten, take_due},
    },
    signal::{ServerMessage, Source, Speaker},
    speaker::{Dominant, SPEAKER_INTERVAL},
    time::Time,
};

/// What is known, and what was told.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    dominant: Dominant,
    /// Those who speak, the dominant one first, then by loudness; with average and smoothed level.
    speaking: Vec<(ShortId, f64, u8)>,
    /// Whom the last message named: the first one, and all of them, sorted.
    told: (Option<ShortId>, Vec<ShortId>),
    looked: Option<Time>,
}

impl Speakers {
    /// Whoever is on stage.
    pub(crate) const fn dominant(&self) -> Option<ShortId> {
        self.dominant.current()
    }

    /// Somebody began to speak: he may need a slot, now; and others are told as soon as they may be.
    pub(crate) fn begun(&self, now: Time, schedule: &mut Schedule) {
        hasten(&mut schedule.settle, now);
        let next_look = self.looked.map_or(now, |looked| looked + SPEAKER_INTERVAL);
        hasten(&mut schedule.speakers, next_look.max(now));
    }
}

impl Room {
    /// Looks who speaks, and tells if that has changed.
    pub(crate) fn look_who_speaks(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.speakers, cx.now) {
            return;
        }
        let speakers = &mut self.speakers;
        speakers.looked = Some(cx.now);
        speakers.speaking.clear();
        let mut anyone = false;
        for (_, track) in self.tracks.iter_mut() {
            if !track.loudness.is_speaking() {
                continue;
            }
            track.loudness.fade(cx.now);
            if track.loudness.is_speaking() {
                anyone = true;
                if track.source == Source::Microphone {
                    let loudness = &track.loudness;
                    let who = self.members[track.owner].short_id;
                    speakers.speaking.push((who, loudness.average(), loudness.level()));
                }
            }
        }
        let loudness = |&(who, average, _): &(ShortId, f64, u8)| (who, average);
        let candidates = speakers.speaking.iter().map(loudness);
        let stage_changed = speakers.dominant.update(cx.now, candidates);
        let dominant = speakers.dominant.current();
        speakers.speaking.sort_unstable_by(|a, b| {
            let on_stage = (Some(b.0) == dominant).cmp(&(Some(a.0) == dominant));
            on_stage.then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
        });
        if stage_changed {
            self.stale.everyone();
            self.stage_changed();
        }
        if anyone {
            self.schedule.speakers = Some(cx.now + SPEAKER_INTERVAL);
        }
        self.tell_speakers(cx);
    }

    /// Who speaks, for somebody who was told nothing yet; `None` if nobody does.
    pub(crate) fn describe_speakers(&self) -> Option<ServerMessage> {
        let message = self.name_speakers();
        let ServerMessage::Speakers { speakers } = &message else { return None };
        (!speakers.is_empty()).then_some(message)
    }

    fn name_speakers(&self) -> ServerMessage {
        // Whoever has left since the last look is named no longer.
        let speakers = self.speakers.speaking.iter().filter_map(|&(who, _, level)| {
            let participant = self.members[*self.order.get(&who)?].id;
            Some(Speaker { participant, level })
        });
        ServerMessage::Speakers { speakers: speakers.collect() }
    }

    fn tell_speakers(&mut self, cx: &mut Context<'_>) {
        let Speakers { speaking, told: (first, told), .. } = &mut self.speakers;
        let is_told = speaking.len() == told.len()
            && speaking.first().map(|(who, ..)| *who) == *first
            && speaking.iter().all(|(who, ..)| told.contains(who));
        if is_told {
            return;
        }
        *first = speaking.first().map(|(who, ..)| *who);
        told.clear();
        told.extend(speaking.iter().map(|(who, ..)| *who));
        self.tell_all(cx, &self.name_speakers());
    }
}
