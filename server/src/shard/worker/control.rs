//! Commands of the node, wishes of the core, news of the transports.

use std::time::Instant;

use sotto_core::{
    Input, Output,
    id::PeerId,
    input::DataMessage,
    media::Answer,
    output::{LearnOrder, MODELS_LABEL},
    signal::{ErrorCode, LeaveReason, ModelLines, ServerMessage, Source},
};
use tokio::sync::mpsc;

use super::engine::Engine;
use crate::shard::{
    Command, DropReason, PeerEvent,
    bucket::Rate,
    demux::PeerIndex,
    peers::{Control, Offered},
    sdp::{self, Answering},
    transport::{CloseCause, Transport, TransportEvent},
};

/// Model packets that one peer may send on a data channel: twice as many as at the shortest packet
/// time, 40 ms. More are dropped.
const MODEL_PACKETS: Rate = Rate { per_second: 50, burst: 25 };

/// Longest of them, in bytes: what one datagram carries.
const MAX_MODEL_PACKET: usize = 1_200;

impl<T: Transport> Engine<T> {
    /// Does what the node asks.
    pub(super) fn command(&mut self, now: Instant, command: Command) {
        let time = self.time(now);
        match command {
            Command::Join { join, events } => {
                let peer = join.peer;
                if self.admit(now, peer, events) {
                    self.sfu.handle(time, Input::Join(join));
                }
            }
            Command::Message { peer, message } => {
                if self.index_of(peer).is_some() {
                    self.sfu.handle(time, Input::Message { peer, message });
                }
            }
            Command::Offer { peer, id, sdp, models } => self.offer(now, peer, id, &sdp, models),
            Command::Model { peer, model } => {
                if self.index_of(peer).is_some() {
                    self.sfu.handle(time, Input::Model { peer, model });
                }
            }
            Command::ModelKept { peer, source, kept } => {
                self.sfu.handle(time, Input::ModelKept { peer, source, kept });
            }
            Command::ModelServed { peer, hash, bytes } => {
                self.sfu.handle(time, Input::ModelServed { peer, hash, bytes });
            }
            Command::Learner { peer, source, number, report } => {
                self.sfu.handle(time, Input::Learner { peer, source, number, report });
            }
            Command::Disconnect { peer, reason } => {
                if let Some(index) = self.index_of(peer) {
                    self.sfu.handle(time, Input::Disconnected { peer, reason });
                    self.leave(now, index);
                }
            }
            // The loop answers these itself.
            Command::Stats { .. } | Command::Stop => {}
        }
        self.settle(now);
    }

    /// Makes room for a peer, or tells it that there is none.
    fn admit(&mut self, now: Instant, id: PeerId, events: mpsc::Sender<PeerEvent>) -> bool {
        let refusal = if self.peers.len() >= self.max_peers {
            (ErrorCode::Full, "this shard is full")
        } else if self.peers.insert(id, events.clone()).is_none() {
            (ErrorCode::Internal, "the connection has joined already")
        } else {
            self.load.set(self.peers.len());
            if self.peers.len() == 1 {
                self.start_reports(now);
            }
            return true;
        };
        let (code, message) = (refusal.0, refusal.1.to_owned());
        let error = ServerMessage::Error { code, message, about: Some("join".into()), fatal: true };
        for event in [PeerEvent::Message(error), PeerEvent::Close(LeaveReason::Removed)] {
            // Full: nobody reads, and the channel closes with this sender anyway.
            if events.try_send(event).is_err() {
                tracing::debug!(peer = id.0, "a refused client did not read why");
            }
        }
        false
    }

