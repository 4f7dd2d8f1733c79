//! Learners of the node: who is learned, from which packets, for how long.
//!
//! ```text
//! consent, `learning`, track, mute, layers ─► look ─► LearnOrder: begin, follow, value, end ─► shell
//!                                              ▲
//! reports of the pool ─► phase ────────────────┴─► `learner`, `modelLearned` ─► the speaker
//! ```
//!
//! A learner counts as a subscriber of the layer that it has: see [`Room::learned_layer`].

use std::time::Duration;

use sotto_frame::{Epoch, ModelHash};

use super::{ModelError, source_of};
use crate::{
    id::LayerIndex,
    input::{LearnerReport, ModelHeader},
    media::{Kind, PayloadFormat},
    output::{LearnJob, LearnOrder, LearnStream, Output, Worth},
    representation::Availability,
    room::{Context, MemberKey, Room, Track, TrackKey, demand::VOICE_BITRATE},
    signal::{LearnedModel, LearnerState, LearningPlace, ServerMessage, Source},
    slot::LayerSet,
    time::Time,
};

/// Models of one job, the first one included: everybody fetches each of them.
const MAX_MODELS: usize = 4;

/// For how long a job goes on after its first model: later ones are hardly better.
const REFINING: Duration = Duration::from_secs(120);

/// How long a job rests after its first failures; after one more it is given up.
const RESTS: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// Between two words to the speaker on how far it is.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Pixels on the long side of a picture that a face is learned from; more cost more to decode.
const LONG_SIDE: u16 = 320;

/// How long a layer that is asked for may take to come, until what comes has to do.
const LAYER_PATIENCE: Duration = Duration::from_secs(3);

/// How much less than the first model a refinement saves: it takes some 5 % off what is left.
const REFINEMENT: u64 = 16;

/// A change of what one subscriber is sent, in per mille, that makes a job worth more or less.
const NOTABLE: u64 = 250;

/// The node's learner of one source, for as long as its speaker wants one.
#[derive(Clone, Debug)]
pub(crate) struct NodeLearner {
    phase: Phase,
    /// The job that the shell knows of.
    job: Option<Job>,
    /// The layer that it is to have, whether or not that comes; `None`: none now.
    layer: Option<LayerIndex>,
    /// When a layer that it has last came, or it began.
    fed: Time,
    per_mille: u16,
    /// What the speaker was told last, and when.
    told: Option<(LearnerState, u16, Time)>,
    failures: usize,
    /// What it made, and when it made the first.
    models: Vec<ModelHash>,
    first: Option<Time>,
    epoch: Epoch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Learning,
    /// It failed.
    Resting {
        until: Time,
    },
    Finished,
    Refused,
}

/// A job as the shell was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    begun: LearnJob,
    /// Which packets go to it now.
    stream: Option<LearnStream>,
    worth: Worth,
}

/// What there is to learn from.
#[derive(Clone, Copy, Debug)]
struct Lesson {
    track: TrackKey,
    format: PayloadFormat,
    /// `None`: nothing comes.
    layer: Option<LayerIndex>,
    stream: Option<LearnStream>,
}

impl NodeLearner {
    const fn new(now: Time) -> Self {
        Self {
            phase: Phase::Learning,
            job: None,
            layer: None,
            fed: now,
            per_mille: 0,
            told: None,
            failures: 0,
            models: Vec::new(),
            first: None,
            epoch: Epoch(0),
        }
    }

    /// What becomes of the model, as subscribers see it while there is none.
    pub(crate) const fn availability(&self) -> Availability {
        match self.phase {
            Phase::Waiting | Phase::Resting { .. } => Availability::Waiting,
            Phase::Learning | Phase::Finished => Availability::Learning,
            Phase::Refused => Availability::Refused,
        }
    }

    /// Whether a model is one that it made.
    pub(super) fn made(&self, hash: ModelHash) -> bool {
        self.models.contains(&hash)
    }

    const fn state(&self) -> LearnerState {
        match self.phase {
            Phase::Waiting | Phase::Resting { .. } => LearnerState::Waiting,
            Phase::Learning => LearnerState::Learning,
            Phase::Finished => LearnerState::Finished,
            Phase::Refused => LearnerState::Refused,
        }
    }

    /// Whether packets would reach it.
    fn is_learning(&self) -> bool {
        self.phase == Phase::Learning
    }

