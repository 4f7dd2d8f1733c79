//! Which part of its content each video slot is served: one subscriber's bits, divided.
//!
//! ```text
//! Estimate ─► Allowance ─► Budget ┐   (less what sound takes: see `voices`)
//! view, viewport ─► importance ──┼─► Allocator ─► choose: what slots send
//! Track::survey ─► Ladder ───────┘              ├► need: what publishers send (demand)
//!                                               └► Demand: how far to probe
//! ```
//!
//! At once when a line becomes too thin or a client wants something else; within a quarter of a
//! second when layers come or go; else once a second.

use std::time::Duration;

use crate::{
    arena::Key,
    bandwidth::{Candidate, Current, Demand, Estimate, Importance, Share, Spending},
    forward::LayerChoice,
    id::LayerIndex,
    media::Kind,
    output::Output,
    room::{
        Context, MemberKey, Room, Seat, Track, TrackKey,
        demand::{VOICE_BITRATE, VOICES},
        schedule::{hasten, take_due},
    },
    signal::{Policy, QualityLimit, Source, View, ViewMode},
    slot::{LayerSet, SlotKey},
};

/// Between two surveys of what there is. Each decides anew for one in [`GROUPS`] of the members and
/// tracks, so that each has its turn once a second.
pub(super) const SURVEY_INTERVAL: Duration = Duration::from_millis(250);

/// See [`SURVEY_INTERVAL`].
const GROUPS: usize = 4;

/// How high pictures are at most, in pixels, that stand in for a model with a client that is frugal.
const STAND_IN_HEIGHT: u16 = 180;

/// A change of the demand in per mille that its sender is told.
const NOTABLE_DEMAND: u64 = 50;

/// What was decided for one slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    slot: SlotKey,
    content: TrackKey,
    current: Current,
    choice: Option<LayerChoice>,
    needs: LayerSet,
    limit: Option<QualityLimit>,
}

impl Room {
    /// The way to a client carries something else.
    pub(crate) fn bandwidth(&mut self, cx: &mut Context<'_>, key: MemberKey, estimate: Estimate) {
        let Some(peer) = self.peer_mut(key) else { return };
        peer.downlink.estimated(estimate);
        let is_thin_now = peer.models.downward.observe(cx.now, estimate.bitrate);
        if peer.allowance.observe(cx.now, estimate) {
            hasten(&mut self.schedule.allocate, cx.now);
        }
        if is_thin_now {
            self.review_soon(cx, key);
        }
    }

    /// What a client wants to see has changed: it is served anew without waiting.
    pub(crate) fn serve_anew(&mut self, key: MemberKey) {
        if let Some(peer) = self.peer_mut(key) {
            peer.allowance.stale = true;
            peer.allowance.spending.forget();
        }
    }

    /// Slots are pointed at something: surveys go on, or begin.
    pub(super) fn start_surveys(&mut self, cx: &Context<'_>) {
        self.schedule.survey.get_or_insert(cx.now + SURVEY_INTERVAL);
    }

    /// Other layers of a publication come than before: those who watch it are served anew, shortly.
    pub(super) fn layers_changed(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        self.tracks[key].survey(cx.now);
        for seat in &self.tracks[key].seats {
            if let Some(peer) = self.members[seat.member].peer.as_mut() {
                peer.allowance.stale = true;
            }
        }
        hasten(&mut self.schedule.allocate, cx.now);
    }

