//! Models in a room: what speakers say of theirs, and who receives what in model form.
//!
//! ```text
//! upload, consent, learning, gate ─► SourceModel (of a speaker) ─┐
//! support, policy, held, switched ─► PeerModels (of a listener) ─┼─► review: Facts ─► Representation
//! slots, lines, what flows ──────────────────────────────────────┘        │
//!      ┌──────────────┬───────────────────────────┬───────────────────────┤
//!      ▼              ▼                           ▼                       ▼
//!  fetch: model   raw on or off, `forms`   model seats of the track    ask: what the speaker sends
//!                                                 │
//!  model packet ─► ingest: new? whose epoch? ─────┴─► Bundler ─► bundle ─► shell
//!
//!  consent, learning ─► learn: what a learner of the node has, and made ─► shell, speaker
//! ```

mod ask;
mod copies;
mod fetch;
mod ingest;
mod learn;
mod review;
mod source;
mod worth;

pub(crate) use ingest::Uplink;
pub(crate) use review::{ModelSeat, plugin_kind};
pub(crate) use source::SourceModel;

use sotto_frame::{Epoch, ModelHash, PluginId, PluginKind};

use crate::{
    id::{ParticipantId, ShortId},
    input::ModelHeader,
    peer::{Fetched, MAX_PLUGINS, Peer},
    room::{Context, MemberKey, Room, TrackKey},
    signal::{
        ClientMessage, ErrorCode, ForgetModel, Form, FormSwitched, GateState, GenericModel,
        LearningState, ModelEpoch, ModelFailure, ModelSupport, Policy, ServerMessage, Source,
    },
};

/// A message about models that is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ModelError {
    /// Only voices and faces have models.
    #[error("only a microphone or a camera has a model")]
    NoSuchSource,
    /// The token does not allow to publish that source, or to have a model of it.
    #[error("your token does not allow a model of this")]
    Forbidden,
    /// More plug-ins than there are numbers for.
    #[error("more than {MAX_PLUGINS} plug-ins")]
    TooManyPlugins,
    /// The participant is not here, or has no such model.
    #[error("no such model")]
    NoSuchModel,
    /// The room's settings leave it to the speakers' devices.
    #[error("models are learned on their speakers' devices here")]
    NotHere,
    /// Without it nothing is learned.
    #[error("you have not agreed to a model of this")]
    NoConsent,
    /// Frames say their epoch modulo 8: of this one and the one in use, nobody could tell which is meant.
    #[error("an epoch may be at most 7 after the one in use")]
    EpochTooFar,
    /// Only voices have one, and only where models are used.
    #[error("there is no generic model of this")]
    NoGeneric,
}

impl ModelError {
    /// What to say to the client.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NoSuchSource | Self::NoGeneric => ErrorCode::Malformed,
            Self::Forbidden | Self::NotHere | Self::NoConsent => ErrorCode::Forbidden,
            Self::TooManyPlugins => ErrorCode::TooMuch,
            Self::NoSuchModel => ErrorCode::NotFound,
            Self::EpochTooFar => ErrorCode::Conflict,
        }
    }
}

impl Room {
    /// A message of a client about models.
    ///
    /// # Errors
    /// [`ModelError`]: nothing changed.
    pub(crate) fn model_message_of(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        message: ClientMessage,
    ) -> Result<(), ModelError> {
        match message {
            ClientMessage::ModelSupport(support) => self.model_support(cx, key, support),
            ClientMessage::Policy { policy } => {
                self.model_policy(cx, key, policy);
                Ok(())
            }
            ClientMessage::Consent { source, granted, generic } => {
                self.model_consent(cx, key, source, granted, generic)
            }
            ClientMessage::Uplink { bitrate } => {
                self.line_from(cx, key, bitrate);
                Ok(())
            }
            ClientMessage::Learning { source, state } => {
                self.model_learning(cx, key, source, state)
            }
            ClientMessage::Gate { source, state } => self.model_gate(cx, key, source, state),
            ClientMessage::ModelHeld(model) => self.model_held(cx, key, model),
            ClientMessage::ModelFailed { model, reason } => {
                self.model_failed(cx, key, model, reason)
            }
            ClientMessage::Switched(switched) => self.form_switched(cx, key, switched),
            // Everything else has nothing to do with models.
            _ => Ok(()),
        }
    }

    /// A client says what it can show.
    fn model_support(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        support: ModelSupport,
    ) -> Result<(), ModelError> {
        if support.plugins.len() > MAX_PLUGINS {
            return Err(ModelError::TooManyPlugins);
        }
        if let Some(peer) = self.peer_mut(key) {
            peer.models.set_support(support);
            self.review_member(cx, key);
        }
        Ok(())
    }

    /// A client says how eagerly it is to be served models.
    fn model_policy(&mut self, cx: &mut Context<'_>, key: MemberKey, policy: Policy) {
        let Some(peer) = self.peer_mut(key) else { return };
        if peer.models.policy.replace(policy) != Some(policy) {
            self.review_member(cx, key);
        }
    }

