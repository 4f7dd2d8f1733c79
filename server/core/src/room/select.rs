//! What a slot sends of what it is pointed at.
//!
//! A slot has a seat in the layer that it sends and in the one that it is about to send: the present
//! one goes on until the other has a frame that a decoder can start at.

use crate::{
    bandwidth::PacketClass,
    forward::{Forward, LayerChoice, Target},
    id::LayerIndex,
    ledger::Sent,
    media::{Codec, Kind},
    room::{Context, Room, Seat, Track, TrackKey, schedule::hasten},
    rtp::Packet,
    sfu::PacketError,
    signal::QualityLimit,
};

impl Room {
    /// Points one slot. A voice is sent from now on, if one was before
    /// ([`Self::fit_heard`]); a picture once it is served ([`Self::serve`]), for which this asks. What is to be reported lies in the scratch until the
    /// client was told.
    pub(super) fn point(&mut self, cx: &mut Context<'_>, seat: Seat, content: Option<TrackKey>) {
        let Some(slot) = self.slot_mut(seat) else { return };
        let before = std::mem::replace(&mut slot.content, content);
        let kind = slot.kind();
        match (kind, content) {
            // Whoever takes the place of one that is held back is so until the line is looked at.
            (Kind::Audio, Some(_)) => {}
            _ => slot.serving.begin(),
        }
        let is_held = slot.serving.is_paused();
        slot.raw = true;
        slot.stream.clear();
        if let Some(before) = before {
            self.unseat(cx, before, seat);
        }
        if kind == Kind::Video {
            self.serve_anew(seat.member);
        }
        let Some(content) = content else { return };
        let track = &mut self.tracks[content];
        track.seats.push(seat);
        let id = track.id;
        if let Some(slot) = self.slot_mut(seat) {
            slot.before = Some(id);
        }
        if kind == Kind::Audio && !is_held {
            self.choose(cx, seat, Some(LayerChoice::whole(LayerIndex(0))));
        }
        self.scratch.seats.push(seat);
        self.start_reports(cx);
        self.start_surveys(cx);
    }

    /// A slot is no longer pointed at a track.
    pub(crate) fn unseat(&mut self, cx: &mut Context<'_>, track: TrackKey, seat: Seat) {
        let Some(track) = self.tracks.get_mut(track) else { return };
        track.seats.retain(|&other| other != seat);
        keep_layer_seats(cx, track, seat, |_| false);
    }

    /// Makes a slot send another part of what it is pointed at, or nothing. A slot whose client does
    /// not decode the codec sends nothing. What is sent at once lies in the scratch.
    pub(crate) fn choose(&mut self, cx: &mut Context<'_>, seat: Seat, choice: Option<LayerChoice>) {
        let Some(slot) = self.slot_mut(seat) else { return };
        slot.serving.choice = choice;
        let Some(content) = slot.content else { return };
        let track = &self.tracks[content];
        let csrc = self.members[track.owner].short_id;
        let Some(peer) = self.members[seat.member].peer.as_mut() else { return };
        let replayed = peer.allowance.replay_bytes(cx.now);
        let (peer, slots, replays) = (peer.id, &mut peer.slots, &mut peer.allowance.replays);
        let Some(slot) = slots.get_mut(seat.slot) else { return };
        let codec = track.codec;
        let format = slot.settings().format(codec);
        let (Some(choice), Some(format)) = (choice, format) else {
            slot.stream.clear();
            return keep_layer_seats(cx, &mut self.tracks[content], seat, |_| false);
        };
        if slot.stream.target().is_some_and(|target| target.codec == codec) {
            slot.stream.choose(choice);
        } else {
            let target = Target {
                csrc,
                codec,
                payload_type: format.payload_type,
                dependency: slot.settings().dependency,
            };
            slot.stream.point(target, choice);
            let mut replayed_now = Sent::default();
            // Rather a small picture now than a large one in a while.
            let below = (0..=choice.layer.0).rev().map(LayerIndex);
            let is_light =
                |index: &LayerIndex| track.layer(*index).history.fresh_bytes(cx.now) <= replayed;
            for index in below.filter(|_| codec.kind() == Kind::Video).filter(is_light) {
                let replay = slot.stream.replay(cx.now, index, &track.layer(index).history);
                let class = PacketClass::Video;
                let before = self.scratch.forwards.len();
                self.scratch.forwards.extend(replay.map(|(packet, rewrite)| Forward {
                    packet,
                    peer,
                    class,
                    rewrite,
                    redundancy: None,
                }));
                let sent = &self.scratch.forwards[before..];
                replays.spend(sent.iter().map(|s| u64::from(s.rewrite.payload_len)).sum());
                replayed_now.add(sent.len() as u64, sent.iter().map(Forward::wire_bytes).sum());
                if !slot.stream.is_waiting() {
                    // Also after a pause: the client is told where the content begins.
                    slot.told = None;
                    break;
                }
            }
            self.tracks[content].ledger.raw.add(replayed_now.count, replayed_now.bytes);
        }
        self.take_layer_seats(cx, seat);
    }