    /// Reads an offer and gives its media to the core. Its transport side waits for the answer.
    fn offer(&mut self, now: Instant, id: PeerId, offer: u32, text: &str, models: ModelLines) {
        let time = self.time(now);
        let Some(index) = self.index_of(id) else { return };
        let sdp::Parsed { offer: mut media, remote, layout } = match sdp::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.say(
                    index,
                    ServerMessage::Error {
                        code: ErrorCode::BadOffer,
                        message: error.to_string(),
                        about: Some("offer".into()),
                        fatal: false,
                    },
                );
                return;
            }
        };
        let Some(peer) = self.peers.get_mut(index) else { return };
        media.models = models;
        peer.offer = Some(Offered { id: offer, layout, remote });
        self.sfu.handle(time, Input::Offer { peer: id, id: offer, offer: media });
    }

    /// Gives the transport side of an accepted offer to the transport, renders the answer and says it.
    fn answer(&mut self, now: Instant, index: PeerIndex, id: u32, answer: &Answer) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        let Some(Offered { layout, remote, .. }) = peer.offer.take_if(|offer| offer.id == id)
        else {
            return;
        };
        let transport = peer.transport.get_or_insert_with(|| (self.make_transport)(now));
        transport.set_remote(now, remote);
        let local = transport.local();
        self.demux.set_name(index, &local.ufrag);
        peer.clock_rates = answer
            .media
            .iter()
            .flat_map(|media| &media.formats)
            .flat_map(|format| {
                let companions = [Some(format.payload_type), format.rtx, format.red];
                let rate = format.codec.clock_rate();
                companions.into_iter().flatten().map(move |number| (number, rate))
            })
            .collect();
        peer.clock_rates.sort_unstable();
        peer.clock_rates.dedup();
        peer.reduced_rtcp = layout.takes_reduced_rtcp();
        peer.answers += 1;
        let sdp = sdp::render(
            &layout,
            answer,
            &Answering {
                local: &local,
                candidates: &self.addresses.advertised,
                session: peer.id.0,
                version: peer.answers,
            },
        );
        self.agree(now, index, answer);
        self.touch(index);
        self.say(index, ServerMessage::Answer { id, sdp });
    }

    /// Does what the core asks.
    pub(super) fn carry_out(&mut self, now: Instant, output: Output) {
        match output {
            Output::Forward(forward) => self.enqueue(forward),
            Output::Release { packet } => {
                self.slab.release(packet);
            }
            Output::Message { peer, message } => {
                if let Some(index) = self.index_of(peer) {
                    self.say(index, message);
                }
            }
            Output::Answer { peer, id, answer } => {
                if let Some(index) = self.index_of(peer) {
                    self.answer(now, index, id, &answer);
                }
            }
            Output::RequestKeyframe { peer, ssrc } => {
                if let Some(index) = self.index_of(peer) {
                    self.enqueue_control(index, Control::KeyframeRequest(ssrc));
                }
            }
            Output::SenderReport { peer, report } => {
                if let Some(index) = self.index_of(peer) {
                    self.enqueue_control(index, Control::SenderReport(report));
                }
            }
            Output::Data { peer, from, message } => {
                if let Some(index) = self.index_of(peer) {
                    self.send_data(now, index, from.0, &message);
                }
            }
            Output::Nack { peer, ssrc, missing } => {
                if let Some(index) = self.index_of(peer) {
                    self.counters.nacks_out += missing.len() as u64;
                    self.enqueue_control(index, Control::Nack { ssrc, missing });
                }
            }
            Output::Resend { peer, ssrc, seq } => {
                if let Some(index) = self.index_of(peer) {
                    self.enqueue_resend(index, ssrc, seq);
                }
            }
            Output::Demand { peer, demand } => {
                if let Some(index) = self.index_of(peer) {
                    self.demand(now, index, demand);
                }
            }
            Output::ModelRate { peer, hash, bitrate } => {
                if let Some(index) = self.index_of(peer) {
                    self.tell(index, PeerEvent::ModelRate { hash, bitrate });
                }
            }
            Output::Bundle { peer } => {
                if let Some(index) = self.index_of(peer) {
                    self.enqueue_bundles(index);
                }
            }
            Output::Learn { peer, source, order } => {
                if let Some(index) = self.index_of(peer) {
                    self.learn(index, source, order);
                }
            }
            // Only told where the settings of the core ask for it: one shard has no sibling.
            Output::Relay { .. } => {}
            Output::Close { peer, reason } => {
                if let Some(index) = self.index_of(peer) {
                    self.tell(index, PeerEvent::Close(reason));
                    self.leave(now, index);
                }
            }
        }
    }

    /// Gives a learner what it is to have of a peer, or nothing any more.
    fn learn(&mut self, index: PeerIndex, source: Source, order: LearnOrder) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        match order {
            LearnOrder::Begin(job) => {
                // Only asked for where the settings of the core say that there are learners.
                if let Some(begin) = &mut self.begin_learning {
                    peer.taps.begin(source, job.stream, begin(peer.id, source, job));
                }
            }
            LearnOrder::Follow(stream) => peer.taps.follow(source, stream),
            LearnOrder::Value(worth) => peer.taps.set_worth(source, worth),
            LearnOrder::End => peer.taps.end(source),
        }
    }

    /// Prefixes a data message with its sender and sends it.
    fn send_data(&mut self, now: Instant, index: PeerIndex, from: u32, message: &DataMessage) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        let Some(transport) = &mut peer.transport else { return };
        let mut framed = Vec::with_capacity(5 + message.payload.len());
        framed.extend(from.to_be_bytes());
        framed.push(u8::from(message.text));
        framed.extend(&message.payload);
        if let Err(reason) = transport.send_data(now, &message.label, false, &framed) {
            // A client that never opened the channel does not want its messages.
            self.counters.drop(reason.into());
        }
        self.touch(index);
    }

    pub(super) fn transport_event(&mut self, index: PeerIndex) -> Option<TransportEvent> {
        self.peers.get_mut(index)?.transport.as_mut()?.poll_event()
    }

    /// Takes news of a peer's transport.
    pub(super) fn happened(&mut self, now: Instant, index: PeerIndex, event: TransportEvent) {
        let time = self.time(now);
        let Some(peer) = self.peers.get_mut(index) else { return };
        let id = peer.id;
        match event {
            TransportEvent::PathValidated(path) => self.demux.add_path(index, path),
            TransportEvent::PathLost(path) => self.demux.remove_path(index, &path),
            TransportEvent::PathSelected(path) => {
                peer.path = Some(path);
                tracing::debug!(peer = id.0, %path.remote, "path selected");
            }
            TransportEvent::Connected { profile } => {
                peer.connected = true;
                peer.sealed.clear();
                if let Some(arrivals) = &mut peer.arrivals {
                    arrivals.restart();
                }
                tracing::debug!(peer = id.0, ?profile, "connected");
                self.sfu.handle(time, Input::Connected { peer: id });
                self.start_pacing(now, index);
            }
            TransportEvent::Data { label, text, payload } if label == MODELS_LABEL => {
                if let Err(reason) = self.model_packet(now, index, text, payload) {
                    self.counters.drop(reason);
                }
            }
            TransportEvent::Data { label, text, payload } => {
                let message = DataMessage { label, text, payload };
                self.sfu.handle(time, Input::Data { peer: id, message });
            }
            TransportEvent::Closed(cause) => {
                tracing::debug!(peer = id.0, ?cause, "transport closed");
                let reason = match cause {
                    CloseCause::ByPeer => LeaveReason::Left,
                    CloseCause::Handshake | CloseCause::ConsentExpired => {
                        LeaveReason::ConnectionLost
                    }
                };
                self.sfu.handle(time, Input::Disconnected { peer: id, reason });
                self.tell(index, PeerEvent::Close(reason));
                self.leave(now, index);
            }
        }
    }

    /// Takes a model packet that came over a data channel.
    fn model_packet(
        &mut self,
        now: Instant,
        index: PeerIndex,
        text: bool,
        bytes: Vec<u8>,
    ) -> Result<(), DropReason> {
        let time = self.time(now);
        let peer = self.peers.get_mut(index).ok_or(DropReason::NoPath)?;
        if text || bytes.len() > MAX_MODEL_PACKET {
            return Err(DropReason::ModelPacket);
        }
        if !peer.model_packets.take(now, MODEL_PACKETS) {
            return Err(DropReason::TooManyModelPackets);
        }
        let peer = peer.id;
        self.sfu.handle(time, Input::ModelPacket { peer, bytes });
        Ok(())
    }

    /// Drops a peer that does not read its events.
    pub(super) fn drop_deaf(&mut self, now: Instant, index: PeerIndex) {
        let Some(peer) = self.peers.get(index) else { return };
        let (time, peer) = (self.time(now), peer.id);
        let reason = LeaveReason::ConnectionLost;
        self.sfu.handle(time, Input::Disconnected { peer, reason });
        self.leave(now, index);
    }

    /// Ends every connection, as removed by the node.
    pub(super) fn close_all(&mut self, now: Instant) {
        let everyone: Vec<PeerIndex> = self.peers.indices().collect();
        for index in everyone {
            self.tell(index, PeerEvent::Close(LeaveReason::Removed));
            self.leave(now, index);
        }
    }

    /// Closes a peer's transport; it is forgotten once that is sent.
    fn leave(&mut self, now: Instant, index: PeerIndex) {
        if self.leaving.contains(&index) {
            return;
        }
        let Some(peer) = self.peers.get_mut(index) else { return };
        if let Some(transport) = &mut peer.transport {
            transport.close(now);
            self.soil(index);
        }
        self.leaving.push(index);
    }

    fn say(&mut self, index: PeerIndex, message: ServerMessage) {
        self.tell(index, PeerEvent::Message(message));
    }

    /// Queues an event for the websocket. Full: the client does not read what it is told, and a gap
    /// in it cannot be repaired, so the peer is dropped; its websocket
    /// finds the queue closed.
    fn tell(&mut self, index: PeerIndex, event: PeerEvent) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        if peer.deaf {
            return;
        }
        if let Err(error) = peer.events.try_send(event) {
            peer.deaf = true;
            let id = peer.id;
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                tracing::info!(peer = id.0, "does not read its events: dropped");
                self.counters.slow_readers += 1;
            }
            self.deaf.push(index);
        }
    }
}
