//! The peers of a shard.

use std::time::Instant;

use rustc_hash::FxHashMap;
use sotto_core::{
    forward::Forward,
    id::{ExtensionId, PayloadType, PeerId, SeqNo, Ssrc},
    output::SenderReport,
};
use tokio::sync::mpsc;

use super::{
    PeerEvent,
    arrivals::Arrivals,
    bucket::Bucket,
    demux::PeerIndex,
    pacing::Pacing,
    rtcp::{Receptions, SentReports},
    sdp::Layout,
    sealed::SealedPackets,
    stats::Traffic,
    taps::Taps,
    transport::{Path, RemoteParameters, Transport},
};

/// Packets that may wait for one subscriber within one turn of the loop: a keyframe from the cache
/// for each of 16 slots.
const QUEUE: usize = 4_096;

/// Packets that may be sent once more to one peer within one turn: a second of sound.
const RESENDS: usize = 64;

/// Reports and requests that may wait for one peer within one turn.
const CONTROLS: usize = 64;

/// One client.
pub(super) struct Peer<T> {
    pub(super) id: PeerId,
    pub(super) events: mpsc::Sender<PeerEvent>,
    /// Made with the first offer that is accepted.
    pub(super) transport: Option<T>,
    /// Media may flow.
    pub(super) connected: bool,
    /// Where to send.
    pub(super) path: Option<Path>,
    /// What it gets at the end of this turn, as far as its way carries it.
    pub(super) queue: Vec<Forward>,
    pub(super) controls: Vec<Control>,
    /// Packets that it is to get once more, at the end of this turn.
    pub(super) resends: Vec<(Ssrc, SeqNo)>,
    /// Bundles are due for it.
    pub(super) bundled: bool,
    /// The source of the bundles that it was sent, as packets.
    pub(super) bundle_source: Option<Ssrc>,
    /// What it may send on its data channel for models.
    pub(super) model_packets: Bucket,
    /// What the transport-wide number of its packets is called, where that was negotiated.
    pub(super) transport_id: Option<ExtensionId>,
    /// How fast it is sent to, and what waits. `None`: transport-wide feedback was not negotiated.
    pub(super) pacing: Option<Box<Pacing>>,
    /// When its packets arrived. `None`: transport-wide feedback was not negotiated.
    pub(super) arrivals: Option<Box<Arrivals>>,
    /// What it was sent lately and may ask for once more.
    pub(super) sealed: SealedPackets,
    /// It takes RTCP packets that are no compound (RFC 5506).
    pub(super) reduced_rtcp: bool,
    /// The offer that waits for the core's answer.
    pub(super) offer: Option<Offered>,
    /// Answers given so far.
    pub(super) answers: u32,
    /// Nobody reads its events: it is about to be dropped.
    pub(super) deaf: bool,
    /// Is in the list of those to flush.
    pub(super) dirty: bool,
    /// Is in the list of those whose transport was called.
    pub(super) touched: bool,
    /// What learners have of its packets.
    pub(super) taps: Taps,
    pub(super) receptions: Receptions,
    pub(super) sent_reports: SentReports,
    /// RTP clock of each payload type that it may send, in Hz.
    pub(super) clock_rates: Vec<(PayloadType, u32)>,
    pub(super) traffic: Traffic,
}

/// What is left of an offer once the core has its media. Without effect unless the core answers it.
pub(super) struct Offered {
    /// The client's number for it.
    pub(super) id: u32,
    /// Its m-lines.
    pub(super) layout: Layout,
    /// The client's side of the transport.
    pub(super) remote: RemoteParameters,
}

/// RTCP to write at the end of this turn.
#[derive(Clone, Debug)]
pub(super) enum Control {
    /// About one of its slots.
    SenderReport(SenderReport),
    /// How its sources arrive.
    ReceiverReport,
    /// It should send a keyframe.
    KeyframeRequest(Ssrc),
    /// It should send these packets once more.
    Nack { ssrc: Ssrc, missing: Vec<SeqNo> },
    /// When its packets arrived.
    TransportFeedback,
}

