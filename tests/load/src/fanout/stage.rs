//! A media thread that is turned by hand, and its peers.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_core::{
    id::{Mid, ParticipantId, PeerId},
    input::Join,
    signal::{ClientMessage, ModelLines, Permissions, ServerMessage, Source},
};
use sotto_server::shard::{
    Command, PeerEvent, ShardAddresses, ShardConfig, ShardHandle, ShardStats, Undelivered, Worker,
    WorkerParts,
    socket::{Batching, Inbox, Outbox, Socket, SocketConfig},
    transport::{
        Path, PeerTransport,
        dtls::{Identity, IdentityError},
    },
};
use sotto_tests::client::{
    Answer, ModelMedia, Offer, Repair,
    ice::Credentials,
    rtp::Outgoing,
    sdp::{OPUS, SENDING},
    twcc::Arrivals,
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::FanoutArgs;
use crate::fleet::connection::{Connection, Opened};

/// How long anything may take that is not measured.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of the node that wait for a peer.
const EVENTS: usize = 4_096;
/// Between two messages of transport-wide feedback, as browsers leave at such rates.
const FEEDBACK: Duration = Duration::from_millis(50);
/// Bytes that the system holds for a peer.
const BUFFER: usize = 4 << 20;
const SSRC: u32 = 0x5077_0001;
/// Header of what the publisher sends: 12 bytes, and an extension block of 8.
const HEADER: usize = 24;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The system does not give what is needed.
    #[error("no stage: {0}")]
    System(#[from] io::Error),
    /// The node has no certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The media thread takes no command.
    #[error(transparent)]
    Undelivered(#[from] Undelivered),
    /// A peer did not get in.
    #[error("peer {0} did not get in: {1}")]
    NotIn(u32, String),
    /// The media thread has ended.
    #[error("the media thread has ended")]
    Ended,
    /// It did not happen in time.
    #[error("{what} took more than {seconds} s", what = .0, seconds = PATIENCE.as_secs())]
    Late(&'static str),
}

/// One peer.
struct Peer {
    id: PeerId,
    socket: Socket,
    path: Path,
    connection: Connection,
    connected: bool,
    arrivals: Option<Arrivals>,
    /// Held, so that the node does not think that the peer is gone.
    events: mpsc::Receiver<PeerEvent>,
}

/// The media thread and its peers.
pub(super) struct Stage {
    worker: Worker<PeerTransport>,
    handle: ShardHandle,
    publisher: Peer,
    subscribers: Vec<Peer>,
    burst: u32,
    payload: Vec<u8>,
    seq: u16,
    inbox: Inbox,
    outbox: Outbox,
    scratch: Vec<u8>,
}

impl Stage {
    /// Everybody is connected, and everybody gets what is published.
    pub(super) fn set(args: &FanoutArgs) -> Result<Self, StageError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = ShardAddresses { bind: address, advertised: vec![address] };
        let mut config =
            ShardConfig { batching: args.path.batching(), ..ShardConfig::at(addresses) };
        config.sfu.max_participants = args.subscribers.saturating_add(1);
        let identity = Arc::new(Identity::generate()?);
        let make = move |_now| PeerTransport::new(identity.clone());
        let (parts, handle) = WorkerParts::open(config, Box::new(make), None)?;
        let mut worker = Worker::new(parts);
        let mut inbox = Inbox::new();
        let mut outbox = Outbox::new(true);
        let mut entering = |number| {
            let mut peer = Peer::enter(&mut worker, &handle, number, args.feedback)?;
            let give_up = Instant::now() + PATIENCE;
            while !peer.connected {
                if Instant::now() > give_up {
                    return Err(StageError::Late("a handshake"));
                }
                peer.advance(&mut outbox).map_err(|why| StageError::NotIn(number, why))?;
                turn(&mut worker, Duration::from_millis(1))?;
                peer.take(&mut inbox, &mut outbox).map_err(|why| StageError::NotIn(number, why))?;
            }
            Ok(peer)
        };
        let publisher = entering(0)?;
        let subscribers: Vec<_> =
            (1..=args.subscribers).map(&mut entering).collect::<Result<_, _>>()?;
        let mid =
            Mid::new(SENDING[0].1).map_err(|error| StageError::NotIn(0, error.to_string()))?;
        let publish = ClientMessage::Publish {
            mid,
            source: Source::Microphone,
            muted: false,
            encrypted: false,
            layers: Vec::new(),
        };
        handle.try_send(Command::Message { peer: publisher.id, message: publish })?;
        turn(&mut worker, Duration::from_millis(1))?;
        let mut stage = Self {
            worker,
            handle,
            publisher,
            subscribers,
            burst: args.burst.max(1),
            payload: vec![0x48; args.packet_bytes.max(64) - HEADER],
            seq: 0,
            inbox,
            outbox,
            scratch: Vec::new(),
        };
        stage.settle()?;
        Ok(stage)
    }

    /// Until what is sent reaches everybody.
    fn settle(&mut self) -> Result<(), StageError> {
        let give_up = Instant::now() + PATIENCE;
        let wanted = self.subscribers.len() as u64 * u64::from(self.burst);
        loop {
            self.send();
            turn(&mut self.worker, Duration::from_millis(5))?;
            if self.take() >= wanted {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(StageError::Late("the first packets"));
            }
        }
    }

    /// The publisher sends a burst.
    pub(super) fn send(&mut self) {
        let Self { publisher, outbox, scratch, payload, .. } = self;
        outbox.address(publisher.path);
        for _ in 0..self.burst {
            scratch.clear();
            let timestamp = u32::from(self.seq).wrapping_mul(960);
            let mid = SENDING[0].1;
            let header = Outgoing {
                payload_type: OPUS,
                marker: false,
                seq: self.seq,
                timestamp,
                ssrc: SSRC,
                mid,
                level: Some(20),
            };
            header.write(scratch);
            scratch.extend_from_slice(payload);
            self.seq = self.seq.wrapping_add(1);
            if outbox.is_full() {
                publisher.socket.send(outbox);
            }
            let tail = outbox.tail();
            tail[..scratch.len()].copy_from_slice(scratch);
            if let Ok(len) = publisher.connection.seal_rtp(tail, scratch.len()) {
                outbox.commit(len);
            }
        }
        publisher.socket.send(outbox);
    }

    /// One turn of the media thread.
    pub(super) fn turn(&mut self) -> Result<(), StageError> {
        turn(&mut self.worker, Duration::ZERO)
    }

    /// Takes what has come to the subscribers, and says what is due. Gives how many RTP packets came.
    pub(super) fn take(&mut self) -> u64 {
        let mut received = 0;
        for peer in self.subscribers.iter_mut().chain([&mut self.publisher]) {
            // What is broken is seen by what does not come.
            received += peer.take(&mut self.inbox, &mut self.outbox).unwrap_or_default();
            let _ = peer.advance(&mut self.outbox);
            while peer.events.try_recv().is_ok() {}
        }
        received
    }

    /// What the media thread has counted.
    pub(super) fn stats(&mut self) -> Result<ShardStats, StageError> {
        let (reply, mut answer) = oneshot::channel();
        self.handle.try_send(Command::Stats { reply })?;
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            turn(&mut self.worker, Duration::from_millis(1))?;
            if let Ok(stats) = answer.try_recv() {
                return Ok(stats);
            }
        }
        Err(StageError::Late("the figures of the media thread"))
    }
}

impl Peer {
    /// Joins, offers, and begins to connect.
    fn enter(
        worker: &mut Worker<PeerTransport>,
        handle: &ShardHandle,
        number: u32,
        feedback: bool,
    ) -> Result<Self, StageError> {
        let id = PeerId(u64::from(number) + 1);
        let (sender, mut events) = mpsc::channel(EVENTS);
        let join = Join {
            peer: id,
            participant: ParticipantId(Uuid::from_u128(u128::from(number) + 1)),
            room: "fanout".into(),
            identity: format!("peer-{number}"),
            name: format!("peer-{number}"),
            permissions: Permissions {
                publish: true,
                sources: None,
                model_consent: None,
                subscribe: true,
                data: true,
                admin: false,
                // Whom nobody is told of: what is measured is the packet path.
                hidden: number > 0,
            },
            model_key: None,
            resumption: None,
        };
        handle.try_send(Command::Join { join, events: sender })?;
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs: [SSRC + number * 4, SSRC + number * 4 + 1, SSRC + number * 4 + 2],
            models: ModelMedia::default(),
            audio_slots: u16::from(number > 0),
            video_slots: 0,
            repair: Repair { transport_cc: feedback, ..Repair::NONE },
            version: 1,
        };
        let models = ModelLines::default();
        handle.try_send(Command::Offer { peer: id, id: 1, sdp: offer.to_sdp(), models })?;
        let give_up = Instant::now() + PATIENCE;
        let answer = loop {
            turn(worker, Duration::from_millis(1))?;
            match events.try_recv() {
                Ok(PeerEvent::Message(ServerMessage::Answer { sdp, .. })) => break sdp,
                Ok(PeerEvent::Message(ServerMessage::Error { message, .. })) => {
                    return Err(StageError::NotIn(number, message));
                }
                _ if Instant::now() > give_up => return Err(StageError::Late("an answer")),
                _ => {}
            }
        };
        let refused = |why| StageError::NotIn(number, why);
        let answer = Answer::parse(&answer).map_err(refused)?;
        let socket = Socket::bind(&SocketConfig {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            receive_buffer: BUFFER,
            send_buffer: BUFFER,
            batching: Batching::Segments,
        })?;
        let (now, local) = (Instant::now(), socket.local());
        let connection =
            Connection::new(now, local, &offer.credentials, &answer).map_err(refused)?;
        let path = Path { local, remote: connection.remote() };
        let arrivals = feedback.then(|| Arrivals::with_interval(now, FEEDBACK));
        Ok(Self { id, socket, path, connection, connected: false, arrivals, events })
    }

    /// Takes what has come. Gives how many RTP packets that was.
    fn take(&mut self, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<u64, String> {
        let mut packets = 0;
        loop {
            let received = self.socket.receive(inbox).map_err(|error| error.to_string())?;
            let now = Instant::now();
            for index in 0..received {
                let Some(message) = inbox.get(index) else { continue };
                for datagram in message.bytes.chunks_mut(message.segment) {
                    match self.connection.handle(now, datagram) {
                        Opened::Rtp(packet) => {
                            packets += 1;
                            let header = sotto_tests::client::rtp::Header::parse(packet);
                            let number = header.and_then(|header| header.transport);
                            if let (Some(arrivals), Some(number)) = (&mut self.arrivals, number) {
                                arrivals.came(now, number);
                            }
                        }
                        Opened::Connected => self.connected = true,
                        Opened::Failed(why) => return Err(why),
                        Opened::Closed => return Err("the node closed the connection".into()),
                        Opened::Rtcp(_) | Opened::Nothing | Opened::Rejected => {}
                    }
                }
            }
            self.transmit(outbox);
            if !inbox.is_full() {
                return Ok(packets);
            }
        }
    }

    fn advance(&mut self, outbox: &mut Outbox) -> Result<(), String> {
        let now = Instant::now();
        if self.connection.due() <= now {
            self.connection.advance(now)?;
        }
        let message = self.arrivals.as_mut().and_then(|arrivals| arrivals.poll(now, SSRC, 0));
        if let Some(message) = message {
            outbox.address(self.path);
            let tail = outbox.tail();
            tail[..message.len()].copy_from_slice(&message);
            if let Ok(len) = self.connection.seal_rtcp(tail, message.len()) {
                outbox.commit(len);
            }
        }
        self.transmit(outbox);
        Ok(())
    }

    fn transmit(&mut self, outbox: &mut Outbox) {
        while let Some(datagram) = self.connection.transmit() {
            outbox.push(self.path, &datagram);
        }
        if !outbox.is_empty() {
            self.socket.send(outbox);
        }
    }
}

fn turn(worker: &mut Worker<PeerTransport>, patience: Duration) -> Result<(), StageError> {
    if worker.turn(Some(patience))?.is_continue() { Ok(()) } else { Err(StageError::Ended) }
}
