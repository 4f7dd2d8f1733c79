//! One slot of one subscriber: a stream that never breaks, made of sources that come and go.

use super::{
    DependencyRewrite, MediaClock, PayloadRewrite, PublisherClock, Received, Rewrite,
    timeline::{Mapping, Timeline},
};
use crate::{
    id::{ExtensionId, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Kind},
    output::SenderReport,
    time::Time,
};

use std::time::Duration;

/// Least step of media time at a re-point of an audio slot: one packet of 20 ms at 48 kHz.
const AUDIO_STEP: u64 = 960;

/// Least step of media time at a re-point of a video slot: one frame of 30 per second at 90 kHz.
const VIDEO_STEP: u64 = 3000;

/// Between two sender reports of a slot.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// One slot. Its sequence numbers, media time, VP8 counters and frame numbers go on across any
/// number of re-points, as if it were one encoder:
///
/// - within one source, order, gaps and distances are those of the source;
/// - at a re-point the counters go on by one, media time by the wall time that has passed, but at
///   least one frame or packet;
/// - what arrives late from before the first packet of a source is never sent, so that no number is
///   used twice;
/// - video starts at a keyframe.
#[derive(Clone, Debug)]
pub struct SlotStream {
    ssrc: Ssrc,
    kind: Kind,
    target: Option<Target>,
    live: Option<Live>,
    first_timestamp: Option<RtpTime>,
    timeline: Timeline,
    seq: Counter,
    picture_id: Counter,
    tl0_picture_index: Counter,
    frame_number: Counter,
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
    /// Does not.
    Skip(Skip),
}

/// Why a packet is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The slot is empty.
    Empty,
    /// The slot waits for a keyframe of this source: want one.
    AwaitingKeyframe,
    /// Older than the first packet that the slot sent of this source.
    BeforeStart,
}

/// The source that a slot sends now.
#[derive(Clone, Copy, Debug)]
struct Live {
    epoch: u32,
    first_seq: u64,
    time: Mapping,
}

