//! One slot of one subscriber: a stream that never breaks, made of sources that come and go.

use std::{collections::VecDeque, time::Duration};

use super::{
    LayerChoice, MediaClock, PublisherClock, Received, Rewrite,
    live::{Live, Numbers},
    timeline::{Mapping, Timeline},
};
use crate::{
    id::{ExtensionId, LayerIndex, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Kind},
    output::SenderReport,
    rtp::Unwrapper,
    time::Time,
};

/// Least step of media time at a re-point of an audio slot: one packet of 20 ms at 48 kHz.
const AUDIO_STEP: u64 = 960;

/// Least step of media time at a re-point of a video slot: one frame of 30 per second at 90 kHz.
const VIDEO_STEP: u64 = 3000;

/// Between two sender reports of a slot.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Layer switches within one content over which packets that were sent can still be found: those of
/// the last seconds, which is as long as they are asked for again.
const MAX_PAST: usize = 4;

/// One slot. Its sequence numbers, media time, picture ids and frame numbers go on across any number
/// of re-points and layer switches, as if it were one encoder:
///
/// - within one layer, order, gaps and distances are those of the source; what is left out on
///   purpose leaves no gap;
/// - at a re-point the counters go on by one, media time by the wall time that has passed, but at
///   least one frame or packet;
/// - at a layer switch too, but media time goes on by the publisher's clock where that is known;
/// - what arrives late from before the first packet of a source is never sent, so that no number is
///   used twice;
/// - video starts, and goes over to another layer, at a keyframe.
#[derive(Clone, Debug)]
pub struct SlotStream {
    ssrc: Ssrc,
    kind: Kind,
    target: Option<Target>,
    wanted: LayerChoice,
    live: Option<Live>,
    /// What was sent before `live` of the same content, the oldest first. Full: the oldest is
    /// forgotten.
    past: VecDeque<Live>,
    /// Media time of the content at NTP time zero of its publisher, once two layers were aligned.
    origin: Option<RtpTime>,
    first_timestamp: Option<RtpTime>,
    timeline: Timeline,
    next: Numbers,
    /// The highest number on the slot at which a decoder can start.
    keyframe: Option<u64>,
    packets: u32,
    octets: u32,
    next_report: Time,
}

/// What a slot is pointed at, and how that is said on the subscriber's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose media it is.
    pub csrc: ShortId,
    /// What it is coded in.
    pub codec: Codec,
    /// The payload type of that codec on the subscriber's connection.
    pub payload_type: PayloadType,
    /// The id of the dependency descriptor on the subscriber's connection, where it was negotiated.
    pub dependency: Option<ExtensionId>,
}

/// The numbers that a slot starts with.
///
/// RFC 3550 section 5.1 wants them random to make known-plaintext attacks harder; under AES-GCM that
/// gains nothing. The sequence number should be low: a receiver that misses the first packets right
/// before a wrap would guess the roll-over counter wrong (RFC 3711 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotStart {
    /// First sequence number.
    pub seq: SeqNo,
    /// First media time.
    pub timestamp: RtpTime,
    /// First VP8 picture id.
    pub picture_id: u16,
    /// First VP8 index in temporal layer 0.
    pub tl0_picture_index: u8,
    /// First frame number of the dependency descriptor.
    pub frame_number: u16,
}

impl Default for SlotStart {
    fn default() -> Self {
        Self {
            seq: SeqNo(1),
            timestamp: RtpTime(1),
            picture_id: 1,
            tl0_picture_index: 1,
            frame_number: 1,
        }
    }
}

/// What a slot does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Sends it.
    Send(Rewrite),
    /// Sends it, and it is the first since the slot was re-pointed (or since the publisher started
    /// its numbers anew): the new content begins at the media time of this rewrite.
    Start(Rewrite),
    /// Sends it, and it is the first of another layer of the same content.
    Switch(Rewrite),
    /// Does not.
    Skip(Skip),
}

/// Why a packet is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The slot is empty.
    Empty,
    /// The slot waits for a keyframe of this layer: want one.
    AwaitingKeyframe,
    /// Older than the first packet that the slot sent of this layer, or than it remembers.
    BeforeStart,
    /// Of a layer that the slot neither sends nor wants.
    OtherLayer,
    /// Of a spatial or temporal layer that is not chosen, or padding.
    LeftOut,
}

