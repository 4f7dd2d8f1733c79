//! Everything of a shard but its socket.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_core::{
    Sfu, Time,
    forward::Forward,
    id::{PeerId, Ssrc},
};

use super::{MakeTransport, moderation::Moderation, reports::ReportClock};
use crate::{
    clock::Clock,
    shard::{
        ShardAddresses,
        bucket::{BucketTable, Rate},
        demux::{Demux, PeerIndex},
        handle::Load,
        peers::{Control, Peers},
        rtcp::ReportBlock,
        slab::Slab,
        socket::Outbox,
        stats::{Counters, ShardStats},
        taps::BeginLearning,
        transport::Transport,
        wheel::Wheel,
    },
};

/// STUN over unknown paths that one network address may send: a burst for a room full of clients
/// behind one NAT that come back together, and not more than a hundredth of a core after that.
const STRANGERS: Rate = Rate { per_second: 1_000, burst: 2_000 };

/// Timers that one turn takes; the rest is due in the next. A transport that wants to be called again
/// at once, for ever, then costs its share and not the shard.
const TIMERS_PER_TURN: usize = 4_096;

/// Keys of the wheel.
pub(super) const SFU_TIMER: u32 = 0;
pub(super) const REPORT_TIMER: u32 = 1;
const FIRST_PEER_TIMER: u32 = 2;

/// What a peer has timers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerTimer {
    /// Its transport wants to be called.
    Transport,
    /// Its way may carry what waits, or the estimate of it is due.
    Pacing,
    /// It is to be told when its packets arrived.
    Arrivals,
}

impl PeerTimer {
    const ALL: [Self; 3] = [Self::Transport, Self::Pacing, Self::Arrivals];

    /// Its key in the wheel.
    pub(super) fn key(self, index: PeerIndex) -> u32 {
        FIRST_PEER_TIMER + index.0 * Self::ALL.len() as u32 + self as u32
    }

    /// Whose timer it is, and which.
    fn of(key: u32) -> (PeerIndex, Self) {
        let number = key - FIRST_PEER_TIMER;
        let kinds = Self::ALL.len() as u32;
        (PeerIndex(number / kinds), Self::ALL[(number % kinds) as usize])
    }
}

/// Rooms, transports, packets and timers of a shard.
pub(super) struct Engine<T> {
    pub(super) clock: Clock,
    pub(super) sfu: Sfu,
    pub(super) slab: Slab,
    pub(super) demux: Demux,
    pub(super) peers: Peers<T>,
    pub(super) wheel: Wheel,
    pub(super) strangers: BucketTable,
    pub(super) addresses: ShardAddresses,
    pub(super) max_peers: usize,
    pub(super) make_transport: MakeTransport<T>,
    /// `None`: the node learns nothing.
    pub(super) begin_learning: Option<BeginLearning>,
    pub(super) load: Arc<Load>,
    pub(super) counters: Counters,
    pub(super) moderation: Moderation,
    /// What the core said about the packet at hand; kept for its capacity.
    pub(super) forwards: Vec<Forward>,
    /// Peers with something to send this turn.
    pub(super) dirty: Vec<PeerIndex>,
    /// Peers whose transport was called since the last [`Self::settle`].
    pub(super) touched: Vec<PeerIndex>,
    /// Peers that do not read their events.
    pub(super) deaf: Vec<PeerIndex>,
    /// Peers to drop once what they are still to get is sent.
    pub(super) leaving: Vec<PeerIndex>,
    pub(super) report_clock: ReportClock,
    pub(super) blocks: Vec<ReportBlock>,
    /// Transport-wide feedback that is written; kept for its capacity.
    pub(super) feedback: Vec<u8>,
    /// The bundle that is sent; kept for its capacity.
    pub(super) bundle: Vec<u8>,
    /// Bundles were taken from the core this turn.
    pub(super) bundled: bool,
    /// Slots whose pictures were dropped because they waited too long; kept for its capacity.
    pub(super) stale: Vec<Ssrc>,
}

impl<T: Transport> Engine<T> {
    pub(super) fn new(
        sfu: Sfu,
        addresses: ShardAddresses,
        slab_packets: u32,
        max_peers: usize,
        make_transport: MakeTransport<T>,
        begin_learning: Option<BeginLearning>,
        load: Arc<Load>,
    ) -> Self {
        let clock = Clock::start();
        Self {
            clock,
            sfu,
            slab: Slab::new(slab_packets),
            demux: Demux::default(),
            peers: Peers::new(),
            wheel: Wheel::new(clock.now()),
            strangers: BucketTable::new(STRANGERS),
            addresses,
            max_peers,
            make_transport,
            begin_learning,
            load,
            counters: Counters::default(),
            moderation: Moderation::default(),
            forwards: Vec::new(),
            dirty: Vec::new(),
            touched: Vec::new(),
            deaf: Vec::new(),
            leaving: Vec::new(),
            report_clock: ReportClock::default(),
            blocks: Vec::new(),
            feedback: Vec::new(),
            bundle: Vec::new(),
            bundled: false,
            stale: Vec::new(),
        }
    }