    const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Finished | Phase::Refused)
    }

    /// Whether another model would be of little use.
    fn has_enough(&self, now: Time) -> bool {
        let Some(first) = self.first else { return false };
        self.per_mille >= 1_000
            || self.models.len() >= MAX_MODELS
            || now.saturating_since(first) >= REFINING
    }

    fn fail(&mut self, now: Time) {
        self.phase = match RESTS.get(self.failures) {
            Some(&rest) => Phase::Resting { until: now + rest },
            None => Phase::Refused,
        };
        self.failures += 1;
    }
}

impl Room {
    /// A client leaves the learning of a source to the node.
    ///
    /// # Errors
    /// [`ModelError`]: nothing changed.
    pub(super) fn learn_here(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
    ) -> Result<(), ModelError> {
        if cx.config.learn == LearningPlace::Publisher {
            return Err(ModelError::NotHere);
        }
        let model = self.source_model_mut(key, source);
        if !model.consented {
            return Err(ModelError::NoConsent);
        }
        if model.learner.as_ref().is_none_or(NodeLearner::is_over) {
            model.learner = Some(NodeLearner::new(cx.now));
        }
        self.look_at_learner(cx, key, source);
        Ok(())
    }

    /// The node learns a source no longer.
    pub(super) fn end_learner(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source) {
        if self.learner_mut(key, source).is_some() {
            self.end_job(cx, key, source);
            self.source_model_mut(key, source).learner = None;
        }
    }

    /// Looks at what the learner of a source is to have, after anything about it has changed.
    pub(crate) fn look_at_learner(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source) {
        let Some(learner) = self.learner_mut(key, source) else { return };
        match learner.phase {
            Phase::Resting { until } if until <= cx.now => learner.phase = Phase::Learning,
            _ if !learner.is_over() && learner.has_enough(cx.now) => {
                learner.phase = Phase::Finished;
            }
            _ => {}
        }
        let is_learning = matches!(learner.phase, Phase::Waiting | Phase::Learning);
        let track = self.published_source(key, source);
        let lesson = track.filter(|_| is_learning).and_then(|track| self.lesson(cx, track));
        match lesson {
            Some(lesson) => self.teach(cx, key, source, lesson),
            None => self.end_job(cx, key, source),
        }
        if self.tell_learner(cx, key, source) {
            self.review_source(cx, key, source);
        }
    }

    /// A learner of the node says something about its job.
    pub(crate) fn learner_says(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
        number: u32,
        report: LearnerReport,
    ) {
        let now = cx.now;
        let Some(learner) = self.learner_mut(key, source) else { return };
        // Of a job that has ended meanwhile.
        if learner.job.is_none_or(|job| job.begun.number != number) {
            return;
        }
        match report {
            LearnerReport::Waiting => learner.phase = Phase::Waiting,
            LearnerReport::Running => (learner.phase, learner.fed) = (Phase::Learning, now),
            LearnerReport::Progress { per_mille } => learner.per_mille = per_mille.min(1_000),
            LearnerReport::Refused => learner.phase = Phase::Refused,
            LearnerReport::Failed => learner.fail(now),
            LearnerReport::Full => learner.phase = Phase::Resting { until: now + RESTS[0] },
            LearnerReport::Model(model) => return self.learned(cx, key, source, model),
            LearnerReport::KeyframeWanted => {
                let layer = learner.layer;
                if let Some((track, layer)) = self.published_source(key, source).zip(layer) {
                    self.want_keyframe(track, layer);
                }
                return;
            }
        }
        self.look_at_learner(cx, key, source);
    }

    /// The node has learned a model, which its speaker is to use.
    fn learned(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source, it: ModelHeader) {
        let latest = self.source_model(key, source).and_then(|model| model.latest());
        let latest = latest.map_or(Epoch(0), |latest| latest.epoch);
        let Some(peer) = self.peer_mut(key).map(|peer| peer.id) else { return };
        let Some(learner) = self.learner_mut(key, source) else { return };
        // Of another kind, or something that the speaker has a later one of.
        if source_of(it.plugin.kind()) != source || it.epoch <= latest.max(learner.epoch) {
            return;
        }
        (learner.epoch, learner.phase) = (it.epoch, Phase::Learning);
        learner.models.push(it.hash);
        learner.first.get_or_insert(cx.now);
        let ModelHeader { plugin, version, epoch, hash, bytes } = it;
        let (plugin, epoch) = (plugin.get(), epoch.0);
        let learned = LearnedModel { source, plugin, version, epoch, hash, bytes };
        cx.say(peer, ServerMessage::ModelLearned(learned));
        self.look_at_learner(cx, key, source);
    }

