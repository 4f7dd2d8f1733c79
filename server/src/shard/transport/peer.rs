//! The transport that the node runs: ICE-lite, DTLS 1.2, SRTP and SCTP of one peer.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{
    CloseCause, Datagram, LocalParameters, Path, RemoteParameters, SrtpProfile, Transport,
    TransportError, TransportEvent,
    dtls::{self, Association, Identity},
    ice,
    sctp::{Channels, Message},
    srtp::{Keys, Opener, Sealer},
};

/// Datagrams that wait for [`Transport::poll_transmit`]. The caller drains after every call, so that
/// more than a window of SCTP means that it does not.
const MAX_TRANSMITS: usize = 1024;

/// The connection of one peer. Idle, it holds credentials and a few empty collections; what the
/// handshake, SRTP and SCTP need is made when they start.
#[derive(Debug)]
pub struct PeerTransport {
    identity: Arc<Identity>,
    ice: ice::Agent,
    remote: Option<RemoteParameters>,
    dtls: Association,
    /// The path that DTLS last came over: where to answer before the client nominates one.
    dtls_path: Option<Path>,
    srtp: Option<Box<Srtp>>,
    channels: Option<Box<Channels>>,
    transmits: VecDeque<Datagram>,
    events: VecDeque<TransportEvent>,
    closed: bool,
}

#[derive(Debug)]
struct Srtp {
    sealer: Sealer,
    opener: Opener,
}

impl PeerTransport {
    /// A transport with fresh ICE credentials, waiting for the client's parameters.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            ice: ice::Agent::new(),
            remote: None,
            dtls: Association::new(),
            dtls_path: None,
            srtp: None,
            channels: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            closed: false,
        }
    }

    /// Queues a datagram. When the queue is full the newest is dropped: everything that is sent
    /// here is repeated by its protocol.
    fn send(&mut self, path: Path, payload: Vec<u8>) {
        if self.transmits.len() < MAX_TRANSMITS {
            self.transmits.push_back(Datagram { path, payload });
        }
    }

    fn connected(&mut self, profile: SrtpProfile, keys: &Keys) {
        self.srtp = Some(Box::new(Srtp {
            sealer: Sealer::new(profile, &keys.server),
            opener: Opener::new(profile, &keys.client),
        }));
        self.events.push_back(TransportEvent::Connected { profile });
    }

    fn end(&mut self, cause: CloseCause) {
        if !self.closed {
            self.release();
            self.events.push_back(TransportEvent::Closed(cause));
        }
    }

    /// Another certificate is another client: nothing of the old connection holds.
    fn start_over(&mut self) {
        self.events.extend(self.ice.paths().map(TransportEvent::PathLost));
        *self =
            Self { events: std::mem::take(&mut self.events), ..Self::new(self.identity.clone()) };
    }

    fn release(&mut self) {
        self.closed = true;
        self.srtp = None;
        self.channels = None;
    }

    /// Takes an SCTP packet. The first one makes the association, if the offer had data channels.
    fn receive_data(&mut self, now: Instant, packet: bytes::Bytes) {
        if self.channels.is_none()
            && let Some((_, max_message)) = self.remote.as_ref().and_then(|remote| remote.sctp)
        {
            self.channels = Some(Box::new(Channels::new(max_message)));
        }
        if let Some(channels) = &mut self.channels {
            channels.handle(now, packet);
        }
    }

    /// Moves on what SCTP and DTLS left.
    fn drain(&mut self, now: Instant) {
        while let Some(packet) = self.channels.as_mut().and_then(|it| it.poll_transmit()) {
            if !self.dtls.send(now, &packet) {
                break;
            }
        }
        while let Some(message) = self.channels.as_mut().and_then(|it| it.poll_message()) {
            let Message { label, text, payload } = message;
            self.events.push_back(TransportEvent::Data { label, text, payload });
        }
        while let Some(event) = self.dtls.poll_event() {
            match event {
                dtls::Event::Connected { profile, keys } => self.connected(profile, &keys),
                dtls::Event::Closed(cause) => self.end(cause),
            }
        }
        while let Some(payload) = self.dtls.poll_transmit() {
            if let Some(path) = self.ice.selected().or(self.dtls_path) {
                self.send(path, payload);
            }
        }
    }
}