/// A packet that a slot sent, found by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SentBefore {
    /// Its layer.
    pub layer: LayerIndex,
    /// See [`Received::epoch`].
    pub epoch: u32,
    /// See [`Received::seq`].
    pub seq: u64,
    /// Whether a keyframe was sent after it: a decoder no longer needs it.
    pub made_good: bool,
    /// First number on the slot of the time that the layer was live in.
    life: u64,
}

impl SlotStream {
    /// An empty slot.
    pub const fn new(ssrc: Ssrc, kind: Kind, start: SlotStart) -> Self {
        let (clock_rate, step) = match kind {
            Kind::Audio => (Codec::Opus.clock_rate(), AUDIO_STEP),
            Kind::Video => (Codec::Vp8.clock_rate(), VIDEO_STEP),
        };
        /// Room below the first values; a multiple of every counter's period.
        const FIRST: u64 = 1 << 40;
        Self {
            ssrc,
            kind,
            target: None,
            wanted: LayerChoice::whole(LayerIndex(0)),
            live: None,
            past: VecDeque::new(),
            origin: None,
            first_timestamp: None,
            timeline: Timeline::new(clock_rate, step, start.timestamp.0),
            next: Numbers {
                seq: FIRST + start.seq.0 as u64,
                picture_id: FIRST + start.picture_id as u64,
                tl0_picture_index: FIRST + start.tl0_picture_index as u64,
                frame_number: FIRST + start.frame_number as u64,
            },
            keyframe: None,
            packets: 0,
            octets: 0,
            next_report: Time::from_micros(0),
        }
    }

    /// The source of the slot's packets.
    pub const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// What it is pointed at.
    pub const fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Points the slot at another publication, of which it wants `choice`; every packet handed to
    /// [`Self::forward`] from now on is of that publication. For video, replay a layer's cache next
    /// ([`Self::replay`]).
    pub fn point(&mut self, target: Target, choice: LayerChoice) {
        debug_assert_eq!(target.codec.kind(), self.kind);
        self.target = Some(target);
        self.wanted = choice;
        self.stop();
    }

    /// Empties the slot.
    pub fn clear(&mut self) {
        self.target = None;
        self.stop();
    }

    /// Chooses the part of the publication to send from now on. The present layer goes on until the
    /// wanted one has a frame that a decoder can start at: see [`Self::awaited`].
    pub const fn choose(&mut self, choice: LayerChoice) {
        self.wanted = choice;
    }

    /// What was chosen last.
    pub const fn choice(&self) -> LayerChoice {
        self.wanted
    }

    /// The layer that is sent; `None` until the first packet of the content.
    pub fn layer(&self) -> Option<LayerIndex> {
        self.live.as_ref().map(|live| live.layer)
    }

    /// What is sent: layer, highest spatial and highest temporal layer inside of it; the latter two
    /// as chosen where the stream does not name its layers. `None` until the first packet of the
    /// content.
    pub fn sending(&self) -> Option<LayerChoice> {
        self.live.as_ref().map(Live::sending)
    }

    /// The layer of which the slot waits for a keyframe, to start or to go over to it.
    pub fn awaited(&self) -> Option<LayerIndex> {
        self.target?;
        (self.layer() != Some(self.wanted.layer)).then_some(self.wanted.layer)
    }

    /// A new offer has, or has not, the dependency descriptor, under this id.
    pub const fn set_dependency(&mut self, id: Option<ExtensionId>) {
        if let Some(target) = &mut self.target {
            target.dependency = id;
        }
    }

    /// Whether the slot is pointed at a publication of which it sent nothing yet.
    pub const fn is_waiting(&self) -> bool {
        self.target.is_some() && self.live.is_none()
    }

    /// The media time at which the present content began; `None` until its first packet was sent.
    pub const fn first_timestamp(&self) -> Option<RtpTime> {
        self.first_timestamp
    }

    /// The highest media time that was sent, of whatever content; before anything was sent, the one
    /// to start with.
    pub const fn last_timestamp(&self) -> RtpTime {
        self.timeline.highest()
    }

