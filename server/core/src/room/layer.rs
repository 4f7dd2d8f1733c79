//! One simulcast layer of a publication.

use std::time::Duration;

use crate::{
    forward::{
        History, InsideMeter, KeyframeRequests, MediaClock, Missing, RateMeter, Received,
        SourceStream,
    },
    id::{LayerIndex, Rid},
    media::Codec,
    peer::LayerDescription,
    room::Seat,
    time::Time,
};

/// A layer of which nothing came for so long, while another layer of its publication went on, is
/// taken for stopped: by its publisher's line or processor, or because the node asked for it. Longer
/// than the second between two frames of a screen that stands still.
const SILENCE: Duration = Duration::from_millis(1_200);

/// A layer of which something came within this time flows.
const FLOWING: Duration = Duration::from_millis(150);

/// Restarts of a layer within one [`RESTART_SPAN`]. Each is told to everybody who watches it, so that
/// a publisher that started anew with every packet would flood them. Encoders start anew when a
/// device changes or a track is replaced: a few times in a meeting.
const MAX_RESTARTS: u32 = 8;

/// See [`MAX_RESTARTS`].
const RESTART_SPAN: Duration = Duration::from_secs(4);

/// The latest restarts of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restarts {
    count: u32,
    since: Time,
}

impl Restarts {
    const fn new() -> Self {
        Self { count: 0, since: Time::from_micros(0) }
    }

    /// Counts one more, if there may be one.
    pub(crate) fn admit(&mut self, now: Time) -> bool {
        if now.saturating_since(self.since) >= RESTART_SPAN {
            *self = Self { count: 0, since: now };
        }
        let admitted = self.count < MAX_RESTARTS;
        self.count += u32::from(admitted);
        admitted
    }
}

/// One simulcast layer of a publication, or all of it.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Its tag; none without simulcast.
    pub(crate) rid: Option<Rid>,
    /// What its publisher says about it.
    pub(crate) described: Option<LayerDescription>,
    /// Where its packets go: slots that send it, and slots that wait to send it.
    pub(crate) seats: Vec<Seat>,
    pub(crate) stream: SourceStream,
    pub(crate) restarts: Restarts,
    pub(crate) clock: MediaClock,
    /// Its latest packets; of a sound, only while somebody gets them as redundancy.
    pub(crate) history: History,
    /// Whether somebody gets its packets as redundancy. Audio only.
    pub(crate) is_repeated: bool,
    /// Video only.
    pub(crate) requests: KeyframeRequests,
    /// Whether its publisher sends again what it is asked for.
    pub(crate) nack: bool,
    /// What did not come, and is asked for.
    pub(crate) missing: Missing,
    rate: RateMeter,
    inside: InsideMeter,
    last: Option<Time>,
}

impl Layer {
    /// A layer of which nothing came yet.
    pub(crate) const fn new(rid: Option<Rid>, codec: Codec) -> Self {
        Self {
            rid,
            described: None,
            seats: Vec::new(),
            stream: SourceStream::new(),
            restarts: Restarts::new(),
            clock: MediaClock::new(codec.clock_rate()),
            history: History::new(codec.kind()),
            is_repeated: false,
            requests: KeyframeRequests::new(),
            nack: false,
            missing: Missing::new(codec.kind()),
            rate: RateMeter::new(),
            inside: InsideMeter::new(),
            last: None,
        }
    }

    /// Counts a packet.
    pub(crate) fn observe(&mut self, received: &Received) {
        let packet = &received.packet;
        let len = usize::from(packet.header_len) + usize::from(packet.payload_len);
        self.rate.observe(received.at, len);
        self.inside.observe(received, len);
        self.last = Some(received.at);
    }

    /// Whether its last keyframe is kept for those who come: the first layer is where they begin, the
    /// others only matter to those who move between layers.
    pub(crate) fn keeps_pictures(&self, index: LayerIndex) -> bool {
        index == LayerIndex(0) || !self.seats.is_empty()
    }

    /// Height in pixels of a spatial layer inside of it, where its publisher said so.
    pub(crate) fn height(&self, spatial: u8) -> Option<u16> {
        self.described.map(|layer| layer.mode.scale(layer.height, spatial))
    }

    /// Bits per second that it takes on the way to a subscriber, over the last second.
    pub(crate) fn bitrate(&self, now: Time) -> u64 {
        self.rate.bitrate(now)
    }

    /// How many spatial and temporal layers are inside of it: by its packets, or as long as these do
    /// not tell, as its publisher says.
    pub(crate) fn parts(&self) -> (u8, u8) {
        let described = self.described.map(|layer| (layer.mode.spatial, layer.mode.temporal));
        let measured = self.inside.inside().map(|inside| (inside.spatial, inside.temporal));
        measured.or(described).unwrap_or((1, 1))
    }

    /// See [`Inside::shares`](crate::forward::Inside::shares).
    pub(crate) fn shares(&self) -> Option<[[u16; 3]; 3]> {
        self.inside.inside().map(|inside| inside.shares)
    }

    /// Whether something of it came just now.
    pub(crate) fn is_flowing(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.saturating_since(last) < FLOWING)
    }

    /// Whether it is sent, as far as one can tell while other layers go on.
    pub(crate) fn is_alive(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.saturating_since(last) < SILENCE)
    }
}
