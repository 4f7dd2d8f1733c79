//! From the queues of the subscribers to the socket.
//!
//! ```text
//!  what waits (Pacing) ─┐
//!  queue of the turn ───┼─► may it leave? ─► rewrite, number, seal ─► Outbox
//!          ▲            │        │ no
//!          └────────────┘        └─► Pacing: until its timer, or it is of no use
//!  bundles of the core ─► number, seal ──────────────────────────────► Outbox
//!  sealed sound and bundles, once more ──────────────────────────────► Outbox
//!  reports, requests, feedback ─► write, seal ───────────────────────► Outbox
//! ```

use std::time::Instant;

use sotto_core::{
    forward::Forward,
    id::{SeqNo, Ssrc},
};

use super::{
    Ports,
    engine::{Engine, PeerTimer},
    exit::Exit,
};
use crate::shard::{
    demux::PeerIndex,
    peers::Control,
    socket::Sent,
    stats::{DropReason, Form},
    transport::Transport,
};

impl<T: Transport> Engine<T> {
    /// Puts a packet into the queue of its subscriber.
    pub(super) fn enqueue(&mut self, forward: Forward) {
        let Some(index) = self.peers.index_of(forward.peer) else {
            self.counters.drop(DropReason::NoPath);
            return;
        };
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.enqueue(forward) {
            self.counters.drop(DropReason::QueueFull);
            return;
        }
        self.slab.hold_all(&forward);
        if !peer.dirty {
            peer.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Puts RTCP into the queue of a peer.
    pub(super) fn enqueue_control(&mut self, index: PeerIndex, control: Control) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.control(control) {
            self.counters.drop(DropReason::QueueFull);
            return;
        }
        self.soil(index);
    }

    /// Notes that a peer is to get a packet once more.
    pub(super) fn enqueue_resend(&mut self, index: PeerIndex, ssrc: Ssrc, seq: SeqNo) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.resend(ssrc, seq) {
            self.counters.drop(DropReason::QueueFull);
            return;
        }
        self.soil(index);
    }

    /// Notes that bundles are due for a peer.
    pub(super) fn enqueue_bundles(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        peer.bundled = true;
        self.soil(index);
    }

    /// Sends what every peer is to get, and drops those that are leaving.
    pub(super) fn flush(&mut self, now: Instant, ports: &mut Ports) {
        for at in 0..self.dirty.len() {
            self.flush_peer(now, self.dirty[at], ports);
        }
        self.dirty.clear();
        self.counters.sent.add(ports.send());
        if std::mem::take(&mut self.bundled) {
            self.arm_core();
        }
        while let Some(index) = self.leaving.pop() {
            self.forget(index);
        }
    }

    fn flush_peer(&mut self, now: Instant, index: PeerIndex, ports: &mut Ports) {
        let time = self.time(now);
        let Self { peers, slab, sfu, counters, blocks, feedback, bundle, wheel, clock, .. } = self;
        let Some(peer) = peers.get_mut(index) else { return };
        peer.dirty = false;
        let Ports { socket, outbox, .. } = ports;
        let mut exit = Exit { socket, outbox, counters, now, time, overhead: 0 };
        exit.datagrams(peer, Form::Control);
        let bundled = std::mem::take(&mut peer.bundled);
        let mut queue = std::mem::take(&mut peer.queue);
        let mut controls = std::mem::take(&mut peer.controls);
        let mut resends = std::mem::take(&mut peer.resends);
        if let (Some(path), true) = (peer.path, peer.connected) {
            exit.outbox.address(path);
            exit.overhead = path.overhead();
            for (ssrc, seq) in resends.drain(..) {
                exit.sealed(peer, ssrc, seq);
            }
            while bundled && let Some(route) = sfu.bundle(time, peer.id, bundle) {
                exit.bundle(peer, path, route, bundle);
            }
            while let Some(forward) = peer.pacing.as_mut().and_then(|pacing| pacing.next(time)) {
                exit.media(peer, slab, &forward);
                slab.release_all(&forward);
            }
            for forward in queue.drain(..) {
                exit.media_or_wait(peer, slab, forward);
            }
            while let Some(bytes) = peer.pacing.as_mut().and_then(|pacing| pacing.padding(time))
                && let Some(padding) = sfu.padding(peer.id)
                && exit.padding(peer, &padding, bytes)
            {}
            for control in controls.drain(..) {
                match control {
                    Control::ReceiverReport => peer.receptions.report(now, blocks),
                    Control::TransportFeedback => {
                        feedback.clear();
                        let Some(arrivals) = &mut peer.arrivals else { continue };
                        if let Some(due) = arrivals.write(time, feedback) {
                            wheel.set(PeerTimer::Arrivals.key(index), clock.instant(due));
                        }
                    }
                    _ => {}
                }
                exit.rtcp(peer, &control, blocks, feedback);
            }
            if let Some(pacing) = &mut peer.pacing {
                match pacing.next_time(time, slab.is_crowded()) {
                    Some(at) => wheel.set(PeerTimer::Pacing.key(index), clock.instant(at)),
                    None => wheel.cancel(PeerTimer::Pacing.key(index)),
                }
            }
        } else {
            let unsent = queue.len() + controls.len() + resends.len();
            exit.counters.drop_many(DropReason::NoPath, unsent);
            while bundled && sfu.bundle(time, peer.id, bundle).is_some() {
                exit.counters.drop(DropReason::NoPath);
            }
            for forward in queue.drain(..) {
                slab.release_all(&forward);
            }
            controls.clear();
            resends.clear();
        }
        (peer.queue, peer.controls, peer.resends) = (queue, controls, resends);
        if bundled {
            // Those that left on a data channel moved its timers; the core waits for the next ones.
            self.bundled = true;
            self.revisit(index);
        }
    }
}

impl Ports {
    /// Sends what waits.
    fn send(&mut self) -> Sent {
        if self.outbox.is_empty() { Sent::default() } else { self.socket.send(&mut self.outbox) }
    }
}