    /// Whether a learner of the node has a track, or will.
    pub(in crate::room) fn is_learned(&self, track: TrackKey) -> bool {
        let of = &self.tracks[track];
        let model = self.source_model(of.owner, of.source);
        let learner = model.and_then(|model| model.learner.as_ref());
        learner.is_some_and(|learner| !learner.is_over())
    }

    /// The layer of a track that a learner of the node needs.
    pub(in crate::room) fn learned_layer(&self, track: TrackKey) -> Option<LayerIndex> {
        let of = &self.tracks[track];
        self.source_model(of.owner, of.source)?.learner.as_ref()?.layer
    }

    /// Begins a job, or gives it what it is to have from now on.
    fn teach(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source, lesson: Lesson) {
        let worth = self.worth_of_learning(cx, lesson.track);
        let Some(peer) = self.peer_mut(key).map(|peer| peer.id) else { return };
        let order = |order| Output::Learn { peer, source, order };
        let Some(learner) = self.learner_mut(key, source) else { return };
        // Who waits for his turn needs nothing to be sent.
        let layer = lesson.layer.filter(|_| learner.is_learning());
        let before = std::mem::replace(&mut learner.layer, layer);
        if let Some(Job { begun, .. }) = learner.job
            && begun.format != lesson.format
        {
            self.end_job(cx, key, source);
        }
        let model = self.source_model_mut(key, source);
        let latest = model.latest().map_or(Epoch(0), |latest| latest.epoch);
        let (number, consent) = (model.jobs + 1, model.withdrawals);
        let Some(learner) = &mut model.learner else { return };
        let mut is_new = false;
        match (&mut learner.job, lesson.stream) {
            (None, Some(stream)) => {
                let begun = LearnJob {
                    number,
                    consent,
                    format: lesson.format,
                    stream,
                    first_epoch: Epoch(latest.max(learner.epoch).0 + 1),
                    worth,
                };
                learner.job = Some(Job { begun, stream: Some(stream), worth });
                learner.per_mille = 0;
                model.jobs = number;
                cx.outputs.push_back(order(LearnOrder::Begin(begun)));
                is_new = true;
            }
            (Some(job), stream) => {
                if job.stream != stream {
                    let ssrc = |stream: Option<LearnStream>| stream.map(|stream| stream.ssrc);
                    is_new = stream.is_some() && ssrc(job.stream) != ssrc(stream);
                    job.stream = stream;
                    cx.outputs.push_back(order(LearnOrder::Follow(stream)));
                }
                if is_notable(job.worth, worth) {
                    job.worth = worth;
                    cx.outputs.push_back(order(LearnOrder::Value(worth)));
                }
            }
            // Of a layer that has not come yet.
            (None, None) => {}
        }
        self.start_surveys(cx);
        let Some(layer) = layer else { return };
        if is_new || before != Some(layer) {
            self.want_keyframe(lesson.track, layer);
        }
        if before != Some(layer) {
            match source.kind() {
                Kind::Audio => self.fit_voice(cx, lesson.track, true),
                Kind::Video => {
                    let mut needed = LayerSet::default();
                    needed.add(layer);
                    self.need(cx, lesson.track, needed);
                }
            }
        }
    }

    fn end_job(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source) {
        let Some(peer) = self.peer_mut(key).map(|peer| peer.id) else { return };
        let Some(learner) = self.learner_mut(key, source) else { return };
        learner.layer = None;
        if learner.job.take().is_some() {
            cx.outputs.push_back(Output::Learn { peer, source, order: LearnOrder::End });
        }
    }

