//! The association and the channels on it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use rtc_datachannel::{
    data_channel::DataChannel,
    message::{
        Message as Dcep,
        message_channel_ack::DataChannelAck,
        message_channel_open::{ChannelType, DataChannelOpen},
    },
};
use rtc_sctp::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppid, ServerConfig, StreamId, TransportConfig,
};
use rtc_shared::{
    TransportProtocol,
    marshal::{Marshal as _, Unmarshal as _},
};
use sotto_core::output::MODELS_LABEL;

use super::ledger::{Ledger, MAX_STREAMS, Verdict};
use crate::shard::transport::{
    MAX_MESSAGE, TransportError,
    guard::{self, Failed},
};

/// Open channels of one peer.
pub const MAX_CHANNELS: usize = 16;

/// Longest label in bytes.
pub const MAX_LABEL: usize = 64;

/// Bytes that may wait to be sent on one channel. A chat message has a few hundred; a client that
/// takes this long to read misses what comes meanwhile.
pub const MAX_QUEUED: usize = 256 * 1024;

/// The same for the channel of models' frames, which are of use for a moment: what cannot leave soon
/// is better dropped than late.
pub const MAX_QUEUED_MODELS: usize = 64 * 1024;

/// What the peer may have under way, in bytes.
const RECEIVE_WINDOW: u32 = 256 * 1024;

/// The endpoint knows its peers by address; ours has one, below DTLS.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// The data channels of one peer.
#[derive(Debug)]
pub struct Channels {
    /// Where the peer's SCTP says it is, and what it takes at most (from its offer).
    max_message: u32,
    machine: Option<Machine>,
    open: Vec<Channel>,
    received: VecDeque<Message>,
    transmits: VecDeque<Bytes>,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Label of its channel.
    pub label: String,
    /// Text or binary.
    pub text: bool,
    /// The bytes.
    pub payload: Vec<u8>,
}

#[derive(Debug)]
struct Channel {
    stream: StreamId,
    label: String,
}

impl Channel {
    /// Bytes that may wait in it.
    fn max_queued(&self) -> usize {
        if self.label == MODELS_LABEL { MAX_QUEUED_MODELS } else { MAX_QUEUED }
    }
}

struct Machine {
    endpoint: Endpoint,
    handle: AssociationHandle,
    association: Association,
    ledger: Ledger,
    /// Tag of the INIT, and our reply: repeated when the INIT is.
    init: u32,
    reply: Vec<Bytes>,
}

impl Channels {
    /// No association yet. `max_message` is what the peer takes at most, in bytes.
    pub const fn new(max_message: u32) -> Self {
        Self {
            max_message,
            machine: None,
            open: Vec::new(),
            received: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// Takes an SCTP packet. What is malformed is dropped; a peer that goes over its limits loses its
    /// association, and may make a new one.
    pub fn handle(&mut self, now: Instant, packet: Bytes) {
        let mut fresh = Ledger::default();
        let ledger = self.machine.as_mut().map_or(&mut fresh, |machine| &mut machine.ledger);
        match (ledger.inspect(&packet), &mut self.machine) {
            (Verdict::Init(tag), Some(machine)) if machine.init == tag => {
                if machine.association.is_handshaking() {
                    self.transmits.extend(machine.reply.iter().cloned());
                }
            }
            // A peer that lost its association and comes back with the same transport.
            (Verdict::Init(tag), _) => {
                self.open.clear();
                self.machine = Machine::start(now, packet, tag);
                self.progress(now);
                if let Some(machine) = &mut self.machine {
                    machine.reply = self.transmits.iter().cloned().collect();
                }
            }
            (Verdict::Pass, Some(machine)) => {
                let handled = machine.handle(now, packet);
                self.keep(handled);
                self.progress(now);
            }
            (Verdict::End, Some(_)) => {
                tracing::debug!("SCTP association over its limits");
                self.end(now);
            }
            (Verdict::Pass | Verdict::Drop | Verdict::End, _) => {}
        }
    }

    /// Sends a message on the first channel of that label.
    ///
    /// # Errors
    /// [`TransportError::NoChannel`] if there is none. [`TransportError::ChannelFull`] if as many bytes
    /// wait in it as may, [`MAX_QUEUED`] or [`MAX_QUEUED_MODELS`]: the message is dropped.
    /// [`TransportError::TooLong`] for more than the peer takes.
    pub fn send(
        &mut self,
        now: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), TransportError> {
        if payload.len() > self.max_message.min(MAX_MESSAGE) as usize {
            return Err(TransportError::TooLong);
        }
        let channel = self.open.iter().find(|channel| channel.label == label);
        let (Some(channel), Some(machine)) = (channel, &mut self.machine) else {
            return Err(TransportError::NoChannel);
        };
        // SCTP cannot carry nothing: one byte that does not count (RFC 8831 section 6.6).
        let (kind, payload) = match (text, payload) {
            (true, []) => (Ppid::StringEmpty, &[0][..]),
            (false, []) => (Ppid::BinaryEmpty, &[0][..]),
            (true, _) => (Ppid::String, payload),
            (false, _) => (Ppid::Binary, payload),
        };
        let sent = machine.write(now, channel, kind, payload);
        self.progress(now);
        sent.unwrap_or_else(|Failed| {
            self.forget();
            Err(TransportError::NoChannel)
        })
    }

    /// Ends the association with an ABORT.
    pub fn end(&mut self, now: Instant) {
        if let Some(machine) = &mut self.machine {
            let ended = guard::run(|| machine.association.abort());
            if ended.is_ok() {
                self.transmit(now);
            }
        }
        self.forget();
    }

    /// The next message.
    pub fn poll_message(&mut self) -> Option<Message> {
        self.received.pop_front()
    }

    /// The next SCTP packet to send.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.as_ref()?.association.poll_timeout()
    }

    /// Lets timers act that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(machine) = &mut self.machine else { return };
        if machine.association.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        let handled = guard::run(|| {
            machine.association.handle_timeout(now);
            Ok::<_, Infallible>(())
        });
        self.keep(handled);
        self.progress(now);
    }

