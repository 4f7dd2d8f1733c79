//! The secured connection to the node: ICE, DTLS, SRTP and SCTP of one UDP socket. Sans-IO.

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

use bytes::BytesMut;

use super::{
    Answer, Profiles,
    data::{DataChannels, Received},
    dtls::{Dtls, DtlsEvent},
    ice::{Checker, Credentials},
    srtp::{Profile, Srtp},
};

/// What came from the node.
#[derive(Debug)]
pub enum LinkEvent {
    /// ICE has a valid pair; DTLS begins.
    Validated,
    /// Media may flow.
    Connected(Profile),
    /// A decrypted RTP packet.
    Rtp(BytesMut),
    /// A decrypted RTCP compound.
    Rtcp(BytesMut),
    /// A message on a data channel.
    Data(Received),
    /// The node accepted a data channel of that label.
    ChannelOpen(String),
    /// Data channels failed.
    DataFailed(String),
    /// The node closed the connection.
    Closed,
    /// The connection cannot be made.
    Failed(String),
}

/// One connection.
pub struct Link {
    local: SocketAddr,
    remote: SocketAddr,
    checker: Checker,
    dtls: Dtls,
    srtp: Option<Srtp>,
    data: Option<DataChannels>,
    events: VecDeque<LinkEvent>,
    transmits: VecDeque<BytesMut>,
    rejected: u64,
}

impl Link {
    /// Begins to connect to the first address of an answer.
    ///
    /// # Errors
    /// The answer has no candidate, or DTLS cannot be set up.
    pub fn new(
        now: Instant,
        local: SocketAddr,
        credentials: &Credentials,
        answer: &Answer,
        profiles: Profiles,
    ) -> Result<Self, String> {
        let same_family = |address: &&SocketAddr| address.is_ipv4() == local.is_ipv4();
        let remote =
            *answer.candidates.iter().find(same_family).ok_or("the answer has no candidate")?;
        let theirs = Credentials { ufrag: answer.ufrag.clone(), pwd: answer.pwd.clone() };
        let dtls = Dtls::new(local, remote, answer.fingerprint, profiles)
            .map_err(|error| error.to_string())?;
        let mut link = Self {
            local,
            remote,
            checker: Checker::new(now, credentials, &theirs),
            dtls,
            srtp: None,
            data: None,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            rejected: 0,
        };
        link.handle_timeout(now);
        Ok(link)
    }

    /// The node's address.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Packets of the node that were not authentic or came twice.
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Takes a datagram (RFC 7983 tells protocols apart by the first byte).
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) {
        match datagram.first() {
            Some(0..=3) => {
                if self.checker.handle(now, datagram) {
                    self.events.push_back(LinkEvent::Validated);
                    if let Err(error) = self.dtls.connect(now) {
                        self.events.push_back(LinkEvent::Failed(error.to_string()));
                    }
                }
            }
            Some(20..=63) => self.handle_dtls(now, datagram),
            Some(128..=191) => self.handle_media(datagram),
            _ => self.rejected += 1,
        }
        self.flush(now);
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) {
        let events = match self.dtls.handle(now, datagram) {
            Ok(events) => events,
            Err(error) if self.srtp.is_none() => {
                self.events.push_back(LinkEvent::Failed(format!("DTLS: {error}")));
                return;
            }
            Err(_) => {
                self.rejected += 1;
                return;
            }
        };
        for event in events {
            match event {
                DtlsEvent::Connected(keys) => match Srtp::new(&keys) {
                    Ok(srtp) => {
                        self.srtp = Some(srtp);
                        self.events.push_back(LinkEvent::Connected(keys.profile));
                    }
                    Err(error) => {
                        self.events.push_back(LinkEvent::Failed(format!("SRTP: {error}")));
                    }
                },
                DtlsEvent::Data(record) => {
                    if let Some(data) = &mut self.data {
                        data.handle(now, self.remote, record.freeze());
                    }
                }
                DtlsEvent::Closed => self.events.push_back(LinkEvent::Closed),
            }
        }
    }

    fn handle_media(&mut self, datagram: &[u8]) {
        let Some(srtp) = &mut self.srtp else {
            self.rejected += 1;
            return;
        };
        // RFC 5761 section 4: RTCP packet types 192 to 223.
        let rtcp = datagram.get(1).is_some_and(|kind| (192..=223).contains(kind));
        let opened = if rtcp {
            srtp.open_rtcp(datagram).map(LinkEvent::Rtcp)
        } else {
            srtp.open_rtp(datagram).map(LinkEvent::Rtp)
        };
        match opened {
            Ok(event) => self.events.push_back(event),
            Err(_) => self.rejected += 1,
        }
    }

    /// Encrypts an RTP packet; `None` before the connection is up.
    pub fn seal_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.srtp.as_mut()?.seal_rtp(packet).ok()
    }

    /// Encrypts an RTCP packet; `None` before the connection is up.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.srtp.as_mut()?.seal_rtcp(packet).ok()
    }

    /// Sends a message on a data channel.
    ///
    /// # Errors
    /// SCTP refuses.
    pub fn send_data(
        &mut self,
        now: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), String> {
        self.channels(now)?.send(now, label, text, payload);
        self.flush(now);
        Ok(())
    }

    fn channels(&mut self, now: Instant) -> Result<&mut DataChannels, String> {
        match &mut self.data {
            Some(data) => Ok(data),
            none => Ok(none.insert(DataChannels::connect(now, self.local, self.remote)?)),
        }
    }

    /// Opens a data channel without sending anything on it: messages of others can come then.
    ///
    /// # Errors
    /// SCTP refuses.
    pub fn open_channel(&mut self, now: Instant, label: &str) -> Result<(), String> {
        self.channels(now)?.open(now, label);
        self.flush(now);
        Ok(())
    }

    /// Sends raw bytes inside DTLS, where SCTP would be.
    ///
    /// # Errors
    /// The handshake is not done.
    pub fn send_record(&mut self, now: Instant, record: &[u8]) -> Result<(), String> {
        self.dtls.send(now, record).map_err(|error| error.to_string())?;
        self.flush(now);
        Ok(())
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.dtls.close(now);
        self.flush(now);
    }

    /// Lets timers act that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(check) = self.checker.poll(now) {
            self.transmits.push_back(check.as_slice().into());
        }
        if let Err(error) = self.dtls.handle_timeout(now) {
            self.events.push_back(LinkEvent::Failed(format!("DTLS: {error}")));
        }
        if let Some(data) = &mut self.data {
            data.handle_timeout(now);
        }
        self.flush(now);
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Instant {
        let data = self.data.as_ref().and_then(DataChannels::poll_timeout);
        let others = [self.dtls.poll_timeout(), data].into_iter().flatten();
        others.fold(self.checker.timeout(), Instant::min)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    fn flush(&mut self, now: Instant) {
        if let Some(data) = &mut self.data
            && self.srtp.is_some()
        {
            while let Some(packets) = data.poll_transmit(now) {
                for packet in packets {
                    if let Err(error) = self.dtls.send(now, &packet) {
                        self.events.push_back(LinkEvent::Failed(format!("DTLS: {error}")));
                    }
                }
            }
            while let Some(received) = data.poll_received() {
                self.events.push_back(LinkEvent::Data(received));
            }
            while let Some(label) = data.poll_opened() {
                self.events.push_back(LinkEvent::ChannelOpen(label));
            }
            self.events.extend(data.take_failure().map(LinkEvent::DataFailed));
        }
        while let Some(datagram) = self.dtls.poll_transmit() {
            self.transmits.push_back(datagram);
        }
    }
}
