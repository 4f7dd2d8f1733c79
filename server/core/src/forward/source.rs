//! One published layer as it comes in: numbered without wraps, without duplicates, counted.

use super::{
    MediaClock,
    window::{Seen, Window},
};
use crate::{
    id::{RtpTime, SeqNo, Ssrc},
    media::Codec,
    rtp::{DependencyReader, Packet, Unwrapper, VideoDescriptor},
    time::Time,
};

/// Largest step forward in sequence numbers that is taken for loss (RFC 3550 appendix A.1). A
/// larger one is a restart if the next packet confirms it. It also bounds how far a publisher can
/// move the sequence numbers, and with them the roll-over counters, of those who watch it.
const MAX_DROPOUT: i16 = 3000;

/// The packets of one published layer, in the order of arrival.
#[derive(Clone, Debug)]
pub struct SourceStream {
    ssrc: Option<Ssrc>,
    epoch: u32,
    highest_seq: SeqNo,
    /// The number that would confirm a restart.
    suspect: Option<SeqNo>,
    window: Window,
    origin: Option<RtpTime>,
    seq: Unwrapper,
    timestamp: Unwrapper,
    picture_id: Unwrapper,
    tl0_picture_index: Unwrapper,
    frame_number: Unwrapper,
    dependencies: DependencyReader,
    /// Media time of the latest H.264 parameter sets: the frame that follows them began with them.
    parameters: Option<RtpTime>,
    statistics: SourceStatistics,
}

/// A packet with its place in the layer: all counters without wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// When it came.
    pub at: Time,
    /// What its header says.
    pub packet: Packet,
    /// Grows each time that the publisher starts its numbers anew. Numbers of two epochs have
    /// nothing to do with one another.
    pub epoch: u32,
    /// Sequence number.
    pub seq: u64,
    /// Media time in units of the codec's clock.
    pub timestamp: u64,
    /// The media time of the layer at NTP time zero of its publisher, by its latest sender report.
    pub origin: Option<RtpTime>,
    /// Whether a decoder can start at this packet.
    pub starts_keyframe: bool,
    /// VP8 or VP9 picture id.
    pub picture_id: Option<u64>,
    /// VP8 or VP9 index of the frame in temporal layer 0.
    pub tl0_picture_index: Option<u64>,
    /// Frame number of the dependency descriptor.
    pub frame_number: Option<u64>,
}

/// A packet that goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// It came before.
    #[error("duplicate")]
    Duplicate,
    /// So far from the others that it may be a stray: the next packet tells.
    #[error("sequence number far from the others")]
    Stray,
}

/// What came in, since the layer began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceStatistics {
    /// Packets taken.
    pub packets: u64,
    /// Their bytes, RTP headers included.
    pub bytes: u64,
    /// Sequence numbers that never came, or have not come yet.
    pub lost: u64,
    /// Packets refused as duplicates.
    pub duplicates: u64,
    /// Packets refused as strays.
    pub strays: u64,
    /// Frames that a decoder can start at.
    pub keyframes: u64,
}

impl Default for SourceStream {
    fn default() -> Self {
        Self::new()
    }
}

impl SourceStream {
    /// A layer of which nothing has come yet.
    pub const fn new() -> Self {
        Self {
            ssrc: None,
            epoch: 0,
            highest_seq: SeqNo(0),
            suspect: None,
            window: Window::new(),
            origin: None,
            seq: Unwrapper::new(),
            timestamp: Unwrapper::new(),
            picture_id: Unwrapper::new(),
            tl0_picture_index: Unwrapper::new(),
            frame_number: Unwrapper::new(),
            dependencies: DependencyReader::new(),
            parameters: None,
            statistics: SourceStatistics {
                packets: 0,
                bytes: 0,
                lost: 0,
                duplicates: 0,
                strays: 0,
                keyframes: 0,
            },
        }
    }

    /// What came in so far.
    pub const fn statistics(&self) -> &SourceStatistics {
        &self.statistics
    }

    /// The source that the layer was last heard on.
    pub const fn ssrc(&self) -> Option<Ssrc> {
        self.ssrc
    }

    /// Takes the clock of the layer as its publisher's latest sender report has it: by it, slots
    /// keep media time when they go over from one layer to another.
    pub fn align(&mut self, clock: &MediaClock) {
        self.origin = clock.origin();
    }

    /// Reads what a video packet of the layer says about its frame ([`Packet::describe`]). Before
    /// [`Self::receive`].
    pub fn describe(&mut self, packet: &mut Packet, bytes: &[u8], codec: Codec, opaque: bool) {
        packet.describe(bytes, codec, opaque, &mut self.dependencies);
    }

