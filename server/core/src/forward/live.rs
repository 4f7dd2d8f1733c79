//! What a slot sends now: one layer, and how its numbers fall on the slot.

use super::{
    DependencyRewrite, LayerChoice, PayloadRewrite, Received, Rewrite, Skip, Target,
    filter::{Cut, Filter},
    renumber::Renumber,
    timeline::Mapping,
};
use crate::{
    id::{LayerIndex, RtpTime, SeqNo, Ssrc},
    media::{Codec, Kind},
};

/// Longest descriptor into which active decode targets can be written: it grows by two bytes, and
/// has at most 255.
const MAX_GROWING_LEN: u8 = 253;

/// The numbers that a slot gives out next, without wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) seq: u64,
    pub(super) picture_id: u64,
    pub(super) tl0_picture_index: u64,
    pub(super) frame_number: u64,
}

impl Numbers {
    /// After a packet with these numbers.
    #[inline]
    fn pass(&mut self, used: &Used) {
        self.seq = self.seq.max(used.seq + 1);
        let past = |next: &mut u64, used: Option<u64>| {
            if let Some(used) = used {
                *next = (*next).max(used.wrapping_add(1));
            }
        };
        past(&mut self.picture_id, used.picture_id);
        past(&mut self.tl0_picture_index, used.tl0_picture_index);
        past(&mut self.frame_number, used.frame_number);
    }
}

/// The numbers of one packet on the slot.
#[derive(Clone, Copy, Debug)]
struct Used {
    seq: u64,
    picture_id: Option<u64>,
    tl0_picture_index: Option<u64>,
    frame_number: Option<u64>,
}

/// One life of a layer on a slot: from the first packet that was sent of it to the next switch.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) layer: LayerIndex,
    pub(super) epoch: u32,
    pub(super) time: Mapping,
    /// See [`Received::origin`].
    pub(super) origin: Option<RtpTime>,
    /// Its first sequence number, on the slot and at the source.
    pub(super) first: u64,
    first_at_source: u64,
    /// Whether the first packet begins a content, rather than going on with it from another layer.
    opens: bool,
    /// What was chosen last while this was the chosen layer.
    choice: LayerChoice,
    filter: Filter,
    seq: Renumber,
    picture_id: Option<Renumber>,
    tl0_picture_index: Option<Distance>,
    frame_number: Option<Distance>,
}

/// A counter that is only moved.
#[derive(Clone, Copy, Debug)]
struct Distance(u64);

impl Distance {
    fn between(value: u64, at: u64) -> Self {
        Self(at.wrapping_sub(value))
    }

    fn map(self, value: u64) -> u64 {
        value.wrapping_add(self.0)
    }
}

impl Live {
    /// A layer that starts with the packet `first`, of which `choice` is wanted.
    pub(super) fn new(
        layer: LayerIndex,
        choice: LayerChoice,
        first: &Received,
        time: Mapping,
        opens: bool,
        next: &Numbers,
    ) -> Self {
        Self {
            layer,
            epoch: first.epoch,
            time,
            origin: first.origin,
            first: next.seq,
            first_at_source: first.seq,
            opens,
            choice,
            filter: Filter::new(&choice, first),
            seq: Renumber::new(first.seq, next.seq),
            picture_id: None,
            tl0_picture_index: None,
            frame_number: None,
        }
    }

    /// Whether a packet, of this layer, can still be sent.
    #[inline]
    pub(super) fn has_place_for(&self, received: &Received) -> bool {
        self.seq.map(received.seq).is_some()
    }

    /// Judges a packet of this layer by what is chosen of it: `None` if it is sent. One that is left
    /// out takes no number.
    #[inline]
    pub(super) fn judge(
        &mut self,
        choice: LayerChoice,
        codec: Codec,
        received: &Received,
    ) -> Option<Skip> {
        if codec.kind() == Kind::Audio {
            return None;
        }
        if choice.layer == self.layer {
            self.choice = choice;
        }
        // Padding, with which the publisher probes its own way.
        let padding = (received.packet.payload_len == 0).then_some(Skip::LeftOut);
        let skip = padding.or_else(|| self.filter.judge(&self.choice, received))?;
        self.seq.leave_out(received.seq);
        // Receivers of VP8 wait for the pictures that its ids promise; those of VP9 are named by
        // their distance.
        if let (Codec::Vp8, Some(counter), Some(id)) =
            (codec, &mut self.picture_id, received.picture_id)
        {
            counter.leave_out(id);
        }
        Some(skip)
    }