impl<T> Peer<T> {
    fn new(id: PeerId, events: mpsc::Sender<PeerEvent>) -> Self {
        Self {
            id,
            events,
            transport: None,
            connected: false,
            path: None,
            queue: Vec::new(),
            controls: Vec::new(),
            resends: Vec::new(),
            bundled: false,
            bundle_source: None,
            model_packets: Bucket::full(),
            transport_id: None,
            pacing: None,
            arrivals: None,
            sealed: SealedPackets::default(),
            reduced_rtcp: false,
            offer: None,
            answers: 0,
            deaf: false,
            dirty: false,
            touched: false,
            taps: Taps::default(),
            receptions: Receptions::default(),
            sent_reports: SentReports::default(),
            clock_rates: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    /// Queues a packet for the end of the turn. Full: the newest is dropped, and `false` says so; the
    /// subscriber sees a gap and asks for a keyframe.
    pub(super) fn enqueue(&mut self, forward: Forward) -> bool {
        let room = self.queue.len() < QUEUE;
        if room {
            self.queue.push(forward);
        }
        room
    }

    /// Queues a packet to be sent once more. Full: the newest is dropped, and `false` says so; the
    /// client asks again.
    pub(super) fn resend(&mut self, ssrc: Ssrc, seq: SeqNo) -> bool {
        let room = self.resends.len() < RESENDS;
        if room {
            self.resends.push((ssrc, seq));
        }
        room
    }

    /// Queues RTCP for the end of the turn. Full: the newest is dropped, and `false` says so; reports
    /// and requests are all repeated.
    pub(super) fn control(&mut self, control: Control) -> bool {
        let room = self.controls.len() < CONTROLS;
        if room {
            self.controls.push(control);
        }
        room
    }

    /// RTP clock of a payload type in Hz; zero where it is unknown.
    pub(super) fn clock_rate(&self, payload_type: PayloadType) -> u32 {
        let found = self.clock_rates.iter().find(|(known, _)| *known == payload_type);
        found.map_or(0, |(_, rate)| *rate)
    }
}

impl<T: Transport> Peer<T> {
    /// When its transport wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.transport.as_ref().and_then(Transport::poll_timeout)
    }
}

/// A table with stable places, and the way from ids to places.
pub(super) struct Peers<T> {
    places: Vec<Option<Box<Peer<T>>>>,
    free: Vec<u32>,
    by_id: FxHashMap<PeerId, PeerIndex>,
}

impl<T> Peers<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new(), by_id: FxHashMap::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Adds a peer. `None`: the id is taken.
    pub(super) fn insert(
        &mut self,
        id: PeerId,
        events: mpsc::Sender<PeerEvent>,
    ) -> Option<PeerIndex> {
        if self.by_id.contains_key(&id) {
            return None;
        }
        let peer = Some(Box::new(Peer::new(id, events)));
        let index = match self.free.pop() {
            Some(index) => {
                self.places[index as usize] = peer;
                index
            }
            None => {
                self.places.push(peer);
                (self.places.len() - 1) as u32
            }
        };
        self.by_id.insert(id, PeerIndex(index));
        Some(PeerIndex(index))
    }

    pub(super) fn remove(&mut self, index: PeerIndex) -> Option<Box<Peer<T>>> {
        let peer = self.places.get_mut(index.0 as usize)?.take()?;
        self.by_id.remove(&peer.id);
        self.free.push(index.0);
        Some(peer)
    }

    /// One more than the highest place that was ever taken.
    pub(super) fn places(&self) -> u32 {
        self.places.len() as u32
    }

    pub(super) fn index_of(&self, id: PeerId) -> Option<PeerIndex> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get_mut(&mut self, index: PeerIndex) -> Option<&mut Peer<T>> {
        self.places.get_mut(index.0 as usize)?.as_deref_mut()
    }

    pub(super) fn get(&self, index: PeerIndex) -> Option<&Peer<T>> {
        self.places.get(index.0 as usize)?.as_deref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Peer<T>> {
        self.places.iter().filter_map(Option::as_deref)
    }

    /// The places that are taken.
    pub(super) fn indices(&self) -> impl Iterator<Item = PeerIndex> + '_ {
        let taken = self.places.iter().enumerate().filter(|(_, place)| place.is_some());
        taken.map(|(index, _)| PeerIndex(index as u32))
    }
}
