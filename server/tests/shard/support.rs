//! A shard with real sockets, and clients whose keys are agreed beforehand: everything but the
//! handshakes.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use sotto_core::{
    id::{ExtensionId, Mid, ParticipantId, PayloadType, PeerId, RtpTime, SeqNo, Ssrc},
    input::Join,
    output::MODELS_LABEL,
    rtp::PacketBuilder,
    signal::{ClientMessage, ModelLines, Permissions, ServerMessage, Source},
};
use sotto_server::shard::{
    BeginLearning, Command, PeerEvent, ShardAddresses, ShardConfig, ShardHandle, ShardStats,
    Worker, WorkerParts,
    socket::Batching,
    transport::{
        Datagram, LocalParameters, Path, RemoteParameters, SEAL_OVERHEAD, SrtpProfile, Transport,
        TransportError, TransportEvent,
        srtp::{Keys, MasterKey, Opener, Sealer},
    },
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const PROFILE: SrtpProfile = SrtpProfile::AeadAes128Gcm;

/// Payload types of every client here.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;

/// What a client offers beside its codecs. Browsers offer both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offering {
    /// Transport-wide feedback.
    pub(crate) feedback: bool,
    /// Requests for missing packets, and retransmissions of video.
    pub(crate) repair: bool,
}

/// What the transport-wide number is called.
pub(crate) const TRANSPORT_ID: ExtensionId = ExtensionId(3);

/// Keys that both sides derive from the client's user name fragment.
pub(crate) fn keys(ufrag: &str) -> Keys {
    let master = |side: u8| {
        let mut key = [side; 16];
        for (byte, from) in key[1..].iter_mut().zip(ufrag.bytes()) {
            *byte = from;
        }
        MasterKey { key, salt: [side; 14] }
    };
    Keys { client: master(1), server: master(2) }
}

/// The first byte of a datagram that stands for a message of the data channel for models: one of a
/// DTLS record.
pub(crate) const MODELS_MESSAGE: u8 = 22;

/// Any STUN message validates and selects its path and connects; SRTP is real. Messages of the data
/// channel for models are datagrams of their own, see [`MODELS_MESSAGE`].
pub(crate) struct KeyedTransport {
    ufrag: String,
    /// The client's fragment, of which the keys are made.
    remote: String,
    srtp: Option<(Sealer, Opener)>,
    connected: bool,
    /// Whether it has room for the sources of the node.
    seals: bool,
    path: Option<Path>,
    transmits: Vec<Datagram>,
    events: Vec<TransportEvent>,
}

