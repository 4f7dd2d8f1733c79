//! What publishers are asked to send again.

use crate::{
    forward::Received,
    id::LayerIndex,
    media::Kind,
    output::Output,
    room::{
        Context, Room, TrackKey,
        schedule::{hasten, take_due},
    },
};

impl Room {
    /// A packet of a layer came: those before it that did not are asked for in time. Only while
    /// somebody gets the layer, or may come to it.
    pub(super) fn note_missing(&mut self, key: TrackKey, index: LayerIndex, received: &Received) {
        let track = &mut self.tracks[key];
        let peer = self.members[track.owner].peer.as_ref();
        let round_trip = peer.and_then(|peer| peer.downlink.round_trip());
        let layer = track.layer_mut(index);
        if !layer.nack || !layer.keeps_pictures(index) {
            return;
        }
        layer.missing.received(received, round_trip);
        if let Some(due) = layer.missing.poll_timeout() {
            hasten(&mut self.schedule.repairs, due);
        }
    }

    /// Asks for what is missing and due; where it is too late for that, for a keyframe.
    pub(crate) fn ask_again(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.repairs, cx.now) {
            return;
        }
        self.ask_for_model_packets(cx);
        let mut given_up = std::mem::take(&mut self.scratch.layers);
        for (key, track) in self.tracks.iter_mut() {
            let Some(peer) = &self.members[track.owner].peer else { continue };
            for (index, layer) in (0..).map(LayerIndex).zip(&mut track.layers) {
                let mut missing = Vec::new();
                let round_trip = peer.downlink.round_trip();
                let lost = layer.missing.handle_timeout(cx.now, round_trip, &mut missing);
                if lost && track.codec.kind() == Kind::Video && !layer.seats.is_empty() {
                    given_up.push((key, index));
                }
                if let Some(ssrc) = layer.stream.ssrc().filter(|_| !missing.is_empty()) {
                    cx.outputs.push_back(Output::Nack { peer: peer.id, ssrc, missing });
                }
                if let Some(due) = layer.missing.poll_timeout() {
                    hasten(&mut self.schedule.repairs, due);
                }
            }
        }
        for (key, index) in given_up.drain(..) {
            self.want_keyframe(key, index);
        }
        self.scratch.layers = given_up;
    }
}