    /// Moves on what the association left: messages, then packets.
    fn progress(&mut self, now: Instant) {
        let read = self.read(now);
        self.keep(read);
        self.transmit(now);
        if self.machine.as_ref().is_some_and(Machine::is_over) {
            self.forget();
        }
    }

    fn read(&mut self, now: Instant) -> Result<(), Failed> {
        let Some(machine) = &mut self.machine else { return Ok(()) };
        while let Some(event) = machine.poll()? {
            match event {
                Event::Stream(rtc_sctp::StreamEvent::Readable { id }) => {
                    while let Some((kind, payload)) = machine.read(id)? {
                        receive(
                            machine,
                            &mut self.open,
                            &mut self.received,
                            now,
                            id,
                            kind,
                            payload,
                        )?;
                    }
                }
                // The peer closed the channel.
                Event::AssociationLost { id, .. } => {
                    self.open.retain(|channel| channel.stream != id);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn transmit(&mut self, now: Instant) {
        let Some(machine) = &mut self.machine else { return };
        let transmits = &mut self.transmits;
        let sent = guard::run(|| {
            while let Some(transmit) = machine.association.poll_transmit(now) {
                if let Payload::RawEncode(packets) = transmit.message {
                    packets.iter().for_each(|packet| machine.ledger.sent(packet));
                    transmits.extend(packets);
                }
            }
            Ok::<_, Infallible>(())
        });
        self.keep(sent);
    }

    fn keep(&mut self, outcome: Result<(), Failed>) {
        if outcome == Err(Failed) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.machine = None;
        self.open.clear();
    }
}

/// One message of a stream: DCEP, or for the application.
fn receive(
    machine: &mut Machine,
    open: &mut Vec<Channel>,
    received: &mut VecDeque<Message>,
    now: Instant,
    stream: StreamId,
    kind: Ppid,
    payload: Vec<u8>,
) -> Result<(), Failed> {
    let known = open.iter().find(|channel| channel.stream == stream);
    let text = matches!(kind, Ppid::String | Ppid::StringEmpty);
    match (kind, known) {
        (Ppid::Dcep, None) => {
            let Ok(Dcep::DataChannelOpen(request)) = Dcep::unmarshal(&mut &payload[..]) else {
                return Ok(());
            };
            let label = String::from_utf8(request.label.clone()).ok();
            let label = label.filter(|label| label.len() <= MAX_LABEL);
            match label.filter(|_| open.len() < MAX_CHANNELS) {
                Some(label) => {
                    machine.accept(now, stream, &request)?;
                    open.push(Channel { stream, label });
                }
                // Refused: the stream is reset (RFC 8832 section 6).
                None => machine.refuse(now, stream)?,
            }
        }
        (Ppid::StringEmpty | Ppid::BinaryEmpty, Some(Channel { label, .. })) => {
            received.push_back(Message { label: label.clone(), text, payload: Vec::new() });
        }
        (Ppid::String | Ppid::Binary, Some(Channel { label, .. })) => {
            received.push_back(Message { label: label.clone(), text, payload });
        }
        // Of a channel that was not opened, or of no known kind.
        _ => {}
    }
    Ok(())
}

impl Machine {
    /// An association for a first packet.
    fn start(now: Instant, init: Bytes, tag: u32) -> Option<Self> {
        let transport = TransportConfig::default()
            .with_max_receive_buffer_size(RECEIVE_WINDOW)
            .with_max_message_size(MAX_MESSAGE)
            .with_max_num_inbound_streams(MAX_STREAMS)
            .with_max_num_outbound_streams(MAX_STREAMS);
        let started = guard::run(|| {
            let mut endpoint = Endpoint::new(
                PEER,
                TransportProtocol::UDP,
                Arc::new(EndpointConfig::new()),
                Some(Arc::new(ServerConfig::new(transport))),
            );
            let event = endpoint.handle(now, PEER, None, init.clone());
            Ok::<_, Infallible>((endpoint, event))
        });
        match started {
            Ok((endpoint, Some((handle, DatagramEvent::NewAssociation(association))))) => {
                let (ledger, reply) = (Ledger::start(&init), Vec::new());
                Some(Self { endpoint, handle, association, ledger, init: tag, reply })
            }
            _ => None,
        }
    }

    /// Closed after it was open: an association is closed, too, until the client's cookie is back.
    fn is_over(&self) -> bool {
        self.association.is_closed() && !self.association.is_handshaking()
    }

    fn handle(&mut self, now: Instant, packet: Bytes) -> Result<(), Failed> {
        guard::run(|| {
            if let Some((handle, DatagramEvent::AssociationEvent(event))) =
                self.endpoint.handle(now, PEER, None, packet)
                && handle == self.handle
            {
                self.association.handle_event(event);
            }
            Ok::<_, Infallible>(())
        })
    }

    fn poll(&mut self) -> Result<Option<Event>, Failed> {
        guard::run(|| {
            // New streams are known by what is read from them.
            while self.association.accept_stream().is_some() {}
            Ok::<_, Infallible>(self.association.poll())
        })
    }

    /// The next whole message of a stream. One that is too long comes out empty and of no kind, so
    /// that it is dropped.
    fn read(&mut self, stream: StreamId) -> Result<Option<(Ppid, Vec<u8>)>, Failed> {
        guard::run(|| {
            let Ok(mut stream) = self.association.stream(stream) else { return Ok(None) };
            let Ok(Some(chunks)) = stream.read_sctp() else { return Ok(None) };
            self.ledger.delivered(chunks.len(), chunks.chunks.len());
            Ok::<_, Infallible>(Some(match chunks.to_payload(MAX_MESSAGE as usize) {
                Ok(payload) => (chunks.ppi, payload.into()),
                Err(_) => (Ppid::Unknown, Vec::new()),
            }))
        })
    }

    /// Queues a message, if the stream is open and not too much waits in it.
    fn write(
        &mut self,
        now: Instant,
        channel: &Channel,
        kind: Ppid,
        payload: &[u8],
    ) -> Result<Result<(), TransportError>, Failed> {
        guard::run(|| {
            let Ok(mut stream) = self.association.stream(channel.stream) else {
                return Ok(Err(TransportError::NoChannel));
            };
            let queued = stream.buffered_amount().unwrap_or(usize::MAX);
            if queued.saturating_add(payload.len()) > channel.max_queued() {
                return Ok(Err(TransportError::ChannelFull));
            }
            let written = stream.write_with_ppi(now, payload, kind);
            Ok::<_, Infallible>(written.map(|_| ()).map_err(|_| TransportError::NoChannel))
        })
    }

    /// Acknowledges a channel and takes on its reliability.
    fn accept(
        &mut self,
        now: Instant,
        stream: StreamId,
        request: &DataChannelOpen,
    ) -> Result<(), Failed> {
        guard::run(|| {
            let ack = Dcep::DataChannelAck(DataChannelAck {}).marshal()?;
            let mut stream = self.association.stream(stream)?;
            stream.write_with_ppi(now, &ack, Ppid::Dcep)?;
            let channel: ChannelType = request.channel_type;
            let (unordered, reliability) = DataChannel::get_reliability_params(channel);
            stream.set_reliability_params(unordered, reliability, request.reliability_parameter)
        })
    }

    fn refuse(&mut self, now: Instant, stream: StreamId) -> Result<(), Failed> {
        guard::run(|| self.association.stream(stream)?.close(now))
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}
