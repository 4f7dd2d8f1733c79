//! One packet on its way out: written, sealed, counted, put into the outbox.

use std::time::Instant;

use sotto_core::{
    Time,
    bandwidth::PacketClass,
    forward::Forward,
    id::{SeqNo, Ssrc},
    output::{BundleRoute, MODELS_LABEL, Padding},
    rtp::PacketBuilder,
};

use crate::shard::{
    peers::{Control, Peer},
    rtcp::{Compound, OUR_SSRC, ReportBlock},
    slab::Slab,
    socket::{Outbox, Socket},
    stats::{Counters, DropReason, Form},
    transport::{Path, SEAL_OVERHEAD, Transport},
};

/// The canonical name of everything that the node sends (RFC 3550 section 6.5.1). The slots of one
/// person are aligned by the client, so it need not tell them apart.
const CNAME: &str = "sotto";

/// What a packet has on the wire beside its payload, before it is written: RTP header with a
/// contributing source and an extension, tag, and IP and UDP headers.
const ABOUT_HEADERS: usize = 16 + 8 + 16 + 28;

/// What a packet of padding has beside it: RTP header with the transport-wide number, and tag.
const PADDING_HEADERS: usize = 12 + 8 + 16;

/// The way out, and where it is counted.
pub(super) struct Exit<'a> {
    pub(super) socket: &'a mut Socket,
    pub(super) outbox: &'a mut Outbox,
    pub(super) counters: &'a mut Counters,
    pub(super) now: Instant,
    pub(super) time: Time,
    /// Bytes of IP and UDP headers around a packet of this peer.
    pub(super) overhead: usize,
}

impl Exit<'_> {
    /// Afterwards the next packet fits.
    #[inline]
    fn make_room(&mut self) {
        if self.outbox.is_full() {
            self.counters.sent.add(self.socket.send(self.outbox));
        }
    }

    /// Queues what the peer's transport has to send; `form` says what that carries.
    pub(super) fn datagrams<T: Transport>(&mut self, peer: &mut Peer<T>, form: Form) {
        let Some(transport) = &mut peer.transport else { return };
        while let Some(datagram) = transport.poll_transmit() {
            peer.traffic.sent(form, datagram.payload.len(), datagram.path.overhead());
            self.make_room();
            self.outbox.push(datagram.path, &datagram.payload);
        }
    }

    /// Sends a packet if the way to the peer carries it now, else lets it wait.
    #[inline]
    pub(super) fn media_or_wait<T: Transport>(
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
    pub(super) fn media<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        slab: &Slab,
        forward: &Forward,
    ) {
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
        self.leave(peer, len, forward.class, Form::Raw);
    }

    /// Writes, seals and queues a packet of nothing but padding, about `wire_bytes` long. Gives
    /// whether it leaves: if not, the controller would ask for the same packet again at once.
    pub(super) fn padding<T: Transport>(
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
                self.leave(peer, len, PacketClass::Padding, Form::Control);
                true
            }
            Err(reason) => {
                self.counters.drop(reason);
                false
            }
        }
    }

    /// Sends a bundle to a peer whose media goes over `path`.
    pub(super) fn bundle<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        path: Path,
        route: BundleRoute,
        bytes: &[u8],
    ) {
        let sent = match route {
            BundleRoute::Rtp { ssrc, payload_type, seq, timestamp } => {
                let packet = PacketBuilder {
                    ssrc,
                    payload_type,
                    seq,
                    timestamp,
                    marker: false,
                    csrcs: &[],
                    extensions: &[],
                    payload: bytes,
                    padding: 0,
                };
                self.bundle_packet(peer, packet)
            }
            BundleRoute::Data => self.bundle_message(peer, path, bytes),
        };
        match sent {
            Ok(()) => {
                self.counters.bundles += 1;
                self.counters.bundle_bytes += bytes.len() as u64;
            }
            Err(reason) => self.counters.drop(reason),
        }
    }

    /// Numbers, seals, keeps and queues a bundle as the payload of an RTP packet.
    fn bundle_packet<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        packet: PacketBuilder<'_>,
    ) -> Result<(), DropReason> {
        let transport = peer.transport.as_mut().ok_or(DropReason::NoPath)?;
        self.make_room();
        let room = self.outbox.tail();
        let before_seal = room.len() - SEAL_OVERHEAD;
        let number = peer.pacing.as_ref().map(|pacing| (pacing.id, pacing.sender.next_seq()));
        let number_bytes = number.map_or([0; 2], |(_, number)| number.0.to_be_bytes());
        let extension = number.map(|(id, _)| (id, &number_bytes[..]));
        let numbered = PacketBuilder { extensions: extension.as_slice(), ..packet };
        let written = numbered.write(&mut room[..before_seal]);
        let len = written.map_err(|_| DropReason::Unwritable)?;
        let len = transport.seal_rtp(room, len)?;
        let number = number.map(|(_, number)| number);
        peer.sealed.keep(self.now, packet.ssrc, packet.seq, number, &room[..len]);
        peer.bundle_source = Some(packet.ssrc);
        self.leave(peer, len, PacketClass::Audio, Form::Bundle);
        Ok(())
    }

    /// Sends a bundle on the peer's data channel for models. The channel never waits long: a bundle
    /// that comes while 64 KB stand before it is dropped, like the packet that it would have been.
    fn bundle_message<T: Transport>(
        &mut self,
        peer: &mut Peer<T>,
        path: Path,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        let transport = peer.transport.as_mut().ok_or(DropReason::NoPath)?;
        let sent = transport.send_data(self.now, MODELS_LABEL, false, bytes);
        self.datagrams(peer, Form::Bundle);
        self.outbox.address(path);
        Ok(sent?)
    }

    /// The sealed packet at the tail of the outbox leaves.
    #[inline]
    fn leave<T>(&mut self, peer: &mut Peer<T>, len: usize, class: PacketClass, form: Form) {
        self.outbox.commit(len);
        if let Some(pacing) = &mut peer.pacing {
            pacing.sender.sent(self.time, len + self.overhead, class);
        }
        peer.traffic.sent(form, len, self.overhead);
    }

    /// Queues a packet once more, byte by byte as it was sealed.
    pub(super) fn sealed<T>(&mut self, peer: &mut Peer<T>, ssrc: Ssrc, seq: SeqNo) {
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
        let form = if peer.bundle_source == Some(ssrc) { Form::Bundle } else { Form::Raw };
        peer.traffic.sent(form, len, self.overhead);
    }

    /// Writes, seals and queues one compound packet.
    pub(super) fn rtcp<T: Transport>(
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
                peer.traffic.sent(Form::Control, len, self.overhead);
                if let Control::SenderReport(report) = control {
                    peer.sent_reports.sent(self.now, report.ntp);
                }
            }
            Err(reason) => self.counters.drop(reason),
        }
    }
}
