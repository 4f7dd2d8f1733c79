//! The composition: rooms of one shard, and the doors to them.
//!
//! ```text
//! Input  ─► peer ─► room ─► settle ─► outputs ─► poll_output
//! packet ─► peer ─► room ─► forwards            (nothing else changes who gets what)
//! ```

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use rustc_hash::FxHashMap;

use crate::{
    arena::{Arena, key},
    census::Census,
    config::SfuConfig,
    forward::{Forward, RedError, Refused},
    id::{PacketId, PeerId},
    input::{Input, Join, RemoteEvent},
    ledger::Account,
    output::{BundleRoute, Output, Padding},
    room::{Context, MemberKey, Publication, Room, TrackIds},
    rtp::ParseError,
    signal::{ClientMessage, ErrorCode, LeaveReason, ServerMessage, View},
    time::Time,
};

key! {
    /// A room of this shard.
    RoomKey
}

/// Every room of one shard.
#[derive(Debug)]
pub struct Sfu {
    config: SfuConfig,
    rooms: Arena<RoomKey, Entry>,
    by_name: FxHashMap<String, RoomKey>,
    peers: FxHashMap<PeerId, (RoomKey, MemberKey)>,
    outputs: VecDeque<Output>,
    track_ids: TrackIds,
    /// Packets that the shell keeps for the caches of all rooms.
    kept: usize,
    /// When rooms want to be called, earliest first. An entry counts only if its room still waits
    /// for that very time: rescheduling adds entries and removes none.
    timers: BinaryHeap<Reverse<(Time, RoomKey)>>,
}

#[derive(Debug)]
struct Entry {
    room: Room,
    /// The time under which the room stands in the timers.
    armed: Option<Time>,
}

/// Whether the core kept a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The shell may free it once its forwards are sent.
    No,
    /// The shell keeps it until [`Output::Release`].
    Yes,
}