    /// The time of this turn: everything in it happens at once.
    pub(super) fn begin_turn(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn time(&self, now: Instant) -> Time {
        self.clock.time(now)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// How long the socket may be left alone.
    pub(super) fn rest(&self) -> Duration {
        self.moderation.rest(self.clock.now())
    }

    /// Lets timers act that are due.
    pub(super) fn expire(&mut self, now: Instant) {
        self.wheel.advance(now);
        for _ in 0..TIMERS_PER_TURN {
            let Some(key) = self.wheel.pop() else { break };
            match key {
                SFU_TIMER => {
                    let time = self.time(now);
                    self.sfu.handle_timeout(time);
                }
                REPORT_TIMER => self.reports_due(now),
                key => match PeerTimer::of(key) {
                    (index, PeerTimer::Transport) => {
                        if let Some(peer) = self.peers.get_mut(index)
                            && let Some(transport) = &mut peer.transport
                        {
                            transport.handle_timeout(now);
                            self.touch(index);
                        }
                    }
                    (index, PeerTimer::Pacing) => self.pacing_due(now, index),
                    (index, PeerTimer::Arrivals) => {
                        self.enqueue_control(index, Control::TransportFeedback);
                    }
                },
            }
            self.settle(now);
        }
        // The core's next timer may have moved with any packet: looked at once a turn.
        self.arm_core();
    }

    /// Sets the timer of the core.
    pub(super) fn arm_core(&mut self) {
        match self.sfu.poll_timeout() {
            Some(at) => self.wheel.set(SFU_TIMER, self.clock.instant(at)),
            None => self.wheel.cancel(SFU_TIMER),
        }
    }

    /// The transport of this peer was called: its events, datagrams and timer are to be looked at.
    pub(super) fn touch(&mut self, index: PeerIndex) {
        self.note_touched(index);
        self.soil(index);
    }

    /// The transport of this peer was called while it was sent to: its datagrams are on their way, its
    /// timer is set, and its events are looked at with those of the next turn.
    pub(super) fn revisit(&mut self, index: PeerIndex) {
        self.note_touched(index);
        self.arm(index);
    }

    fn note_touched(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.touched {
            peer.touched = true;
            self.touched.push(index);
        }
    }

    /// This peer has something to send at the end of the turn.
    pub(super) fn soil(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.dirty {
            peer.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Carries out what the core wants done and tells it what the transports report, until both have
    /// no more to say.
    pub(super) fn settle(&mut self, now: Instant) {
        loop {
            while let Some(output) = self.sfu.poll_output() {
                self.carry_out(now, output);
            }
            let Some(index) = self.touched.pop() else {
                let Some(index) = self.deaf.pop() else { return };
                self.drop_deaf(now, index);
                continue;
            };
            if let Some(peer) = self.peers.get_mut(index) {
                peer.touched = false;
            }
            while let Some(event) = self.transport_event(index) {
                self.happened(now, index, event);
                while let Some(output) = self.sfu.poll_output() {
                    self.carry_out(now, output);
                }
            }
            self.arm(index);
        }
    }

    /// Sets the timer of a peer's transport.
    fn arm(&mut self, index: PeerIndex) {
        let key = PeerTimer::Transport.key(index);
        match self.peers.get(index).and_then(|peer| peer.deadline()) {
            Some(deadline) => self.wheel.set(key, deadline),
            None => self.wheel.cancel(key),
        }
    }

    /// Takes a peer out of every table. What waits for it is let go.
    pub(super) fn forget(&mut self, index: PeerIndex) {
        self.demux.remove(index);
        for timer in PeerTimer::ALL {
            self.wheel.cancel(timer.key(index));
        }
        if let Some(mut peer) = self.peers.remove(index) {
            let waiting = peer.pacing.iter_mut().flat_map(|pacing| pacing.drain());
            for forward in peer.queue.drain(..).chain(waiting) {
                self.slab.release_all(&forward);
            }
        }
        self.dirty.retain(|other| *other != index);
        self.touched.retain(|other| *other != index);
        self.load.set(self.peers.len());
        if self.peers.len() == 0 {
            self.wheel.cancel(REPORT_TIMER);
        }
    }

    /// Drops everyone without telling the core. The closed event channels tell the websockets.
    pub(super) fn abandon(&mut self) {
        self.peers = Peers::new();
        self.load.set(0);
    }

    pub(super) fn stats(&self, outbox: &Outbox) -> ShardStats {
        ShardStats {
            counters: self.counters.clone(),
            run_lengths: outbox.run_lengths(),
            slab_in_use: self.slab.in_use(),
            slab_capacity: self.slab.capacity(),
            peers: self.peers.iter().map(|peer| (peer.id, peer.traffic)).collect(),
            accounts: self.sfu.accounts().collect(),
        }
    }

    /// The place of a peer that the core names.
    pub(super) fn index_of(&self, peer: PeerId) -> Option<PeerIndex> {
        self.peers.index_of(peer)
    }
}