impl KeyedTransport {
    pub(crate) fn new(number: u64, seals: bool) -> Self {
        Self {
            seals,
            ufrag: format!("n{number}"),
            remote: String::new(),
            srtp: None,
            connected: false,
            path: None,
            transmits: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl Transport for KeyedTransport {
    fn local(&self) -> LocalParameters {
        LocalParameters { ufrag: self.ufrag.clone(), pwd: "p".repeat(22), fingerprint: [7; 32] }
    }

    fn set_remote(&mut self, _now: Instant, remote: RemoteParameters) {
        if self.remote != remote.ufrag {
            let keys = keys(&remote.ufrag);
            self.srtp =
                Some((Sealer::new(PROFILE, &keys.server), Opener::new(PROFILE, &keys.client)));
            self.remote = remote.ufrag;
        }
    }

    fn handle_stun(&mut self, _: Instant, path: Path, _: &[u8]) -> Result<(), TransportError> {
        self.path = Some(path);
        self.events.push(TransportEvent::PathValidated(path));
        self.events.push(TransportEvent::PathSelected(path));
        if !self.connected {
            self.connected = true;
            self.events.push(TransportEvent::Connected { profile: PROFILE });
        }
        Ok(())
    }

    fn handle_dtls(&mut self, _: Instant, _: Path, datagram: &[u8]) -> Result<(), TransportError> {
        if let [MODELS_MESSAGE, payload @ ..] = datagram {
            let (label, payload) = (MODELS_LABEL.to_owned(), payload.to_vec());
            self.events.push(TransportEvent::Data { label, text: false, payload });
        }
        Ok(())
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.1.open_rtp(packet)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.1.open_rtcp(packet)
    }

    fn seal_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        if !self.seals {
            return Err(TransportError::TooManySources);
        }
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.0.seal_rtp(buffer, len)
    }

    fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.0.seal_rtcp(buffer, len)
    }

    fn send_data(
        &mut self,
        _: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), TransportError> {
        let path = self.path.filter(|_| label == MODELS_LABEL && !text);
        let path = path.ok_or(TransportError::NoChannel)?;
        self.transmits.push(Datagram { path, payload: [&[MODELS_MESSAGE], payload].concat() });
        Ok(())
    }

    fn close(&mut self, _: Instant) {}

    fn poll_transmit(&mut self) -> Option<Datagram> {
        if self.transmits.is_empty() { None } else { Some(self.transmits.remove(0)) }
    }

    fn poll_event(&mut self) -> Option<TransportEvent> {
        if self.events.is_empty() { None } else { Some(self.events.remove(0)) }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}
}

/// A shard on a free port, turned by the test.
pub(crate) struct Rig {
    pub(crate) worker: Worker<KeyedTransport>,
    pub(crate) handle: ShardHandle,
    pub(crate) address: SocketAddr,
    next: u64,
}

/// One client: what its websocket and its socket see.
pub(crate) struct Client {
    pub(crate) peer: PeerId,
    pub(crate) events: mpsc::Receiver<PeerEvent>,
    pub(crate) socket: UdpSocket,
    pub(crate) node: SocketAddr,
    pub(crate) sealer: Sealer,
    pub(crate) opener: Opener,
}

impl Rig {
    pub(crate) fn new(batching: Batching) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = ShardAddresses { bind: address, advertised: vec![address] };
        Self::with(ShardConfig { batching, ..ShardConfig::at(addresses) })
    }

    pub(crate) fn with(config: ShardConfig) -> Self {
        Self::sealing(config, true)
    }

    /// With transports that seal media, or refuse to.
    pub(crate) fn sealing(config: ShardConfig, seals: bool) -> Self {
        Self::open(config, seals, None)
    }

    /// The same, with learners or without.
    pub(crate) fn open(
        config: ShardConfig,
        seals: bool,
        begin_learning: Option<BeginLearning>,
    ) -> Self {
        let mut number = 0;
        let make = move |_| {
            number += 1;
            KeyedTransport::new(number, seals)
        };
        let (parts, handle) = WorkerParts::open(config, Box::new(make), begin_learning).unwrap();
        let address = parts.addresses().bind;
        Self { worker: Worker::new(parts), handle, address, next: 1 }
    }

    /// Turns the loop once, without waiting.
    pub(crate) fn turn(&mut self) {
        assert!(self.worker.turn(Some(Duration::ZERO)).unwrap().is_continue());
    }

