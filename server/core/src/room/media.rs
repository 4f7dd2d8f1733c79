//! The hot path: one packet to everyone who is to have it.

use crate::{
    bandwidth::PacketClass,
    forward::{Forward, Received, Selection, Skip},
    id::{LayerIndex, PacketId},
    input::{Feedback, RemoteEvent},
    media::{Codec, Kind},
    output::Output,
    peer::Part,
    room::{
        Context, Layer, MemberKey, Room, Seat, TrackKey,
        schedule::{hasten, take_due},
    },
    rtp::{Packet, VideoDescriptor},
    sfu::{Kept, PacketError},
    slot::Slot,
};

impl Room {
    /// Takes a packet of a client of this shard.
    pub(crate) fn packet(
        &mut self,
        cx: &mut Context<'_>,
        member: MemberKey,
        id: PacketId,
        bytes: &[u8],
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let peer = self.members[member].peer.as_mut().ok_or(PacketError::UnknownPeer)?;
        let mut packet = Packet::parse(bytes, peer.lines.extensions())?;
        let origin = peer.lines.resolve(&packet)?;
        let key = origin.track.ok_or(PacketError::NotPublished)?;
        if origin.part != Part::Media {
            return Err(PacketError::PayloadType);
        }
        let (layer, codec) = (origin.layer, origin.format.codec);
        let track = &mut self.tracks[key];
        if track.muted {
            // Nobody gets it, but its number counts: a client may send silence all the while, and
            // after half an hour of it the numbers seem to be those from before.
            track.layer_mut(layer).stream.receive(cx.now, &packet)?;
            return Err(PacketError::Muted);
        }
        packet.video = VideoDescriptor::parse(codec, packet.payload(bytes), track.encrypted);
        if cx.config.relay {
            let event = RemoteEvent::Packet { track: track.id, layer, codec, id, packet };
            self.relay(cx, || event);
        }
        self.forward(cx, key, layer, codec, id, &packet, out)
    }