/// A packet that is not forwarded, and why. Counted by the shell, never fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PacketError {
    /// Not RTP.
    #[error("malformed RTP: {0}")]
    Malformed(#[from] ParseError),
    /// Out of its stream's order.
    #[error("refused: {0}")]
    Refused(#[from] Refused),
    /// From a peer that is not known.
    #[error("unknown peer")]
    UnknownPeer,
    /// Of a source that belongs to no negotiated m-line.
    #[error("unknown source")]
    UnknownSource,
    /// Of a simulcast layer that was not negotiated.
    #[error("unknown layer")]
    UnknownLayer,
    /// Of an m-line on which nothing is published.
    #[error("not published")]
    NotPublished,
    /// Of a track that started its numbers anew too often.
    #[error("too many restarts")]
    Restarts,
    /// A retransmission that repeats nothing: the publisher probes its line.
    #[error("padding")]
    Padding,
    /// Redundant audio that cannot be taken apart.
    #[error("{0}")]
    Redundancy(#[from] RedError),
    /// Of a publication that is muted.
    #[error("muted")]
    Muted,
    /// Of another codec than the publication has had so far, and not the keyframe that it would begin
    /// with.
    #[error("another codec without a keyframe")]
    Codec,
    /// Of a model stream, and not a model packet.
    #[error("malformed model packet: {0}")]
    ModelPacket(#[from] sotto_frame::PacketError),
    /// Of a model stream, and of no model that the node knows.
    #[error("of no known model")]
    UnknownModel,
    /// Of a payload type that was not negotiated for its m-line.
    #[error("unexpected payload type")]
    PayloadType,
}

/// A second join of one connection: a client joins once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("you have joined already")]
struct JoinedAlready;

/// A message that never comes to the core this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this message is not accepted now")]
struct OutOfPlace;

/// A view that names more participants than a page can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the view names {0} participants, the limit is {MAX_VIEW_PARTICIPANTS}")]
struct ViewTooLong(usize);

/// Most participants that a view may pin and hide: both lists are searched for each of them.
const MAX_VIEW_PARTICIPANTS: usize = 256;

impl Default for Sfu {
    fn default() -> Self {
        Self::new(SfuConfig::default())
    }
}

impl Sfu {
    /// No rooms.
    pub fn new(config: SfuConfig) -> Self {
        Self {
            rooms: Arena::default(),
            by_name: FxHashMap::default(),
            peers: FxHashMap::default(),
            outputs: VecDeque::new(),
            track_ids: TrackIds::new(&config),
            kept: 0,
            timers: BinaryHeap::new(),
            config,
        }
    }

    /// Applies one input. Drain [`Self::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Join(join) => self.join(now, join),
            Input::Remote { room, event } => self.remote(now, room, event),
            Input::Disconnected { peer, reason } => self.leave(now, peer, reason),
            Input::Message { peer, message: ClientMessage::Leave } => {
                if self.peers.contains_key(&peer) {
                    self.outputs.push_back(Output::Close { peer, reason: LeaveReason::Left });
                    self.leave(now, peer, LeaveReason::Left);
                }
            }
            Input::Message { peer, message } => {
                self.with_member(now, peer, |room, cx, member| room.message(cx, member, message));
            }
            Input::Offer { peer, id, offer } => {
                self.with_member(now, peer, |room, cx, member| room.offer(cx, member, id, &offer));
            }
            Input::Connected { peer } => {
                self.with_member(now, peer, |room, cx, member| room.connected(cx, member));
            }
            Input::Feedback { peer, feedback } => {
                self.with_member(now, peer, |room, cx, member| room.feedback(cx, member, feedback));
            }
            Input::Bandwidth { peer, estimate } => {
                self.with_member(now, peer, |room, cx, member| {
                    room.bandwidth(cx, member, estimate)
                });
            }
            Input::Model { peer, model } => {
                self.with_member(now, peer, |room, cx, member| room.model(cx, member, model));
            }
            Input::ModelKept { peer, source, kept } => {
                self.with_member(now, peer, |room, cx, member| {
                    room.model_kept(cx, member, source, kept);
                });
            }
            Input::ModelServed { peer, hash, bytes } => {
                self.with_member(now, peer, |room, _, member| {
                    room.model_served(member, hash, bytes);
                });
            }
            Input::Learner { peer, source, number, report } => {
                self.with_member(now, peer, |room, cx, member| {
                    room.learner_says(cx, member, source, number, report);
                });
            }
            Input::ModelPacket { peer, bytes } => {
                self.with_member(now, peer, |room, cx, member| {
                    room.model_message(cx, member, &bytes);
                });
            }
            Input::Data { peer, message } => {
                self.with_member(now, peer, |room, cx, member| room.data(cx, member, message));
            }
        }
    }

    /// Takes one decrypted RTP packet of `peer` and appends what is to be sent to `out`.
    ///
    /// `bytes` is the whole packet, header and payload, as it lies in the slab under `id`. Allocates
    /// nothing once buffers have grown; costs one step per slot that is pointed at the track.
    ///
    /// # Errors
    /// [`PacketError`]: the packet goes nowhere; count it.
    pub fn packet(
        &mut self,
        now: Time,
        peer: PeerId,
        id: PacketId,
        bytes: &[u8],
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let &(key, member) = self.peers.get(&peer).ok_or(PacketError::UnknownPeer)?;
        let mut cx = Context {
            now,
            config: &self.config,
            outputs: &mut self.outputs,
            track_ids: &mut self.track_ids,
            kept: &mut self.kept,
        };
        let result = self.rooms[key].room.packet(&mut cx, member, id, bytes, out);
        self.arm(key);
        result
    }

    /// The header of a packet without content for `peer`, with which its
    /// [`bandwidth::Sender`](crate::bandwidth::Sender) probes. `None` if it negotiated no
    /// retransmission: then nothing can be sent that means nothing.
    pub fn padding(&mut self, peer: PeerId) -> Option<Padding> {
        let &(key, member) = self.peers.get(&peer)?;
        self.rooms[key].room.padding(member)
    }

    /// Writes the next bundle that is due for `peer` into `out`, which is emptied first, and says how
    /// it travels. `None`: none is due.
    pub fn bundle(&mut self, now: Time, peer: PeerId, out: &mut Vec<u8>) -> Option<BundleRoute> {
        let &(key, member) = self.peers.get(&peer)?;
        let route = self.rooms[key].room.bundle(now, member, out);
        self.arm(key);
        route
    }

    /// Lets timers act that are due. Drain [`Self::poll_output`] afterwards.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(&Reverse((due, key))) = self.timers.peek()
            && due <= now
        {
            self.timers.pop();
            let Some(entry) = self.rooms.get_mut(key).filter(|entry| entry.armed == Some(due))
            else {
                continue;
            };
            entry.armed = None;
            self.with_room(now, key, Room::handle_timeout);
        }
    }

    /// The next effect. Effects are to be carried out in this order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called next; may be in the past, that is now.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.peek().map(|&Reverse((due, _))| due)
    }

    /// What there is.
    pub fn census(&self) -> Census {
        let rooms = self.rooms.iter().map(|(_, entry)| entry.room.census());
        let mut census = rooms.fold(Census::default(), Census::add);
        census.peers = self.peers.len();
        census
    }

    /// What was sent of every track that is published now, to all its subscribers on this shard.
    pub fn accounts(&self) -> impl Iterator<Item = Account> {
        self.rooms.iter().flat_map(|(_, entry)| entry.room.accounts())
    }

    fn join(&mut self, now: Time, join: Join) {
        let peer = join.peer;
        if self.peers.contains_key(&peer) {
            let mut cx = self.context(now);
            return cx.refuse(peer, "join", ErrorCode::Conflict, &JoinedAlready);
        }
        let key = self.room_of(join.room.clone());
        match self.with_room(now, key, |room, cx| room.join(cx, join)) {
            Ok(joined) => {
                if let Some(replaced) = joined.replaced {
                    self.peers.remove(&replaced);
                }
                self.peers.insert(peer, (key, joined.member));
            }
            Err(error) => {
                let (code, reason) = (error.code(), LeaveReason::Removed);
                self.context(now).expel(peer, code, error.to_string(), reason);
                self.drop_if_empty(key);
            }
        }
    }

    fn leave(&mut self, now: Time, peer: PeerId, reason: LeaveReason) {
        if let Some((key, member)) = self.peers.remove(&peer) {
            self.with_room(now, key, |room, cx| room.leave(cx, member, reason));
            self.drop_if_empty(key);
        }
    }

    fn remote(&mut self, now: Time, room: String, event: RemoteEvent) {
        let is_joining = matches!(event, RemoteEvent::Joined { .. });
        let known = self.by_name.get(&room).copied();
        match known.or_else(|| is_joining.then(|| self.room_of(room))) {
            Some(key) => {
                let replaced = self.with_room(now, key, |room, cx| room.remote(cx, event));
                if let Some(replaced) = replaced {
                    self.peers.remove(&replaced);
                }
                self.drop_if_empty(key);
            }
            None => {
                // The room ended here; what still comes of it is only given back.
                if let RemoteEvent::Packet { id, .. } = event {
                    self.outputs.push_back(Output::Release { packet: id });
                }
            }
        }
    }

    fn room_of(&mut self, name: String) -> RoomKey {
        if let Some(&key) = self.by_name.get(&name) {
            return key;
        }
        let room = Room::new(name.clone(), &self.config);
        let key = self.rooms.insert(Entry { room, armed: None });
        self.by_name.insert(name, key);
        key
    }

    fn drop_if_empty(&mut self, key: RoomKey) {
        if self.rooms[key].room.is_empty() {
            let entry = self.rooms.remove(key).expect("it was there a line above");
            self.by_name.remove(entry.room.name());
            if self.rooms.is_empty() {
                self.timers.clear();
            }
        }
    }

    fn with_member(
        &mut self,
        now: Time,
        peer: PeerId,
        act: impl FnOnce(&mut Room, &mut Context<'_>, MemberKey),
    ) {
        // Unknown: it was replaced or left, and the shell has not read so yet.
        if let Some(&(key, member)) = self.peers.get(&peer) {
            self.with_room(now, key, |room, cx| act(room, cx, member));
        }
    }

    fn with_room<T>(
        &mut self,
        now: Time,
        key: RoomKey,
        act: impl FnOnce(&mut Room, &mut Context<'_>) -> T,
    ) -> T {
        let room = &mut self.rooms[key].room;
        let mut cx = Context {
            now,
            config: &self.config,
            outputs: &mut self.outputs,
            track_ids: &mut self.track_ids,
            kept: &mut self.kept,
        };
        let result = act(room, &mut cx);
        room.settle(&mut cx);
        self.arm(key);
        result
    }

    fn context(&mut self, now: Time) -> Context<'_> {
        Context {
            now,
            config: &self.config,
            outputs: &mut self.outputs,
            track_ids: &mut self.track_ids,
            kept: &mut self.kept,
        }
    }

    /// Puts a room into the timers if its next time has changed.
    fn arm(&mut self, key: RoomKey) {
        let entry = &mut self.rooms[key];
        let due = entry.room.timeout();
        if entry.armed != due {
            entry.armed = due;
            if let Some(due) = due {
                self.timers.push(Reverse((due, key)));
            }
        }
    }
}