impl SlotStream {
    /// An empty slot.
    pub const fn new(ssrc: Ssrc, kind: Kind, start: SlotStart) -> Self {
        let (clock_rate, step) = match kind {
            Kind::Audio => (Codec::Opus.clock_rate(), AUDIO_STEP),
            Kind::Video => (Codec::Vp8.clock_rate(), VIDEO_STEP),
        };
        Self {
            ssrc,
            kind,
            target: None,
            live: None,
            first_timestamp: None,
            timeline: Timeline::new(clock_rate, step, start.timestamp.0),
            seq: Counter::new(start.seq.0 as u64),
            picture_id: Counter::new(start.picture_id as u64),
            tl0_picture_index: Counter::new(start.tl0_picture_index as u64),
            frame_number: Counter::new(start.frame_number as u64),
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

    /// Points the slot at another layer; every packet handed to [`Self::forward`] from now on is of
    /// that layer. For video, replay the layer's cache next ([`Self::replay`]).
    pub fn point(&mut self, target: Target) {
        debug_assert_eq!(target.codec.kind(), self.kind);
        self.target = Some(target);
        self.stop();
    }

    /// Empties the slot.
    pub fn clear(&mut self) {
        self.target = None;
        self.stop();
    }

    /// Whether the slot is pointed at a layer of which it sent nothing yet.
    pub const fn is_waiting(&self) -> bool {
        self.target.is_some() && self.live.is_none()
    }

    /// The media time at which the present content began; `None` until its first packet was sent.
    pub const fn first_timestamp(&self) -> Option<RtpTime> {
        self.first_timestamp
    }

    /// Packets and payload bytes sent so far, modulo 2^32 (RFC 3550 section 6.4.1).
    pub const fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// Takes the next packet of the layer that the slot is pointed at.
    #[inline]
    pub fn forward(&mut self, received: &Received) -> Selection {
        let Some(target) = self.target else {
            return Selection::Skip(Skip::Empty);
        };
        match self.live {
            Some(live) if live.epoch == received.epoch => {
                if received.seq < live.first_seq {
                    return Selection::Skip(Skip::BeforeStart);
                }
                Selection::Send(self.rewrite(&target, &live, received))
            }
            _ => self.start(&target, received),
        }
    }

    /// When [`Self::report`] has something to say next: right after the first packet of a content,
    /// then once per second. `None` while nothing is sent.
    pub fn report_timeout(&self) -> Option<Time> {
        self.live.map(|_| self.next_report)
    }

    /// The sender report that is due, if one is: `None` also while `media`, the clock of the layer
    /// that the slot is pointed at, is not known yet, or is seconds away from the packets (the
    /// publisher started its media time anew, or lies); then it stays due.
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
        let live = self.live?;
        let rtp = media.at(now, publisher)?.offset(live.time.offset());
        self.timeline.is_near(rtp, now).then_some(rtp)
    }

    #[cold]
    fn start(&mut self, target: &Target, received: &Received) -> Selection {
        self.stop();
        if self.kind == Kind::Video && !received.starts_keyframe {
            return Selection::Skip(Skip::AwaitingKeyframe);
        }
        let time = self.timeline.start(received);
        let live = self.go_live(received, time);
        let mut rewrite = self.rewrite(target, &live, received);
        // The start of a talk spurt (RFC 3551 section 4.1).
        rewrite.marker |= self.kind == Kind::Audio;
        Selection::Start(rewrite)
    }

    /// Starts a source with kept packets, of which `frames` are the media times.
    pub(super) fn start_replay(
        &mut self,
        first: &Received,
        frames: impl Iterator<Item = u64>,
        newest: &Received,
    ) {
        self.stop();
        let time = self.timeline.start_replay(frames, newest);
        self.go_live(first, time);
    }

    /// The rewrite for a kept packet; `None` if the slot is not live.
    pub(super) fn rewrite_kept(&mut self, received: &Received) -> Option<Rewrite> {
        let (target, live) = (self.target?, self.live?);
        Some(self.rewrite(&target, &live, received))
    }

    fn go_live(&mut self, first: &Received, time: Mapping) -> Live {
        let live = Live { epoch: first.epoch, first_seq: first.seq, time };
        self.live = Some(live);
        self.first_timestamp = Some(RtpTime(time.map(first.timestamp) as u32));
        self.next_report = first.at;
        live
    }

    fn stop(&mut self) {
        self.live = None;
        self.first_timestamp = None;
        self.seq.stop();
        self.picture_id.stop();
        self.tl0_picture_index.stop();
        self.frame_number.stop();
    }

    #[inline]
    fn rewrite(&mut self, target: &Target, live: &Live, received: &Received) -> Rewrite {
        let packet = &received.packet;
        let timestamp = live.time.map(received.timestamp);
        self.timeline.sent(timestamp, received.at);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::from(packet.payload_len));
        let frame_number = received.frame_number.map(|number| self.frame_number.map(number));
        Rewrite {
            header_len: packet.header_len,
            payload_len: packet.payload_len,
            ssrc: self.ssrc,
            payload_type: target.payload_type,
            seq: SeqNo(self.seq.map(received.seq) as u16),
            timestamp: RtpTime(timestamp as u32),
            marker: packet.marker,
            csrc: target.csrc,
            payload: self.rewrite_payload(received),
            dependency: match (packet.dependency, target.dependency, frame_number) {
                (Some(descriptor), Some(id), Some(number)) => Some(DependencyRewrite {
                    offset: descriptor.offset,
                    len: descriptor.len,
                    id,
                    frame_number: number as u16,
                }),
                _ => None,
            },
        }
    }

    #[inline]
    fn rewrite_payload(&mut self, received: &Received) -> PayloadRewrite {
        if received.picture_id.is_none() && received.tl0_picture_index.is_none() {
            return PayloadRewrite::Unchanged;
        }
        let picture_id = received.picture_id.map_or(0, |id| self.picture_id.map(id));
        let index = received.tl0_picture_index.map_or(0, |index| self.tl0_picture_index.map(index));
        PayloadRewrite::Vp8 {
            picture_id: picture_id as u16 & 0x7fff,
            tl0_picture_index: index as u8,
        }
    }
}

/// A counter of the slot that follows a counter of the source at a distance. The distance is set by
/// the first value after a re-point, so that this value becomes the next one of the slot.
#[derive(Clone, Copy, Debug)]
struct Counter {
    next: u64,
    offset: Option<u64>,
}

impl Counter {
    const fn new(start: u64) -> Self {
        // Room below the first value; a multiple of every counter's period.
        Self { next: (1 << 40) + start, offset: None }
    }

    fn stop(&mut self) {
        self.offset = None;
    }

    #[inline]
    fn map(&mut self, value: u64) -> u64 {
        let offset = *self.offset.get_or_insert(self.next.wrapping_sub(value));
        let mapped = value.wrapping_add(offset);
        self.next = self.next.max(mapped.wrapping_add(1));
        mapped
    }
}