    /// Turns the loop until `done` gives something.
    pub(crate) fn until<R>(&mut self, mut done: impl FnMut() -> Option<R>) -> R {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            assert!(Instant::now() < give_up, "it never came");
            assert!(self.worker.turn(Some(Duration::from_millis(1))).unwrap().is_continue());
            if let Some(result) = done() {
                return result;
            }
        }
    }

    /// A client that has joined and negotiated, and to whom media may flow.
    pub(crate) fn client_offering(
        &mut self,
        offering: Offering,
        room: &str,
        audio: usize,
        video: usize,
    ) -> Client {
        let sdp = |ufrag: &str| offer(offering, ufrag, audio, video);
        self.client_with(sdp, ModelLines::default(), room).0
    }

    /// A client with such an offer, made for its user name fragment, as [`Self::client_offering`]; and
    /// the answer.
    pub(crate) fn client_with(
        &mut self,
        sdp: impl FnOnce(&str) -> String,
        models: ModelLines,
        room: &str,
    ) -> (Client, String) {
        let number = self.next;
        self.next += 1;
        let peer = PeerId(number);
        // Nobody reads what is said of the others who come: up to 1,000 in a room, twice each.
        let (sender, mut events) = mpsc::channel(2_048);
        let join = Join {
            peer,
            participant: ParticipantId(Uuid::from_u128(number.into())),
            room: room.into(),
            identity: format!("identity-{number}"),
            name: format!("name-{number}"),
            permissions: Permissions {
                publish: true,
                sources: None,
                model_consent: None,
                subscribe: true,
                data: true,
                admin: false,
                hidden: false,
            },
            model_key: None,
            resumption: None,
        };
        self.handle.try_send(Command::Join { join, events: sender }).unwrap();
        let ufrag = format!("client{number:04}");
        let sdp = sdp(&ufrag);
        self.handle.try_send(Command::Offer { peer, id: 1, sdp, models }).unwrap();
        let answer = self.until(|| {
            events.try_recv().ok().and_then(|event| match event {
                PeerEvent::Message(ServerMessage::Answer { id: 1, sdp }) => Some(sdp),
                PeerEvent::Message(ServerMessage::Error { message, .. }) => panic!("{message}"),
                _ => None,
            })
        });
        let name = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // What waits for a client that reads late must not be lost.
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20).unwrap();
        socket.send_to(&binding_request(name), self.address).unwrap();
        let keys = keys(&ufrag);
        let client = Client {
            peer,
            events,
            socket,
            node: self.address,
            sealer: Sealer::new(PROFILE, &keys.client),
            opener: Opener::new(PROFILE, &keys.server),
        };
        self.turn();
        (client, answer)
    }

    /// What the shard has counted.
    pub(crate) fn stats(&mut self) -> ShardStats {
        let (reply, mut answer) = oneshot::channel();
        self.handle.try_send(Command::Stats { reply }).unwrap();
        self.until(|| answer.try_recv().ok())
    }
}

impl Client {
    /// Says what flows on a sending m-line.
    pub(crate) fn publish(&self, rig: &mut Rig, mid: &str, source: Source) {
        self.say(
            rig,
            ClientMessage::Publish {
                mid: Mid::new(mid).unwrap(),
                source,
                muted: false,
                encrypted: false,
                layers: Vec::new(),
            },
        );
    }

    /// Says something on its websocket.
    pub(crate) fn say(&self, rig: &mut Rig, message: ClientMessage) {
        rig.handle.try_send(Command::Message { peer: self.peer, message }).unwrap();
        rig.turn();
    }

    /// Seals and sends a compound packet.
    pub(crate) fn send_rtcp(&mut self, packet: &[u8]) {
        let mut buffer = [0; 2_000];
        buffer[..packet.len()].copy_from_slice(packet);
        let len = self.sealer.seal_rtcp(&mut buffer, packet.len()).unwrap();
        self.socket.send_to(&buffer[..len], self.node).unwrap();
    }

    /// Seals and sends.
    pub(crate) fn send_rtp(&mut self, packet: &[u8]) {
        let mut buffer = [0; 2_000];
        buffer[..packet.len()].copy_from_slice(packet);
        let len = self.sealer.seal_rtp(&mut buffer, packet.len()).unwrap();
        self.socket.send_to(&buffer[..len], self.node).unwrap();
    }
}

/// The sources that a client of this offer announces.
pub(crate) const MIC: u32 = 1_001;
pub(crate) const CAMERA: u32 = 1_002;

pub(crate) const CAMERA_RTX: u32 = 1_003;

/// Microphone, camera, and slots.
pub(crate) fn offer(offering: Offering, ufrag: &str, audio: usize, video: usize) -> String {
    let mut mids = vec!["mic".to_owned(), "cam".to_owned()];
    let media = |mid: &str, kind, direction| section(offering, ufrag, mid, kind, direction);
    let level = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    let mut sections = media("mic", "audio", "sendonly");
    sections += &format!("{level}a=ssrc:{MIC} cname:x\r\n");
    sections += &media("cam", "video", "sendonly");
    if offering.repair {
        sections += &format!("a=ssrc-group:FID {CAMERA} {CAMERA_RTX}\r\n");
    }
    sections += &format!("a=ssrc:{CAMERA} cname:x\r\n");
    for (prefix, kind, count) in [("a", "audio", audio), ("v", "video", video)] {
        for at in 0..count {
            let mid = format!("{prefix}{at}");
            sections += &media(&mid, kind, "recvonly");
            mids.push(mid);
        }
    }
    session(&mids.join(" "), &sections)
}

