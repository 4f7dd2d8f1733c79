//! The task of one participant: the only owner of its websocket, its socket and its state.
//!
//! ```text
//!  commands (handle) ─┐
//!  messages (node)   ─┼─► Engine ─► Report
//!  media (datagrams) ─┘      └ timers: checks, frames that are due, reports
//! ```

mod commands;
mod media;
mod messages;
mod models;
mod way;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use futures_util::StreamExt;
use socket2::SockRef;
use sotto_core::signal::{
    ClientMessage, FormSwitched, GateState, PROTOCOL_VERSION, ServerMessage, Source,
};
use tokio::{
    net::{TcpStream, UdpSocket},
    sync::{mpsc, watch},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use models::Models;
use way::Way;

use super::{
    Ended, JoinError, Link, Listen, Media, Offer, Options, Profiles, Refusal, Report, SentReport,
    ice::{Credentials, fill},
    loss::Line,
    nack::write_nack,
    publication::Publication,
    rtp,
    sdp::ModelMedia,
    slot::{Scene, Slot},
    twcc::Arrivals,
};

/// Datagrams taken from the socket before anything else gets its turn.
const BATCH: usize = 64;
/// Bytes that the system holds for us while we are busy.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Packets that are kept while an offer waits for its answer; more are dropped.
const EARLY: usize = 256;
/// How often waiting tests look at the report even if nothing happened.
const TICK: Duration = Duration::from_millis(20);
/// What a lossy line loses is the same in each run, as far as the packets are.
const SEED: u64 = 1;
/// Between receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// What the handle asks for.
pub(super) enum Command {
    Say(ClientMessage),
    SayRaw(String),
    Mute(Source, bool),
    Publish(Source, Media),
    Unpublish(Source),
    Offer { audio: u16, video: u16 },
    Data { label: String, text: bool, payload: Vec<u8> },
    OpenChannel(String),
    Gate(Source, GateState),
    Refine(Source),
    Datagram(Vec<u8>),
    Rtp(Vec<u8>),
    Rtcp(Vec<u8>),
    Record(Vec<u8>),
    Leave,
    Vanish,
}

/// The state of a participant.
pub(super) struct Engine {
    opened: Instant,
    web: WebSocketStream<MaybeTlsStream<TcpStream>>,
    udp: UdpSocket,
    local: SocketAddr,
    inbox: mpsc::Receiver<Command>,
    report: watch::Sender<Report>,
    listen: Listen,
    profiles: Profiles,
    offer: Offer,
    link: Option<Link>,
    connected: bool,
    publications: Vec<Publication>,
    requests: Vec<(Source, u32, Option<u8>)>,
    slots: Vec<Slot>,
    short_id: u32,
    next_tick: Instant,
    next_report: Instant,
    packets: Vec<Vec<u8>>,
    leaving: bool,
    failed: Option<String>,
    early: Vec<BytesMut>,
    strays: u64,
    /// Datagrams that reached us, and their bytes.
    datagrams: (u64, u64),
    arrivals: Arrivals,
    /// What the line loses on the way to the node, and from it.
    lines: (Line, Line),
    way: Option<Way>,
    models: Models,
}

impl Engine {
    /// Opens the websocket, joins and offers.
    pub(super) async fn join(
        options: Options,
        inbox: mpsc::Receiver<Command>,
        report: watch::Sender<Report>,
    ) -> Result<Self, JoinError> {
        let opened = Instant::now();
        let connect = |error: &dyn std::fmt::Display| JoinError::Connect(error.to_string());
        let (web, _) = tokio_tungstenite::connect_async(&options.url)
            .await
            .map_err(|error| connect(&error))?;
        // The socket is on the address family and, on loopback, on the host of the websocket.
        let stream = match web.get_ref() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => return Err(JoinError::Connect("not a plain connection".into())),
        };
        stream.set_nodelay(true).map_err(|error| connect(&error))?;
        let host = stream.local_addr().map_err(|error| connect(&error))?.ip();
        let udp = UdpSocket::bind((host, 0)).await.map_err(|error| connect(&error))?;
        // Best effort, as far as the system allows: a busy machine must not look like a lossy line.
        if let Err(error) = SockRef::from(&udp).set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%error, "receive buffer stays as it is");
        }
        let local = udp.local_addr().map_err(|error| connect(&error))?;

        let mut ssrcs = [0; 4];
        for ssrc in &mut ssrcs {
            let mut bytes = [0; 4];
            fill(&mut bytes);
            *ssrc = u32::from_be_bytes(bytes);
        }
        let [model_ssrc, ssrcs @ ..] = ssrcs;
        let models = Models::new(opened, model_ssrc, &options);
        let lines = models.lines().unwrap_or_default();
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs,
            models: ModelMedia {
                send: lines.send.map(|_| model_ssrc),
                receive: lines.receive.is_some(),
            },
            audio_slots: options.audio_slots,
            video_slots: options.video_slots,
            repair: options.repair,
            version: 0,
        };
        let mut engine = Self {
            opened,
            web,
            udp,
            local,
            inbox,
            report,
            listen: options.listen,
            profiles: options.profiles,
            offer,
            link: None,
            connected: false,
            publications: Vec::new(),
            requests: Vec::new(),
            slots: Vec::new(),
            short_id: 0,
            next_tick: opened,
            next_report: opened,
            packets: Vec::new(),
            leaving: false,
            failed: None,
            early: Vec::new(),
            strays: 0,
            datagrams: (0, 0),
            arrivals: Arrivals::new(opened),
            lines: (Line::new(options.loss.0, SEED), Line::new(options.loss.1, SEED + 1)),
            way: options.way.map(|(up, down)| Way::new(opened, up, down, ssrcs[0].into())),
            models,
        };
        let join = ClientMessage::Join {
            version: PROTOCOL_VERSION,
            token: options.token,
            name: options.name,
            resumption: None,
        };
        engine.say(&join).await.map_err(|error| JoinError::NoWelcome(error.to_string()))?;
        engine.welcome().await?;
        let sent = async {
            engine.say_support().await?;
            engine.send_offer().await?;
            for publish in options.publish {
                engine.publish(publish.source, publish.media, publish.muted).await?;
            }
            engine.say_learning().await?;
            Ok::<_, Broken>(())
        };
        sent.await.map_err(|error| JoinError::NoWelcome(error.to_string()))?;
        Ok(engine)
    }

    async fn welcome(&mut self) -> Result<(), JoinError> {
        loop {
            let frame = self.web.next().await;
            let text = match frame {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                other => return Err(JoinError::NoWelcome(format!("{other:?}"))),
            };
            match serde_json::from_str(&text) {
                Ok(ServerMessage::Error { code, message, about, fatal }) => {
                    return Err(JoinError::Refused(Refusal { code, message, about, fatal }));
                }
                Ok(message @ ServerMessage::Welcome { .. }) => {
                    self.heard(message).await;
                    return Ok(());
                }
                Ok(other) => return Err(JoinError::NoWelcome(format!("{other:?}"))),
                Err(error) => return Err(JoinError::NoWelcome(format!("{error}: {text}"))),
            }
        }
    }

    /// Runs until the participation ends.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; 2_048];
        let ended = loop {
            let now = Instant::now();
            if let Err(broken) = self.advance(now).await {
                break broken.ended(self.leaving);
            }
            let deadline = self.deadline(now);
            let step = tokio::select! {
                frame = self.web.next() => self.frame(frame).await,
                command = self.inbox.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => Err(Broken::Ended(Ended::Vanished)),
                },
                ready = self.udp.readable() => match ready {
                    Ok(()) => self.receive(&mut buffer),
                    Err(error) => Err(Broken::Udp(error)),
                },
                Some(errand) = self.models.errands.join_next() => match errand {
                    Ok(errand) => self.errand(errand).await,
                    Err(error) => Err(Broken::Message(error.to_string())),
                },
                () = tokio::time::sleep_until(deadline.into()) => Ok(()),
            };
            let step = match self.failed.take() {
                Some(why) => Err(Broken::Message(why)),
                None => step,
            };
            if let Err(broken) = step {
                break broken.ended(self.leaving);
            }
        };
        if ended != Ended::Vanished
            && let Some(link) = &mut self.link
        {
            link.close(Instant::now());
            self.flush();
        }
        self.report.send_modify(|report| report.ended = Some(ended));
    }

    fn deadline(&self, now: Instant) -> Instant {
        let mut deadline = self.next_tick;
        if let Some(link) = &self.link {
            deadline = deadline.min(link.poll_timeout());
        }
        if self.connected {
            deadline = self.publications.iter().map(Publication::due).fold(deadline, Instant::min);
            let models = self.models.source.as_ref();
            deadline = models.map_or(deadline, |source| deadline.min(source.due()));
        }
        if let Some(due) = self.way.as_ref().and_then(Way::due) {
            deadline = deadline.min(due);
        }
        deadline.max(now)
    }

    /// Everything that time brings: checks, media, reports.
    async fn advance(&mut self, now: Instant) -> Result<(), Broken> {
        self.carry(now);
        if let Some(link) = &mut self.link
            && link.poll_timeout() <= now
        {
            link.handle_timeout(now);
        }
        if self.connected {
            let mut packets = std::mem::take(&mut self.packets);
            for publication in &mut self.publications {
                publication.emit(now, self.short_id, &mut packets);
            }
            for packet in packets.drain(..) {
                self.send_rtp(&packet);
            }
            self.packets = packets;
            self.emit_models(now).await?;
            for i in 0..self.publications.len() {
                if let Some(report) = self.publications[i].report(now) {
                    self.send_rtcp(&report);
                }
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.learn(now);
            for switched in self.tick(now) {
                self.say(&ClientMessage::Switched(switched)).await?;
            }
        }
        self.media();
        if let Some(message) = self.arrivals.poll(now, self.offer.ssrcs[0], 0) {
            self.send_rtcp(&message);
        }
        self.flush();
        Ok(())
    }

    /// Enters figures, asks for what is missing. Gives the forms that are played from now on.
    fn tick(&mut self, now: Instant) -> Vec<FormSwitched> {
        let sent: Vec<_> = self
            .publications
            .iter()
            .map(|publication| {
                let source = publication.source();
                let heard = self.requests.iter().find(|(known, ..)| *known == source);
                let (keyframe_requests, fraction_lost) =
                    heard.map_or((0, None), |(_, requests, lost)| (*requests, *lost));
                SentReport {
                    source,
                    wanted: publication.is_wanted(),
                    frames: publication.frames(),
                    packets: publication.packets(),
                    behind: publication.behind(),
                    keyframe_requests,
                    repeated: publication.repeated(),
                    fraction_lost,
                }
            })
            .collect();
        let (at, me) = (now - self.opened, self.short_id);
        let rejected = self.strays + self.link.as_ref().map_or(0, Link::rejected);
        let (slots, mut requests) = (&mut self.slots, Vec::new());
        let (mut blocks, mut missing) = (Vec::new(), Vec::new());
        let dropped = (self.lines.0.dropped(), self.lines.1.dropped());
        let datagrams = self.datagrams;
        let (models, mut switched) = (&mut self.models, Vec::new());
        self.report.send_modify(|report| {
            report.sent = sent;
            report.rejected = rejected;
            report.dropped = dropped;
            report.datagrams = datagrams;
            let asked;
            (asked, switched) = models.tick(now, report);
            let bundles = report.models.ssrc.filter(|_| !asked.is_empty());
            missing.extend(bundles.map(|ssrc| (ssrc, asked)));
            let met = &report.met;
            let scene = Scene { now, at, known: &|id| id != me && met.contains_key(&id) };
            let mut pictures = false;
            for (slot, report) in slots.iter_mut().zip(&mut report.slots) {
                slot.tick(&scene, report);
                pictures |= report.sources.values().any(|source| source.pictures > 0);
                if slot.poll_keyframe_request(now) {
                    requests.extend(report.ssrc);
                }
                blocks.extend(slot.block(now, report));
                let asked = slot.poll_missing(now);
                report.asked += asked.len() as u64;
                missing.extend(report.ssrc.filter(|_| !asked.is_empty()).map(|ssrc| (ssrc, asked)));
            }
            if pictures {
                report.first_picture.get_or_insert(at);
            }
        });
        for (ssrc, missing) in missing {
            self.send_rtcp(&write_nack(self.offer.ssrcs[0], ssrc, &missing));
        }
        for ssrc in requests {
            self.send_rtcp(&rtp::write_picture_loss(self.offer.ssrcs[0], ssrc));
        }
        if now >= self.next_report && self.connected && !blocks.is_empty() {
            self.next_report = now + REPORT_INTERVAL;
            self.send_rtcp(&rtp::write_receiver_report(self.offer.ssrcs[0], &blocks));
        }
        switched
    }
}

/// Why the loop ends.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0:?}")]
    Ended(Ended),
    #[error("websocket: {0}")]
    Web(Box<tokio_tungstenite::tungstenite::Error>),
    #[error("socket: {0}")]
    Udp(std::io::Error),
    #[error("{0}")]
    Message(String),
}

impl Broken {
    fn ended(self, leaving: bool) -> Ended {
        match self {
            Self::Ended(Ended::ClosedByNode) | Self::Web(_) if leaving => Ended::Left,
            Self::Ended(ended) => ended,
            // A connection that was reset is closed all the same.
            Self::Web(_) => Ended::ClosedByNode,
            other => Ended::Failed(other.to_string()),
        }
    }
}
