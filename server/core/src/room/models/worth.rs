//! Whether a client is better served by a model than by raw media: by its policy, and by what its
//! line carries.

use super::{SourceModel, is_model};
use crate::{
    bandwidth::Importance,
    media::Kind,
    peer::Peer,
    representation::{Setting, WIDE, wants_model},
    room::{
        Context, MemberKey, Room, Track, TrackKey,
        demand::{VOICE_BITRATE, VOICES},
    },
    signal::Policy,
};

use super::review::slot_of;

/// How much more than raw media need a line must carry for them to replace a model, in per mille.
const RAW_MARGIN: u64 = 1_300;

impl Room {
    /// Whether a client's policy wants a track's model.
    pub(super) fn wants(&self, cx: &Context<'_>, key: MemberKey, track: TrackKey) -> bool {
        let Some((policy, setting)) = self.setting(cx, key, track) else { return false };
        let Some(peer) = &self.members[key].peer else { return false };
        let form = peer.models.form(track).map(|form| form.representation.status());
        let is_shown = form.is_some_and(|form| is_model(form.form) && !form.overlap);
        if setting.shown == Some(0) && !is_shown {
            // Nothing of it is sent in any form, so a client could not go over to it.
            return false;
        }
        let is_generic = self.is_generic(track);
        if is_generic && !self.wants_generic(key, track) {
            return false;
        }
        let slot = slot_of(peer, track);
        let is_paused = slot.is_some_and(|(_, slot)| slot.serving.is_paused());
        let estimate = peer.allowance.estimate.map(|estimate| estimate.bitrate);
        let is_short = || {
            let needed = if setting.in_model {
                self.raw_needs(cx, key, track)
            } else {
                self.least_raw(track)
            };
            estimate.is_some_and(|estimate| estimate < needed)
        };
        // A thin line is short for a voice, whichever end of the way it is at.
        let short = is_generic || is_paused || policy != Policy::Frugal && is_short();
        wants_model(policy, &Setting { short, ..setting })
    }

    /// What a client's line must carry for a track that it receives in model form to come raw again,
    /// in bits per second; `None`: it is in model form for other reasons.
    pub(in crate::room) fn raw_again(
        &self,
        cx: &Context<'_>,
        key: MemberKey,
        track: TrackKey,
    ) -> Option<u64> {
        let (policy, setting) = self.setting(cx, key, track)?;
        if setting.in_model && self.is_generic(track) {
            let is_thin = |peer: &Peer| peer.models.downward.is_thin();
            return self.members[key].peer.as_ref().is_some_and(is_thin).then_some(WIDE);
        }
        let is_for_the_line = setting.in_model && !wants_model(policy, &setting);
        is_for_the_line.then(|| self.raw_needs(cx, key, track))
    }

    /// Whether a track is a voice of which there is the generic model alone.
    fn is_generic(&self, track: TrackKey) -> bool {
        let of = &self.tracks[track];
        self.source_model(of.owner, of.source).is_some_and(SourceModel::is_generic)
    }

    /// Whether the generic model of a voice is better than raw media to a client: on its own thin line,
    /// or on the speaker's.
    fn wants_generic(&self, key: MemberKey, track: TrackKey) -> bool {
        let models = |key: MemberKey| self.members[key].peer.as_ref().map(|peer| &peer.models);
        models(key).is_some_and(|models| models.downward.is_thin())
            || models(self.tracks[track].owner).is_some_and(|models| models.upward.is_thin())
    }

    /// Whether the generic model of a voice is one for a client: it is better, or is shown still. Who
    /// shows it goes over to raw media before it is gone.
    pub(super) fn takes_generic(&self, key: MemberKey, track: TrackKey) -> bool {
        let form = self.members[key].peer.as_ref().and_then(|peer| peer.models.form(track));
        let kind = self.tracks[track].codec.kind();
        form.is_some_and(|form| form.representation.flow(kind).model)
            || self.wants_generic(key, track)
    }

    /// A track to a client whose line carries everything.
    fn setting(
        &self,
        cx: &Context<'_>,
        key: MemberKey,
        track: TrackKey,
    ) -> Option<(Policy, Setting)> {
        let of = &self.tracks[track];
        let peer = self.members[key].peer.as_ref()?;
        let kind = of.codec.kind();
        let importance = match kind {
            Kind::Audio => Importance::Tile,
            Kind::Video => self.importance(&peer.view, of, self.on_stage()),
        };
        let shown = slot_of(peer, track).and_then(|(_, slot)| slot.serving.shown);
        let form = peer.models.form(track);
        let in_model = form.is_some_and(|form| is_model(form.representation.status().form));
        let policy = peer.models.policy.unwrap_or(cx.config.model_policy);
        Some((policy, Setting { kind, importance, shown, short: false, in_model }))
    }

    /// What a line must carry for raw media to replace a model: the smallest pictures of everything
    /// raw that matters as much, and its own, beside sound and bundles, and some more.
    fn raw_needs(&self, cx: &Context<'_>, key: MemberKey, track: TrackKey) -> u64 {
        let of = &self.tracks[track];
        let Some(peer) = &self.members[key].peer else { return 0 };
        let needed = match of.codec.kind() {
            // Beside the others that are heard raw: else it would be held back, and come and go.
            Kind::Audio => {
                let takes = of.supply.voice_takes();
                self.least_raw(track).max(self.all_speak(cx.now, key).saturating_add(takes))
            }
            Kind::Video => {
                let stage = self.on_stage();
                let importance = |of: &Track| self.importance(&peer.view, of, stage);
                let mine = importance(of);
                let raw = peer.slots.of_kind(Kind::Video).filter(|(_, slot)| {
                    slot.raw && !slot.serving.is_paused() && slot.serving.shown != Some(0)
                });
                let others = raw
                    .filter_map(|(_, slot)| slot.content)
                    .filter(|&other| other != track && importance(&self.tracks[other]) <= mine);
                let others: u64 = others.map(|other| self.least_raw(other)).sum();
                self.sound(cx.now, key).sent + others + self.least_raw(track)
            }
        };
        needed * RAW_MARGIN / 1_000
    }

    /// The least that a track takes raw, in bits per second; of voices, all that speak at once.
    fn least_raw(&self, track: TrackKey) -> u64 {
        let of = &self.tracks[track];
        match of.codec.kind() {
            Kind::Audio => VOICE_BITRATE * VOICES,
            Kind::Video => of.supply.ladder().rungs().first().map_or(0, |rung| rung.bitrate),
        }
    }
}