    /// What of the layer is sent.
    pub(super) fn sending(&self) -> LayerChoice {
        let (spatial, temporal) = self.filter.newest().layers();
        LayerChoice { layer: self.layer, spatial, temporal }
    }

    /// Takes a packet that is sent: its numbers are used up. `None` if there is none for it any more.
    #[inline]
    pub(super) fn send(
        &mut self,
        ssrc: Ssrc,
        target: &Target,
        received: &Received,
        next: &mut Numbers,
    ) -> Option<Rewrite> {
        if received.origin.is_some() {
            self.origin = received.origin;
        }
        self.seq.keep(received.seq);
        self.filter.keep(received.timestamp);
        if let Some(id) = received.picture_id {
            self.picture_id.get_or_insert_with(|| Renumber::new(id, next.picture_id)).keep(id);
        }
        if let Some(index) = received.tl0_picture_index {
            self.tl0_picture_index
                .get_or_insert_with(|| Distance::between(index, next.tl0_picture_index));
        }
        if let Some(number) = received.frame_number {
            self.frame_number.get_or_insert_with(|| Distance::between(number, next.frame_number));
        }
        let used = self.numbers(received)?;
        next.pass(&used);
        let cut = self.filter.at(received.timestamp);
        Some(self.compose(ssrc, target, received, &used, cut))
    }

    /// The sequence number at the source that has this one on the slot; `None` if that is not known
    /// any more.
    pub(super) fn original(&self, seq: u64) -> Option<u64> {
        if seq < self.first { None } else { self.seq.original(seq) }
    }

    /// The rewrite for a packet of this layer that was sent, the same however often it is asked for;
    /// `None` for one that was left out.
    pub(super) fn rewrite(
        &self,
        ssrc: Ssrc,
        target: &Target,
        received: &Received,
    ) -> Option<Rewrite> {
        let used = self.numbers(received)?;
        let cut = self.filter.at(received.timestamp);
        cut.keeps(received).then(|| self.compose(ssrc, target, received, &used, cut))
    }

    #[inline]
    fn compose(
        &self,
        ssrc: Ssrc,
        target: &Target,
        received: &Received,
        used: &Used,
        cut: &Cut,
    ) -> Rewrite {
        let packet = &received.packet;
        // The start of a talk spurt (RFC 3551 section 4.1).
        let opens_voice = self.opens
            && received.seq == self.first_at_source
            && target.codec.kind() == Kind::Audio;
        Rewrite {
            header_len: packet.header_len,
            payload_len: packet.payload_len,
            ssrc,
            payload_type: target.payload_type,
            seq: SeqNo(used.seq as u16),
            timestamp: RtpTime(self.time.map(received.timestamp) as u32),
            marker: cut.ends_picture(received) | opens_voice,
            csrc: target.csrc,
            original: None,
            payload: used.payload(target.codec),
            dependency: match (&packet.dependency, target.dependency, used.frame_number) {
                (Some(descriptor), Some(id), Some(number)) => Some(DependencyRewrite {
                    offset: descriptor.offset,
                    len: descriptor.len,
                    id,
                    frame_number: number as u16,
                    active: cut.active(received).filter(|_| descriptor.len < MAX_GROWING_LEN),
                }),
                _ => None,
            },
        }
    }

    #[inline]
    fn numbers(&self, received: &Received) -> Option<Used> {
        let moved = |distance: Option<Distance>, value: Option<u64>| {
            distance.zip(value).map(|(distance, value)| distance.map(value))
        };
        Some(Used {
            seq: self.seq.map(received.seq)?,
            picture_id: self
                .picture_id
                .as_ref()
                .zip(received.picture_id)
                .map(|(c, id)| c.map_any(id)),
            tl0_picture_index: moved(self.tl0_picture_index, received.tl0_picture_index),
            frame_number: moved(self.frame_number, received.frame_number),
        })
    }
}

impl Used {
    #[inline]
    fn payload(&self, codec: Codec) -> PayloadRewrite {
        if self.picture_id.is_none() && self.tl0_picture_index.is_none() {
            return PayloadRewrite::Unchanged;
        }
        let picture_id = self.picture_id.unwrap_or(0) as u16 & 0x7fff;
        let tl0_picture_index = self.tl0_picture_index.unwrap_or(0) as u8;
        match codec {
            Codec::Vp8 => PayloadRewrite::Vp8 { picture_id, tl0_picture_index },
            Codec::Vp9 => PayloadRewrite::Vp9 { picture_id, tl0_picture_index },
            Codec::Opus | Codec::H264 | Codec::Av1 => PayloadRewrite::Unchanged,
        }
    }
}