/// A session of these m-lines.
pub(crate) fn session(mids: &str, sections: &str) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n{sections}"
    )
}

/// One m-line.
pub(crate) fn section(
    offering: Offering,
    ufrag: &str,
    mid: &str,
    kind: &str,
    direction: &str,
) -> String {
    let (number, codec) = match kind {
        "audio" => (OPUS, "opus/48000/2"),
        _ => (VP8, "VP8/90000"),
    };
    let mut companion = String::new();
    let mut extras = String::new();
    if offering.feedback {
        extras += &feedback(number);
    }
    if offering.repair {
        extras += &format!("a=rtcp-fb:{number} nack\r\n");
        if kind == "video" {
            companion = format!(" {VP8_RTX}");
            extras += &repair(number);
        }
    }
    format!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF {number}{companion}\r\nc=IN IP4 0.0.0.0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\n\
         a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\n\
         a=rtcp-mux\r\na=rtpmap:{number} {codec}\r\n{extras}",
        ["00"; 32].join(":"),
    )
}

fn feedback(number: u8) -> String {
    let uri = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    format!(
        "a=rtcp-rsize\r\na=extmap:{} {uri}\r\na=rtcp-fb:{number} transport-cc\r\n",
        TRANSPORT_ID.0
    )
}

fn repair(number: u8) -> String {
    format!("a=rtpmap:{VP8_RTX} rtx/90000\r\na=fmtp:{VP8_RTX} apt={number}\r\n")
}

/// A STUN binding request with a user name and nothing else (RFC 8489 section 5).
fn binding_request(ufrag: &str) -> Vec<u8> {
    let name = format!("{ufrag}:x");
    let padded = name.len().next_multiple_of(4);
    let mut message = vec![0, 1];
    message.extend((4 + padded as u16).to_be_bytes());
    message.extend(0x2112_a442_u32.to_be_bytes());
    message.extend([9; 12]);
    message.extend([0, 6]);
    message.extend((name.len() as u16).to_be_bytes());
    message.extend(name.bytes());
    message.resize(20 + 4 + padded, 0);
    message
}

/// One packet of VP8, a frame by itself; each 256th is a keyframe.
pub(crate) fn vp8_packet(seq: u16, payload_len: usize) -> Vec<u8> {
    vp8_packet_with(&[], seq, payload_len)
}

/// As [`vp8_packet`], with header extensions.
pub(crate) fn vp8_packet_with(
    extensions: &[(ExtensionId, &[u8])],
    seq: u16,
    payload_len: usize,
) -> Vec<u8> {
    // Descriptor with a 15-bit picture id, then the first byte of the frame header.
    let mut payload = vec![0x90, 0x80, 0x80 | (seq >> 8) as u8 & 0x7f, seq as u8];
    payload.push(u8::from(!seq.is_multiple_of(256)));
    payload.resize(payload_len, seq as u8);
    packet(CAMERA, VP8, seq, u32::from(seq) * 6_000, extensions, &payload)
}

/// One RTP packet.
pub(crate) fn packet(
    ssrc: u32,
    payload_type: u8,
    seq: u16,
    timestamp: u32,
    extensions: &[(ExtensionId, &[u8])],
    payload: &[u8],
) -> Vec<u8> {
    let mut out = vec![0; 2_000 - SEAL_OVERHEAD];
    let builder = PacketBuilder {
        ssrc: Ssrc(ssrc),
        payload_type: PayloadType(payload_type),
        seq: SeqNo(seq),
        timestamp: RtpTime(timestamp),
        marker: true,
        csrcs: &[],
        extensions,
        payload,
        padding: 0,
    };
    let len = builder.write(&mut out).unwrap();
    out.truncate(len);
    out
}