    /// Seats a slot in the layers that it sends and is about to send, and nowhere else.
    pub(super) fn take_layer_seats(&mut self, cx: &mut Context<'_>, seat: Seat) {
        if let Some(peer) = self.peer_mut(seat.member) {
            peer.allowance.untold = true;
        }
        let Some(slot) = self.slot_mut(seat) else { return };
        let (Some(content), Some(choice)) = (slot.content, slot.serving.choice) else { return };
        let (sent, awaited) = (slot.stream.layer(), slot.stream.awaited());
        let track = &mut self.tracks[content];
        let (is_video, is_muted) = (track.is_video(), track.muted);
        let belongs = |index: LayerIndex| index == choice.layer || Some(index) == sent;
        for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
            if !belongs(index) || layer.seats.contains(&seat) {
                continue;
            }
            layer.seats.push(seat);
            if is_video {
                layer.requests.join();
            }
        }
        keep_layer_seats(cx, track, seat, belongs);
        if is_video && !is_muted {
            if let Some(awaited) = awaited {
                track.layer_mut(awaited).requests.want();
            }
            for layer in &track.layers {
                if let Some(due) = layer.requests.poll_timeout() {
                    hasten(&mut self.schedule.keyframes, due);
                }
            }
        }
    }

    /// A packet of another codec than the track has had so far came. From its first keyframe on the
    /// track is of that codec, which its slots take for a restart.
    ///
    /// # Errors
    /// [`PacketError`]: it is none, or there were too many.
    #[cold]
    pub(super) fn change_codec(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        index: LayerIndex,
        codec: Codec,
        packet: &Packet,
    ) -> Result<(), PacketError> {
        let track = &mut self.tracks[key];
        if !packet.starts_keyframe() {
            // What comes late of the old codec asks for nothing once the new one has begun.
            if !track.layer(index).is_alive(cx.now) {
                self.want_keyframe(key, index);
            }
            return Err(PacketError::Codec);
        }
        if !track.layer_mut(index).restarts.admit(cx.now) {
            return Err(PacketError::Restarts);
        }
        track.codec = codec;
        for layer in &mut track.layers {
            layer.history.clear(|packet| cx.release(packet));
        }
        for place in 0..self.tracks[key].seats.len() {
            let seat = self.tracks[key].seats[place];
            let Some(slot) = self.slot_mut(seat) else { continue };
            let undecoded = slot.serving.limit == Some(QualityLimit::Codec);
            let choice = slot.serving.choice.or(undecoded.then_some(LayerChoice::whole(index)));
            self.choose(cx, seat, choice);
        }
        self.layers_changed(cx, key);
        let (owner, source) = (self.tracks[key].owner, self.tracks[key].source);
        self.look_at_learner(cx, owner, source);
        Ok(())
    }
}

/// A slot leaves the layers of a track in which it has no place any more.
fn keep_layer_seats(
    cx: &mut Context<'_>,
    track: &mut Track,
    seat: Seat,
    belongs: impl Fn(LayerIndex) -> bool,
) {
    for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
        if belongs(index) || layer.seats.is_empty() {
            continue;
        }
        layer.seats.retain(|&other| other != seat);
        if layer.seats.is_empty() {
            layer.requests.cancel();
            layer.missing.clear();
            if !layer.keeps_pictures(index) {
                layer.history.clear(|packet| cx.release(packet));
            }
        }
    }
}
