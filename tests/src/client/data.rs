//! Data channels over SCTP (RFC 8831, RFC 8832): opened in band, ordered and reliable, but for the one
//! that carries models' frames: what is lost there comes too late when it comes again.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use rtc_datachannel::message::{
    Message,
    message_channel_ack::DataChannelAck,
    message_channel_open::{ChannelType, DataChannelOpen},
};
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier, ReliabilityType, StreamEvent, TransportConfig,
};
use rtc_shared::{
    TransportProtocol,
    marshal::{Marshal, Unmarshal},
};

/// Label of the channel of models' frames: unordered, sent once.
pub const MODELS: &str = "models";

/// A message that came on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Label of the channel.
    pub label: String,
    /// Whether it was sent as text.
    pub text: bool,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What is done once the association is there.
enum Waiting {
    Open(String),
    Send { label: String, text: bool, payload: Vec<u8> },
}

/// The SCTP association of a participant, made when the first message is sent.
pub struct DataChannels {
    endpoint: Endpoint,
    association: (AssociationHandle, Association),
    connected: bool,
    streams: HashMap<u16, String>,
    waiting: VecDeque<Waiting>,
    received: VecDeque<Received>,
    opened: VecDeque<String>,
    failed: Option<String>,
}

impl DataChannels {
    /// Begins an association inside the DTLS connection to `remote`.
    ///
    /// # Errors
    /// The library refuses, as text.
    pub fn connect(now: Instant, local: SocketAddr, remote: SocketAddr) -> Result<Self, String> {
        let config = Arc::new(EndpointConfig::new());
        let mut endpoint = Endpoint::new(local, TransportProtocol::UDP, config, None);
        let client = ClientConfig::new(TransportConfig::default().with_sctp_port(5_000));
        let association =
            endpoint.connect(now, client, remote).map_err(|error| error.to_string())?;
        Ok(Self {
            endpoint,
            association,
            connected: false,
            streams: HashMap::new(),
            waiting: VecDeque::new(),
            received: VecDeque::new(),
            opened: VecDeque::new(),
            failed: None,
        })
    }

    /// Opens the channel of that label if it is not open.
    pub fn open(&mut self, now: Instant, label: &str) {
        self.waiting.push_back(Waiting::Open(label.into()));
        self.flush(now);
    }

    /// Sends a message on the channel of that label, opening it first if need be.
    pub fn send(&mut self, now: Instant, label: &str, text: bool, payload: &[u8]) {
        let (label, payload) = (label.into(), payload.into());
        self.waiting.push_back(Waiting::Send { label, text, payload });
        self.flush(now);
    }

    /// Takes the contents of one DTLS record.
    pub fn handle(&mut self, now: Instant, remote: SocketAddr, packet: Bytes) {
        let Some((_, event)) = self.endpoint.handle(now, remote, None, packet) else { return };
        if let DatagramEvent::AssociationEvent(event) = event {
            self.association.1.handle_event(event);
        }
        self.pump(now);
    }

