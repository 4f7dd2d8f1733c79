//! Who is here.

use crate::{
    forward::PublisherClock,
    id::{ParticipantId, PeerId, ShortId},
    input::{Join, RemoteEvent},
    peer::Peer,
    room::{Context, MemberKey, Room, Seat, SourceModel, TrackKey},
    signal::{ErrorCode, LeaveReason, ModelAccess, PROTOCOL_VERSION, Participant, ServerMessage},
    slot::SlotKey,
};

/// A participant, with its connection if it has one here.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: ParticipantId,
    pub(crate) short_id: ShortId,
    pub(crate) identity: String,
    pub(crate) name: String,
    /// Is not shown to others.
    pub(crate) hidden: bool,
    /// `None`: it is connected to another shard.
    pub(crate) peer: Option<Peer>,
    /// What it publishes: at most one track of each source.
    pub(crate) tracks: Vec<TrackKey>,
    /// What is known of the models of its voice and face.
    pub(crate) models: Vec<SourceModel>,
    /// Its wall clock against ours.
    pub(crate) clock: PublisherClock,
}

/// A client that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Its key.
    pub(crate) member: MemberKey,
    /// The connection whose place it took.
    pub(crate) replaced: Option<PeerId>,
}

/// A client that is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum JoinError {
    /// As many are in as may be.
    #[error("the room is full")]
    Full,
    /// The participant id is that of somebody else.
    #[error("the participant is in the room already")]
    Duplicate,
}

impl JoinError {
    /// What to say to the client.
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Full => ErrorCode::Full,
            Self::Duplicate => ErrorCode::Conflict,
        }
    }
}

impl Room {
    /// Lets a client in.
    ///
    /// # Errors
    /// [`JoinError`]: nothing changed.
    pub(crate) fn join(&mut self, cx: &mut Context<'_>, join: Join) -> Result<Joined, JoinError> {
        let returning = self.by_participant.get(&join.participant).copied();
        if returning.is_some_and(|key| self.members[key].identity != join.identity) {
            return Err(JoinError::Duplicate);
        }
        let former = returning.or_else(|| self.by_identity.get(&join.identity).copied());
        let others = self.members.len() - usize::from(former.is_some());
        if others >= cx.config.max_participants as usize {
            return Err(JoinError::Full);
        }
        let short_id = self.fresh_short_id(cx).ok_or(JoinError::Full)?;
        let replaced = former.and_then(|former| match returning {
            Some(_) => self.supersede(cx, former),
            None => self.replace(cx, former),
        });
        let hidden = join.permissions.hidden;
        let mut peer = Peer::new(cx.now, join.peer, join.permissions.clone(), cx.config);
        peer.models.enabled = join.model_key.is_some();
        let key = self.insert(Member {
            id: join.participant,
            short_id,
            identity: join.identity,
            name: join.name,
            hidden,
            peer: Some(peer),
            tracks: Vec::new(),
            models: Vec::new(),
            clock: PublisherClock::new(),
        });
        let others = self.order.values().filter(|&&other| other != key);
        let participants = others
            .filter(|&&other| !self.members[other].hidden)
            .map(|&other| self.describe(other))
            .collect();
        let welcome = ServerMessage::Welcome {
            version: PROTOCOL_VERSION,
            room: self.name.clone(),
            participant: self.describe(key),
            permissions: Box::new(join.permissions),
            participants,
            limits: cx.config.slots,
            models: join.model_key.map(|key| {
                let (policy, learn) = (cx.config.model_policy, cx.config.learn);
                Box::new(ModelAccess { key, policy, learn })
            }),
            // Their passwords end at an hour of the day, which is no business of this crate: whoever
            // hands the message on fills them in.
            ice_servers: Box::default(),
            resumption: join.resumption.map(Box::new),
        };
        cx.say(join.peer, welcome);
        if let Some(speakers) = self.describe_speakers() {
            cx.say(join.peer, speakers);
        }
        self.announce(cx, key, returning.is_some());
        Ok(Joined { member: key, replaced })
    }

    /// Lets a participant of another shard in. Gives the connection whose place it took.
    pub(crate) fn join_remote(
        &mut self,
        cx: &mut Context<'_>,
        id: ParticipantId,
        short_id: ShortId,
        identity: String,
        name: String,
    ) -> Option<PeerId> {
        let returning = self.by_participant.get(&id).copied();
        let is_other = returning.is_some_and(|key| self.members[key].identity != identity);
        let others = self.members.len() - usize::from(returning.is_some());
        let is_full = others >= cx.config.max_participants as usize;
        if is_other || is_full || self.order.contains_key(&short_id) {
            tracing::warn!(room = self.name, ?short_id, "remote participant not taken");
            return None;
        }
        let replaced = returning.and_then(|former| self.supersede(cx, former));
        let key = self.insert(Member {
            id,
            short_id,
            identity,
            name,
            hidden: false,
            peer: None,
            tracks: Vec::new(),
            models: Vec::new(),
            clock: PublisherClock::new(),
        });
        self.announce(cx, key, returning.is_some());
        replaced
    }

