//! From the queues of the subscribers to the socket.
//!
//! ```text
//!  what waits (Pacing) ─┐
//!  queue of the turn ───┼─► may it leave? ─► rewrite, number, seal ─► Outbox
//!          ▲            │        │ no
//!          └────────────┘        └─► Pacing: until its timer, or it is of no use
//!  sealed sound, once more ──────────────────────────────────────────► Outbox
//!  reports, requests, feedback ─► write, seal ───────────────────────► Outbox
//! ```

use std::time::Instant;

use sotto_core::{
    Time,
    bandwidth::PacketClass,
    forward::Forward,
    id::{SeqNo, Ssrc},
    output::Padding,
    rtp::PacketBuilder,
};

use super::{
    Ports,
    engine::{Engine, PeerTimer},
};
use crate::shard::{
    demux::PeerIndex,
    peers::{Control, Peer},
    rtcp::{Compound, OUR_SSRC, ReportBlock},
    slab::Slab,
    socket::{Outbox, Sent, Socket},
    stats::{Counters, DropReason},
    transport::{SEAL_OVERHEAD, Transport},
};

/// The canonical name of everything that the node sends (RFC 3550 section 6.5.1). The slots of one
/// person are aligned by the client, so it need not tell them apart.
const CNAME: &str = "sotto";

/// What a packet has on the wire beside its payload, before it is written: RTP header with a
/// contributing source and an extension, tag, and IP and UDP headers.
const ABOUT_HEADERS: usize = 16 + 8 + 16 + 28;

/// What a packet of padding has beside it: RTP header with the transport-wide number, and tag.
const PADDING_HEADERS: usize = 12 + 8 + 16;

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

    /// Sends what every peer is to get, and drops those that are leaving.
    pub(super) fn flush(&mut self, now: Instant, ports: &mut Ports) {
        for at in 0..self.dirty.len() {
            self.flush_peer(now, self.dirty[at], ports);
        }
        self.dirty.clear();
        self.counters.sent.add(ports.send());
        while let Some(index) = self.leaving.pop() {
            self.forget(index);
        }
    }

    fn flush_peer(&mut self, now: Instant, index: PeerIndex, ports: &mut Ports) {
        let time = self.time(now);
        let Self { peers, slab, sfu, counters, blocks, feedback, wheel, clock, .. } = self;
        let Some(peer) = peers.get_mut(index) else { return };
        peer.dirty = false;
        let Ports { socket, outbox, .. } = ports;
        let mut exit = Exit { socket, outbox, counters, now, time, overhead: 0 };
        if let Some(transport) = &mut peer.transport {
            while let Some(datagram) = transport.poll_transmit() {
                peer.traffic.packets_out += 1;
                peer.traffic.bytes_out += datagram.payload.len() as u64;
                exit.make_room();
                exit.outbox.push(datagram.path, &datagram.payload);
            }
        }
        let mut queue = std::mem::take(&mut peer.queue);
        let mut controls = std::mem::take(&mut peer.controls);
        let mut resends = std::mem::take(&mut peer.resends);
        if let (Some(path), true) = (peer.path, peer.connected) {
            exit.outbox.address(path);
            exit.overhead = path.overhead();
            for (ssrc, seq) in resends.drain(..) {
                exit.sealed(peer, ssrc, seq);
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
            for forward in queue.drain(..) {
                slab.release_all(&forward);
            }
            controls.clear();
            resends.clear();
        }
        (peer.queue, peer.controls, peer.resends) = (queue, controls, resends);
    }
}

impl Ports {
    /// Sends what waits.
    fn send(&mut self) -> Sent {
        if self.outbox.is_empty() { Sent::default() } else { self.socket.send(&mut self.outbox) }
    }
}

/// The way out, and where it is counted.
struct Exit<'a> {
    socket: &'a mut Socket,
    outbox: &'a mut Outbox,
    counters: &'a mut Counters,
    now: Instant,
    time: Time,
    /// Bytes of IP and UDP headers around a packet of this peer.
    overhead: usize,
}

