//! From the queues of the subscribers to the socket.

use std::time::Instant;

use sotto_core::{
    forward::{Forward, Rewrite},
    id::PacketId,
};

use super::{Ports, engine::Engine};
use crate::shard::{
    demux::PeerIndex,
    peers::{Control, Peer},
    rtcp::Compound,
    slab::Slab,
    socket::{Outbox, Sent, Socket},
    stats::{Counters, DropReason},
    transport::{SEAL_OVERHEAD, Transport},
};

/// The canonical name of everything that the node sends (RFC 3550 section 6.5.1). The slots of one
/// person are aligned by the client, so it need not tell them apart.
const CNAME: &str = "sotto";

impl<T: Transport> Engine<T> {
    /// Puts a packet into the queue of its subscriber.
    pub(super) fn enqueue(&mut self, forward: Forward) {
        let Forward { packet, peer, rewrite, .. } = forward;
        let Some(index) = self.peers.index_of(peer) else {
            self.counters.drop(DropReason::NoPath);
            return;
        };
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.enqueue(packet, rewrite) {
            self.counters.drop(DropReason::QueueFull);
            return;
        }
        self.slab.hold(packet);
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
        let Self { peers, slab, counters, blocks, .. } = self;
        let Some(peer) = peers.get_mut(index) else { return };
        peer.dirty = false;
        let Ports { socket, outbox, .. } = ports;
        let mut exit = Exit { socket, outbox, counters };
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
        if let (Some(path), true) = (peer.path, peer.connected) {
            exit.outbox.address(path);
            for (packet, rewrite) in &queue {
                exit.media(peer, slab, *packet, rewrite);
            }
            for control in &controls {
                if let Control::ReceiverReport = control {
                    peer.receptions.report(now, blocks);
                }
                exit.rtcp(now, peer, *control, blocks);
            }
        } else {
            exit.counters.drop_many(DropReason::NoPath, queue.len() + controls.len());
        }
        for (packet, _) in queue.drain(..) {
            slab.release(packet);
        }
        controls.clear();
        (peer.queue, peer.controls) = (queue, controls);
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
}

impl Exit<'_> {
    /// Afterwards the next packet fits.
    #[inline]
    fn make_room(&mut self) {
        if self.outbox.is_full() {
            self.counters.sent.add(self.socket.send(self.outbox));
        }
    }

    /// Rewrites, seals and queues one packet.
    fn media<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        slab: &Slab,
        packet: PacketId,
        rewrite: &Rewrite,
    ) {
        let Some(transport) = &mut peer.transport else { return };
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let written = slab
            .get(packet)
            .and_then(|source| rewrite.write(source, &mut room[..before_seal], None).ok())
            .ok_or(DropReason::Unwritable);
        let sealed =
            written.and_then(|len| transport.seal_rtp(room, len).map_err(DropReason::Transport));
        match sealed {
            Ok(len) => {
                self.outbox.commit(len);
                self.counters.forwarded += 1;
                peer.traffic.packets_out += 1;
                peer.traffic.bytes_out += len as u64;
            }
            Err(reason) => self.counters.drop(reason),
        }
    }

    /// Writes, seals and queues one compound packet.
    fn rtcp<T: Transport>(
        &mut self,
        now: Instant,
        peer: &mut Peer<T>,
        control: Control,
        blocks: &[crate::shard::rtcp::ReportBlock],
    ) {
        let Some(transport) = &mut peer.transport else { return };
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let mut compound = Compound::new(&mut room[..before_seal]);
        let written = match control {
            Control::SenderReport(report) => {
                compound.sender_report(&report) && compound.description(report.ssrc, CNAME)
            }
            Control::ReceiverReport if blocks.is_empty() => return,
            Control::ReceiverReport => {
                compound.receiver_report(blocks)
                    && compound.description(crate::shard::rtcp::OUR_SSRC, CNAME)
            }
            Control::KeyframeRequest(ssrc) => {
                compound.receiver_report(&[])
                    && compound.description(crate::shard::rtcp::OUR_SSRC, CNAME)
                    && compound.picture_loss(ssrc)
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
                    peer.sent_reports.sent(now, report.ntp);
                }
            }
            Err(reason) => self.counters.drop(reason),
        }
    }
}
