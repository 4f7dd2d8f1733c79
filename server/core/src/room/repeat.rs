//! What is sent to subscribers once more: packets that they ask for, sound that was lost on the way,
//! and packets without content that find out what the way carries.

use crate::{
    bandwidth::PacketClass,
    forward::{Forward, History, MAX_RESEND_ROUND_TRIP, Received, Redundancy, Rewrite},
    id::{LayerIndex, SeqNo, Ssrc},
    ledger::Sent,
    media::Kind,
    output::{Output, Padding},
    peer::Downlink,
    room::{Context, MemberKey, Room, Track},
    slot::Slot,
};

/// What a packet of sound is taken to have when it is sent again: the shell knows, the core does not.
const SOUND_BYTES: usize = 150;

/// What became of a request for one packet.
enum Answer {
    /// It is sent again.
    Again(Output),
    /// It cannot be: a keyframe of this layer is wanted.
    TooLate(LayerIndex),
    /// Nothing is to be done: it is on its way, was never sent, or costs more than it is worth.
    Nothing,
}

impl Room {
    /// A client says that packets of a slot did not come: `first`, and those of the sixteen after it
    /// whose bits are set.
    pub(super) fn repeat(
        &mut self,
        cx: &mut Context<'_>,
        member: MemberKey,
        ssrc: Ssrc,
        first: SeqNo,
        following: u16,
    ) {
        let Some(peer) = self.members[member].peer.as_mut() else { return };
        let (id, downlink) = (peer.id, &mut peer.downlink);
        let Some((key, content)) = peer.slots.by_ssrc(ssrc).map(|(key, slot)| (key, slot.content))
        else {
            return;
        };
        let Some((content, slot)) = content.zip(peer.slots.get_mut(key)) else { return };
        let track = &self.tracks[content];
        let followers = (0..16).filter(|bit| following & (1 << bit) != 0);
        let missing = followers.map(|bit| SeqNo(first.0.wrapping_add(bit + 1)));
        let (mut too_late, mut again) = (None, Sent::default());
        for seq in std::iter::once(first).chain(missing) {
            let answer = match slot.kind() {
                Kind::Audio => resend(cx, id, slot, downlink, seq),
                Kind::Video => retransmit(cx, id, slot, track, downlink, seq),
            };
            match answer {
                Answer::Again(output) => {
                    let bytes = match &output {
                        Output::Forward(forward) => forward.wire_bytes(),
                        _ => SOUND_BYTES as u64,
                    };
                    again.add(1, bytes);
                    cx.outputs.push_back(output);
                }
                Answer::TooLate(layer) => too_late = Some(layer),
                Answer::Nothing => {}
            }
        }
        self.tracks[content].ledger.raw.add(again.count, again.bytes);
        if let Some(layer) = too_late {
            self.want_keyframe(content, layer);
        }
    }

    /// The header of a packet without content for a client: on the source of retransmissions of a
    /// video slot, on which nothing need ever have been sent.
    pub(crate) fn padding(&mut self, member: MemberKey) -> Option<Padding> {
        let peer = self.members[member].peer.as_mut()?;
        let (_, slot) = peer.slots.iter_mut().find(|(_, slot)| slot.sources().repair.is_some())?;
        let ssrc = slot.sources().repair?;
        let payload_type = slot.settings().formats.iter().find_map(|format| format.rtx)?;
        Some(Padding {
            ssrc,
            payload_type,
            seq: slot.next_repair(),
            timestamp: slot.stream.last_timestamp(),
        })
    }
}

/// The packets before it that a packet of sound carries to a slot, by what its line loses.
pub(super) fn redundancy(
    slot: &Slot,
    downlink: &Downlink,
    history: &History,
    received: &Received,
) -> Option<Redundancy> {
    let target = slot.stream.target()?;
    let red = slot.settings().format(target.codec)?.red?;
    let carried = |older: &Received| slot.stream.carries(older);
    Redundancy::choose(downlink.red_level(), red, received, history, carried)
}

/// A packet of a video slot.
fn retransmit(
    cx: &mut Context<'_>,
    peer: crate::id::PeerId,
    slot: &mut Slot,
    track: &Track,
    downlink: &mut Downlink,
    seq: SeqNo,
) -> Answer {
    let format = slot.settings().format(track.codec);
    let repair = slot.sources().repair.zip(format.and_then(|format| format.rtx));
    let Some(((ssrc, payload_type), before)) = repair.zip(slot.stream.sent_before(seq)) else {
        return Answer::Nothing;
    };
    let layer = track.layer(before.layer);
    let Some((packet, received)) = layer.history.get(before.epoch, before.seq) else {
        // It may be on its way to us; then it goes on when it comes.
        let is_asked_for = layer.missing.contains(before.epoch, before.seq);
        // Of a layer that the slot has left nothing is needed: the present one began with a keyframe.
        let is_left = slot.stream.layer() != Some(before.layer);
        // Nor of what a later keyframe made good.
        return if is_asked_for || is_left || before.made_good {
            Answer::Nothing
        } else {
            Answer::TooLate(before.layer)
        };
    };
    let Some(rewrite) = slot.stream.rewrite_again(&before, received) else {
        return Answer::Nothing;
    };
    let bytes = usize::from(rewrite.payload_len);
    let round_trip = downlink.assumed_round_trip();
    let pay = || downlink.may_repeat(cx.now, bytes);
    if !slot.answered.admit(cx.now, seq, round_trip, pay) {
        return Answer::Nothing;
    }
    let rewrite = Rewrite {
        ssrc,
        payload_type,
        seq: slot.next_repair(),
        original: Some(rewrite.seq),
        ..rewrite
    };
    Answer::Again(Output::Forward(Forward {
        packet: *packet,
        peer,
        class: PacketClass::Retransmission,
        rewrite,
        redundancy: None,
    }))
}

/// A packet of an audio slot.
fn resend(
    cx: &mut Context<'_>,
    peer: crate::id::PeerId,
    slot: &mut Slot,
    downlink: &mut Downlink,
    seq: SeqNo,
) -> Answer {
    let round_trip = downlink.assumed_round_trip();
    let accepted = slot.settings().formats.iter().any(|format| format.nack);
    if !accepted
        || round_trip > MAX_RESEND_ROUND_TRIP
        || slot.stream.sent_before(seq).is_none()
        || !slot
            .answered
            .admit(cx.now, seq, round_trip, || downlink.may_repeat(cx.now, SOUND_BYTES))
    {
        return Answer::Nothing;
    }
    Answer::Again(Output::Resend { peer, ssrc: slot.sources().media, seq })
}
