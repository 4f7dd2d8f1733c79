//! The last keyframe of a layer and what followed it, for those who come now.

use std::{collections::VecDeque, time::Duration};

use super::Received;
use crate::{Kept, Time, id::PacketId};

/// Age of the keyframe at which the cache is dropped: a longer replay costs a subscriber more
/// bandwidth and decoding than a fresh keyframe.
const MAX_AGE: Duration = Duration::from_secs(1);

/// RTP bytes at which the cache is dropped.
const MAX_BYTES: usize = 256 * 1024;

/// Packets at which the cache is dropped: they hold buffers of full size however short they are.
const MAX_PACKETS: usize = 512;

/// The packets of a layer from its last keyframe on, in order of their sequence numbers.
///
/// Full (1 s, 256 KB or 512 packets): everything is dropped, and nothing is kept until the next
/// keyframe. A part of what follows a keyframe is of no use.
#[derive(Clone, Debug, Default)]
pub struct KeyframeCache {
    packets: VecDeque<(PacketId, Received)>,
    bytes: usize,
}

impl KeyframeCache {
    /// Nothing kept.
    pub const fn new() -> Self {
        Self { packets: VecDeque::new(), bytes: 0 }
    }

    /// Takes the next packet of the layer, and says whether it is kept. Calls `release` for each
    /// packet that was kept before and no longer is; `id` is never among them.
    pub fn push(
        &mut self,
        id: PacketId,
        received: &Received,
        mut release: impl FnMut(PacketId),
    ) -> Kept {
        let first = self.packets.front().map(|(_, first)| *first);
        if first.is_some_and(|first| first.epoch != received.epoch) {
            self.clear(&mut release);
        }
        let first = first.filter(|first| first.epoch == received.epoch);
        if received.starts_keyframe && first.is_none_or(|first| received.seq > first.seq) {
            self.drop_before(received.seq, &mut release);
        } else if first.is_none_or(|first| received.seq < first.seq) {
            return Kept::No;
        }
        self.bytes += wire_len(received);
        // Late packets are few and late by little: the place is at or near the end.
        let place =
            self.packets.iter().rposition(|(_, p)| p.seq < received.seq).map_or(0, |at| at + 1);
        self.packets.insert(place, (id, *received));
        if self.is_full(received.at) {
            self.clear(|kept| {
                if kept != id {
                    release(kept);
                }
            });
            return Kept::No;
        }
        Kept::Yes
    }

    /// Drops a cache that has become too old. Call it at [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Time, release: impl FnMut(PacketId)) {
        if self.is_full(now) {
            self.clear(release);
        }
    }

    /// When the cache becomes too old; `None` if it is empty.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.packets.front().map(|(_, first)| first.at + MAX_AGE)
    }

    /// Drops everything: the layer has ended.
    pub fn clear(&mut self, mut release: impl FnMut(PacketId)) {
        self.bytes = 0;
        self.packets.drain(..).for_each(|(id, _)| release(id));
    }

    /// Packets that are kept now.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// What is fit to be replayed at `now`, in order of sequence numbers; starts with a keyframe.
    pub(super) fn fresh(&self, now: Time) -> &VecDeque<(PacketId, Received)> {
        const NOTHING: &VecDeque<(PacketId, Received)> = &VecDeque::new();
        if self.is_full(now) { NOTHING } else { &self.packets }
    }

    fn is_full(&self, now: Time) -> bool {
        self.bytes > MAX_BYTES
            || self.packets.len() > MAX_PACKETS
            || self.poll_timeout().is_some_and(|end| now >= end)
    }

    fn drop_before(&mut self, seq: u64, mut release: impl FnMut(PacketId)) {
        while let Some((id, received)) = self.packets.pop_front_if(|(_, p)| p.seq < seq) {
            self.bytes -= wire_len(&received);
            release(id);
        }
    }
}

fn wire_len(received: &Received) -> usize {
    usize::from(received.packet.header_len) + usize::from(received.packet.payload_len)
}