impl Room {
    /// A message of a client.
    fn message(&mut self, cx: &mut Context<'_>, key: MemberKey, message: ClientMessage) {
        let about = message.type_name();
        let Some(peer) = self.peer_mut(key) else { return };
        let id = peer.id;
        let result = match message {
            ClientMessage::Publish { mid, source, muted, encrypted, layers } => {
                let publication = Publication { source, muted, encrypted };
                self.publish(cx, key, mid, publication, &layers)
            }
            ClientMessage::Layers { mid, layers } => self.describe_layers(cx, key, mid, &layers),
            ClientMessage::Unpublish { mid } => self.unpublish(cx, key, mid),
            ClientMessage::Mute { mid, muted } => self.mute(cx, key, mid, muted),
            ClientMessage::View(view) => {
                let named = view.pins.len() + view.hidden.len();
                if named > MAX_VIEW_PARTICIPANTS {
                    cx.refuse(id, about, ErrorCode::TooMuch, &ViewTooLong(named));
                } else {
                    let order = |view: &View| (view.mode, view.offset);
                    peer.turned_page = order(&peer.view) != order(&view);
                    peer.view = view;
                    self.serve_anew(key);
                    self.look_again(key);
                }
                Ok(())
            }
            ClientMessage::Viewport { slots } => {
                if let Err(error) = self.viewport(key, &slots) {
                    cx.refuse(id, about, error.code(), &error);
                }
                Ok(())
            }
            ClientMessage::ModelSupport(_)
            | ClientMessage::Policy { .. }
            | ClientMessage::Consent { .. }
            | ClientMessage::Uplink { .. }
            | ClientMessage::Learning { .. }
            | ClientMessage::Gate { .. }
            | ClientMessage::ModelHeld(_)
            | ClientMessage::ModelFailed { .. }
            | ClientMessage::Switched(_) => {
                if let Err(error) = self.model_message_of(cx, key, message) {
                    cx.refuse(id, about, error.code(), &error);
                }
                Ok(())
            }
            ClientMessage::Ping { id: ping } => {
                cx.say(id, ServerMessage::Pong { id: ping });
                Ok(())
            }
            ClientMessage::Join { .. }
            | ClientMessage::Resume { .. }
            | ClientMessage::Offer { .. }
            | ClientMessage::Leave => {
                cx.refuse(id, about, ErrorCode::Conflict, &OutOfPlace);
                Ok(())
            }
        };
        if let Err(error) = result {
            cx.refuse(id, about, error.code(), &error);
        }
    }
}
