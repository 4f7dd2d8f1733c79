//! What a speaker is asked for: which forms anybody needs, in which epoch.

use crate::{
    media::Kind,
    room::{Context, MemberKey, Room, TrackKey, schedule::hasten},
    signal::{GateState, ModelDemand, ServerMessage, Source, SourceDemand},
    slot::LayerSet,
};

/// Media time of one packet in milliseconds: the length of a voice frame, with two or three pictures.
const PACKET_TIME: u8 = 80;

impl Room {
    /// The next epoch of a source is used once everybody who shows its model holds it, or some have
    /// kept the others waiting for too long.
    pub(super) fn advance_epoch(
        &mut self,
        cx: &mut Context<'_>,
        speaker: MemberKey,
        source: Source,
    ) {
        let Some(model) = self.source_model(speaker, source) else { return };
        let Some((next, _)) = model.next else { return };
        let who = self.members[speaker].short_id;
        let track = self.published_source(speaker, source);
        let lacks = |member: &crate::room::Member| {
            let Some(peer) = &member.peer else { return false };
            let form = track.and_then(|track| peer.models.form(track));
            form.is_some_and(|form| form.representation.flow(source.kind()).model)
                && !peer.models.holds(who, source, next.epoch)
        };
        let waits = self.members.iter().any(|(_, member)| lacks(member));
        if waits && let Some(overdue) = model.overdue_at().filter(|&at| at > cx.now) {
            hasten(&mut self.schedule.forms, overdue);
            return;
        }
        self.source_model_mut(speaker, source).promote();
        self.offer_source(cx, speaker, source);
        self.ask_for_models(cx, speaker);
    }

    /// Uses the epochs that have kept others waiting for too long.
    pub(super) fn advance_overdue_epochs(&mut self, cx: &mut Context<'_>) {
        let waits =
            |member: &crate::room::Member| member.models.iter().any(|model| model.next.is_some());
        let speakers = self.members.iter().filter(|(_, member)| waits(member));
        let speakers: Vec<MemberKey> = speakers.map(|(key, _)| key).collect();
        for speaker in speakers {
            self.advance_epoch(cx, speaker, Source::Microphone);
            self.advance_epoch(cx, speaker, Source::Camera);
        }
    }

    /// Uses the epochs whose time has come, looks after the node's learners, and asks anew where
    /// losses have changed.
    pub(crate) fn survey_models(&mut self, cx: &mut Context<'_>) {
        let mut surveyed = std::mem::take(&mut self.scratch.surveyed);
        surveyed.extend(self.order.values().filter(|&&key| self.is_surveyed(key)));
        for key in surveyed.drain(..) {
            if self.peer_mut(key).is_some_and(|peer| peer.models.upward.look(cx.now)) {
                self.offer_source(cx, key, Source::Microphone);
            }
            if !self.members[key].models.is_empty() {
                for source in [Source::Microphone, Source::Camera] {
                    self.advance_epoch(cx, key, source);
                    self.look_at_learner(cx, key, source);
                }
                self.ask_for_models(cx, key);
            }
            self.review_member(cx, key);
        }
        self.scratch.surveyed = surveyed;
    }

    /// Tells a speaker what is needed of its models, if that has changed.
    pub(super) fn ask_for_models(&mut self, cx: &mut Context<'_>, speaker: MemberKey) {
        let member = &self.members[speaker];
        let Some(peer) = &member.peer else { return };
        let sources = member.models.iter().filter_map(|model| {
            let track = self.published_source(speaker, model.source);
            let seats = track.map_or(0, |track| self.tracks[track].model_seats.len());
            let (source, epoch) = (model.source, model.epoch()?.0);
            Some(SourceDemand { source, active: seats > 0, epoch })
        });
        let redundancy = peer.uplink.redundancy();
        let is_told = match &peer.model_demand {
            Some(told) => {
                told.redundancy == redundancy && told.sources.iter().copied().eq(sources.clone())
            }
            None => sources.clone().next().is_none(),
        };
        if is_told {
            return;
        }
        let sources = sources.collect();
        let demand = ModelDemand { sources, packet_time: PACKET_TIME, redundancy };
        let Some(peer) = self.peer_mut(speaker) else { return };
        peer.model_demand = Some(demand.clone());
        cx.say(peer.id, ServerMessage::ModelDemand(demand));
    }

    /// Raw media of a track may be needed in a moment: its publisher starts them.
    pub(super) fn wake_raw(&mut self, cx: &mut Context<'_>, track: TrackKey) {
        match self.tracks[track].codec.kind() {
            Kind::Audio => {
                let needed = self.needs_raw_voice(track);
                self.fit_voice(cx, track, needed);
            }
            Kind::Video => {
                let mut smallest = LayerSet::default();
                smallest.add(crate::id::LayerIndex(0));
                self.need(cx, track, smallest);
            }
        }
    }

    /// Whether some show the model of a track whose gate is not green: raw media may be needed in a
    /// moment.
    pub(crate) fn may_fall(&self, track: TrackKey) -> bool {
        let of = &self.tracks[track];
        let gate = self.source_model(of.owner, of.source).map_or(GateState::Green, |m| m.gate);
        gate != GateState::Green && !of.model_seats.is_empty()
    }

    /// Whether anybody needs the raw form of a voice: everybody who would hear it raw, or may have to
    /// in a moment, and a learner.
    pub(crate) fn needs_raw_voice(&self, track: TrackKey) -> bool {
        let of = &self.tracks[track];
        let Some(model) = self.source_model(of.owner, of.source) else { return true };
        if model.used.is_none() || self.learned_layer(track).is_some() {
            return true;
        }
        let gate = model.gate;
        self.members.iter().any(|(key, member)| {
            key != of.owner
                && match &member.peer {
                    // Another shard hears for its own.
                    None => true,
                    Some(peer) => {
                        let needs = peer
                            .models
                            .form(track)
                            .is_none_or(|form| form.representation.needs_raw(Kind::Audio, gate));
                        needs && peer.slots.of_kind(Kind::Audio).next().is_some()
                    }
                }
        })
    }
}
