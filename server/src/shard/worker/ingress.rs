//! From datagrams to the core.

use std::time::Instant;

use sotto_core::{
    Input, Kept, PacketError,
    id::{PayloadType, RtpTime, SeqNo, Ssrc},
    input::Feedback,
};

use super::engine::{Engine, PeerTimer};
use crate::shard::{
    demux::{Class, PeerIndex, classify},
    rtcp::{Message, Messages},
    slab::PACKET_BYTES,
    socket::Received,
    stats::DropReason,
    transport::{Path, Transport, TransportError, ice::user_name_of},
};

/// Missing packets of one compound packet that are looked for; the entry that reaches it still
/// counts. More than a round trip's worth of a video is missing then: that line is down, and every
/// number of a packet of 1,500 bytes, some 6,000, costs a search.
const MAX_MISSING: u32 = 256;

impl<T: Transport> Engine<T> {
    /// Takes a run of datagrams of one path.
    pub(super) fn receive(&mut self, now: Instant, received: Received<'_>) {
        let Received { path, bytes, segment, truncated } = received;
        self.counters.received_messages += 1;
        if truncated {
            self.counters.received += 1;
            self.counters.drop(DropReason::TooLong);
            return;
        }
        // The owner of a path changes with STUN only.
        let mut owner = self.demux.by_path(&path);
        for datagram in bytes.chunks_mut(segment) {
            self.counters.received += 1;
            self.counters.received_bytes += datagram.len() as u64;
            if let Some(peer) = owner.and_then(|index| self.peers.get_mut(index)) {
                peer.traffic.packets_in += 1;
                peer.traffic.bytes_in += datagram.len() as u64;
            }
            let taken = match (classify(datagram), owner) {
                (None, _) => Err(DropReason::Unclassified),
                (Some(Class::Rtp), Some(index)) => self.rtp(now, index, path, datagram),
                (Some(Class::Rtcp), Some(index)) => self.rtcp(now, index, datagram),
                (Some(Class::Dtls), Some(index)) => self.dtls(now, index, path, datagram),
                (Some(Class::Stun), owner_now) => {
                    let taken = self.stun(now, owner_now, path, datagram);
                    owner = self.demux.by_path(&path);
                    taken
                }
                (Some(Class::Rtp | Class::Rtcp | Class::Dtls), None) => {
                    Err(DropReason::UnknownPath)
                }
            };
            if let Err(reason) = taken {
                tracing::trace!(%reason, "datagram dropped");
                self.counters.drop(reason);
            }
        }
    }

    /// One RTP packet: the hot path.
    fn rtp(
        &mut self,
        now: Instant,
        index: PeerIndex,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let time = self.time(now);
        let peer = self.peers.get_mut(index).ok_or(DropReason::NoPath)?;
        let transport = peer.transport.as_mut().ok_or(TransportError::NotConnected)?;
        let wire_bytes = datagram.len() + path.overhead();
        let len = transport.open_rtp(datagram)?;
        let packet = datagram.get(..len).ok_or(TransportError::Malformed)?;
        // Whatever becomes of it, it arrived.
        if let Some(arrivals) = &mut peer.arrivals
            && let Some(due) = arrivals.packet(time, packet, wire_bytes)
        {
            self.wheel.set(PeerTimer::Arrivals.key(index), self.clock.instant(due));
        }
        if len > PACKET_BYTES {
            return Err(DropReason::TooLong);
        }
        // Full: this packet, the newest, is dropped.
        let id = self.slab.insert(packet).ok_or(DropReason::SlabFull)?;
        self.forwards.clear();
        let taken = self.sfu.packet(time, peer.id, id, packet, &mut self.forwards);
        if taken.is_ok() {
            self.counters.rtp_in += 1;
        }
        if !peer.taps.is_empty()
            && taken.is_ok()
            && let Some((ssrc, ..)) = fixed_header(packet)
        {
            peer.taps.packet(ssrc, packet);
        }
        // Also what nobody is to get arrived: told as lost it would cost the publisher's estimate.
        if matches!(taken, Ok(_) | Err(PacketError::Muted | PacketError::NotPublished))
            && let Some((ssrc, seq, timestamp, payload_type)) = fixed_header(packet)
        {
            let rate = peer.clock_rate(payload_type);
            peer.receptions.packet(now, ssrc, seq, timestamp, rate);
        }
        // What is not sent on waits for a bundle, or for nobody.
        if !self.forwards.is_empty() || !matches!(taken, Ok(Kept::No)) {
            self.moderation.hurry(now);
        }
        for at in 0..self.forwards.len() {
            let forward = self.forwards[at];
            self.enqueue(forward);
        }
        // The core's outputs may name this packet, so the reference is given up behind them.
        self.settle(now);
        if !matches!(taken, Ok(Kept::Yes)) {
            self.slab.release(id);
        }
        taken.map(|_| ()).map_err(DropReason::from)
    }