    /// What a track is learned from; `None`: it cannot be.
    fn lesson(&mut self, cx: &Context<'_>, key: TrackKey) -> Option<Lesson> {
        let track = &self.tracks[key];
        let (owner, source, codec) = (track.owner, track.source, track.codec);
        if track.encrypted {
            let learner = self.learner_mut(owner, source)?;
            learner.phase = Phase::Refused;
            return None;
        }
        let alive = track.alive();
        let learner = self.learner_mut(owner, source)?;
        let current = learner.layer.filter(|&layer| alive.contains(layer));
        if current.is_some() {
            learner.fed = cx.now;
        }
        let waits = cx.now.saturating_since(learner.fed) < LAYER_PATIENCE || alive.is_empty();
        let track = &self.tracks[key];
        let layer = current.unwrap_or_else(|| choose_layer(cx.now, track, waits));
        let lines = &self.members[owner].peer.as_ref()?.lines;
        let formats = &lines.of_track(key)?.formats;
        let format = *formats.iter().find(|format| format.codec == codec)?;
        let ssrc = track.layer(layer).stream.ssrc().or_else(|| lines.source_of(key, layer));
        let repair = lines.repair_of(key, layer);
        let stream = ssrc.map(|ssrc| LearnStream { ssrc, repair });
        // What is muted is not looked at, and what was learned of it stays.
        let is_heard = !track.muted;
        let layer = is_heard.then_some(layer);
        Some(Lesson { track: key, format, layer, stream: stream.filter(|_| is_heard) })
    }

    /// What a model of a track saves, or a later one if there is one.
    fn worth_of_learning(&self, cx: &Context<'_>, key: TrackKey) -> Worth {
        let track = &self.tracks[key];
        let kind = track.codec.kind();
        let could_use = |(member, of): (MemberKey, &crate::room::Member)| {
            let has_slot = |peer: &crate::peer::Peer| peer.slots.of_kind(kind).next().is_some();
            let is_able = |peer: &crate::peer::Peer| peer.models.may_show(kind) && has_slot(peer);
            member != track.owner && of.peer.as_ref().is_some_and(is_able)
        };
        let subscribers = self.members.iter().filter(|&member| could_use(member)).count();
        let bitrate = match kind {
            Kind::Audio => VOICE_BITRATE,
            Kind::Video => {
                let layers = track.layers.iter().map(|layer| layer.bitrate(cx.now));
                layers.filter(|&bitrate| bitrate > 0).min().unwrap_or(0)
            }
        };
        let model = self.source_model(track.owner, track.source);
        let share = if model.is_some_and(|model| model.used.is_some()) { REFINEMENT } else { 1 };
        let u32 = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Worth { subscribers: u32(subscribers as u64), bytes_per_second: u32(bitrate / 8 / share) }
    }

    /// Tells a speaker what the node's learner does, if that has changed. Returns whether it does
    /// something else than before.
    fn tell_learner(&mut self, cx: &mut Context<'_>, key: MemberKey, source: Source) -> bool {
        let Some(peer) = self.peer_mut(key).map(|peer| peer.id) else { return false };
        let Some(learner) = self.learner_mut(key, source) else { return false };
        let (state, per_mille) = (learner.state(), learner.per_mille);
        let is_told = learner.told.is_some_and(|(told, how_far, at)| {
            let recent = cx.now.saturating_since(at) < TELL_INTERVAL;
            told == state && (how_far == per_mille || recent)
        });
        if is_told {
            return false;
        }
        let before = learner.told.replace((state, per_mille, cx.now));
        cx.say(peer, ServerMessage::Learner { source, state, per_mille });
        before.is_none_or(|(before, ..)| before != state)
    }

    fn learner_mut(&mut self, key: MemberKey, source: Source) -> Option<&mut NodeLearner> {
        let models = &mut self.members.get_mut(key)?.models;
        models.iter_mut().find(|model| model.source == source)?.learner.as_mut()
    }
}

/// The smallest layer whose pictures are large enough, of those that come, or with `waits` also of those
/// that would; else the largest of them.
fn choose_layer(now: Time, track: &Track, waits: bool) -> LayerIndex {
    let is_described = track.layers.iter().any(|layer| layer.described.is_some());
    let candidates = track.layers().filter(|(index, layer)| {
        // Once a publisher says what it makes, what it does not name is not made.
        let is_made = layer.described.is_some() || !is_described;
        is_made && (track.alive().contains(*index) || waits && track.can_come(now, *index))
    });
    let is_large = |index: LayerIndex| match track.layer(index).described {
        Some(described) => described.width.max(described.height) >= LONG_SIDE,
        // Of what browsers usually send even the smallest is.
        None => true,
    };
    let mut largest = None;
    for (index, _) in candidates {
        if is_large(index) {
            return index;
        }
        largest = Some(index);
    }
    largest.unwrap_or(LayerIndex(0))
}

fn is_notable(before: Worth, now: Worth) -> bool {
    let (then, now_is) = (u64::from(before.bytes_per_second), u64::from(now.bytes_per_second));
    before.subscribers != now.subscribers
        || then.abs_diff(now_is) * 1_000 > then.max(now_is) * NOTABLE
}