    /// A client uploaded a model of its own.
    pub(crate) fn model(&mut self, cx: &mut Context<'_>, key: MemberKey, model: ModelHeader) {
        let source = source_of(model.plugin.kind());
        let Some(peer) = &self.members[key].peer else { return };
        let (peer, may) = (peer.id, peer.permissions.may_be_modelled(source));
        if !may {
            return cx.refuse(peer, "model", ErrorCode::Forbidden, &ModelError::Forbidden);
        }
        let known = self.source_model_mut(key, source);
        match known.upload(cx.now, model) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return cx.refuse(peer, "model", error.code(), &error),
        }
        let used = known.epoch();
        let epoch = model.epoch.0;
        if known.learner.as_ref().is_some_and(|learner| !learner.made(model.hash)) {
            // It learns for itself, or has one of an earlier meeting.
            self.end_learner(cx, key, source);
        }
        cx.say(peer, ServerMessage::ModelAccepted { source, epoch });
        // Differences are made from the last one alone.
        self.forget_models(cx, key, source, false, |epoch| {
            epoch < model.epoch && Some(epoch) != used
        });
        self.advance_epoch(cx, key, source);
        self.offer_source(cx, key, source);
        self.ask_for_models(cx, key);
    }

    /// A client says whether its model may be used, and in which generic one it can be sent before.
    fn model_consent(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
        granted: bool,
        generic: Option<GenericModel>,
    ) -> Result<(), ModelError> {
        check_source(source)?;
        let generic =
            generic.map(|generic| self.check_generic(key, source, generic)).transpose()?;
        let may = |peer: &Peer| peer.permissions.may_be_modelled(source);
        if granted && !self.members[key].peer.as_ref().is_some_and(may) {
            return Err(ModelError::Forbidden);
        }
        if granted {
            let model = self.source_model_mut(key, source);
            (model.granted, model.consented) = (true, true);
            if let Some((plugin, version)) = generic {
                model.use_generic(plugin, version);
                self.offer_source(cx, key, source);
            }
        } else {
            self.end_learner(cx, key, source);
            self.source_model_mut(key, source).withdraw();
            self.discard_frames(key, source);
            self.forget_models(cx, key, source, false, |_| true);
        }
        self.review_source(cx, key, source);
        self.ask_for_models(cx, key);
        Ok(())
    }

    /// A client says what its line to the node carries.
    fn line_from(&mut self, cx: &mut Context<'_>, key: MemberKey, bitrate: u64) {
        let Some(peer) = self.peer_mut(key) else { return };
        if peer.models.upward.observe(cx.now, bitrate) {
            self.offer_source(cx, key, Source::Microphone);
        }
    }

    /// Which plug-in's generic model a source can be sent in.
    fn check_generic(
        &mut self,
        key: MemberKey,
        source: Source,
        GenericModel { plugin, version }: GenericModel,
    ) -> Result<(PluginId, u8), ModelError> {
        let plugin = PluginId::new(plugin).map_err(|_| ModelError::NoGeneric)?;
        let is_voice = source == Source::Microphone && plugin.kind() == PluginKind::Sound;
        let is_used = self.peer_mut(key).is_some_and(|peer| peer.models.enabled);
        (is_voice && is_used).then_some((plugin, version)).ok_or(ModelError::NoGeneric)
    }

    /// A client says what its learner does, or that the node is to learn.
    fn model_learning(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
        state: LearningState,
    ) -> Result<(), ModelError> {
        check_source(source)?;
        if state == LearningState::Node {
            self.learn_here(cx, key, source)?;
        } else {
            self.end_learner(cx, key, source);
        }
        let learning = &mut self.source_model_mut(key, source).learning;
        if std::mem::replace(learning, state) != state {
            self.review_source(cx, key, source);
        }
        Ok(())
    }

    /// A client says what the gate of its encoder says.
    fn model_gate(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
        state: GateState,
    ) -> Result<(), ModelError> {
        check_source(source)?;
        let model = self.source_model_mut(key, source);
        if std::mem::replace(&mut model.gate, state) == state {
            return Ok(());
        }
        if state == GateState::Green {
            self.review_source_soon(cx, key, source);
            return Ok(());
        }
        // A voice carries on until raw media are there.
        if state == GateState::Red && source == Source::Camera {
            self.discard_frames(key, source);
        }
        if let Some(track) = self.published_source(key, source) {
            self.wake_raw(cx, track);
        }
        self.review_source(cx, key, source);
        Ok(())
    }

    /// A client has a model, and can show what it makes.
    fn model_held(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        model: ModelEpoch,
    ) -> Result<(), ModelError> {
        let (who, speaker) = self.speaker(model.participant)?;
        let (source, epoch) = (model.source, Epoch(model.epoch));
        let Some(peer) = self.peer_mut(key) else { return Ok(()) };
        let is_given =
            |given: &Fetched| (given.who, given.source, given.epoch) == (who, source, epoch);
        if !peer.models.fetched.iter().any(is_given) {
            return Err(ModelError::NoSuchModel);
        }
        peer.models.hold(who, source, epoch);
        self.end_fetch(key, who, source, epoch);
        self.advance_epoch(cx, speaker, source);
        match self.published_source(speaker, source) {
            Some(track) => self.review_form(cx, key, track),
            None => self.fetch_models(cx, key),
        }
        Ok(())
    }

    /// A client could not use a model.
    fn model_failed(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        model: ModelEpoch,
        reason: ModelFailure,
    ) -> Result<(), ModelError> {
        let (who, speaker) = self.speaker(model.participant)?;
        let (source, epoch) = (model.source, Epoch(model.epoch));
        self.end_fetch(key, who, source, epoch);
        let again = matches!(reason, ModelFailure::Fetch | ModelFailure::Corrupt);
        if let Some(track) = self.published_source(speaker, source) {
            self.fail_model(cx, key, track, epoch, again);
        }
        Ok(())
    }

    /// A client plays the other form of a track.
    fn form_switched(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        switched: FormSwitched,
    ) -> Result<(), ModelError> {
        let FormSwitched { participant, source, form } = switched;
        let (_, speaker) = self.speaker(participant)?;
        let Some(track) = self.published_source(speaker, source) else { return Ok(()) };
        if let Some(form_of) = self.peer_mut(key).and_then(|peer| peer.models.form_mut(track)) {
            form_of.representation.switched(cx.now, form);
            self.review_form(cx, key, track);
        }
        Ok(())
    }

    /// The model of a source, made if nothing was known of one.
    fn source_model_mut(&mut self, key: MemberKey, source: Source) -> &mut SourceModel {
        let models = &mut self.members.get_mut(key).expect("a member that is here").models;
        let at = models.iter().position(|model| model.source == source).unwrap_or_else(|| {
            models.push(SourceModel::new(source));
            models.len() - 1
        });
        &mut models[at]
    }

    /// The model of a source; `None`: nothing was ever said of one.
    fn source_model(&self, key: MemberKey, source: Source) -> Option<&SourceModel> {
        self.members.get(key)?.models.iter().find(|model| model.source == source)
    }

    /// The track of a source.
    fn published_source(&self, key: MemberKey, source: Source) -> Option<TrackKey> {
        let tracks = &self.members.get(key)?.tracks;
        tracks.iter().copied().find(|&track| self.tracks[track].source == source)
    }

    fn speaker(&self, participant: ParticipantId) -> Result<(ShortId, MemberKey), ModelError> {
        let key = self.member_of(participant).ok_or(ModelError::NoSuchModel)?;
        Ok((self.members[key].short_id, key))
    }

    /// A model may no longer be used, or only those after it: whoever was given it forgets it. `left`: its
    /// speaker only left.
    fn forget_models(
        &mut self,
        cx: &mut Context<'_>,
        speaker: MemberKey,
        source: Source,
        left: bool,
        gone: impl Fn(Epoch) -> bool,
    ) {
        let who = self.members[speaker].short_id;
        for (_, member) in self.members.iter_mut() {
            let Some(peer) = &mut member.peer else { continue };
            for Fetched { participant, hash, .. } in peer.models.forget_models(who, source, &gone) {
                let forget = ForgetModel { participant, source, hash, left };
                cx.say(peer.id, ServerMessage::ForgetModel(forget));
            }
        }
    }

    /// A client was sent a model, whole or as a difference.
    pub(crate) fn model_served(&mut self, key: MemberKey, hash: ModelHash, bytes: u64) {
        let Some(peer) = self.peer_mut(key) else { return };
        let Some(given) = peer.models.fetched.iter().find(|given| given.hash == hash) else {
            return;
        };
        let (who, source) = (given.who, given.source);
        let speaker = self.order.get(&who).copied();
        if let Some(track) = speaker.and_then(|speaker| self.published_source(speaker, source)) {
            self.tracks[track].ledger.fetched.add(1, bytes);
        }
    }

    /// Somebody leaves: his models are forgotten, and he has no seat any more.
    pub(crate) fn leave_models(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        for source in [Source::Microphone, Source::Camera] {
            self.forget_models(cx, key, source, true, |_| true);
        }
        for (_, track) in self.tracks.iter_mut() {
            track.model_seats.retain(|seat| seat.member != key);
        }
    }

    /// A track ends, or nobody may receive it in model form any more.
    pub(crate) fn drop_forms(&mut self, key: TrackKey, owner: ShortId, kind: PluginKind) {
        for (_, member) in self.members.iter_mut() {
            let Some(peer) = &mut member.peer else { continue };
            if peer.models.form(key).is_some() {
                peer.models.forms.retain(|form| form.track != key);
                peer.models.bundler.forget(owner, kind);
            }
        }
    }
}

const fn check_source(source: Source) -> Result<(), ModelError> {
    match source {
        Source::Microphone | Source::Camera => Ok(()),
        Source::Screen | Source::ScreenAudio => Err(ModelError::NoSuchSource),
    }
}

/// What a kind of plug-in codes.
const fn source_of(kind: PluginKind) -> Source {
    match kind {
        PluginKind::Sound => Source::Microphone,
        PluginKind::Picture => Source::Camera,
    }
}

/// Whether a form is what a subscriber is to play.
const fn is_model(form: Form) -> bool {
    matches!(form, Form::Model)
}