    /// One compound packet of RTCP.
    fn rtcp(
        &mut self,
        now: Instant,
        index: PeerIndex,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(index).ok_or(DropReason::NoPath)?;
        let transport = peer.transport.as_mut().ok_or(TransportError::NotConnected)?;
        let len = transport.open_rtcp(datagram)?;
        let compound = datagram.get(..len).ok_or(TransportError::Malformed)?;
        let read = self.messages(now, index, compound);
        self.settle(now);
        read
    }

    fn messages(
        &mut self,
        now: Instant,
        index: PeerIndex,
        compound: &[u8],
    ) -> Result<(), DropReason> {
        let mut missing = 0;
        for message in Messages::of(compound) {
            match message.map_err(|_| DropReason::Rtcp)? {
                Message::TransportWide(packet) => self.transport_wide(now, index, packet)?,
                Message::Nack { following, .. } if missing >= MAX_MISSING => {
                    self.counters.nacks_in += 1;
                    let numbers = 1 + following.count_ones() as usize;
                    self.counters.drop_many(DropReason::TooManyMissing, numbers);
                    continue;
                }
                message @ Message::Nack { following, .. } => {
                    missing += 1 + following.count_ones();
                    // Settled with the rest: a compound packet may hold hundreds of these.
                    self.feedback(now, index, message);
                    continue;
                }
                message => self.feedback(now, index, message),
            }
            self.settle(now);
        }
        Ok(())
    }

    fn feedback(&mut self, now: Instant, index: PeerIndex, message: Message<'_>) {
        let time = self.time(now);
        if matches!(message, Message::Nack { .. } | Message::KeyframeRequest { .. }) {
            self.moderation.hurry(now);
        }
        let Some(peer) = self.peers.get_mut(index) else { return };
        let feedback = match message {
            Message::SenderReport { ssrc, ntp, rtp } => {
                peer.receptions.sender_report(now, ssrc, ntp);
                Feedback::SenderReport { ssrc, ntp, rtp }
            }
            Message::Report(block) => {
                let round_trip = peer.sent_reports.round_trip(now, &block);
                if let (Some(round_trip), Some(pacing)) = (round_trip, &mut peer.pacing) {
                    pacing.sender.round_trip(time, round_trip);
                }
                Feedback::ReceptionReport {
                    ssrc: block.ssrc,
                    fraction_lost: block.fraction_lost,
                    round_trip_us: round_trip
                        .map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX)),
                }
            }
            Message::Nack { ssrc, first, following } => {
                self.counters.nacks_in += 1;
                Feedback::Nack { ssrc, first, following }
            }
            Message::KeyframeRequest { ssrc } => Feedback::KeyframeRequest { ssrc },
            Message::Bye { ssrc } => {
                peer.receptions.bye(ssrc);
                Feedback::Bye { ssrc }
            }
            // Not for the core.
            Message::TransportWide(_) => return,
        };
        let peer = peer.id;
        self.sfu.handle(time, Input::Feedback { peer, feedback });
    }

    fn dtls(
        &mut self,
        now: Instant,
        index: PeerIndex,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(index).ok_or(DropReason::NoPath)?;
        let transport = peer.transport.as_mut().ok_or(TransportError::NotConnected)?;
        let taken = transport.handle_dtls(now, path, datagram);
        self.moderation.hurry(now);
        self.touch(index);
        self.settle(now);
        Ok(taken?)
    }

    fn stun(
        &mut self,
        now: Instant,
        owner: Option<PeerIndex>,
        path: Path,
        message: &[u8],
    ) -> Result<(), DropReason> {
        // The path may have changed hands: a port of a NAT that was given to another client.
        let named = user_name_of(message).and_then(|name| self.demux.by_name(name));
        let strange = named != owner || owner.is_none();
        if strange && !self.strangers.take(now, path.remote.ip()) {
            return Err(DropReason::TooManyChecks);
        }
        let index = named.or(owner).ok_or(DropReason::UnknownUser)?;
        let peer = self.peers.get_mut(index).ok_or(DropReason::NoPath)?;
        let transport = peer.transport.as_mut().ok_or(TransportError::NotConnected)?;
        let taken = transport.handle_stun(now, path, message);
        if strange || !peer.connected {
            self.moderation.hurry(now);
        }
        if taken.is_ok() {
            self.reachable(now, index);
        }
        self.touch(index);
        self.settle(now);
        Ok(taken?)
    }
}

/// Source, number, time and payload type of a packet that the core has read.
fn fixed_header(packet: &[u8]) -> Option<(Ssrc, SeqNo, RtpTime, PayloadType)> {
    let header = packet.first_chunk::<12>()?;
    Some((
        Ssrc(u32::from_be_bytes([header[8], header[9], header[10], header[11]])),
        SeqNo(u16::from_be_bytes([header[2], header[3]])),
        RtpTime(u32::from_be_bytes([header[4], header[5], header[6], header[7]])),
        PayloadType(header[1] & 0x7f),
    ))
}
