//! The latest packets of a layer, each kept once: for those who ask for one again, and, from the
//! last keyframe on, for those who come now.

use std::{
    collections::{VecDeque, vec_deque},
    time::Duration,
};

use super::Received;
use crate::{Kept, id::PacketId, media::Kind, time::Time};

/// Age at which a packet is given back. A retransmission that comes later than this is worth
/// nothing to a decoder, and a replay that is longer costs a subscriber more bandwidth and decoding
/// than a fresh keyframe.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Most packets of a video layer: a second at 9 Mbit/s.
const MAX_VIDEO_PACKETS: usize = 1024;

/// Packets of a sound that are kept: what two levels of redundancy need, and one that came late.
const MAX_AUDIO_PACKETS: usize = 4;

/// RTP bytes that are replayed at most.
const MAX_REPLAY_BYTES: usize = 256 * 1024;

/// Packets that are replayed at most.
const MAX_REPLAY_PACKETS: usize = 512;

/// The packets of a layer in order of their sequence numbers, all of one epoch.
///
/// Full (1 s, or the number of packets of its kind): the oldest ones are given back. A keyframe whose
/// followers are too many for a replay (256 KB, 512 packets) stays for repair and is not replayed.
#[derive(Clone, Debug)]
pub struct History {
    max_packets: usize,
    packets: VecDeque<(PacketId, Received)>,
    /// The number at which the last keyframe starts.
    keyframe: Option<u64>,
    /// When the last packet came.
    newest: Time,
}

impl History {
    /// Nothing kept.
    pub const fn new(kind: Kind) -> Self {
        let max_packets = match kind {
            Kind::Audio => MAX_AUDIO_PACKETS,
            Kind::Video => MAX_VIDEO_PACKETS,
        };
        Self { max_packets, packets: VecDeque::new(), keyframe: None, newest: Time::from_micros(0) }
    }

    /// Takes a packet of the layer, and says whether it is kept. Calls `release` for each packet that
    /// was kept before and no longer is; `id` is never among them. Where there is no room for one
    /// more (`may_grow` is false), it takes the place of the oldest.
    pub fn push(
        &mut self,
        id: PacketId,
        received: &Received,
        may_grow: bool,
        mut release: impl FnMut(PacketId),
    ) -> Kept {
        if self.packets.front().is_some_and(|(_, first)| first.epoch != received.epoch) {
            self.clear(&mut release);
        }
        self.expire(received.at, &mut release);
        if !may_grow || self.packets.len() >= self.max_packets {
            let Some((oldest, _)) = self.packets.pop_front_if(|(_, p)| p.seq < received.seq) else {
                return Kept::No;
            };
            release(oldest);
        }
        // Late packets are few: the place is at or near the end.
        let place =
            self.packets.iter().rposition(|(_, p)| p.seq < received.seq).map_or(0, |at| at + 1);
        self.packets.insert(place, (id, *received));
        self.newest = self.newest.max(received.at);
        if received.starts_keyframe && self.keyframe.is_none_or(|seq| seq < received.seq) {
            self.keyframe = Some(received.seq);
        }
        Kept::Yes
    }

    /// A kept packet.
    pub fn get(&self, epoch: u32, seq: u64) -> Option<&(PacketId, Received)> {
        let at = self.packets.binary_search_by_key(&seq, |(_, received)| received.seq).ok()?;
        self.packets.get(at).filter(|(_, received)| received.epoch == epoch)
    }

    /// Gives back what has become too old. Call it at [`Self::poll_timeout`]; while packets come,
    /// [`Self::push`] does as much.
    pub fn handle_timeout(&mut self, now: Time, mut release: impl FnMut(PacketId)) {
        self.expire(now, &mut release);
    }

    /// When all of it is too old; `None` if nothing is kept.
    pub fn poll_timeout(&self) -> Option<Time> {
        (!self.packets.is_empty()).then(|| self.newest + MAX_AGE)
    }

    /// Gives everything back: the layer has ended, or nobody wants it.
    pub fn clear(&mut self, mut release: impl FnMut(PacketId)) {
        self.keyframe = None;
        self.packets.drain(..).for_each(|(id, _)| release(id));
    }

    /// Whether a keyframe of the last second is kept, with what followed it.
    pub const fn has_keyframe(&self) -> bool {
        self.keyframe.is_some()
    }

    /// Packets that are kept now.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Bytes of payload that are fit to be replayed at `now`.
    pub fn fresh_bytes(&self, now: Time) -> u64 {
        self.fresh(now).map(|(_, received)| u64::from(received.packet.payload_len)).sum()
    }

    /// What is fit to be replayed at `now`, in order of sequence numbers: the last keyframe and what
    /// followed it. Empty if there is none, or too much of it.
    pub(super) fn fresh(&self, now: Time) -> vec_deque::Iter<'_, (PacketId, Received)> {
        let start = self.keyframe.map_or(self.packets.len(), |seq| {
            self.packets.partition_point(|(_, received)| received.seq < seq)
        });
        let first = self
            .packets
            .get(start)
            .filter(|(_, first)| Some(first.seq) == self.keyframe && now < first.at + MAX_AGE);
        let bytes: usize =
            self.packets.range(start..).map(|(_, received)| wire_len(received)).sum();
        let fits = bytes <= MAX_REPLAY_BYTES && self.packets.len() - start <= MAX_REPLAY_PACKETS;
        let start = if first.is_some() && fits { start } else { self.packets.len() };
        self.packets.range(start..)
    }

    fn expire(&mut self, now: Time, release: &mut impl FnMut(PacketId)) {
        while let Some((id, _)) = self.packets.pop_front_if(|(_, p)| now >= p.at + MAX_AGE) {
            release(id);
        }
        let first = self.packets.front().map(|(_, first)| first.seq);
        self.keyframe = self.keyframe.filter(|&seq| first.is_some_and(|first| first <= seq));
    }
}

fn wire_len(received: &Received) -> usize {
    usize::from(received.packet.header_len) + usize::from(received.packet.payload_len)
}