    /// Serves anew whoever it is time for.
    pub(crate) fn allocate(&mut self, cx: &mut Context<'_>) {
        let surveys = take_due(&mut self.schedule.survey, cx.now);
        if !take_due(&mut self.schedule.allocate, cx.now) && !surveys {
            return;
        }
        if surveys {
            self.survey(cx);
        }
        let mut members = std::mem::take(&mut self.scratch.members);
        let is_due = |key: MemberKey| surveys && self.is_surveyed(key);
        members.extend(self.members.iter().filter_map(|(key, member)| {
            let peer = member.peer.as_ref()?;
            (peer.allowance.stale || is_due(key)).then_some(key)
        }));
        for key in members.drain(..) {
            self.pace_fetch(cx, key);
            let voices_changed = self.fit_heard(cx, key);
            self.serve(cx, key);
            self.tell_slots(cx, key);
            if voices_changed {
                self.tell_quality(cx, key);
            }
            self.flush_replays(cx);
        }
        if surveys {
            self.survey_models(cx);
            self.stop_unneeded_layers(cx);
            self.fit_voices(cx);
            let untold = self.members.iter().filter(|(_, member)| {
                member.peer.as_ref().is_some_and(|peer| peer.allowance.untold)
            });
            members.extend(untold.map(|(key, _)| key));
            for key in members.drain(..) {
                self.tell_quality(cx, key);
            }
            let is_received = |key: TrackKey, track: &Track| {
                let has_seats = !track.seats.is_empty() || !track.model_seats.is_empty();
                has_seats || track.is_video() || self.is_learned(key)
            };
            if self.tracks.iter().any(|(key, track)| is_received(key, track)) {
                self.start_surveys(cx);
            }
        }
        self.scratch.members = members;
    }

    /// Whether it is the turn of a member or a track in the present survey.
    pub(super) fn is_surveyed(&self, key: impl Key) -> bool {
        key.index() % GROUPS == self.survey_round
    }

    /// Looks at what every publication can be had in.
    fn survey(&mut self, cx: &mut Context<'_>) {
        self.survey_round = (self.survey_round + 1) % GROUPS;
        for (_, track) in self.tracks.iter_mut() {
            if !track.is_video() {
                track.measure_voice(cx.now);
                continue;
            }
            if !track.survey(cx.now) {
                continue;
            }
            for seat in &track.seats {
                if let Some(peer) = self.members[seat.member].peer.as_mut() {
                    peer.allowance.stale = true;
                }
            }
        }
    }

    /// Divides what the way to a client carries over its video slots, and lets them send it.
    pub(super) fn serve(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let mut decisions = std::mem::take(&mut self.scratch.decisions);
        let (demand, improved, lowered) = self.decide(cx, key, &mut decisions);
        for decision in decisions.drain(..) {
            let seat = Seat { member: key, slot: decision.slot };
            if !decision.needs.is_empty() {
                self.need(cx, decision.content, decision.needs);
            }
            let Some(slot) = self.slot_mut(seat) else { continue };
            slot.serving.current = decision.current;
            slot.serving.needs = decision.needs;
            slot.serving.limit = decision.limit;
            if slot.serving.choice != decision.choice {
                self.choose(cx, seat, decision.choice);
            }
        }
        self.scratch.decisions = decisions;
        let Some(peer) = self.peer_mut(key) else { return };
        if improved {
            peer.allowance.spending.improved(cx.now);
        }
        if lowered {
            peer.allowance.spending.lowered(cx.now);
        }
        peer.allowance.demand = demand;
        peer.allowance.untold = true;
        let is_limited = peer.has_feedback() || peer.allowance.estimate.is_some();
        if is_limited && peer.allowance.demanded.is_none_or(|told| is_other(told, demand)) {
            peer.allowance.demanded = Some(demand);
            cx.outputs.push_back(Output::Demand { peer: peer.id, demand });
        }
    }