    /// Lets timers act that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.association.1.handle_timeout(now);
            self.pump(now);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.association.1.poll_timeout()
    }

    /// The next packet to send as a DTLS record.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<Bytes>> {
        match self.association.1.poll_transmit(now)?.message {
            Payload::RawEncode(packets) => Some(packets),
            _ => None,
        }
    }

    /// The next received message.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// The next channel that the node has accepted.
    pub fn poll_opened(&mut self) -> Option<String> {
        self.opened.pop_front()
    }

    /// Why the association ended, if it did.
    pub const fn take_failure(&mut self) -> Option<String> {
        self.failed.take()
    }

    fn pump(&mut self, now: Instant) {
        while let Some(event) = self.association.1.poll_endpoint_event() {
            self.endpoint.handle_event(self.association.0, event);
        }
        while let Some(event) = self.association.1.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::HandshakeFailed { reason } | Event::AssociationLost { reason, .. } => {
                    self.failed = Some(reason.to_string());
                }
                Event::Stream(StreamEvent::Readable { id }) => self.read(now, id),
                _ => {}
            }
        }
        self.flush(now);
    }

    fn read(&mut self, now: Instant, id: u16) {
        loop {
            let Ok(mut stream) = self.association.1.stream(id) else { return };
            let Ok(Some(chunks)) = stream.read_sctp() else { return };
            let Ok(payload) = chunks.to_payload(64 * 1024) else { return };
            match chunks.ppi {
                PayloadProtocolIdentifier::Dcep => self.negotiate(now, id, payload.into()),
                ppi => {
                    let label = self.streams.get(&id).cloned().unwrap_or_default();
                    let text = matches!(
                        ppi,
                        PayloadProtocolIdentifier::String | PayloadProtocolIdentifier::StringEmpty
                    );
                    self.received.push_back(Received { label, text, payload: payload.into() });
                }
            }
        }
    }

    /// A channel that the node opens is accepted; one that we opened, it accepted.
    fn negotiate(&mut self, now: Instant, id: u16, payload: Bytes) {
        let open = match Message::unmarshal(&mut payload.as_ref()) {
            Ok(Message::DataChannelOpen(open)) => open,
            Ok(Message::DataChannelAck(_)) => {
                self.opened.extend(self.streams.get(&id).cloned());
                return;
            }
            _ => return,
        };
        self.streams.insert(id, String::from_utf8_lossy(&open.label).into_owned());
        let ack = Message::DataChannelAck(DataChannelAck {});
        if let (Ok(ack), Ok(mut stream)) = (ack.marshal(), self.association.1.stream(id)) {
            let written = stream.write_with_ppi(now, &ack, PayloadProtocolIdentifier::Dcep);
            if let Err(error) = written {
                self.failed = Some(error.to_string());
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        if !self.connected {
            return;
        }
        while let Some(waiting) = self.waiting.pop_front() {
            let done = match waiting {
                Waiting::Open(label) => self.channel(now, &label).map(drop),
                Waiting::Send { label, text, payload } => self.write(now, &label, text, &payload),
            };
            if let Err(error) = done {
                self.failed = Some(error);
            }
        }
    }

    fn write(
        &mut self,
        now: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), String> {
        let id = self.channel(now, label)?;
        let ppi = if text {
            PayloadProtocolIdentifier::String
        } else {
            PayloadProtocolIdentifier::Binary
        };
        let mut stream = self.association.1.stream(id).map_err(|error| error.to_string())?;
        stream.write_with_ppi(now, payload, ppi).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The stream of a channel, opened if need be. Even stream ids belong to the DTLS client (RFC
    /// 8832 section 6).
    fn channel(&mut self, now: Instant, label: &str) -> Result<u16, String> {
        if let Some((id, _)) = self.streams.iter().find(|(_, known)| *known == label) {
            return Ok(*id);
        }
        let id = (0..).step_by(2).find(|id| !self.streams.contains_key(id)).ok_or("no stream")?;
        let open = Message::DataChannelOpen(DataChannelOpen {
            channel_type: if label == MODELS {
                ChannelType::PartialReliableRexmitUnordered
            } else {
                ChannelType::Reliable
            },
            priority: 256,
            reliability_parameter: 0,
            label: label.as_bytes().to_vec(),
            protocol: Vec::new(),
        });
        let open = open.marshal().map_err(|error| error.to_string())?;
        let mut stream = self
            .association
            .1
            .open_stream(id, PayloadProtocolIdentifier::Binary)
            .map_err(|error| error.to_string())?;
        stream
            .write_with_ppi(now, &open, PayloadProtocolIdentifier::Dcep)
            .map_err(|error| error.to_string())?;
        if label == MODELS {
            stream
                .set_reliability_params(true, ReliabilityType::Rexmit, 0)
                .map_err(|error| error.to_string())?;
        }
        self.streams.insert(id, label.into());
        Ok(id)
    }
}
