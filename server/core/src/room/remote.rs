//! Rooms that several shards share: what they tell one another.
//!
//! A participant of another shard is a member without a connection: what it publishes goes to the
//! slots here like anything else.

use crate::{
    id::{LayerIndex, PacketId, PeerId, Rid, TrackId},
    input::RemoteEvent,
    media::Codec,
    output::Output,
    peer::describe,
    room::{Arrival, Context, MemberKey, Room, TrackKey, track::Publication},
    rtp::Packet,
    sfu::Kept,
};

impl Room {
    /// Takes news of another shard. Those that do not fit what is known are passed over: the other
    /// shard was told of a change later than it spoke.
    ///
    /// Gives the connection of this shard that it ended: its participant came back over there.
    pub(crate) fn remote(&mut self, cx: &mut Context<'_>, event: RemoteEvent) -> Option<PeerId> {
        match event {
            RemoteEvent::Joined { participant, short_id, identity, name } => {
                return self.join_remote(cx, participant, short_id, identity, name);
            }
            RemoteEvent::Left { participant, reason } => {
                if let Some(member) = self.remote_member(self.member_of(participant)) {
                    self.leave(cx, member, reason);
                }
            }
            RemoteEvent::Published { participant, track, rids } => {
                if let Some(member) = self.remote_member(self.member_of(participant)) {
                    let publication = Publication {
                        source: track.source,
                        muted: track.muted,
                        encrypted: track.encrypted,
                    };
                    self.publish_remote(cx, member, track.id, &rids, publication);
                }
            }
            RemoteEvent::Layers { track, layers } => {
                if let Some(key) = self.remote_track(track) {
                    let track = &mut self.tracks[key];
                    let rids: Vec<Rid> =
                        track.layers.iter().filter_map(|layer| layer.rid).collect();
                    // Checked on the other shard; what does not fit by now was said too late.
                    if let Ok(described) = describe(&rids, &layers) {
                        track.describe_layers(&described);
                        self.layers_changed(cx, key);
                    }
                }
            }
            RemoteEvent::Unpublished { track } => {
                if let Some(key) = self.remote_track(track) {
                    self.end_track(cx, key);
                }
            }
            RemoteEvent::Muted { track, muted } => {
                if let Some(key) = self.remote_track(track) {
                    self.set_muted(cx, key, muted);
                }
            }
            RemoteEvent::Packet { track, layer, codec, id, packet } => {
                self.remote_packet(cx, track, layer, codec, id, &packet);
            }
            RemoteEvent::SenderReport { track, layer, ntp, rtp } => {
                if let Some(key) = self.remote_track(track).filter(|&key| self.has(key, layer)) {
                    self.sender_report(cx, key, layer, ntp, rtp);
                }
            }
            RemoteEvent::KeyframeWanted { track, layer } => {
                // Only the shard of the publisher acts, or two shards would ask one another forever.
                let here = |&key: &TrackKey| self.members[self.tracks[key].owner].peer.is_some();
                let key = self.track_of(track).filter(here);
                if let Some(key) = key.filter(|&key| self.has(key, layer)) {
                    self.want_keyframe(key, layer);
                }
            }
            RemoteEvent::LayersNeeded { track, layers } => self.layers_needed(cx, track, layers),
            RemoteEvent::Data { participant, message } => {
                if let Some(member) = self.remote_member(self.member_of(participant)) {
                    self.hand_out(cx, member, &message);
                }
            }
        }
        None
    }

    /// Tells the other shards of this room, where there are some.
    pub(crate) fn relay(&self, cx: &mut Context<'_>, event: impl FnOnce() -> RemoteEvent) {
        if cx.config.relay {
            cx.outputs.push_back(Output::Relay { room: self.name.clone(), event: event() });
        }
    }

    /// As [`Self::relay`], but only what happens to members of this shard.
    pub(crate) fn relay_of(
        &self,
        cx: &mut Context<'_>,
        member: MemberKey,
        event: impl FnOnce() -> RemoteEvent,
    ) {
        if self.members[member].peer.is_some() {
            self.relay(cx, event);
        }
    }

    /// Packets of other shards that are not kept are released at once, after their forwards.
    fn remote_packet(
        &mut self,
        cx: &mut Context<'_>,
        track: TrackId,
        layer: LayerIndex,
        codec: Codec,
        id: PacketId,
        packet: &Packet,
    ) {
        let mut out = std::mem::take(&mut self.scratch.forwards);
        let track = self.remote_track(track).filter(|&key| !self.tracks[key].muted);
        let track = track.filter(|&key| self.has(key, layer));
        let arrival = Arrival { layer, codec, id, recovered: false };
        let kept = track.map(|key| self.forward(cx, key, arrival, packet, &mut out));
        cx.outputs.extend(out.drain(..).map(Output::Forward));
        self.scratch.forwards = out;
        if !matches!(kept, Some(Ok(Kept::Yes))) {
            cx.outputs.push_back(Output::Release { packet: id });
        }
    }

    fn has(&self, track: TrackKey, layer: LayerIndex) -> bool {
        usize::from(layer.0) < self.tracks[track].layers.len()
    }

    fn remote_member(&self, member: Option<MemberKey>) -> Option<MemberKey> {
        member.filter(|&key| self.members[key].peer.is_none())
    }

    fn remote_track(&self, track: TrackId) -> Option<TrackKey> {
        self.track_of(track).filter(|&key| self.members[self.tracks[key].owner].peer.is_none())
    }
}