    /// Takes a packet of a layer: counts it, keeps it where it is part of a first picture, and
    /// appends what is to be sent.
    #[allow(clippy::too_many_arguments, reason = "what a packet is and where it goes, once")]
    pub(crate) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        index: LayerIndex,
        codec: Codec,
        id: PacketId,
        packet: &Packet,
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let track = &mut self.tracks[key];
        if codec != track.codec {
            self.change_codec(cx, key, index, codec, packet)?;
        }
        let track = &mut self.tracks[key];
        let kind = track.codec.kind();
        let layer = track.layer_mut(index);
        if layer.stream.would_restart(packet) && !layer.restarts.admit(cx.now) {
            return Err(PacketError::Restarts);
        }
        let received = layer.stream.receive(cx.now, packet)?;
        layer.observe(&received);
        let kept = match kind {
            Kind::Video => {
                if received.starts_keyframe {
                    layer.requests.keyframe(cx.now);
                }
                let kept = keep(cx, layer, index, id, &received);
                if let Some(due) = layer.cache.poll_timeout() {
                    hasten(&mut self.schedule.keyframes, due);
                }
                kept
            }
            Kind::Audio => {
                if let Some(level) = packet.audio_level
                    && track.loudness.observe(cx.now, level)
                {
                    self.speakers.begun(cx.now, &mut self.schedule);
                }
                Kept::No
            }
        };
        self.fan_out(cx, key, index, id, &received, out);
        if self.tracks[key].layers.len() > 1 && self.tracks[key].look(cx.now, index) {
            self.layers_changed(cx, key);
        }
        Ok(kept)
    }

    /// Hands a packet to every slot that sends its layer, or waits to.
    fn fan_out(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        index: LayerIndex,
        id: PacketId,
        received: &Received,
        out: &mut Vec<Forward>,
    ) {
        let track = &mut self.tracks[key];
        let class = match track.codec.kind() {
            Kind::Audio => PacketClass::Audio,
            Kind::Video => PacketClass::Video,
        };
        let layer = track.layer_mut(index);
        for &seat in &layer.seats {
            let Some(peer) = self.members[seat.member].peer.as_mut() else { continue };
            let Some(slot) = peer.slots.get_mut(seat.slot) else { continue };
            match slot.stream.forward(index, received) {
                Selection::Send(rewrite) | Selection::Switch(rewrite) => out.push(Forward {
                    packet: id,
                    peer: peer.id,
                    class,
                    rewrite,
                    redundancy: None,
                }),
                Selection::Start(rewrite) => {
                    out.push(Forward {
                        packet: id,
                        peer: peer.id,
                        class,
                        rewrite,
                        redundancy: None,
                    });
                    self.scratch.seats.push(seat);
                }
                Selection::Skip(Skip::AwaitingKeyframe) => {
                    layer.requests.want();
                    if let Some(due) = layer.requests.poll_timeout() {
                        hasten(&mut self.schedule.keyframes, due);
                    }
                }
                Selection::Skip(Skip::Empty | Skip::BeforeStart | Skip::OtherLayer) => {}
            }
        }
        while let Some(seat) = self.scratch.seats.pop() {
            self.announce_start(cx, seat);
        }
    }

    /// The first packet of a new content went out: its client learns the media time of it, and gets
    /// a sender report if one can be made.
    fn announce_start(&mut self, cx: &mut Context<'_>, seat: Seat) {
        self.tell_slot(cx, seat);
        self.report_seat(cx, seat);
    }

    /// RTCP of a client.
    pub(crate) fn feedback(&mut self, cx: &mut Context<'_>, member: MemberKey, feedback: Feedback) {
        let Some(peer) = self.members[member].peer.as_mut() else { return };
        match feedback {
            Feedback::KeyframeRequest { ssrc } => {
                let slot = peer.slots.by_ssrc(ssrc).map(|(_, slot)| (slot.content, slot.sending()));
                if let Some((Some(track), layer)) = slot {
                    self.want_keyframe(track, layer);
                }
            }
            Feedback::SenderReport { ssrc, ntp, rtp } => {
                let Some((track, source)) = peer.lines.of_source(ssrc) else { return };
                // That of a repair source follows the packets that it repairs.
                if source.repair {
                    return;
                }
                // Kept for what is published there later.
                source.report = Some((ntp, rtp));
                let layer = source.layer;
                match track {
                    Some(track) => self.sender_report(cx, track, layer, ntp, rtp),
                    None => self.members[member].clock.observe(cx.now, ntp),
                }
            }
            // Without effect until slots keep what they sent.
            Feedback::Nack { .. } => {}
            Feedback::Bye { ssrc } => {
                if let Some((Some(track), source)) = peer.lines.of_source(ssrc)
                    && !source.repair
                {
                    let layer = self.tracks[track].layer_mut(source.layer);
                    layer.cache.clear(|packet| cx.release(packet));
                }
            }
            // What a subscriber loses becomes a decision with the bandwidth estimate.
            Feedback::ReceptionReport { .. } => {}
        }
    }

    /// A subscriber cannot go on without a keyframe.
    pub(crate) fn want_keyframe(&mut self, key: TrackKey, index: LayerIndex) {
        let track = &mut self.tracks[key];
        if track.codec.kind() == Kind::Video && !track.muted {
            let requests = &mut track.layer_mut(index).requests;
            requests.want();
            if let Some(due) = requests.poll_timeout() {
                hasten(&mut self.schedule.keyframes, due);
            }
        }
    }

    /// Sends the keyframe requests that are due, and drops caches that are too old.
    pub(crate) fn ask_for_keyframes(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.keyframes, cx.now) {
            return;
        }
        let mut asked = std::mem::take(&mut self.scratch.layers);
        for (key, track) in self.tracks.iter_mut() {
            if track.codec.kind() == Kind::Audio {
                continue;
            }
            for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
                layer.cache.handle_timeout(cx.now, |packet| cx.release(packet));
                if layer.requests.handle_timeout(cx.now) {
                    asked.push((key, index));
                }
                let due = [layer.cache.poll_timeout(), layer.requests.poll_timeout()];
                for due in due.into_iter().flatten() {
                    hasten(&mut self.schedule.keyframes, due);
                }
            }
        }
        for (key, index) in asked.drain(..) {
            self.ask_publisher(cx, key, index);
        }
        self.scratch.layers = asked;
    }

    fn ask_publisher(&mut self, cx: &mut Context<'_>, key: TrackKey, index: LayerIndex) {
        let track = &self.tracks[key];
        match &self.members[track.owner].peer {
            Some(peer) => {
                let announced = || peer.lines.source_of(key, index);
                if let Some(ssrc) = track.layer(index).stream.ssrc().or_else(announced) {
                    cx.outputs.push_back(Output::RequestKeyframe { peer: peer.id, ssrc });
                }
            }
            None => {
                let (track, layer) = (track.id, index);
                self.relay(cx, || RemoteEvent::KeyframeWanted { track, layer });
            }
        }
    }

    /// The slot of a seat.
    pub(crate) fn slot_mut(&mut self, seat: Seat) -> Option<&mut Slot> {
        self.members.get_mut(seat.member)?.peer.as_mut()?.slots.get_mut(seat.slot)
    }
}

/// Keeps a packet of a video layer where it may be part of somebody's first picture.
fn keep(
    cx: &mut Context<'_>,
    layer: &mut Layer,
    index: LayerIndex,
    id: PacketId,
    received: &Received,
) -> Kept {
    let kept = if cx.may_keep() && layer.keeps_pictures(index) {
        layer.cache.push(id, received, |packet| cx.release(packet))
    } else {
        layer.cache.clear(|packet| cx.release(packet));
        Kept::No
    };
    if kept == Kept::Yes {
        *cx.kept += 1;
    }
    kept
}
