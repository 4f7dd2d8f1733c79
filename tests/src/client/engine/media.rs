//! Datagrams: media and feedback in, whatever the link sends out.

use std::time::Instant;

use bytes::BytesMut;
use sotto_core::{media::Kind, signal::Source};

use super::{BATCH, Broken, EARLY, Engine};
use crate::client::{
    Chat, Link, LinkEvent, SlotReport, data,
    publication::Publication,
    rtp::{self, Feedback, Header},
    slot::{Scene, Seen},
};

impl Engine {
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<(), Broken> {
        for _ in 0..BATCH {
            let len = match self.udp.try_recv(buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // ICMP says that nobody listens: the node is gone or not there yet.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => break,
                Err(error) => return Err(Broken::Udp(error)),
            };
            if is_media(&buffer[..len]) && self.lines.1.drops() {
                continue;
            }
            let now = Instant::now();
            match &mut self.way {
                Some(way) => way.receive(now, &buffer[..len]),
                None => self.take(now, &buffer[..len]),
            }
        }
        Ok(())
    }

    /// A datagram has reached us.
    fn take(&mut self, now: Instant, datagram: &[u8]) {
        self.datagrams.0 += 1;
        self.datagrams.1 += datagram.len() as u64;
        if let Some(link) = &mut self.link {
            link.handle(now, datagram);
        }
        self.media();
    }

    /// Takes what has come out of the line, at either end.
    pub(super) fn carry(&mut self, now: Instant) {
        while let Some(datagram) = self.way.as_mut().and_then(|way| way.received(now)) {
            self.take(now, &datagram);
        }
        while let Some(datagram) = self.way.as_mut().and_then(|way| way.sent(now)) {
            self.put(&datagram);
        }
    }

    /// Takes RTP and RTCP off the link; then the rest.
    pub(super) fn media(&mut self) {
        let now = Instant::now();
        let mut other = Vec::new();
        while let Some(event) = self.link.as_mut().and_then(Link::poll_event) {
            match event {
                LinkEvent::Rtp(packet) => self.rtp(now, packet),
                LinkEvent::Rtcp(packet) => self.feedback(now, &packet),
                event => other.push(event),
            }
        }
        for event in other {
            self.link_event(now, event);
        }
    }

    fn rtp(&mut self, now: Instant, packet: BytesMut) {
        let (at, me) = (now - self.opened, self.short_id);
        let (slots, arrivals) = (&mut self.slots, &mut self.arrivals);
        let models = &mut self.models;
        let mut stray = None;
        self.report.send_if_modified(|report| {
            let Some(mut header) = Header::parse(&packet) else {
                stray = Some((false, packet));
                return false;
            };
            let ssrc = Some(header.ssrc);
            if report.models.ssrc == ssrc {
                header.transport.into_iter().for_each(|number| arrivals.came(now, number));
                let tag = report.connected.map_or(0, |(_, profile)| profile.tag_len());
                models.packet((now, at), &header, &packet, tag, &mut report.models);
                return false;
            }
            let of = |slot: &SlotReport| slot.ssrc == ssrc || slot.rtx_ssrc == ssrc;
            let Some(i) = report.slots.iter().position(of) else {
                stray = Some((report.offers > report.answers, packet));
                return false;
            };
            if let Some(number) = header.transport {
                arrivals.came(now, number);
            }
            if report.slots[i].ssrc != ssrc {
                let (start, end) = header.payload;
                let Some(original) = packet[start..end].first_chunk() else {
                    report.slots[i].padding += 1;
                    return false;
                };
                header.seq = u16::from_be_bytes(*original);
                header.payload.0 += 2;
            }
            let met = &report.met;
            let scene = Scene { now, at, known: &|id| id != me && met.contains_key(&id) };
            let seen = slots[i].packet(&scene, header, packet, &mut report.slots[i]);
            if report.slots[i].frames > 0 && report.slots[i].kind == Kind::Video {
                report.first_frame.get_or_insert(at);
            }
            seen == Seen::News
        });
        match stray {
            // An offerer must be ready for media that outruns the answer (RFC 3264 section 5.1).
            Some((true, packet)) if self.early.len() < EARLY => self.early.push(packet),
            Some(_) => self.strays += 1,
            None => {}
        }
    }

    /// The answer has come: media that outran it finds its slots now.
    pub(super) fn catch_up(&mut self, now: Instant) {
        for packet in std::mem::take(&mut self.early) {
            self.rtp(now, packet);
        }
    }

    pub(super) fn feedback(&mut self, now: Instant, compound: &[u8]) {
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
                Feedback::Nack { ssrc, missing } => {
                    let mut publications = self.publications.iter_mut();
                    let known = publications.find(|publication| publication.ssrc() == ssrc);
                    let packets = known.map(|known| known.repeat(&missing));
                    let packets = packets.unwrap_or_else(|| self.models.repeat(ssrc, &missing));
                    for packet in packets {
                        self.send_rtp(&packet);
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

    pub(super) fn note_request(
        &mut self,
        source: Source,
        change: impl FnOnce(&mut (Source, u32, Option<u8>)),
    ) {
        if let Some(entry) = self.requests.iter_mut().find(|(known, ..)| *known == source) {
            change(entry);
        }
    }

    pub(super) fn link_event(&mut self, now: Instant, event: LinkEvent) {
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
                self.begin_models(now);
            }
            LinkEvent::Data(received) if received.label == data::MODELS => {
                let models = &mut self.models;
                self.report.send_if_modified(|report| {
                    models.message((now, at), &received.payload, &mut report.models);
                    false
                });
            }
            LinkEvent::Data(received) => {
                let chat = Chat::parse(received.label, &received.payload);
                self.report.send_modify(|report| report.chat.extend(chat));
            }
            LinkEvent::ChannelOpen(label) => {
                self.report.send_modify(|report| report.channels.push(label));
            }
            LinkEvent::DataFailed(why) => {
                self.report.send_modify(|report| report.data_failure = Some(why));
            }
            LinkEvent::Closed => self.connected = false,
            LinkEvent::Failed(why) => self.failed = Some(why),
            LinkEvent::Rtp(_) | LinkEvent::Rtcp(_) => {}
        }
    }

    pub(super) fn flush(&mut self) {
        while let Some(datagram) = self.link.as_mut().and_then(Link::poll_transmit) {
            self.transmit(&datagram);
        }
    }

    pub(super) fn transmit(&mut self, datagram: &[u8]) {
        match &mut self.way {
            Some(way) => way.send(Instant::now(), datagram),
            None => self.put(datagram),
        }
    }

    fn put(&self, datagram: &[u8]) {
        if let Some(link) = &self.link
            && let Err(error) = self.udp.try_send_to(datagram, link.remote())
        {
            // A full socket buffer or a node that is gone: UDP may lose packets, and checks on
            // the other side count them.
            tracing::trace!(%error, "datagram not sent");
        }
    }

    pub(super) fn send_rtp(&mut self, packet: &[u8]) {
        if let Some(sealed) = self.link.as_mut().and_then(|link| link.seal_rtp(packet))
            && !self.lines.0.drops()
        {
            self.transmit(&sealed);
        }
    }

    pub(super) fn send_rtcp(&mut self, packet: &[u8]) {
        if let Some(sealed) = self.link.as_mut().and_then(|link| link.seal_rtcp(packet))
            && !self.lines.0.drops()
        {
            self.transmit(&sealed);
        }
    }
}

/// RTP and RTCP, by the first byte (RFC 7983): what a lossy line loses.
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}