    /// Decides for each video slot of a client. Returns what the decision takes, sound included, and
    /// whether any slot is better or worse served than before.
    fn decide(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        decisions: &mut Vec<Decision>,
    ) -> (Demand, bool, bool) {
        let sound = self.sound(cx.now, key);
        let (models, raw_again) = self.instead_of_models(cx, key);
        let mut allocator = std::mem::take(&mut self.scratch.allocator);
        let Some(peer) = self.members[key].peer.as_mut() else { return Default::default() };
        peer.allowance.stale = false;
        let limited = peer.has_feedback();
        let budget = peer.allowance.budget(cx.now, sound.sent, limited);
        let Some(peer) = &self.members[key].peer else { return Default::default() };
        let pointed = peer.slots.of_kind(Kind::Video);
        let pointed: Vec<(SlotKey, TrackKey)> =
            pointed.filter_map(|(slot, s)| Some((slot, s.content?))).collect();
        let stage = self.on_stage();
        let usual = usual_height(pointed.len());
        let is_raw = |slot: SlotKey| peer.slots.get(slot).is_some_and(|slot| slot.raw);
        let (pointed, modelled): (Vec<_>, Vec<_>) =
            pointed.into_iter().partition(|&(slot, _)| is_raw(slot));
        decisions.extend(modelled.into_iter().map(|(slot, content)| Decision {
            slot,
            content,
            current: Current::Fresh,
            choice: None,
            needs: LayerSet::default(),
            limit: None,
        }));
        let is_frugal = peer.models.policy.unwrap_or(cx.config.model_policy) == Policy::Frugal;
        let stands_in = |content: TrackKey| {
            let form = peer.models.form(content).filter(|_| is_frugal);
            form.is_some_and(|form| form.representation.stands_in(cx.now))
        };
        let candidates = pointed.iter().filter_map(|&(slot, content)| {
            let (track, slot) = (&self.tracks[content], peer.slots.get(slot)?);
            let importance = self.importance(&peer.view, track, stage);
            let unknown = if importance <= Importance::Screen { usual.max(720) } else { usual };
            let is_known = slot.settings().format(track.codec).is_some();
            let most = if stands_in(content) { STAND_IN_HEIGHT } else { u16::MAX };
            let shown = slot.serving.shown.unwrap_or(unknown).min(most);
            Some(Candidate {
                ladder: track.supply.ladder(),
                importance,
                shown: if is_known { shown } else { 0 },
                current: slot.serving.current,
            })
        });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        let (shares, demand) = allocator.allocate(budget, &candidates);
        let (mut improved, mut lowered) = (false, false);
        for ((&(slot, content), candidate), share) in pointed.iter().zip(&candidates).zip(shares) {
            let before = match candidate.current {
                Current::At(choice) => Some(candidate.ladder.position(choice)),
                Current::Fresh | Current::Paused => None,
            };
            improved |= share.rung > before && candidate.current != Current::Fresh;
            lowered |= share.rung < before && share.limit == Some(QualityLimit::Bandwidth);
            let decodes = peer
                .slots
                .get(slot)
                .is_some_and(|slot| slot.settings().format(self.tracks[content].codec).is_some());
            let mut decision = decision(&self.tracks[content], slot, content, share);
            if !decodes {
                decision.limit = Some(QualityLimit::Codec);
            }
            decisions.push(decision);
        }
        self.scratch.allocator = allocator;
        let with_pictures = |sound: u64| demand.allocated.saturating_add(sound);
        // Pictures yield to voices.
        let all_sound = || (sound.full > sound.sent).then(|| with_pictures(sound.full));
        let more_sound = sound.next.or_else(all_sound);
        let picture = demand.next_step.map(|step| step.saturating_add(sound.sent));
        let next = more_sound.into_iter().chain(picture).min();
        let next = next.map(Spending::estimate_for);
        let wanted = demand.wanted.saturating_add(sound.full).saturating_add(models);
        let demand = Demand {
            allocated: with_pictures(sound.sent),
            wanted: wanted.max(raw_again.unwrap_or(0)),
            next_step: next.into_iter().chain(raw_again).min(),
        };
        (demand, improved, lowered)
    }