    /// Packets and payload bytes sent so far, modulo 2^32 (RFC 3550 section 6.4.1).
    pub const fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// Takes the next packet of a layer of the publication that the slot is pointed at.
    #[inline]
    pub fn forward(&mut self, layer: LayerIndex, received: &Received) -> Selection {
        let Some(target) = &self.target else {
            return Selection::Skip(Skip::Empty);
        };
        match &mut self.live {
            Some(live) if live.layer == layer && live.epoch == received.epoch => {
                if !live.has_place_for(received) {
                    return Selection::Skip(Skip::BeforeStart);
                }
                if let Some(reason) = live.judge(self.wanted, target.codec, received) {
                    return Selection::Skip(reason);
                }
                self.send(received).map_or(Selection::Skip(Skip::BeforeStart), Selection::Send)
            }
            // Its numbers start anew: so does the content.
            Some(live) if live.layer == layer => {
                self.stop();
                self.start(layer, received)
            }
            _ if layer != self.wanted.layer => Selection::Skip(Skip::OtherLayer),
            Some(_) => self.switch(layer, received),
            None => self.start(layer, received),
        }
    }

    /// Finds the packet of the present content that was sent, or would have been, with this number;
    /// `None` if it is older than what is remembered, or from before the last re-point.
    pub fn sent_before(&self, seq: SeqNo) -> Option<SentBefore> {
        let mut unwrapper = Unwrapper::at(self.next.seq);
        let seq = unwrapper.unwrap(u32::from(seq.0), 16);
        if seq >= self.next.seq {
            return None;
        }
        let mut lives = self.live.iter().chain(self.past.iter().rev());
        let live = lives.find(|live| live.first <= seq)?;
        Some(SentBefore {
            layer: live.layer,
            epoch: live.epoch,
            seq: live.original(seq)?,
            made_good: self.keyframe.is_some_and(|keyframe| keyframe > seq),
            life: live.first,
        })
    }

    /// The rewrite that a packet got when it was sent, bit by bit, for a packet that
    /// [`Self::sent_before`] found. Without effect on the slot. `None` if it was not sent, and may
    /// not be.
    pub fn rewrite_again(&self, before: &SentBefore, received: &Received) -> Option<Rewrite> {
        if (before.epoch, before.seq) != (received.epoch, received.seq) {
            return None;
        }
        let mut lives = self.live.iter().chain(self.past.iter().rev());
        let live = lives.find(|live| live.first == before.life)?;
        live.rewrite(self.ssrc, self.target.as_ref()?, received)
    }

    /// Whether a packet that came before belongs to what the slot sends now.
    pub fn carries(&self, received: &Received) -> bool {
        let live = self.live.as_ref().filter(|live| live.epoch == received.epoch);
        live.is_some_and(|live| live.has_place_for(received))
    }

    /// When [`Self::report`] has something to say next: right after the first packet of a content,
    /// then once per second. `None` while nothing is sent.
    pub fn report_timeout(&self) -> Option<Time> {
        self.live.as_ref().map(|_| self.next_report)
    }

