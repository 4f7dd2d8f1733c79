//! One client of the fleet.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sotto_core::media::Kind;
use sotto_server::shard::{
    socket::{Outbox, Socket},
    transport::Path,
};
use sotto_tests::client::{
    Answer,
    ice::Credentials,
    rtp::{self, Feedback, Header},
    twcc::Arrivals,
};
use tokio::sync::oneshot;

use super::{
    connection::{Connection, Opened},
    line::Line,
    sender::{Sender, SenderPlan},
    stamp::Stamp,
    tally::Tally,
};

/// Between receiver reports, as browsers send them for video (RFC 3550 section 6.2 allows 5 s).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How long the joining may take. A member who is not in by then has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What IPv4 and UDP add to a datagram.
pub(super) const HEADERS: usize = 28;

/// A client whose signalling is done.
pub struct NewMember {
    /// Number of its room.
    pub room: u32,
    /// Its socket, bound.
    pub socket: Socket,
    /// What it offered.
    pub credentials: Credentials,
    /// What it was answered.
    pub answer: Answer,
    /// What it sends.
    pub senders: Vec<SenderPlan>,
    /// RTP sources that it receives.
    pub lines: Vec<(u32, Kind)>,
    /// Between two messages of transport-wide feedback; `None`: it sends none.
    pub feedback: Option<Duration>,
    /// When it began to join.
    pub began: Instant,
    /// Whether it is in only once a packet of somebody has come.
    pub awaits_media: bool,
    /// Told when it is in, or why not.
    pub joined: oneshot::Sender<Result<Joined, String>>,
}

/// How long a client took to be in, from the opening of its websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Until media may flow.
    pub connected: Duration,
    /// Until the first packet came; `None` for who did not wait for one.
    pub first_packet: Option<Duration>,
}

/// A member, and where it stands.
pub(super) struct Member {
    room: u32,
    socket: Socket,
    path: Path,
    connection: Connection,
    /// When media began to flow.
    connected: Option<Instant>,
    plans: Vec<SenderPlan>,
    senders: Vec<Sender>,
    lines: Vec<Line>,
    arrivals: Option<Arrivals>,
    began: Instant,
    awaits_media: bool,
    joined: Option<oneshot::Sender<Result<Joined, String>>>,
    next_report: Instant,
    ssrc: u32,
}

/// What a member needs of its reactor while it acts.
pub(super) struct Surroundings<'a> {
    pub(super) now: Instant,
    /// When the fleet began.
    pub(super) epoch: Instant,
    pub(super) outbox: &'a mut Outbox,
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) tally: &'a mut Tally,
}