    /// Bits per second that everything would take raw which a client receives in model form because its
    /// line carries no more, and what the line must carry for the next of it to come so.
    fn instead_of_models(&self, cx: &Context<'_>, key: MemberKey) -> (u64, Option<u64>) {
        let Some(peer) = &self.members[key].peer else { return (0, None) };
        let (mut wanted, mut voices, mut next) = (0_u64, 0, None::<u64>);
        for track in peer.models.forms.iter().map(|form| form.track) {
            let Some(needed) = self.raw_again(cx, key, track) else { continue };
            next = Some(next.map_or(needed, |next| next.min(needed)));
            match self.tracks[track].codec.kind() {
                Kind::Audio => voices += 1,
                Kind::Video => {
                    let best = self.tracks[track].supply.ladder().rungs().last();
                    wanted = wanted.saturating_add(best.map_or(0, |rung| rung.bitrate));
                }
            }
        }
        (wanted.saturating_add(VOICE_BITRATE * VOICES.min(voices)), next)
    }

    pub(super) fn importance(
        &self,
        view: &View,
        track: &Track,
        stage: Option<MemberKey>,
    ) -> Importance {
        let on_stage = Some(track.owner) == stage;
        if view.pins.contains(&self.members[track.owner].id) {
            Importance::Stage
        } else if track.source == Source::Screen {
            Importance::Screen
        } else if on_stage && view.mode == ViewMode::Speaker {
            Importance::Stage
        } else if on_stage {
            Importance::Speaker
        } else {
            Importance::Tile
        }
    }

    pub(super) fn on_stage(&self) -> Option<MemberKey> {
        self.order.get(&self.speakers.dominant()?).copied()
    }

    /// Whoever is on stage has changed: where there is not enough for all, others come first now.
    pub(super) fn stage_changed(&mut self) {
        for (_, member) in self.members.iter_mut() {
            if let Some(peer) = &mut member.peer {
                peer.allowance.stale = true;
            }
        }
    }
}

/// What a share means for a slot.
fn decision(track: &Track, slot: SlotKey, content: TrackKey, share: &Share) -> Decision {
    let rung = share.rung.and_then(|rung| track.supply.ladder().rungs().get(rung));
    let Some(rung) = rung else {
        let current = match share.limit {
            Some(QualityLimit::Bandwidth) => Current::Paused,
            _ => Current::Fresh,
        };
        let (choice, needs) = (None, LayerSet::default());
        return Decision { slot, content, current, choice, needs, limit: share.limit };
    };
    let target = rung.choice;
    let choice = servable(track, target);
    let mut needs = LayerSet::default();
    needs.add(target.layer);
    needs.add(choice.layer);
    if share.limit == Some(QualityLimit::Publisher) {
        // Whatever is better is welcome as soon as the publisher can send it.
        (target.layer.0..track.layers.len() as u8).for_each(|layer| needs.add(LayerIndex(layer)));
    }
    let (current, choice) = (Current::At(target), Some(choice));
    Decision { slot, content, current, choice, needs, limit: share.limit }
}

/// What can be sent until the layer of `target` comes: the nearest one that does, below rather than
/// above.
fn servable(track: &Track, target: LayerChoice) -> LayerChoice {
    let alive = track.alive();
    if track.layers.len() == 1 || alive.contains(target.layer) {
        return target;
    }
    let below = (0..target.layer.0).rev();
    let above = target.layer.0 + 1..track.layers.len() as u8;
    let nearest = below.chain(above).map(LayerIndex).find(|&layer| alive.contains(layer));
    // Nothing comes at all: browsers begin with the smallest.
    LayerChoice::whole(nearest.unwrap_or(LayerIndex(0)))
}

/// How high a page is taken to show each of `count` videos, if it does not say.
const fn usual_height(count: usize) -> u16 {
    match count {
        0 | 1 => 1_080,
        2..=4 => 540,
        5..=9 => 360,
        _ => 180,
    }
}

fn is_other(told: Demand, now: Demand) -> bool {
    let moved = |told: u64, now: u64| {
        told.abs_diff(now).saturating_mul(1_000) > told.saturating_mul(NOTABLE_DEMAND)
    };
    let step_moved = match (told.next_step, now.next_step) {
        (Some(told), Some(now)) => moved(told, now),
        (None, None) => false,
        _ => true,
    };
    moved(told.allocated, now.allocated) || moved(told.wanted, now.wanted) || step_moved
}