    /// Takes a packet of the layer. Packets of a new source, and numbers far from the latest ones
    /// that a second packet confirms (RFC 3550 appendix A.1), start a new epoch.
    ///
    /// # Errors
    /// [`Refused`]: forward it to nobody, do not keep it.
    pub fn receive(&mut self, now: Time, packet: &Packet) -> Result<Received, Refused> {
        if self.would_restart(packet) {
            self.restart(packet.ssrc);
        } else if !self.is_near(packet.seq) {
            self.suspect = Some(packet.seq.next());
            self.statistics.strays += 1;
            return Err(Refused::Stray);
        }
        let seq = self.seq.unwrap(u32::from(packet.seq.0), 16);
        match self.window.insert(seq) {
            Seen::New { ahead: 0 } => {
                // One that was counted as lost.
                self.statistics.lost = self.statistics.lost.saturating_sub(1);
            }
            Seen::New { ahead } => {
                self.statistics.lost += ahead - 1;
                self.highest_seq = packet.seq;
            }
            Seen::Duplicate => {
                self.statistics.duplicates += 1;
                return Err(Refused::Duplicate);
            }
            Seen::TooOld => {
                self.statistics.strays += 1;
                return Err(Refused::Stray);
            }
        }
        self.suspect = None;
        let starts_keyframe = self.starts_keyframe(packet);
        self.statistics.packets += 1;
        self.statistics.bytes += u64::from(packet.header_len) + u64::from(packet.payload_len);
        self.statistics.keyframes += u64::from(starts_keyframe);
        let (picture_id, tl0_picture_index) = match packet.video {
            Some(VideoDescriptor::Vp8 { picture_id, tl0_picture_index, .. }) => {
                (picture_id, tl0_picture_index)
            }
            Some(VideoDescriptor::Vp9(descriptor)) => (
                descriptor.picture_id,
                descriptor.layers.and_then(|layers| layers.tl0_picture_index),
            ),
            Some(VideoDescriptor::H264 { .. } | VideoDescriptor::Av1 { .. }) | None => (None, None),
        };
        let picture_id = picture_id
            .map(|(id, long)| self.picture_id.unwrap(u32::from(id), if long { 15 } else { 7 }));
        let tl0_picture_index =
            tl0_picture_index.map(|index| self.tl0_picture_index.unwrap(u32::from(index), 8));
        Ok(Received {
            at: now,
            packet: *packet,
            epoch: self.epoch,
            seq,
            origin: self.origin,
            timestamp: self.timestamp.unwrap(packet.timestamp.0, 32),
            starts_keyframe,
            picture_id,
            tl0_picture_index,
            frame_number: packet
                .dependency
                .map(|frame| self.frame_number.unwrap(u32::from(frame.frame_number), 16)),
        })
    }

    /// Whether a packet of this source and number would be new, and near those so far.
    pub fn lacks(&self, packet: &Packet) -> bool {
        let mut seq = self.seq;
        self.ssrc == Some(packet.ssrc)
            && self.is_near(packet.seq)
            && self.window.lacks(seq.unwrap(u32::from(packet.seq.0), 16))
    }

    /// Whether a decoder can start at this packet. H.264 pictures that can be decoded alone begin with
    /// their parameter sets where these are sent at all.
    fn starts_keyframe(&mut self, packet: &Packet) -> bool {
        if let Some(VideoDescriptor::H264 { parameters, idr, .. }) = packet.video {
            if parameters {
                self.parameters = Some(packet.timestamp);
            } else if idr && self.parameters == Some(packet.timestamp) {
                return false;
            }
        }
        packet.starts_keyframe()
    }

    /// Whether this packet would start a new epoch.
    pub fn would_restart(&self, packet: &Packet) -> bool {
        self.ssrc != Some(packet.ssrc)
            || (self.suspect == Some(packet.seq) && !self.is_near(packet.seq))
    }

    /// Whether `seq` can belong to the numbers so far.
    fn is_near(&self, seq: SeqNo) -> bool {
        let distance = seq.distance(self.highest_seq);
        distance <= MAX_DROPOUT && -i32::from(distance) < super::window::WINDOW as i32
    }

    fn restart(&mut self, ssrc: Ssrc) {
        *self = Self {
            ssrc: Some(ssrc),
            epoch: self.epoch.wrapping_add(1),
            statistics: self.statistics,
            // A report may come before the first packet; an old one says nothing of a new source.
            origin: self.origin.filter(|_| self.ssrc.is_none()),
            // What the packet that restarts the layer says was read by these.
            dependencies: std::mem::take(&mut self.dependencies),
            ..Self::new()
        };
    }
}
