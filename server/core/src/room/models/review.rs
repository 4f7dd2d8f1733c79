//! Who receives what in which form, looked at anew.

use std::time::Duration;

use sotto_frame::PluginKind;

use crate::{
    bundle::Rank,
    id::LayerIndex,
    media::Kind,
    peer::TrackForm,
    representation::{Availability, Facts, Flow, Representation, Support},
    room::{
        Context, MemberKey, Room, Track, TrackKey,
        schedule::{hasten, take_due},
    },
    signal::{GateState, ReceivedForm, ServerMessage, Source},
    slot::SlotKey,
    time::Time,
};

use super::is_model;

/// Tracks that one client may receive in model form: its slots, and voices beside them. A voice
/// beyond is received raw, in a slot, like that of one who has no model.
const MAX_FORMS: usize = 96;

/// How long what has become better may wait to be looked at.
const SOON: Duration = Duration::from_millis(50);

/// Losses in per mille at which models are given up, and below which they are tried again. Up to
/// there, copies and packets that are sent again make good for them.
const LOSSY: (u16, u16) = (300, 150);

/// A subscriber that gets frames of a track's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelSeat {
    pub(crate) member: MemberKey,
    /// How important they are to it.
    pub(crate) rank: Rank,
    /// When the last one was put into its bundle.
    pub(crate) last: Option<Time>,
}

/// A subscriber to whom nothing was sent for this gets nothing.
const UNSERVED: Duration = Duration::from_secs(1);

impl ModelSeat {
    fn is_served(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.saturating_since(last) < UNSERVED)
    }
}

impl Room {
    /// Looks at everything that a client may receive in model form, and tells it what has changed.
    pub(crate) fn review_member(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some(peer) = self.members.get_mut(key).and_then(|member| member.peer.as_mut()) else {
            return;
        };
        peer.models.due = None;
        if !peer.models.is_asking() {
            return;
        }
        self.end_overdue_fetch(cx, key);
        self.watch_losses(key);
        if let Some(peer) = self.peer_mut(key) {
            peer.models.downward.look(cx.now);
        }
        let mut eligible = std::mem::take(&mut self.scratch.eligible);
        self.find_eligible(key, &mut eligible);
        let Some(peer) = self.peer_mut(key) else { return };
        let gone: Vec<TrackForm> =
            peer.models.forms.extract_if(.., |form| !eligible.contains(&form.track)).collect();
        for form in gone {
            self.set_model_seat(cx, key, form.track, None);
        }
        for track in eligible.drain(..) {
            self.review(cx, key, track);
        }
        self.scratch.eligible = eligible;
        self.fetch_models(cx, key);
        self.tell_forms(cx, key, None);
    }

    /// Looks at one track as a client receives it, if it does: something was said of that alone.
    pub(super) fn review_form(&mut self, cx: &mut Context<'_>, key: MemberKey, track: TrackKey) {
        if self.peer_mut(key).is_some_and(|peer| peer.models.form(track).is_some()) {
            self.review(cx, key, track);
            self.tell_forms(cx, key, Some(track));
        }
        self.fetch_models(cx, key);
    }

    /// A client's forms are to be looked at, in a while: what becomes better is in no hurry, and a
    /// crowd that comes in is looked at once.
    pub(crate) fn review_soon(&mut self, cx: &Context<'_>, key: MemberKey) {
        if let Some(peer) = self.peer_mut(key).filter(|peer| peer.models.is_asking()) {
            let due = cx.now + SOON;
            hasten(&mut peer.models.due, due);
            hasten(&mut self.schedule.forms, due);
        }
    }

    /// Looks at everybody's form of one source: what its speaker says of it has changed for the worse.
    pub(super) fn review_source(
        &mut self,
        cx: &mut Context<'_>,
        speaker: MemberKey,
        source: Source,
    ) {
        let Some(track) = self.published_source(speaker, source) else { return };
        for key in self.receivers(track) {
            self.review(cx, key, track);
            self.tell_forms(cx, key, Some(track));
        }
    }

    /// The same, for the better.
    pub(crate) fn review_source_soon(
        &mut self,
        cx: &Context<'_>,
        speaker: MemberKey,
        source: Source,
    ) {
        if let Some(track) = self.published_source(speaker, source) {
            for key in self.receivers(track) {
                self.review_soon(cx, key);
            }
        }
    }

