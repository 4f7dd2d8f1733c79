//! The hot path: one packet to everyone who is to have it.

use std::time::Duration;

use crate::{
    bandwidth::PacketClass,
    forward::{
        Forward, Received, Refused, Selection, Skip, Unpacked, unpack_red, unwrap_retransmission,
    },
    id::{LayerIndex, PacketId, SeqNo},
    input::{Feedback, RemoteEvent},
    media::{Codec, Kind},
    output::Output,
    peer::Part,
    room::{
        Context, Layer, MemberKey, Room, Seat, TrackKey,
        repeat::redundancy,
        schedule::{hasten, take_due},
    },
    rtp::Packet,
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
        let packet = Packet::parse(bytes, peer.lines.extensions())?;
        let origin = peer.lines.resolve(&packet)?;
        if origin.models {
            let payload = packet.payload(bytes);
            self.model_rtp(cx, member, &packet, payload, origin.format.nack)?;
            return Ok(Kept::No);
        }
        let key = origin.track.ok_or(PacketError::NotPublished)?;
        let (index, format) = (origin.layer, origin.format);
        let track = &mut self.tracks[key];
        let codec = track.codec;
        let layer = track.layer_mut(index);
        layer.nack = format.nack;
        let payload = packet.payload(bytes);
        let (mut packet, older) = match origin.part {
            Part::Media => (packet, None),
            Part::Retransmission => {
                // Of a source that never sent anything nothing can be missing.
                let ssrc = layer.stream.ssrc().ok_or(PacketError::UnknownSource)?;
                let inner = unwrap_retransmission(&packet, payload, ssrc, format.payload_type);
                let inner = inner.ok_or(PacketError::Padding)?;
                // It fills a gap, and begins nothing: neither numbers nor a codec. Late ones, as
                // publishers also send them to probe their line, say nothing of either.
                if !layer.stream.lacks(&inner) {
                    return Err(Refused::Duplicate.into());
                }
                if format.codec != codec {
                    return Err(PacketError::Codec);
                }
                (inner, None)
            }
            Part::Redundancy => {
                let Unpacked { primary, older } = unpack_red(&packet, payload)?;
                if primary.payload_type != format.payload_type {
                    return Err(PacketError::PayloadType);
                }
                (primary, Some(older))
            }
        };
        if track.muted {
            // Nobody gets it, but its number counts: a client may send silence all the while, and
            // after half an hour of it the numbers seem to be those from before.
            track.layer_mut(index).stream.receive(cx.now, &packet)?;
            return Err(PacketError::Muted);
        }
        let arrival = Arrival { layer: index, codec: format.codec, id, recovered: false };
        for older in older.into_iter().flatten().rev().flatten() {
            let lacks = self.tracks[key].layer(index).stream.lacks(&older);
            if lacks && older.payload_type == format.payload_type {
                // One that does not fit costs the packet that carried it nothing.
                let _refused =
                    self.take(cx, key, Arrival { recovered: true, ..arrival }, &older, out);
            }
        }
        let track = &mut self.tracks[key];
        let opaque = track.encrypted;
        track.layer_mut(index).stream.describe(&mut packet, bytes, format.codec, opaque);
        self.take(cx, key, arrival, &packet, out)
    }

    /// Takes a packet of a publisher of this shard, in the form in which others get it.
    fn take(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        arrival: Arrival,
        packet: &Packet,
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        if cx.config.relay {
            let (track, Arrival { layer, codec, id, .. }) = (self.tracks[key].id, arrival);
            let event = RemoteEvent::Packet { track, layer, codec, id, packet: *packet };
            self.relay(cx, || event);
        }
        self.forward(cx, key, arrival, packet, out)
    }

    /// Takes a packet of a layer: counts it, keeps it for those who ask again and for a first
    /// picture, and appends what is to be sent.
    pub(crate) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        arrival: Arrival,
        packet: &Packet,
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let Arrival { layer: index, codec, id, recovered } = arrival;
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
        self.note_missing(key, index, &received);
        let track = &mut self.tracks[key];
        let layer = track.layer_mut(index);
        if received.starts_keyframe {
            layer.requests.keyframe(cx.now);
        }
        if kind == Kind::Audio && !recovered {
            track.supply.uplink.observe(&received);
        }
        if kind == Kind::Audio
            && let Some(level) = packet.audio_level
            && track.loudness.observe(cx.now, level)
        {
            self.speakers.begun(cx.now, &mut self.schedule);
        }
        self.fan_out(cx, key, index, id, &received, out);
        let layer = self.tracks[key].layer_mut(index);
        let wanted = match kind {
            Kind::Video => layer.keeps_pictures(index),
            Kind::Audio => layer.is_repeated && !recovered,
        };
        let kept = if wanted { keep(cx, layer, id, &received) } else { Kept::No };
        if let Some(due) = layer.history.poll_timeout() {
            hasten(&mut self.schedule.keyframes, due);
        }
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
        layer.is_repeated = false;
        let before = out.len();
        for &seat in &layer.seats {
            let Some(peer) = self.members[seat.member].peer.as_mut() else { continue };
            let Some(slot) = peer.slots.get_mut(seat.slot) else { continue };
            let selection = slot.stream.forward(index, received);
            let redundancy = match class {
                PacketClass::Audio if peer.downlink.red_level() > 0 => {
                    layer.is_repeated = true;
                    redundancy(slot, &peer.downlink, &layer.history, received)
                }
                _ => None,
            };
            match selection {
                Selection::Send(rewrite) => {
                    out.push(Forward { packet: id, peer: peer.id, class, rewrite, redundancy })
                }
                Selection::Switch(rewrite) => {
                    out.push(Forward { packet: id, peer: peer.id, class, rewrite, redundancy });
                    self.scratch.switched.push(seat);
                }
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
                Selection::Skip(
                    Skip::Empty | Skip::BeforeStart | Skip::OtherLayer | Skip::LeftOut,
                ) => {}
            }
        }
        let sent = &out[before..];
        track.ledger.raw.add(sent.len() as u64, sent.iter().map(Forward::wire_bytes).sum());
        while let Some(seat) = self.scratch.switched.pop() {
            self.take_layer_seats(cx, seat);
        }
        while let Some(seat) = self.scratch.seats.pop() {
            self.announce_start(cx, seat);
        }
    }

    /// The first packet of a new content went out: its client learns the media time of it, and gets
    /// a sender report if one can be made.
    fn announce_start(&mut self, cx: &mut Context<'_>, seat: Seat) {
        if let Some(peer) = self.peer_mut(seat.member) {
            peer.allowance.untold = true;
        }
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
            Feedback::Nack { ssrc, first, following } => {
                let is_bundle = peer.models.line.is_some_and(|line| line.ssrc == ssrc);
                if is_bundle {
                    let bits = (0..16).filter(|bit| following & (1 << bit) != 0);
                    let after = bits.map(|bit| SeqNo(first.0.wrapping_add(bit + 1)));
                    for seq in std::iter::once(first).chain(after) {
                        self.bundle_lost(cx, member, ssrc, seq);
                    }
                } else {
                    self.repeat(cx, member, ssrc, first, following);
                }
            }
            // Slots of sound are repaired by what their clients ask for.
            Feedback::Lost { ssrc, seq } => self.bundle_lost(cx, member, ssrc, seq),
            Feedback::Bye { ssrc } => {
                if let Some((Some(track), source)) = peer.lines.of_source(ssrc)
                    && !source.repair
                {
                    let layer = self.tracks[track].layer_mut(source.layer);
                    layer.history.clear(|packet| cx.release(packet));
                }
            }
            Feedback::ReceptionReport { ssrc: _, fraction_lost, round_trip_us } => {
                let round_trip = round_trip_us.map(|us| Duration::from_micros(us.into()));
                peer.downlink.reported(fraction_lost, round_trip);
            }
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
            for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
                layer.history.handle_timeout(cx.now, |packet| cx.release(packet));
                if layer.requests.handle_timeout(cx.now) {
                    asked.push((key, index));
                }
                let due = [layer.history.poll_timeout(), layer.requests.poll_timeout()];
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

/// A packet of a layer on its way to those who get it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Which layer.
    pub(crate) layer: LayerIndex,
    /// What it is coded in.
    pub(crate) codec: Codec,
    /// Where its bytes are.
    pub(crate) id: PacketId,
    /// Whether these are part of another packet, that carried it as redundancy: it is not kept.
    pub(crate) recovered: bool,
}

/// Keeps a packet for those who ask for it again, and for somebody's first picture.
fn keep(cx: &mut Context<'_>, layer: &mut Layer, id: PacketId, received: &Received) -> Kept {
    if layer.seats.is_empty() {
        // Nobody asks for anything again: only a first picture is of use.
        if received.starts_keyframe {
            layer.history.clear(|packet| cx.release(packet));
        } else if !layer.history.has_keyframe() {
            return Kept::No;
        }
    }
    let may_grow = cx.may_keep();
    let kept = layer.history.push(id, received, may_grow, |packet| cx.release(packet));
    if kept == Kept::Yes {
        *cx.kept += 1;
    }
    kept
}
