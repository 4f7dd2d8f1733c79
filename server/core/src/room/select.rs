//! Which layer of what it is pointed at a slot sends.

use crate::{
    bandwidth::PacketClass,
    forward::{Forward, LayerChoice, Target},
    id::LayerIndex,
    media::{Codec, Kind},
    room::{Context, Room, Seat, Track, TrackKey, schedule::hasten},
    rtp::Packet,
    sfu::PacketError,
};

impl Room {
    /// Points one slot. What is sent at once, and what is to be reported, lies in the scratch until
    /// the client was told.
    pub(super) fn point(&mut self, cx: &mut Context<'_>, seat: Seat, content: Option<TrackKey>) {
        let Some(slot) = self.slot_mut(seat) else { return };
        let before = std::mem::replace(&mut slot.content, content);
        slot.stream.clear();
        if let Some(before) = before {
            self.unseat(cx, before, seat);
        }
        let Some(content) = content else { return };
        let track = &mut self.tracks[content];
        track.seats.push(seat);
        let (id, layer) = (track.id, track.best_alive());
        if let Some(slot) = self.slot_mut(seat) {
            slot.before = Some(id);
        }
        self.choose(cx, seat, LayerChoice::whole(layer));
        self.scratch.seats.push(seat);
        self.start_reports(cx);
    }

    /// A slot is no longer pointed at a track.
    pub(crate) fn unseat(&mut self, cx: &mut Context<'_>, track: TrackKey, seat: Seat) {
        let Some(track) = self.tracks.get_mut(track) else { return };
        track.seats.retain(|&other| other != seat);
        leave_layers(cx, track, seat);
    }

    /// Makes a slot send another part of what it is pointed at. A slot whose client does not decode
    /// the codec sends nothing.
    pub(crate) fn choose(&mut self, cx: &mut Context<'_>, seat: Seat, choice: LayerChoice) {
        let Some(slot) = self.slot_mut(seat) else { return };
        slot.choice = choice;
        let Some(content) = slot.content else { return };
        let track = &mut self.tracks[content];
        leave_layers(cx, track, seat);
        let csrc = self.members[track.owner].short_id;
        let Some(peer) = self.members[seat.member].peer.as_mut() else { return };
        let (peer, slots) = (peer.id, &mut peer.slots);
        let Some(slot) = slots.get_mut(seat.slot) else { return };
        let codec = track.codec;
        let Some(format) = slot.settings().format(codec) else { return slot.stream.clear() };
        let target = Target {
            csrc,
            codec,
            payload_type: format.payload_type,
            dependency: slot.settings().dependency,
        };
        slot.stream.point(target, choice);
        let layer = track.layer_mut(choice.layer);
        layer.seats.push(seat);
        if codec.kind() == Kind::Video {
            let replay = slot.stream.replay(cx.now, choice.layer, &layer.history);
            let forward = |(packet, rewrite)| Forward {
                packet,
                peer,
                class: PacketClass::Video,
                rewrite,
                redundancy: None,
            };
            self.scratch.forwards.extend(replay.map(forward));
            layer.requests.join();
            if slot.stream.is_waiting() {
                layer.requests.want();
            }
            if let Some(due) = layer.requests.poll_timeout() {
                hasten(&mut self.schedule.keyframes, due);
            }
        }
    }

    /// Other layers of a publication are alive than before: each slot takes the best of them.
    pub(super) fn layers_changed(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        let best = self.tracks[key].best_alive();
        for index in 0..self.tracks[key].seats.len() {
            let seat = self.tracks[key].seats[index];
            if self.slot_mut(seat).is_some_and(|slot| slot.sending() != best) {
                self.choose(cx, seat, LayerChoice::whole(best));
                self.tell_slot(cx, seat);
                self.flush_replays(cx);
                self.report_seat(cx, seat);
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
        for index in 0..self.tracks[key].seats.len() {
            let seat = self.tracks[key].seats[index];
            let choice = self.slot_mut(seat).map(|slot| slot.choice);
            if let Some(choice) = choice {
                self.choose(cx, seat, choice);
            }
        }
        Ok(())
    }
}

/// A slot no longer sends any layer of a track.
fn leave_layers(cx: &mut Context<'_>, track: &mut Track, seat: Seat) {
    for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
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