    /// Takes somebody out, and tells the others.
    pub(crate) fn leave(&mut self, cx: &mut Context<'_>, key: MemberKey, reason: LeaveReason) {
        let member = self.remove(cx, key);
        if !member.hidden {
            let left = ServerMessage::ParticipantLeft { participant: member.id, reason };
            self.tell_all(cx, &left);
            if member.peer.is_some() {
                self.relay(cx, || RemoteEvent::Left { participant: member.id, reason });
            }
        }
    }

    /// Takes somebody out, with everything it published and everything that was kept of it.
    fn remove(&mut self, cx: &mut Context<'_>, key: MemberKey) -> Member {
        let tracks = self.members[key].tracks.clone();
        for track in tracks {
            self.drop_track(cx, track);
        }
        if let Some(peer) = &self.members[key].peer {
            let pointed = peer.slots.iter().filter_map(|(slot, s)| Some((slot, s.content?)));
            let pointed: Vec<(SlotKey, TrackKey)> = pointed.collect();
            for (slot, content) in pointed {
                self.unseat(cx, content, Seat { member: key, slot });
            }
        }
        self.leave_models(cx, key);
        let member = self.members.remove(key).expect("a member leaves once");
        self.order.remove(&member.short_id);
        self.by_participant.remove(&member.id);
        if self.by_identity.get(&member.identity) == Some(&key) {
            self.by_identity.remove(&member.identity);
        }
        self.stale.forget(key);
        member
    }

    /// The member of a participant.
    pub(crate) fn member_of(&self, participant: ParticipantId) -> Option<MemberKey> {
        self.by_participant.get(&participant).copied()
    }

    /// A participant as others see it.
    fn describe(&self, key: MemberKey) -> Participant {
        let member = &self.members[key];
        Participant {
            id: member.id,
            short_id: member.short_id,
            identity: member.identity.clone(),
            name: member.name.clone(),
            tracks: member.tracks.iter().map(|&track| self.tracks[track].describe()).collect(),
        }
    }

    fn insert(&mut self, member: Member) -> MemberKey {
        let (id, short_id) = (member.id, member.short_id);
        let identity = member.peer.is_some().then(|| member.identity.clone());
        let key = self.members.insert(member);
        self.order.insert(short_id, key);
        self.by_participant.insert(id, key);
        if let Some(identity) = identity {
            self.by_identity.insert(identity, key);
        }
        key
    }

    /// Tells the others that somebody came, or came back.
    fn announce(&self, cx: &mut Context<'_>, key: MemberKey, returned: bool) {
        let member = &self.members[key];
        if member.hidden {
            return;
        }
        let participant = self.describe(key);
        if member.peer.is_some() {
            self.relay(cx, || RemoteEvent::Joined {
                participant: member.id,
                short_id: member.short_id,
                identity: member.identity.clone(),
                name: member.name.clone(),
            });
        }
        let message = match returned {
            true => ServerMessage::ParticipantReturned { participant },
            false => ServerMessage::ParticipantJoined { participant },
        };
        self.tell_others(cx, key, &message);
    }

    /// The same participant comes back with another connection: the first one goes, and nobody is
    /// told that it does.
    fn supersede(&mut self, cx: &mut Context<'_>, key: MemberKey) -> Option<PeerId> {
        let peer = self.members[key].peer.as_ref().map(|peer| peer.id);
        if let Some(peer) = peer {
            let message = "you came back with another connection".to_owned();
            cx.expel(peer, ErrorCode::Replaced, message, LeaveReason::Replaced);
        }
        self.remove(cx, key);
        peer
    }

    /// The same identity joins again: the first one goes.
    fn replace(&mut self, cx: &mut Context<'_>, key: MemberKey) -> Option<PeerId> {
        let peer = self.members[key].peer.as_ref()?.id;
        let message = "the same identity joined again".to_owned();
        cx.expel(peer, ErrorCode::Replaced, message, LeaveReason::Replaced);
        self.leave(cx, key, LeaveReason::Replaced);
        Some(peer)
    }

    /// A number that nobody had before.
    fn fresh_short_id(&mut self, cx: &Context<'_>) -> Option<ShortId> {
        let short_id = ShortId(self.next_short);
        self.next_short = self.next_short.checked_add(cx.config.numbering.step)?;
        Some(short_id)
    }
}