impl Member {
    pub(super) fn new(now: Instant, new: NewMember) -> Result<Self, String> {
        let local = new.socket.local();
        let connection = match Connection::new(now, local, &new.credentials, &new.answer) {
            Ok(connection) => connection,
            Err(why) => {
                // Who asked may have gone.
                let _ = new.joined.send(Err(why.clone()));
                return Err(why);
            }
        };
        let remote: SocketAddr = connection.remote();
        Ok(Self {
            room: new.room,
            path: Path { local, remote },
            socket: new.socket,
            connection,
            connected: None,
            ssrc: new.senders.first().map_or(1, |plan| plan.ssrc),
            plans: new.senders,
            senders: Vec::new(),
            lines: new.lines.into_iter().map(|(ssrc, kind)| Line::new(ssrc, kind)).collect(),
            arrivals: new.feedback.map(|interval| Arrivals::with_interval(now, interval)),
            began: new.began,
            awaits_media: new.awaits_media,
            joined: Some(new.joined),
            next_report: now + REPORT_INTERVAL,
        })
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    /// Takes a datagram. False: the member is gone.
    pub(super) fn datagram(&mut self, around: &mut Surroundings<'_>, datagram: &mut [u8]) -> bool {
        around.tally.packets_out += 1;
        around.tally.bytes_out += (datagram.len() + HEADERS) as u64;
        match self.connection.handle(around.now, datagram) {
            Opened::Rtp(packet) => {
                let packet = &*packet;
                Self::rtp(&mut self.lines, &mut self.arrivals, self.room, around, packet);
                if self.joined.is_some() {
                    self.tell_joined(around.now, true);
                }
            }
            Opened::Rtcp(compound) => {
                for feedback in rtp::feedback(compound) {
                    if let Feedback::KeyframeRequest { ssrc } = feedback {
                        let mut senders = self.senders.iter_mut();
                        let asked = senders.find(|sender| sender.ssrc() == ssrc);
                        asked.into_iter().for_each(Sender::request_keyframe);
                    }
                }
            }
            Opened::Connected => {
                self.connected = Some(around.now);
                around.tally.connected += 1;
                let plans = std::mem::take(&mut self.plans);
                self.senders =
                    plans.into_iter().map(|plan| Sender::new(plan, around.now)).collect();
                if !self.awaits_media {
                    self.tell_joined(around.now, false);
                }
            }
            Opened::Rejected => around.tally.rejected += 1,
            Opened::Nothing => {}
            Opened::Closed => return self.fail("the server closed the connection".into()),
            Opened::Failed(why) => return self.fail(why),
        }
        self.transmit(around);
        true
    }

    fn rtp(
        lines: &mut [Line],
        arrivals: &mut Option<Arrivals>,
        room: u32,
        around: &mut Surroundings<'_>,
        packet: &[u8],
    ) {
        let Some(header) = Header::parse(packet) else {
            around.tally.rejected += 1;
            return;
        };
        if let (Some(arrivals), Some(number)) = (arrivals, header.transport) {
            arrivals.came(around.now, number);
        }
        let Some(line) = lines.iter_mut().find(|line| line.ssrc() == header.ssrc) else {
            around.tally.strays += 1;
            return;
        };
        line.packet(around.now, &header);
        if let Some(stamp) = Stamp::read(&packet[header.payload.0..header.payload.1]) {
            let took = (around.now - around.epoch).saturating_sub(stamp.sent);
            around.tally.delay(took);
            around.tally.wrong_room += u64::from(stamp.room != room);
        }
    }

    fn tell_joined(&mut self, now: Instant, media: bool) {
        let Some(connected) = self.connected else { return };
        if let Some(joined) = self.joined.take() {
            let joined_in = Joined {
                connected: connected - self.began,
                first_packet: media.then(|| now - self.began),
            };
            // Nobody waits any more: nothing is lost.
            let _ = joined.send(Ok(joined_in));
        }
    }

    fn fail(&mut self, why: String) -> bool {
        if let Some(joined) = self.joined.take() {
            let _ = joined.send(Err(why));
        }
        false
    }

    /// Lets everything act that is due. False: the member is gone.
    pub(super) fn advance(&mut self, around: &mut Surroundings<'_>) -> bool {
        let now = around.now;
        if self.joined.is_some() && now > self.began + PATIENCE {
            let what = self.connected.map_or("connection", |_| "media");
            return self.fail(format!("no {what} within {} s", PATIENCE.as_secs()));
        }
        if let Err(why) = self.connection.advance(now) {
            return self.fail(why);
        }
        self.transmit(around);
        if self.connected.is_some() {
            self.send(around);
            self.report(around);
        }
        true
    }

    /// When [`Self::advance`] wants to be called.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let due = self.senders.iter().map(Sender::due).fold(self.connection.due(), Instant::min);
        let report = self.connected.map(|_| self.next_report);
        let feedback = self.arrivals.as_ref().and_then(Arrivals::due);
        [report, feedback].into_iter().flatten().fold(due, Instant::min).max(now)
    }

    /// Says goodbye.
    pub(super) fn leave(&mut self, around: &mut Surroundings<'_>) {
        self.connection.close(around.now);
        self.transmit(around);
    }

    fn send(&mut self, around: &mut Surroundings<'_>) {
        let Self { connection, senders, path, socket, room, .. } = self;
        let Surroundings { now, epoch, outbox, scratch, tally } = around;
        for sender in senders {
            sender.emit((*now, *epoch), *room, scratch, |packet| {
                if outbox.is_full() {
                    let sent = socket.send(outbox);
                    tally.unsent += sent.dropped_full + sent.refused;
                }
                outbox.address(*path);
                let tail = outbox.tail();
                tail[..packet.len()].copy_from_slice(packet);
                if let Ok(len) = connection.seal_rtp(tail, packet.len()) {
                    outbox.commit(len);
                    tally.packets_in += 1;
                    tally.bytes_in += (len + HEADERS) as u64;
                }
            });
        }
        self.flush(around);
    }

    fn report(&mut self, around: &mut Surroundings<'_>) {
        let now = around.now;
        let feedback = self.arrivals.as_mut().and_then(|arrivals| arrivals.poll(now, self.ssrc, 0));
        if let Some(message) = feedback {
            self.rtcp(around, &message);
        }
        if now >= self.next_report {
            self.next_report = now + REPORT_INTERVAL;
            let blocks: Vec<_> = self.lines.iter().filter_map(Line::block).collect();
            if !blocks.is_empty() {
                self.rtcp(around, &rtp::write_receiver_report(self.ssrc, &blocks));
            }
        }
        self.flush(around);
    }

    fn rtcp(&mut self, around: &mut Surroundings<'_>, compound: &[u8]) {
        around.outbox.address(self.path);
        let tail = around.outbox.tail();
        tail[..compound.len()].copy_from_slice(compound);
        if let Ok(len) = self.connection.seal_rtcp(tail, compound.len()) {
            around.outbox.commit(len);
        }
    }

    /// Sends what handshakes want to.
    fn transmit(&mut self, around: &mut Surroundings<'_>) {
        while let Some(datagram) = self.connection.transmit() {
            around.outbox.push(self.path, &datagram);
        }
        self.flush(around);
    }

    fn flush(&mut self, around: &mut Surroundings<'_>) {
        if !around.outbox.is_empty() {
            let sent = self.socket.send(around.outbox);
            around.tally.unsent += sent.dropped_full + sent.refused;
        }
    }
}
