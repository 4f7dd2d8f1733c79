//! What participants send.

use crate::{
    id::{Mid, Rid, TrackId},
    input::RemoteEvent,
    media::{Codec, Extension, Kind, Offer},
    output::Output,
    peer::{LayersError, describe, negotiate},
    room::{Context, MemberKey, Room, Seat, Track, TrackKey, plugin_kind, track::Publication},
    signal::{ErrorCode, PublishedLayer, ServerMessage, Source},
};

/// A message about a publication that is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PublishError {
    /// The token does not allow it; hidden participants publish nothing.
    #[error("your token does not allow to publish this")]
    Forbidden,
    /// No accepted sending m-line has this tag.
    #[error("no sending m-line has the mid {0}")]
    NoSuchLine(Mid),
    /// Nothing is published there.
    #[error("nothing is published on the m-line {0}")]
    NothingPublished(Mid),
    /// The m-line carries the other kind of media.
    #[error("the m-line {0} is of the other kind of media")]
    WrongKind(Mid),
    /// Keyframes of encrypted video are known from the dependency descriptor alone.
    #[error("encrypted video needs the dependency descriptor extension")]
    NoDescriptor,
    /// Something is published there already.
    #[error("something is published on the m-line {0} already")]
    LineTaken(Mid),
    /// The participant publishes such a source already.
    #[error("you publish such a source already")]
    SourceTaken,
    /// What is said about the layers does not fit.
    #[error("layers: {0}")]
    Layers(#[from] LayersError),
}

impl PublishError {
    /// What to say to the client.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Forbidden => ErrorCode::Forbidden,
            Self::NoSuchLine(_) | Self::NothingPublished(_) => ErrorCode::NotFound,
            Self::Layers(_) => ErrorCode::Malformed,
            Self::WrongKind(_) | Self::NoDescriptor | Self::LineTaken(_) | Self::SourceTaken => {
                ErrorCode::Conflict
            }
        }
    }
}

impl Room {
    /// Answers an offer, or refuses it.
    pub(crate) fn offer(&mut self, cx: &mut Context<'_>, key: MemberKey, id: u32, offer: &Offer) {
        let Some(peer) = self.members[key].peer.as_mut() else { return };
        let peer_id = peer.id;
        let negotiated = match negotiate(peer, cx.config, offer) {
            Ok(negotiated) => negotiated,
            Err(error) => return cx.refuse(peer_id, "offer", ErrorCode::BadOffer, &error),
        };
        for (slot, content) in negotiated.closed {
            self.unseat(cx, content, Seat { member: key, slot });
        }
        for track in negotiated.ended {
            self.end_track(cx, track);
        }
        cx.outputs.push_back(Output::Answer { peer: peer_id, id, answer: negotiated.answer });
        self.stale.member(key);
    }

    /// A client says what flows on one of its m-lines.
    ///
    /// # Errors
    /// [`PublishError`]: nothing changed.
    pub(crate) fn publish(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        mid: Mid,
        publication: Publication,
        layers: &[PublishedLayer],
    ) -> Result<(), PublishError> {
        let member = &self.members[key];
        let peer = member.peer.as_ref().ok_or(PublishError::NoSuchLine(mid))?;
        if !peer.permissions.may_publish(publication.source) {
            return Err(PublishError::Forbidden);
        }
        let line = peer.lines.get(mid).filter(|line| !line.models);
        let line = line.ok_or(PublishError::NoSuchLine(mid))?;
        if line.kind != publication.source.kind() {
            return Err(PublishError::WrongKind(mid));
        }
        // Without it no slot would ever see a keyframe, and the publisher be asked for one for ever.
        let descriptor = peer.lines.extensions().id_of(Extension::DependencyDescriptor);
        if publication.encrypted && line.kind == Kind::Video && descriptor.is_none() {
            return Err(PublishError::NoDescriptor);
        }
        if line.track.is_some() {
            return Err(PublishError::LineTaken(mid));
        }
        if self.publishes(key, publication.source) {
            return Err(PublishError::SourceTaken);
        }
        let described = describe(&line.rids, layers)?;
        let format = line.formats.first().ok_or(PublishError::NoSuchLine(mid))?;
        let id = cx.track_ids.fresh();
        let codec = format.codec;
        let peer = self.members[key].peer.as_mut().expect("it was there above");
        let line = peer.lines.get_mut(mid).expect("it was there above");
        let order: Vec<Rid> = described.iter().filter_map(|layer| layer.rid).collect();
        line.reorder(&order);
        let mut track = Track::new(cx.now, id, key, codec, &line.rids, publication);
        track.describe_layers(&described);
        // What is known of its sources from an earlier publication on the same m-line.
        for source in line.sources.iter().filter(|source| !source.repair) {
            if let Some((ntp, rtp)) = source.report {
                track.layer_mut(source.layer).clock.observe(ntp, rtp);
            }
        }
        let track = self.add_track(cx, track);
        if !layers.is_empty() {
            self.relay(cx, || RemoteEvent::Layers { track: id, layers: layers.to_vec() });
        }
        let peer = self.members[key].peer.as_mut().expect("it was there above");
        peer.lines.get_mut(mid).expect("it was there above").track = Some(track);
        self.look_at_learner(cx, key, publication.source);
        Ok(())
    }

