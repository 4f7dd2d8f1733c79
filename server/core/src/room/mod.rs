//! One room: who is in it, what they publish, and who receives what.
//!
//! ```text
//! roster   who is here             ─┐
//! publish  what they send          ─┼─► stale ─► settle: slots are pointed anew, once per input
//! speakers who speaks              ─┘
//! media    packet ─► track, layer ─► seats (subscriber, slot) ─► Forward
//! voices   which of the voices in slots the line of a client carries
//! survey   what publications can be had in ─► allocate: what slots send ─► demand: what is asked for
//! models   in which form tracks go to whom, and frames on their way into bundles
//! schedule when the room wants to be called
//! ```

mod allocate;
mod data;
mod demand;
mod layer;
mod media;
mod models;
mod publish;
mod quality;
mod remote;
mod repair;
mod repeat;
mod report;
mod roster;
mod schedule;
mod select;
mod settle;
mod speakers;
mod track;
mod voices;

pub use publish::PublishError;
pub use quality::ViewportError;

pub(crate) use layer::Layer;
pub(crate) use media::Arrival;
pub use models::ModelError;
pub(crate) use models::{ModelSeat, SourceModel, Uplink, plugin_kind};
pub(crate) use roster::Member;
pub(crate) use track::{Publication, Seat, Track, TrackKey};

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::{
    arena::{Arena, key},
    bandwidth::Allocator,
    census::Census,
    config::SfuConfig,
    forward::Forward,
    id::{LayerIndex, PacketId, ParticipantId, PeerId, ShortId, TrackId},
    ledger::Account,
    output::Output,
    peer::Peer,
    room::{allocate::Decision, schedule::Schedule, settle::Stale, speakers::Speakers},
    signal::{ErrorCode, LeaveReason, ServerMessage},
    time::Time,
};

key! {
    /// A participant of one room.
    MemberKey
}

/// What every step of one input needs: the time, and where effects go.
pub(crate) struct Context<'a> {
    /// Now.
    pub(crate) now: Time,
    /// The settings.
    pub(crate) config: &'a SfuConfig,
    /// Effects.
    pub(crate) outputs: &'a mut VecDeque<Output>,
    /// The track ids of the node.
    pub(crate) track_ids: &'a mut TrackIds,
    /// Packets that the shell keeps for the caches of all rooms.
    pub(crate) kept: &'a mut usize,
}

impl Context<'_> {
    /// Whether the caches may hold one packet more.
    pub(crate) fn may_keep(&self) -> bool {
        *self.kept < self.config.max_kept_packets
    }

    /// Gives back a packet that a cache held.
    pub(crate) fn release(&mut self, packet: PacketId) {
        *self.kept -= 1;
        self.outputs.push_back(Output::Release { packet });
    }

    /// Says something to one peer.
    pub(crate) fn say(&mut self, peer: PeerId, message: ServerMessage) {
        self.outputs.push_back(Output::Message { peer, message });
    }

    /// Refuses what a peer said. The connection stays.
    pub(crate) fn refuse(
        &mut self,
        peer: PeerId,
        about: &str,
        code: ErrorCode,
        reason: &dyn std::error::Error,
    ) {
        let about = Some(about.to_owned());
        let message = reason.to_string();
        self.say(peer, ServerMessage::Error { code, message, about, fatal: false });
    }

    /// Tells a peer why it cannot stay, and closes it.
    pub(crate) fn expel(
        &mut self,
        peer: PeerId,
        code: ErrorCode,
        message: String,
        reason: LeaveReason,
    ) {
        self.say(peer, ServerMessage::Error { code, message, about: None, fatal: true });
        self.outputs.push_back(Output::Close { peer, reason });
    }
}

/// Gives out track ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrackIds {
    next: u64,
    step: u64,
}

impl TrackIds {
    /// The ids that this shard may give out.
    pub(crate) fn new(config: &SfuConfig) -> Self {
        Self { next: config.numbering.first.into(), step: config.numbering.step.into() }
    }

