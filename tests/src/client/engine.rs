//! The task of one participant: the only owner of its websocket, its socket and its state.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use sotto_core::{
    id::Mid,
    media::Kind,
    signal::{ClientMessage, PROTOCOL_VERSION, ServerMessage, Source},
};
use tokio::{
    net::{TcpStream, UdpSocket},
    sync::{mpsc, watch},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use super::{
    Answer, Chat, Ended, JoinError, Link, LinkEvent, Listen, Media, Offer, Options, Profiles,
    Refusal, Report, SentReport, SlotReport,
    ice::{Credentials, fill},
    publication::Publication,
    rtp::{self, Feedback, Header},
    slot::{Scene, Seen, Slot},
};

/// Datagrams taken from the socket before anything else gets its turn.
const BATCH: usize = 64;
/// How often waiting tests look at the report even if nothing happened.
const TICK: Duration = Duration::from_millis(20);
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
    OpenData,
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
        let local = udp.local_addr().map_err(|error| connect(&error))?;

        let mut ssrcs = [0; 3];
        for ssrc in &mut ssrcs {
            let mut bytes = [0; 4];
            fill(&mut bytes);
            *ssrc = u32::from_be_bytes(bytes);
        }
        let offer = Offer {
            credentials: Credentials::random(),
            ssrcs,
            audio_slots: options.audio_slots,
            video_slots: options.video_slots,
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
        };
        let join = ClientMessage::Join {
            version: PROTOCOL_VERSION,
            token: options.token,
            name: options.name,
        };
        engine.say(&join).await.map_err(|error| JoinError::NoWelcome(error.to_string()))?;
        engine.welcome().await?;
        let sent = async {
            engine.send_offer().await?;
            for publish in options.publish {
                engine.publish(publish.source, publish.media, publish.muted).await?;
            }
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
            self.advance(now).await;
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
        }
        deadline.max(now)
    }

    /// Everything that time brings: checks, media, reports.
    async fn advance(&mut self, now: Instant) {
        if let Some(link) = &mut self.link {
            if link.poll_timeout() <= now {
                link.handle_timeout(now);
            }
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
            for i in 0..self.publications.len() {
                if let Some(report) = self.publications[i].report(now) {
                    self.send_rtcp(&report);
                }
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.tick(now);
        }
        self.media();
        self.flush();
    }

    fn tick(&mut self, now: Instant) {
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
                    frames: publication.frames(),
                    packets: publication.packets(),
                    keyframe_requests,
                    fraction_lost,
                }
            })
            .collect();
        let (at, me) = (now - self.opened, self.short_id);
        let rejected = self.link.as_ref().map_or(0, Link::rejected);
        let (slots, mut requests) = (&mut self.slots, Vec::new());
        let mut blocks = Vec::new();
        self.report.send_modify(|report| {
            report.sent = sent;
            report.rejected = rejected;
            let known = known_people(report, me);
            let scene = Scene { now, at, known: &|id| known.contains(&id) };
            let mut pictures = false;
            for (slot, report) in slots.iter_mut().zip(&mut report.slots) {
                slot.tick(&scene, report);
                pictures |= report.sources.values().any(|source| source.pictures > 0);
                if slot.poll_keyframe_request(now) {
                    requests.extend(report.ssrc);
                }
                blocks.extend(slot.block(now, report));
            }
            if pictures {
                report.first_picture.get_or_insert(at);
            }
        });
        for ssrc in requests {
            self.send_rtcp(&rtp::write_picture_loss(self.offer.ssrcs[0], ssrc));
        }
        if now >= self.next_report && self.connected && !blocks.is_empty() {
            self.next_report = now + REPORT_INTERVAL;
            self.send_rtcp(&rtp::write_receiver_report(self.offer.ssrcs[0], &blocks));
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<(), Broken> {
        for _ in 0..BATCH {
            let len = match self.udp.try_recv(buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // ICMP says that nobody listens: the node is gone or not there yet.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => break,
                Err(error) => return Err(Broken::Udp(error)),
            };
            if let Some(link) = &mut self.link {
                link.handle(Instant::now(), &buffer[..len]);
            }
            self.media();
        }
        Ok(())
    }

    /// Takes RTP and RTCP off the link; then the rest.
    fn media(&mut self) {
        let now = Instant::now();
        let (at, me) = (now - self.opened, self.short_id);
        let mut other = Vec::new();
        while let Some(event) = self.link.as_mut().and_then(Link::poll_event) {
            match event {
                LinkEvent::Rtp(packet) => {
                    let slots = &mut self.slots;
                    self.report.send_if_modified(|report| {
                        let Some(header) = Header::parse(&packet) else { return false };
                        let slot = report.slots.iter().position(|s| s.ssrc == Some(header.ssrc));
                        let Some(i) = slot else {
                            report.rejected += 1;
                            return false;
                        };
                        let people = &report.people;
                        let known = |id: u32| {
                            id != me && people.values().any(|person| person.short_id.0 == id)
                        };
                        let scene = Scene { now, at, known: &known };
                        let seen = slots[i].packet(&scene, header, packet, &mut report.slots[i]);
                        if report.slots[i].frames > 0 && report.slots[i].kind == Kind::Video {
                            report.first_frame.get_or_insert(at);
                        }
                        seen == Seen::News
                    });
                }
                LinkEvent::Rtcp(packet) => self.feedback(now, &packet),
                event => other.push(event),
            }
        }
        for event in other {
            self.link_event(now, event);
        }
    }

    fn feedback(&mut self, now: Instant, compound: &[u8]) {
        for feedback in rtp::feedback(compound) {
            match feedback {
                Feedback::KeyframeRequest { ssrc } => {
                    if let Some(publication) =
                        self.publications.iter_mut().find(|publication| publication.ssrc() == ssrc)
                    {
                        publication.request_keyframe();
                        let source = publication.source();
                        self.note_request(source, |entry| entry.1 += 1);
                    }
                }
                Feedback::Reception { ssrc, fraction_lost } => {
                    let mut publications = self.publications.iter();
                    let source = publications.find(|known| known.ssrc() == ssrc);
                    if let Some(source) = source.map(Publication::source) {
                        self.note_request(source, |entry| entry.2 = Some(fraction_lost));
                    }
                }
                Feedback::SenderReport { ssrc, ntp, rtp } => {
                    let slots = &mut self.slots;
                    self.report.send_if_modified(|report| {
                        let slot = report.slots.iter().position(|slot| slot.ssrc == Some(ssrc));
                        if let Some(i) = slot {
                            slots[i].sender_report(now, ntp, rtp, &mut report.slots[i]);
                        }
                        false
                    });
                }
            }
        }
    }

    fn note_request(
        &mut self,
        source: Source,
        change: impl FnOnce(&mut (Source, u32, Option<u8>)),
    ) {
        if let Some(entry) = self.requests.iter_mut().find(|(known, ..)| *known == source) {
            change(entry);
        }
    }

    fn link_event(&mut self, now: Instant, event: LinkEvent) {
        let at = now - self.opened;
        match event {
            LinkEvent::Validated => {
                self.report.send_modify(|report| report.validated = Some(at));
            }
            LinkEvent::Connected(profile) => {
                self.connected = true;
                // What was published before shares a clock that begins now.
                self.publications.iter_mut().for_each(|publication| publication.start(now));
                self.report.send_modify(|report| report.connected = Some((at, profile)));
            }
            LinkEvent::Data(received) => {
                let chat = Chat::parse(received.label, &received.payload);
                self.report.send_modify(|report| report.chat.extend(chat));
            }
            LinkEvent::DataFailed(why) => {
                self.report.send_modify(|report| report.data_failure = Some(why));
            }
            LinkEvent::Closed => self.connected = false,
            LinkEvent::Failed(why) => self.failed = Some(why),
            LinkEvent::Rtp(_) | LinkEvent::Rtcp(_) => {}
        }
    }

    fn flush(&mut self) {
        while let Some(datagram) = self.link.as_mut().and_then(Link::poll_transmit) {
            self.transmit(&datagram);
        }
    }

    fn transmit(&self, datagram: &[u8]) {
        if let Some(link) = &self.link
            && let Err(error) = self.udp.try_send_to(datagram, link.remote())
        {
            // A full socket buffer or a node that is gone: UDP may lose packets, and checks on
            // the other side count them.
            tracing::trace!(%error, "datagram not sent");
        }
    }

    fn send_rtp(&mut self, packet: &[u8]) {
        if let Some(sealed) = self.link.as_mut().and_then(|link| link.seal_rtp(packet)) {
            self.transmit(&sealed);
        }
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        if let Some(sealed) = self.link.as_mut().and_then(|link| link.seal_rtcp(packet)) {
            self.transmit(&sealed);
        }
    }

    async fn frame(
        &mut self,
        frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<(), Broken> {
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => {
                    self.heard(message).await;
                    Ok(())
                }
                Err(error) => Err(Broken::Message(format!("{error}: {text}"))),
            },
            Some(Ok(Message::Close(_))) | None => Err(Broken::Ended(Ended::ClosedByNode)),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Broken::Web(Box::new(error))),
        }
    }

    async fn heard(&mut self, message: ServerMessage) {
        let at = self.opened.elapsed();
        if let ServerMessage::Answer { sdp, .. } = &message {
            self.answer(sdp);
        }
        if let ServerMessage::Welcome { participant, .. } = &message {
            self.short_id = participant.short_id.0;
        }
        let slots = &mut self.slots;
        self.report.send_modify(|report| hear(report, slots, at, message));
    }

    fn answer(&mut self, sdp: &str) {
        let answer = match Answer::parse(sdp) {
            Ok(answer) => answer,
            Err(why) => {
                self.failed = Some(why);
                return;
            }
        };
        self.report.send_modify(|report| {
            for slot in &mut report.slots {
                let line = answer.lines.iter().find(|line| line.mid == slot.mid);
                slot.ssrc = line.filter(|line| !line.refused).and_then(|line| line.ssrc);
            }
        });
        if self.link.is_some() {
            return;
        }
        let now = Instant::now();
        match Link::new(now, self.local, &self.offer.credentials, &answer, self.profiles) {
            Ok(link) => self.link = Some(link),
            Err(why) => self.failed = Some(why),
        }
    }

    async fn command(&mut self, command: Command) -> Result<(), Broken> {
        let now = Instant::now();
        match command {
            Command::Say(message) => self.say(&message).await?,
            Command::SayRaw(text) => self.say_text(text).await?,
            Command::Mute(source, muted) => {
                if let Some(publication) =
                    self.publications.iter_mut().find(|publication| publication.source() == source)
                {
                    publication.set_muted(muted);
                    let mid = mid(publication.mid());
                    self.say(&ClientMessage::Mute { mid, muted }).await?;
                }
            }
            Command::Publish(source, media) => self.publish(source, media, false).await?,
            Command::Unpublish(source) => {
                if let Some(i) = self.publications.iter().position(|p| p.source() == source) {
                    let mid = mid(self.publications.remove(i).mid());
                    self.say(&ClientMessage::Unpublish { mid }).await?;
                }
            }
            Command::Offer { audio, video } => {
                (self.offer.audio_slots, self.offer.video_slots) = (audio, video);
                self.send_offer().await?;
            }
            Command::Data { label, text, payload } => {
                if let Some(link) = &mut self.link {
                    link.send_data(now, &label, text, &payload).map_err(Broken::Message)?;
                }
            }
            Command::OpenData => {
                if let Some(link) = &mut self.link {
                    link.open_data(now).map_err(Broken::Message)?;
                }
            }
            Command::Datagram(datagram) => self.transmit(&datagram),
            Command::Rtp(packet) => self.send_rtp(&packet),
            Command::Rtcp(packet) => self.send_rtcp(&packet),
            Command::Record(record) => {
                if let Some(link) = &mut self.link {
                    link.send_record(now, &record).map_err(Broken::Message)?;
                }
            }
            Command::Leave => {
                self.leaving = true;
                self.say(&ClientMessage::Leave).await?;
            }
            Command::Vanish => return Err(Broken::Ended(Ended::Vanished)),
        }
        Ok(())
    }

    async fn publish(&mut self, source: Source, media: Media, muted: bool) -> Result<(), Broken> {
        let line = super::sdp::SENDING.iter().position(|(known, _)| *known == source);
        let ssrc = self.offer.ssrcs[line.unwrap_or(0)];
        let publication = Publication::new(Instant::now(), source, ssrc, media, muted);
        let message =
            ClientMessage::Publish { mid: mid(publication.mid()), source, muted, encrypted: false };
        self.publications.push(publication);
        self.requests.push((source, 0, None));
        self.say(&message).await
    }

    async fn send_offer(&mut self) -> Result<(), Broken> {
        self.offer.version += 1;
        let listen = self.listen;
        for (name, kind) in self.offer.slots() {
            let slots = &mut self.slots;
            self.report.send_modify(|report| {
                if !report.slots.iter().any(|slot| slot.mid == name) {
                    report.slots.push(SlotReport::new(name, kind));
                    slots.push(Slot::new(kind, listen));
                }
            });
        }
        self.report.send_modify(|report| report.offers += 1);
        let (id, sdp) = (self.offer.version, self.offer.to_sdp());
        self.say(&ClientMessage::Offer { id, sdp }).await
    }

    async fn say(&mut self, message: &ClientMessage) -> Result<(), Broken> {
        let text =
            serde_json::to_string(message).map_err(|error| Broken::Message(error.to_string()))?;
        self.say_text(text).await
    }

    async fn say_text(&mut self, text: String) -> Result<(), Broken> {
        let sent = self.web.send(Message::Text(text.into())).await;
        sent.map_err(|error| Broken::Web(Box::new(error)))
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

/// Enters a message into the report.
fn hear(report: &mut Report, slots: &mut [Slot], at: Duration, message: ServerMessage) {
    match message {
        ServerMessage::Welcome { participant, permissions, participants, limits, .. } => {
            report.welcome = Some(at);
            report.me = Some(participant);
            report.permissions = Some(permissions);
            report.limits = Some(limits);
            report.people = participants.into_iter().map(|person| (person.id, person)).collect();
        }
        ServerMessage::Answer { .. } => {
            report.answers += 1;
            report.answered.get_or_insert(at);
        }
        ServerMessage::ParticipantJoined { participant } => {
            report.people.insert(participant.id, participant);
        }
        ServerMessage::ParticipantLeft { participant, reason } => {
            report.left.push((participant, reason));
            report.people.remove(&participant);
        }
        ServerMessage::TrackPublished { participant, track } => {
            if let Some(person) = report.people.get_mut(&participant) {
                person.tracks.push(track);
            }
        }
        ServerMessage::TrackUnpublished { participant, track } => {
            if let Some(person) = report.people.get_mut(&participant) {
                person.tracks.retain(|known| known.id != track);
            }
        }
        ServerMessage::TrackMuted { participant, track, muted } => {
            let person = report.people.get_mut(&participant);
            let tracks = person.into_iter().flat_map(|person| &mut person.tracks);
            tracks.filter(|known| known.id == track).for_each(|known| known.muted = muted);
        }
        ServerMessage::Slots { slots: assignments } => {
            for assignment in assignments {
                let mid = assignment.mid.as_str();
                if let Some(i) = report.slots.iter().position(|slot| slot.mid == mid) {
                    report.slots[i].assign(&assignment);
                    if assignment.content.is_none() {
                        slots[i].emptied(&mut report.slots[i]);
                    }
                }
            }
        }
        ServerMessage::Speakers { speakers } => report.speakers = speakers,
        ServerMessage::Error { code, message, about, fatal } => {
            report.refusals.push(Refusal { code, message, about, fatal });
        }
        ServerMessage::Pong { id } => report.pongs.push(id),
    }
}

fn known_people(report: &Report, me: u32) -> Vec<u32> {
    let ids = report.people.values().map(|person| person.short_id.0);
    ids.filter(|id| *id != me).collect()
}

fn mid(text: &str) -> Mid {
    Mid::new(text).expect("our tags are one or two digits")
}