    /// A participant of another shard publishes.
    pub(crate) fn publish_remote(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        id: TrackId,
        rids: &[Rid],
        publication: Publication,
    ) {
        if self.by_track.contains_key(&id) || self.publishes(key, publication.source) {
            return;
        }
        // Until its packets say what it is.
        let codec = match publication.source.kind() {
            Kind::Audio => Codec::Opus,
            Kind::Video => Codec::Vp8,
        };
        self.add_track(cx, Track::new(cx.now, id, key, codec, rids, publication));
    }

    /// A client says what the encoder of a publication makes now.
    ///
    /// # Errors
    /// [`PublishError`]: nothing changed.
    pub(crate) fn describe_layers(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        mid: Mid,
        layers: &[PublishedLayer],
    ) -> Result<(), PublishError> {
        let track = self.published(key, mid)?;
        let peer = self.members[key].peer.as_ref().ok_or(PublishError::NoSuchLine(mid))?;
        let line = peer.lines.get(mid).ok_or(PublishError::NoSuchLine(mid))?;
        let described = describe(&line.rids, layers)?;
        self.tracks[track].describe_layers(&described);
        let id = self.tracks[track].id;
        self.relay(cx, || RemoteEvent::Layers { track: id, layers: layers.to_vec() });
        self.layers_changed(cx, track);
        Ok(())
    }

    /// A client ends a publication.
    ///
    /// # Errors
    /// [`PublishError`]: nothing changed.
    pub(crate) fn unpublish(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        mid: Mid,
    ) -> Result<(), PublishError> {
        let track = self.published(key, mid)?;
        self.end_track(cx, track);
        Ok(())
    }

    /// A client mutes or unmutes a publication.
    ///
    /// # Errors
    /// [`PublishError`]: nothing changed.
    pub(crate) fn mute(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        mid: Mid,
        muted: bool,
    ) -> Result<(), PublishError> {
        let track = self.published(key, mid)?;
        self.set_muted(cx, track, muted);
        Ok(())
    }

    /// A publication becomes silent or dark, or ceases to be: what was kept of it is forgotten, and
    /// its slots are freed.
    pub(crate) fn set_muted(&mut self, cx: &mut Context<'_>, key: TrackKey, muted: bool) {
        let track = &mut self.tracks[key];
        if track.muted == muted {
            return;
        }
        track.muted = muted;
        track.loudness.silence(cx.now);
        for layer in &mut track.layers {
            layer.requests.cancel();
            layer.history.clear(|packet| cx.release(packet));
        }
        let (id, owner, source) = (track.id, track.owner, track.source);
        // Nobody looks at the form of what is muted.
        self.review_source_soon(cx, owner, source);
        self.look_at_learner(cx, owner, source);
        let participant = self.members[owner].id;
        self.tell_others(cx, owner, &ServerMessage::TrackMuted { participant, track: id, muted });
        self.relay_of(cx, owner, || RemoteEvent::Muted { track: id, muted });
        self.stale.everyone();
    }

    /// Ends a publication and tells the others.
    pub(crate) fn end_track(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        let Track { id, owner, .. } = self.tracks[key];
        self.drop_track(cx, key);
        let participant = self.members[owner].id;
        let message = ServerMessage::TrackUnpublished { participant, track: id };
        self.tell_others(cx, owner, &message);
        self.relay_of(cx, owner, || RemoteEvent::Unpublished { track: id });
    }

    /// Takes a track out: its slots become empty, what was kept of it is released.
    pub(crate) fn drop_track(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        let mut track = self.tracks.remove(key).expect("a track ends once");
        for seat in &track.seats {
            if let Some(slot) = self.slot_mut(*seat) {
                slot.content = None;
                slot.serving.begin();
                slot.stream.clear();
            }
        }
        for layer in &mut track.layers {
            layer.history.clear(|packet| cx.release(packet));
        }
        let owner = self.members[track.owner].short_id;
        self.drop_forms(key, owner, plugin_kind(track.source.kind()));
        self.by_track.remove(&track.id);
        let owner = &mut self.members[track.owner];
        owner.tracks.retain(|&other| other != key);
        if let Some(peer) = &mut owner.peer {
            peer.lines.forget(key);
        }
        self.look_at_learner(cx, track.owner, track.source);
        self.stale.everyone();
    }

    /// The track of an id.
    pub(crate) fn track_of(&self, id: TrackId) -> Option<TrackKey> {
        self.by_track.get(&id).copied()
    }

    fn add_track(&mut self, cx: &mut Context<'_>, track: Track) -> TrackKey {
        let owner = track.owner;
        let described = track.describe();
        let rids: Vec<Rid> = track.layers.iter().filter_map(|layer| layer.rid).collect();
        let key = self.tracks.insert(track);
        self.tracks[key].survey(cx.now);
        self.start_surveys(cx);
        self.by_track.insert(described.id, key);
        self.members[owner].tracks.push(key);
        let participant = self.members[owner].id;
        let message = ServerMessage::TrackPublished { participant, track: described.clone() };
        self.tell_others(cx, owner, &message);
        self.relay_of(cx, owner, || RemoteEvent::Published { participant, track: described, rids });
        self.stale.everyone();
        key
    }

    fn publishes(&self, key: MemberKey, source: Source) -> bool {
        self.members[key].tracks.iter().any(|&track| self.tracks[track].source == source)
    }

    fn published(&self, key: MemberKey, mid: Mid) -> Result<TrackKey, PublishError> {
        let peer = self.members[key].peer.as_ref().ok_or(PublishError::NoSuchLine(mid))?;
        let line = peer.lines.get(mid).ok_or(PublishError::NoSuchLine(mid))?;
        line.track.ok_or(PublishError::NothingPublished(mid))
    }
}