impl Exit<'_> {
    /// Afterwards the next packet fits.
    #[inline]
    fn make_room(&mut self) {
        if self.outbox.is_full() {
            self.counters.sent.add(self.socket.send(self.outbox));
        }
    }

    /// Sends a packet if the way to the peer carries it now, else lets it wait.
    #[inline]
    fn media_or_wait<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        slab: &mut Slab,
        forward: Forward,
    ) {
        if let Some(pacing) = &mut peer.pacing
            && !pacing.admits(self.time, forward.class)
        {
            self.counters.paced += 1;
            let bytes = usize::from(forward.rewrite.payload_len) + ABOUT_HEADERS;
            if let Some(dropped) = pacing.hold(self.time, forward, bytes) {
                self.counters.drop(DropReason::Stale);
                slab.release_all(&dropped);
            }
            return;
        }
        self.media(peer, slab, &forward);
        slab.release_all(&forward);
    }

    /// Rewrites, seals and queues one packet.
    #[inline]
    fn media<T: Transport>(&mut self, peer: &mut Peer<T>, slab: &Slab, forward: &Forward) {
        let Some(transport) = &mut peer.transport else { return };
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let number = peer.pacing.as_ref().map(|pacing| (pacing.id, pacing.sender.next_seq()));
        let written = forward
            .write(|id| slab.get(id), &mut room[..before_seal], number)
            .map_err(|_| DropReason::Unwritable);
        let sealed =
            written.and_then(|len| transport.seal_rtp(room, len).map_err(DropReason::Transport));
        let len = match sealed {
            Ok(len) => len,
            Err(reason) => return self.counters.drop(reason),
        };
        match forward.class {
            PacketClass::Audio => {
                let (ssrc, seq) = (forward.rewrite.ssrc, forward.rewrite.seq);
                let number = number.map(|(_, number)| number);
                peer.sealed.keep(self.now, ssrc, seq, number, &room[..len]);
            }
            PacketClass::Retransmission => self.counters.retransmitted += 1,
            PacketClass::Video | PacketClass::Padding => {}
        }
        self.counters.forwarded += 1;
        self.leave(peer, len, forward.class);
    }

    /// Writes, seals and queues a packet of nothing but padding, about `wire_bytes` long. Gives
    /// whether it leaves: if not, the controller would ask for the same packet again at once.
    fn padding<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        padding: &Padding,
        wire_bytes: usize,
    ) -> bool {
        let (Some(transport), Some(pacing)) = (&mut peer.transport, &peer.pacing) else {
            return false;
        };
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let around = PADDING_HEADERS + self.overhead;
        let number = pacing.sender.next_seq().0.to_be_bytes();
        let builder = PacketBuilder {
            ssrc: padding.ssrc,
            payload_type: padding.payload_type,
            seq: padding.seq,
            timestamp: padding.timestamp,
            marker: false,
            csrcs: &[],
            extensions: &[(pacing.id, &number)],
            payload: &[],
            padding: wire_bytes.saturating_sub(around).clamp(1, 255) as u8,
        };
        let written = builder.write(&mut room[..before_seal]).map_err(|_| DropReason::Unwritable);
        match written.and_then(|len| transport.seal_rtp(room, len).map_err(DropReason::Transport)) {
            Ok(len) => {
                self.counters.padding += 1;
                self.leave(peer, len, PacketClass::Padding);
                true
            }
            Err(reason) => {
                self.counters.drop(reason);
                false
            }
        }
    }

    /// The sealed packet at the tail of the outbox leaves.
    #[inline]
    fn leave<T>(&mut self, peer: &mut Peer<T>, len: usize, class: PacketClass) {
        self.outbox.commit(len);
        if let Some(pacing) = &mut peer.pacing {
            pacing.sender.sent(self.time, len + self.overhead, class);
        }
        peer.traffic.packets_out += 1;
        peer.traffic.bytes_out += len as u64;
    }

    /// Queues a packet once more, byte by byte as it was sealed.
    fn sealed<T>(&mut self, peer: &mut Peer<T>, ssrc: Ssrc, seq: SeqNo) {
        self.make_room();
        let Some(packet) = peer.sealed.get(self.now, ssrc, seq) else {
            return self.counters.drop(DropReason::Expired);
        };
        let len = packet.bytes.len();
        let Some(room) = self.outbox.tail().get_mut(..len) else {
            return self.counters.drop(DropReason::Unwritable);
        };
        room.copy_from_slice(packet.bytes);
        if let (Some(pacing), Some(number)) = (&mut peer.pacing, packet.transport) {
            pacing.sender.resent(self.time, number, len + self.overhead);
        }
        self.outbox.commit(len);
        self.counters.resent += 1;
        peer.traffic.packets_out += 1;
        peer.traffic.bytes_out += len as u64;
    }

    /// Writes, seals and queues one compound packet.
    fn rtcp<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        control: &Control,
        blocks: &[ReportBlock],
        feedback: &[u8],
    ) {
        let Some(transport) = &mut peer.transport else { return };
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let mut compound = Compound::new(&mut room[..before_seal]);
        // What is not to wait for a report's turn may go without one (RFC 5506).
        let opened = |compound: &mut Compound<'_>| {
            peer.reduced_rtcp
                || compound.receiver_report(&[]) && compound.description(OUR_SSRC, CNAME)
        };
        let written = match control {
            Control::SenderReport(report) => {
                compound.sender_report(report) && compound.description(report.ssrc, CNAME)
            }
            Control::ReceiverReport if blocks.is_empty() => return,
            Control::ReceiverReport => {
                compound.receiver_report(blocks) && compound.description(OUR_SSRC, CNAME)
            }
            Control::KeyframeRequest(ssrc) => opened(&mut compound) && compound.picture_loss(*ssrc),
            Control::Nack { ssrc, missing } => {
                opened(&mut compound) && compound.nack(*ssrc, missing)
            }
            Control::TransportFeedback if feedback.is_empty() => return,
            Control::TransportFeedback => {
                self.counters.feedback_out += 1;
                opened(&mut compound) && compound.ready(feedback)
            }
        };
        let len = compound.len();
        let sealed = if written {
            transport.seal_rtcp(room, len).map_err(DropReason::Transport)
        } else {
            Err(DropReason::Unwritable)
        };
        match sealed {
            Ok(len) => {
                self.outbox.commit(len);
                peer.traffic.packets_out += 1;
                peer.traffic.bytes_out += len as u64;
                if let Control::SenderReport(report) = control {
                    peer.sent_reports.sent(self.now, report.ntp);
                }
            }
            Err(reason) => self.counters.drop(reason),
        }
    }
}