    /// The sender report that is due, if one is: `None` also while `media`, the clock of the layer
    /// that the slot sends ([`Self::layer`]), is not known yet, or is seconds away from the packets
    /// (the publisher started its media time anew, or lies); then it stays due.
    ///
    /// The wall clock in it is the node's present time and not the publisher's, see
    /// [`PublisherClock`].
    pub fn report(
        &mut self,
        now: Time,
        publisher: &PublisherClock,
        media: &MediaClock,
    ) -> Option<SenderReport> {
        if now < self.next_report {
            return None;
        }
        let rtp = self.media_time(now, publisher, media)?;
        self.next_report = now + REPORT_INTERVAL;
        Some(SenderReport {
            ssrc: self.ssrc,
            ntp: now.to_ntp(),
            rtp,
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// When, on the node's wall clock, the publisher captured what has media time
    /// [`Self::first_timestamp`], by the same clocks as [`Self::report`]. Later media times of the
    /// content follow at the clock rate. `None` as long as there can be no report.
    pub fn capture_time(
        &self,
        now: Time,
        publisher: &PublisherClock,
        media: &MediaClock,
    ) -> Option<Time> {
        let since = self.media_time(now, publisher, media)?.distance(self.first_timestamp?);
        let micros = i64::from(since) * 1_000_000 / i64::from(self.timeline.clock_rate());
        let distance = Duration::from_micros(micros.unsigned_abs());
        Some(if micros >= 0 { now - distance } else { now + distance })
    }

    /// The media time that a packet captured `now` would have.
    fn media_time(
        &self,
        now: Time,
        publisher: &PublisherClock,
        media: &MediaClock,
    ) -> Option<RtpTime> {
        let live = self.live.as_ref()?;
        let rtp = media.at(now, publisher)?.offset(live.time.offset());
        self.timeline.is_near(rtp, now).then_some(rtp)
    }

    /// Starts the content with a packet.
    #[cold]
    fn start(&mut self, layer: LayerIndex, received: &Received) -> Selection {
        if self.kind == Kind::Video && !received.starts_keyframe {
            return Selection::Skip(Skip::AwaitingKeyframe);
        }
        let time = self.timeline.start(received);
        self.open(layer, received, time);
        self.send(received).map_or(Selection::Skip(Skip::BeforeStart), Selection::Start)
    }

    /// Goes over to another layer of the content, if it can be decoded from this packet on.
    #[cold]
    fn switch(&mut self, layer: LayerIndex, received: &Received) -> Selection {
        if self.kind == Kind::Video && !received.starts_keyframe {
            return Selection::Skip(Skip::AwaitingKeyframe);
        }
        let Some(before) = self.live.take() else {
            return self.start(layer, received);
        };
        let known = before.origin.map(|origin| origin.offset(before.time.offset()));
        self.origin = self.origin.or(known);
        let expected = self.origin.zip(received.origin).map(|(content, layer)| {
            RtpTime(received.timestamp as u32).offset(content.0.wrapping_sub(layer.0))
        });
        let aligned = expected.and_then(|expected| self.timeline.resume(received, expected));
        let time = aligned.unwrap_or_else(|| self.timeline.start(received));
        if self.past.len() == MAX_PAST {
            self.past.pop_front();
        }
        self.past.push_back(before);
        self.live = Some(Live::new(layer, self.wanted, received, time, false, &self.next));
        self.send(received).map_or(Selection::Skip(Skip::BeforeStart), Selection::Switch)
    }

    /// Starts the content with kept packets of a layer, of which `frames` are the media times.
    pub(super) fn start_replay(
        &mut self,
        layer: LayerIndex,
        first: &Received,
        frames: impl Iterator<Item = u64>,
        newest: &Received,
    ) {
        self.stop();
        let time = self.timeline.start_replay(frames, newest);
        self.open(layer, first, time);
    }

    /// Sends a kept packet of the live layer, if it is of what is chosen.
    pub(super) fn replay_one(&mut self, received: &Received) -> Option<Rewrite> {
        let (target, live) = (self.target.as_ref()?, self.live.as_mut()?);
        let choice = if live.layer == self.wanted.layer { self.wanted } else { live.sending() };
        live.judge(choice, target.codec, received).is_none().then_some(())?;
        self.send(received)
    }

    /// Sends a packet of the live layer; `None` if there is no number for it any more.
    #[inline]
    fn send(&mut self, received: &Received) -> Option<Rewrite> {
        let (target, live) = (self.target.as_ref()?, self.live.as_mut()?);
        let rewrite = live.send(self.ssrc, target, received, &mut self.next)?;
        if received.starts_keyframe {
            let seq = Unwrapper::at(self.next.seq).unwrap(u32::from(rewrite.seq.0), 16);
            self.keyframe = self.keyframe.max(Some(seq));
        }
        self.timeline.sent(live.time.map(received.timestamp), received.at);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::from(rewrite.payload_len));
        Some(rewrite)
    }

    fn open(&mut self, layer: LayerIndex, first: &Received, time: Mapping) {
        self.live = Some(Live::new(layer, self.choice_of(layer), first, time, true, &self.next));
        self.first_timestamp = Some(RtpTime(time.map(first.timestamp) as u32));
        self.next_report = first.at;
    }

    /// What is wanted of a layer: everything, if another one is chosen.
    fn choice_of(&self, layer: LayerIndex) -> LayerChoice {
        if layer == self.wanted.layer { self.wanted } else { LayerChoice::whole(layer) }
    }

    fn stop(&mut self) {
        self.live = None;
        self.past.clear();
        self.origin = None;
        self.first_timestamp = None;
    }
}