    fn fresh(&mut self) -> TrackId {
        let id = TrackId(self.next);
        self.next += self.step;
        id
    }
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    name: String,
    members: Arena<MemberKey, Member>,
    /// By time of joining.
    order: BTreeMap<ShortId, MemberKey>,
    by_participant: FxHashMap<ParticipantId, MemberKey>,
    by_identity: FxHashMap<String, MemberKey>,
    next_short: u32,
    tracks: Arena<TrackKey, Track>,
    by_track: FxHashMap<TrackId, TrackKey>,
    speakers: Speakers,
    stale: Stale,
    schedule: Schedule,
    /// Which members the last round of sender reports served.
    report_round: usize,
    /// Which members the last survey served.
    survey_round: usize,
    scratch: Scratch,
}

/// Buffers that are empty between calls and keep their capacity.
#[derive(Debug, Default)]
struct Scratch {
    seats: Vec<Seat>,
    layers: Vec<(TrackKey, LayerIndex)>,
    forwards: Vec<Forward>,
    /// Slots that went over to another layer.
    switched: Vec<Seat>,
    members: Vec<MemberKey>,
    /// Those whose models and forms are looked at.
    surveyed: Vec<MemberKey>,
    /// What one of them may receive in model form.
    eligible: Vec<TrackKey>,
    /// Those whose forms are to be looked at, and when.
    due: Vec<(MemberKey, Time)>,
    voices: Vec<TrackKey>,
    decisions: Vec<Decision>,
    allocator: Allocator,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(name: String, config: &SfuConfig) -> Self {
        Self {
            name,
            members: Arena::default(),
            order: BTreeMap::new(),
            by_participant: FxHashMap::default(),
            by_identity: FxHashMap::default(),
            next_short: config.numbering.first,
            tracks: Arena::default(),
            by_track: FxHashMap::default(),
            speakers: Speakers::default(),
            stale: Stale::default(),
            schedule: Schedule::default(),
            report_round: 0,
            survey_round: 0,
            scratch: Scratch::default(),
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn timeout(&self) -> Option<Time> {
        self.schedule.next()
    }

    /// Lets act what is due.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.look_who_speaks(cx);
        self.ask_again(cx);
        self.ask_for_keyframes(cx);
        self.report(cx);
        self.flush_bundles(cx);
        self.review_due(cx);
        self.settle(cx);
        self.allocate(cx);
    }

    /// The connection of a member of this shard.
    pub(crate) fn peer_mut(&mut self, member: MemberKey) -> Option<&mut Peer> {
        self.members.get_mut(member)?.peer.as_mut()
    }

    /// What there is.
    pub(crate) fn census(&self) -> Census {
        let peers = || self.members.iter().filter_map(|(_, member)| member.peer.as_ref());
        Census {
            rooms: 1,
            peers: peers().count(),
            participants: self.members.len(),
            tracks: self.tracks.len(),
            slots: peers().map(|peer| peer.slots.iter().count()).sum(),
            seats: self.tracks.iter().map(|(_, track)| track.seats.len()).sum(),
            kept_packets: self.tracks.iter().map(|(_, track)| track.kept()).sum(),
            timers: self.schedule.count(),
            allocations: peers().map(|peer| peer.allowance.decisions).sum(),
        }
    }

    /// What was sent of every track.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Account> {
        self.tracks.iter().map(|(_, track)| Account {
            room: self.name.clone(),
            participant: self.members[track.owner].id,
            track: track.id,
            source: track.source,
            ledger: track.ledger,
        })
    }

    /// A client's transport can carry media: its slots are filled.
    pub(crate) fn connected(&mut self, cx: &Context<'_>, key: MemberKey) {
        if let Some(peer) = self.peer_mut(key) {
            peer.connected = true;
            peer.allowance.connected = cx.now;
            self.stale.member(key);
        }
    }

    /// A client's view has changed.
    pub(crate) fn look_again(&mut self, key: MemberKey) {
        self.stale.member(key);
    }

    /// Says something to every connection.
    fn tell_all(&self, cx: &mut Context<'_>, message: &ServerMessage) {
        for &key in self.order.values() {
            if let Some(peer) = &self.members[key].peer {
                cx.say(peer.id, message.clone());
            }
        }
    }

    /// Says something to every connection but `except`'s.
    fn tell_others(&self, cx: &mut Context<'_>, except: MemberKey, message: &ServerMessage) {
        for &key in self.order.values().filter(|&&key| key != except) {
            if let Some(peer) = &self.members[key].peer {
                cx.say(peer.id, message.clone());
            }
        }
    }
}
