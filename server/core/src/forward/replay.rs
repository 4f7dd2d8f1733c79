//! The first picture at once: kept packets on their way into a slot.

use std::collections::vec_deque;

use super::{History, Received, Rewrite, SlotStream};
use crate::{
    id::{LayerIndex, PacketId},
    time::Time,
};

/// The packets of a history as one slot sends them, in order. Media times are those of the slot,
/// pushed together so that they end at the live time: what comes next continues them. A replay that
/// is dropped half way leaves a gap, which is all that is wrong with it.
#[derive(Debug)]
pub struct Replay<'a> {
    slot: &'a mut SlotStream,
    packets: vec_deque::Iter<'a, (PacketId, Received)>,
}

impl SlotStream {
    /// Sends what `history` holds of `layer` from its last keyframe on. The layer need not be the
    /// wanted one: the slot goes over to that as soon as it can. The first packet, if there is one,
    /// starts the content: [`Self::first_timestamp`] is known from then on. Empty if there is nothing
    /// fresh, or the slot does not wait: then see [`Self::is_waiting`].
    pub fn replay<'a>(
        &'a mut self,
        now: Time,
        layer: LayerIndex,
        history: &'a History,
    ) -> Replay<'a> {
        let packets = history.fresh(now);
        // Of equal ones the last in this order: the first packet of the newest frame.
        let last = packets.clone().rev().map(|(_, received)| received).max_by_key(|p| p.timestamp);
        let first = packets.clone().next().map(|(_, received)| received);
        let (true, Some(first), Some(last)) = (self.is_waiting(), first, last) else {
            return Replay { slot: self, packets: vec_deque::Iter::default() };
        };
        self.start_replay(
            layer,
            first,
            packets.clone().map(|(_, received)| received.timestamp),
            last,
        );
        Replay { slot: self, packets }
    }
}

impl Iterator for Replay<'_> {
    type Item = (PacketId, Rewrite);

    fn next(&mut self) -> Option<Self::Item> {
        let slot = &mut self.slot;
        self.packets.find_map(|(id, received)| Some((*id, slot.replay_one(received)?)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.packets.size_hint().1)
    }
}