    /// There is something new to receive: at once where it is received otherwise, soon by all others.
    pub(super) fn offer_source(
        &mut self,
        cx: &mut Context<'_>,
        speaker: MemberKey,
        source: Source,
    ) {
        let Some(track) = self.published_source(speaker, source) else { return };
        let members: Vec<MemberKey> = self.order.values().copied().collect();
        for key in members {
            if self.peer_mut(key).is_some_and(|peer| peer.models.form(track).is_some()) {
                self.review_form(cx, key, track);
            } else {
                self.review_soon(cx, key);
            }
        }
    }

    /// Looks at the forms for which it is time.
    pub(crate) fn review_due(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.forms, cx.now) {
            return;
        }
        let due = |member: &crate::room::Member| member.peer.as_ref()?.models.due;
        let mut members = std::mem::take(&mut self.scratch.due);
        members.extend(self.members.iter().filter_map(|(key, member)| Some((key, due(member)?))));
        for (member, due) in members.drain(..) {
            if due <= cx.now {
                self.review_member(cx, member);
            } else {
                hasten(&mut self.schedule.forms, due);
            }
        }
        self.scratch.due = members;
        self.advance_overdue_epochs(cx);
    }

    /// Whoever may receive a track in model form.
    fn receivers(&self, track: TrackKey) -> Vec<MemberKey> {
        let receives = |member: &crate::room::Member| {
            member.peer.as_ref().is_some_and(|peer| peer.models.form(track).is_some())
        };
        self.members.iter().filter(|(_, member)| receives(member)).map(|(key, _)| key).collect()
    }

    /// The tracks that a client may receive in model form: cameras and voices in its slots, voices
    /// that it receives so already, and those of others who have a model.
    fn find_eligible(&self, key: MemberKey, tracks: &mut Vec<TrackKey>) {
        let Some(peer) = &self.members[key].peer else { return };
        let is_source = |track: &Track| matches!(track.source, Source::Microphone | Source::Camera);
        let seated = peer.slots.iter().filter_map(|(_, slot)| slot.content);
        tracks.extend(seated.filter(|&track| is_source(&self.tracks[track])));
        if peer.slots.of_kind(Kind::Audio).next().is_some() {
            let known = peer.models.forms.iter().map(|form| form.track);
            let others = self.order.values().filter(|&&speaker| speaker != key);
            let others =
                others.filter_map(|&speaker| self.published_source(speaker, Source::Microphone));
            for voice in known.chain(others) {
                if tracks.len() >= MAX_FORMS {
                    break;
                }
                let of = &self.tracks[voice];
                let takes_generic = self.takes_generic(key, voice);
                let has_model = self
                    .source_model(of.owner, of.source)
                    .is_some_and(|model| model.used_for(takes_generic).is_some());
                if of.source == Source::Microphone && has_model && !tracks.contains(&voice) {
                    tracks.push(voice);
                }
            }
        }
    }

    /// Looks at one track as one client receives it.
    fn review(&mut self, cx: &mut Context<'_>, key: MemberKey, track: TrackKey) {
        if self.tracks[track].muted {
            return;
        }
        let facts = self.facts(cx, key, track);
        let rank = self.rank(key, track);
        let of = &self.tracks[track];
        let lags = self.source_model(of.owner, of.source).and_then(|model| model.lags_at());
        let lags = lags.filter(|&at| at > cx.now);
        let Some(peer) = self.peer_mut(key) else { return };
        let fresh = TrackForm {
            track,
            representation: Representation::default(),
            told: None,
            rank,
            raw: true,
        };
        if peer.models.form(track).is_none() {
            peer.models.forms.push(fresh);
        }
        let Some(form) = peer.models.form_mut(track) else { return };
        form.representation.update(cx.now, &facts, &cx.config.model_backoff);
        form.rank = rank;
        let due = form.representation.poll_timeout(cx.now, &cx.config.model_backoff);
        if let Some(due) = due.into_iter().chain(lags).min() {
            hasten(&mut peer.models.due, due);
            hasten(&mut self.schedule.forms, due);
        }
        self.apply(cx, key, track);
    }

    /// Lets flow what a form says.
    fn apply(&mut self, cx: &mut Context<'_>, key: MemberKey, track: TrackKey) {
        let kind = self.tracks[track].codec.kind();
        let Some(peer) = self.peer_mut(key) else { return };
        let Some(form) = peer.models.form_mut(track) else { return };
        let (flow, rank) = (form.representation.flow(kind), form.rank);
        let changed = std::mem::replace(&mut form.raw, flow.raw) != flow.raw;
        let slot = slot_of(peer, track);
        let is_hidden = slot.is_some_and(|(_, slot)| slot.serving.shown == Some(0));
        self.set_model_seat(cx, key, track, (flow.model && !is_hidden).then_some(rank));
        match kind {
            Kind::Audio if changed => {
                // A voice in model form takes no slot.
                self.stale.member(key);
                if flow.raw {
                    self.fit_voice(cx, track, true);
                }
            }
            Kind::Audio => {}
            Kind::Video => self.set_raw(cx, key, track, flow),
        }
    }

    /// Lets a video slot send raw media, or not.
    fn set_raw(&mut self, cx: &mut Context<'_>, key: MemberKey, track: TrackKey, flow: Flow) {
        let Some(peer) = self.peer_mut(key) else { return };
        let Some((slot, _)) = slot_of(peer, track) else { return };
        let Some(slot) = peer.slots.get_mut(slot) else { return };
        if slot.raw == flow.raw {
            return;
        }
        slot.raw = flow.raw;
        peer.allowance.stale = true;
        self.serve(cx, key);
        self.tell_slots(cx, key);
        self.flush_replays(cx);
    }

    /// A client gets frames of a track's model, of this rank, or none.
    fn set_model_seat(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        track: TrackKey,
        rank: Option<Rank>,
    ) {
        let Some(of) = self.tracks.get_mut(track) else { return };
        let owner = of.owner;
        let seat = of.model_seats.iter().position(|seat| seat.member == key);
        let changed = seat.is_some() != rank.is_some();
        match (seat, rank) {
            (Some(seat), Some(rank)) => of.model_seats[seat].rank = rank,
            (None, Some(rank)) => {
                of.model_seats.push(ModelSeat { member: key, rank, last: None });
                self.start_surveys(cx);
            }
            (Some(seat), None) => {
                of.model_seats.swap_remove(seat);
                let kind = plugin_kind(of.source.kind());
                let who = self.members[owner].short_id;
                if let Some(peer) = self.peer_mut(key) {
                    peer.models.bundler.forget(who, kind);
                }
            }
            (None, None) => {}
        }
        if changed {
            self.ask_for_models(cx, owner);
        }
    }

    /// What waits of a speaker's model does not leave any more.
    pub(super) fn discard_frames(&mut self, speaker: MemberKey, source: Source) {
        let who = self.members[speaker].short_id;
        for (_, member) in self.members.iter_mut() {
            if let Some(peer) = &mut member.peer {
                peer.models.bundler.forget(who, plugin_kind(source.kind()));
            }
        }
    }

    /// A client could not use an epoch.
    pub(super) fn fail_model(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        track: TrackKey,
        epoch: sotto_frame::Epoch,
        again: bool,
    ) {
        if let Some(form) = self.peer_mut(key).and_then(|peer| peer.models.form_mut(track)) {
            form.representation.failed(cx.now, epoch, again, &cx.config.model_backoff);
            self.review_form(cx, key, track);
        }
    }

    fn facts(&self, cx: &Context<'_>, key: MemberKey, track: TrackKey) -> Facts {
        let of = &self.tracks[track];
        let (owner, source, kind) = (&self.members[of.owner], of.source, of.codec.kind());
        let model = self.source_model(of.owner, source);
        let peer = self.members[key].peer.as_ref().expect("a review is of a client");
        let models = &peer.models;
        let takes_generic = self.takes_generic(key, track);
        let used = model.and_then(|model| model.used_for(takes_generic));
        let support = match used {
            Some(used) => models.support(used.plugin.get(), used.version),
            None if models.transport().is_some() => Support::Yes,
            None => Support::No,
        };
        let holds = |epoch| models.holds(owner.short_id, source, epoch);
        let is_late = model.and_then(|model| model.lags_at()).is_some_and(|at| at <= cx.now);
        let next = model.and_then(|model| model.next).filter(|_| is_late);
        let slot = slot_of(peer, track);
        let is_flowing = of.layer(LayerIndex(0)).is_flowing(cx.now);
        let raw_flows = match kind {
            Kind::Audio => slot.is_some_and(|(_, slot)| !slot.serving.is_paused()) && is_flowing,
            Kind::Video => slot.is_some_and(|(_, slot)| slot.stream.sending().is_some()),
        };
        Facts {
            kind,
            enabled: model.is_none_or(|model| model.granted),
            canary: is_canary(cx.config.model_canary, owner.id.0.as_u128()),
            support,
            model: model.map_or(Availability::Learning, |model| model.availability(takes_generic)),
            held: used.is_some_and(|used| holds(used.epoch)),
            lags: next.is_some_and(|(next, _)| !holds(next.epoch)),
            gate: model.map_or(GateState::Green, |model| model.gate),
            wanted: self.wants(cx, key, track),
            lossy: models.lossy,
            raw_flows,
            model_flows: model.is_some_and(|model| model.flows(cx.now)),
            delivered: of
                .model_seats
                .iter()
                .any(|seat| seat.member == key && seat.is_served(cx.now)),
        }
    }

    /// How important a track's frames are to a client.
    fn rank(&self, key: MemberKey, track: TrackKey) -> Rank {
        let of = &self.tracks[track];
        match (of.codec.kind(), &self.members[key].peer) {
            (Kind::Video, Some(peer)) => {
                Rank(1 + self.importance(&peer.view, of, self.on_stage()) as u8)
            }
            _ => Rank::VOICE,
        }
    }

    /// Notes whether a client loses more than can be concealed.
    fn watch_losses(&mut self, key: MemberKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        let Some(estimate) = peer.allowance.estimate else { return };
        let (begin, end) = LOSSY;
        let limit = if peer.models.lossy { end } else { begin };
        peer.models.lossy = estimate.loss_per_mille >= limit;
    }

    /// Tells a client what has changed in the forms of its tracks, or of one of them.
    fn tell_forms(&mut self, cx: &mut Context<'_>, key: MemberKey, only: Option<TrackKey>) {
        let mut forms = Vec::new();
        let Some(peer) = &self.members[key].peer else { return };
        let (peer_id, count) = (peer.id, peer.models.forms.len());
        for at in 0..count {
            let Some(peer) = &self.members[key].peer else { return };
            let form = &peer.models.forms[at];
            if only.is_some_and(|only| only != form.track) {
                continue;
            }
            let status = form.representation.status();
            let of = &self.tracks[form.track];
            let owner = &self.members[of.owner];
            let now = (status, owner.clock.distance());
            if form.told == Some(now) {
                continue;
            }
            let clock = owner.clock.at(cx.now).filter(|_| is_model(status.form));
            let model = self.source_model(of.owner, of.source).and_then(|model| model.used);
            forms.push(ReceivedForm {
                participant: owner.id,
                short_id: owner.short_id,
                source: of.source,
                form: status.form,
                reason: status.reason,
                epoch: status.epoch.map(|epoch| epoch.0),
                plugin: status.epoch.and(model).map(|model| model.plugin.get()),
                overlap: status.overlap,
                timestamp: clock.map(|(timestamp, _)| timestamp.0),
                capture_time: clock.map(|(_, at)| Time::as_micros(at)),
            });
            if let Some(peer) = self.peer_mut(key) {
                peer.models.forms[at].told = Some(now);
            }
        }
        if !forms.is_empty() {
            cx.say(peer_id, ServerMessage::Forms { forms });
        }
    }
}

/// Which plug-ins code a kind of media.
pub(crate) const fn plugin_kind(kind: Kind) -> PluginKind {
    match kind {
        Kind::Audio => PluginKind::Sound,
        Kind::Video => PluginKind::Picture,
    }
}

/// The slot of a client that is pointed at a track.
pub(super) fn slot_of(
    peer: &crate::peer::Peer,
    track: TrackKey,
) -> Option<(SlotKey, &crate::slot::Slot)> {
    peer.slots.iter().find(|(_, slot)| slot.content == Some(track))
}

/// Whether a participant is among the `percent` that try models out: always the same ones.
const fn is_canary(percent: u8, participant: u128) -> bool {
    // Random ids are even in every digit.
    participant % 100 < percent as u128
}