impl Transport for PeerTransport {
    fn local(&self) -> LocalParameters {
        let local = self.ice.local();
        LocalParameters {
            ufrag: local.ufrag.clone(),
            pwd: local.pwd.clone(),
            fingerprint: self.identity.fingerprint(),
        }
    }

    fn set_remote(&mut self, now: Instant, remote: RemoteParameters) {
        if self.remote.as_ref().is_some_and(|known| known.fingerprint != remote.fingerprint) {
            self.start_over();
        }
        for path in self.ice.set_remote(now, &remote.ufrag) {
            self.events.push_back(TransportEvent::PathLost(path));
        }
        self.remote = Some(remote);
    }

    fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        message: &[u8],
    ) -> Result<(), TransportError> {
        if self.closed {
            return Err(TransportError::NotConnected);
        }
        let before = self.ice.selected();
        match self.ice.handle(now, path, message) {
            Ok(checked) => {
                if let Some(reply) = checked.reply {
                    self.send(path, reply);
                }
                // Before the path that took its place: whoever follows holds no more than we do.
                self.events.extend(checked.lost.map(TransportEvent::PathLost));
                if checked.validated {
                    self.events.push_back(TransportEvent::PathValidated(path));
                }
                if checked.selected {
                    self.events.push_back(TransportEvent::PathSelected(path));
                    let left = before.filter(|before| !self.ice.is_validated(*before));
                    self.events.extend(left.map(TransportEvent::PathLost));
                }
                Ok(())
            }
            Err((error, reply)) => {
                if let Some(reply) = reply {
                    self.send(path, reply);
                }
                Err(error)
            }
        }
    }

    fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), TransportError> {
        if self.closed {
            return Err(TransportError::NotConnected);
        }
        if !self.ice.is_validated(path) {
            return Err(TransportError::PathNotValidated);
        }
        let Some(remote) = &self.remote else { return Err(TransportError::NotConnected) };
        if dtls::Records::new(datagram).next().is_none() {
            return Err(TransportError::Malformed);
        }
        self.dtls_path = Some(path);
        self.dtls.handle(now, datagram, &self.identity, &remote.fingerprint);
        while let Some(packet) = self.dtls.poll_data() {
            self.receive_data(now, packet.freeze());
        }
        self.drain(now);
        Ok(())
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.opener.open_rtp(packet)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.opener.open_rtcp(packet)
    }

    fn seal_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.sealer.seal_rtp(buffer, len)
    }

    fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.sealer.seal_rtcp(buffer, len)
    }

    fn send_data(
        &mut self,
        now: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), TransportError> {
        if self.srtp.is_none() {
            return Err(TransportError::NotConnected);
        }
        let channels = self.channels.as_mut().ok_or(TransportError::NoChannel)?;
        let sent = channels.send(now, label, text, payload);
        self.drain(now);
        sent
    }

    fn close(&mut self, now: Instant) {
        if let Some(channels) = &mut self.channels {
            channels.end(now);
        }
        self.drain(now);
        self.dtls.close(now);
        self.drain(now);
        self.release();
    }

    fn poll_transmit(&mut self) -> Option<Datagram> {
        self.transmits.pop_front()
    }

    fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let channels = self.channels.as_ref().and_then(|channels| channels.poll_timeout());
        let timers = [self.ice.consent_until(), self.dtls.poll_timeout(), channels];
        timers.into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        if self.ice.consent_until().is_some_and(|until| now >= until) {
            self.dtls.close(now);
            self.drain(now);
            return self.end(CloseCause::ConsentExpired);
        }
        self.dtls.handle_timeout(now);
        if let Some(channels) = &mut self.channels {
            channels.handle_timeout(now);
        }
        self.drain(now);
    }
}
