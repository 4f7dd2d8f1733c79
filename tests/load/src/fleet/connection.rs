//! ICE, DTLS and SRTP of one member. Sans-IO.
//!
//! The handshakes are those of the native participant; what is sealed and opened for each packet is
//! the node's own code, which is in place and allocates nothing: the fleet looks for load, and whether
//! that code is right is seen by participants who use another.

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

use bytes::BytesMut;
use sotto_server::shard::transport::{
    SrtpProfile, TransportError,
    srtp::{Keys, Opener, Sealer},
};
use sotto_tests::client::{
    Answer, Profiles,
    dtls::{Dtls, DtlsEvent},
    ice::{Checker, Credentials, answer},
    srtp::Profile,
};

/// What a datagram turned out to be.
pub(crate) enum Opened<'a> {
    /// A decrypted RTP packet.
    Rtp(&'a mut [u8]),
    /// A decrypted RTCP compound.
    Rtcp(&'a mut [u8]),
    /// The handshakes are done: media may flow.
    Connected,
    /// The server has said goodbye.
    Closed,
    /// Nothing for a member: a check, a part of a handshake.
    Nothing,
    /// Not authentic, or nothing that belongs here.
    Rejected,
    /// The connection cannot be made.
    Failed(String),
}

/// A connection.
pub(crate) struct Connection {
    remote: SocketAddr,
    checker: Checker,
    dtls: Dtls,
    srtp: Option<(Sealer, Opener)>,
    ours: Credentials,
    /// Checks, and answers to those of the server, that are to be sent.
    checks: VecDeque<Vec<u8>>,
}

impl Connection {
    /// Begins to connect to the first address of `theirs` that `local` can reach.
    pub(crate) fn new(
        now: Instant,
        local: SocketAddr,
        ours: &Credentials,
        theirs: &Answer,
    ) -> Result<Self, String> {
        let same_family = |address: &&SocketAddr| address.is_ipv4() == local.is_ipv4();
        let mut candidates = theirs.candidates.iter();
        let remote = *candidates.find(same_family).ok_or("the server names no address")?;
        let credentials = Credentials { ufrag: theirs.ufrag.clone(), pwd: theirs.pwd.clone() };
        let dtls = Dtls::new(local, remote, theirs.fingerprint, Profiles::GcmAndCm);
        let dtls = dtls.map_err(|error| format!("DTLS: {error}"))?;
        let checker = Checker::new(now, ours, &credentials);
        let ours = ours.clone();
        Ok(Self { remote, checker, dtls, srtp: None, ours, checks: VecDeque::new() })
    }

    /// The server's address.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Takes a datagram; protocols are told apart by the first byte (RFC 7983).
    pub(crate) fn handle<'a>(&mut self, now: Instant, datagram: &'a mut [u8]) -> Opened<'a> {
        match datagram.first() {
            Some(0..=3) => {
                self.checks.extend(answer(&self.ours, self.remote, datagram));
                if self.checker.handle(now, datagram)
                    && let Err(error) = self.dtls.connect(now)
                {
                    return Opened::Failed(format!("DTLS: {error}"));
                }
                Opened::Nothing
            }
            Some(20..=63) => self.handshake(now, datagram),
            Some(128..=191) => self.open(datagram),
            _ => Opened::Rejected,
        }
    }

    fn handshake<'a>(&mut self, now: Instant, datagram: &[u8]) -> Opened<'a> {
        let events = match self.dtls.handle(now, datagram) {
            Ok(events) => events,
            Err(error) if self.srtp.is_none() => return Opened::Failed(format!("DTLS: {error}")),
            Err(_) => return Opened::Rejected,
        };
        for event in events {
            match event {
                DtlsEvent::Connected(keys) => {
                    let profile = match keys.profile {
                        Profile::Gcm => SrtpProfile::AeadAes128Gcm,
                        Profile::Cm => SrtpProfile::Aes128CmHmacSha1_80,
                    };
                    let Some(keys) = Keys::from_exported(profile, &keys.material) else {
                        return Opened::Failed("DTLS gave keys of another length".into());
                    };
                    let sealer = Sealer::new(profile, &keys.client);
                    self.srtp = Some((sealer, Opener::new(profile, &keys.server)));
                    return Opened::Connected;
                }
                DtlsEvent::Closed => return Opened::Closed,
                DtlsEvent::Data(_) => {}
            }
        }
        Opened::Nothing
    }

    fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Opened<'a> {
        let Some((_, opener)) = &mut self.srtp else { return Opened::Rejected };
        // RFC 5761 section 4: RTCP packet types 192 to 223.
        let rtcp = datagram.get(1).is_some_and(|kind| (192..=223).contains(kind));
        let opened = if rtcp { opener.open_rtcp(datagram) } else { opener.open_rtp(datagram) };
        match opened {
            Ok(len) if rtcp => Opened::Rtcp(&mut datagram[..len]),
            Ok(len) => Opened::Rtp(&mut datagram[..len]),
            Err(_) => Opened::Rejected,
        }
    }

    /// Seals the RTP packet in the first `len` bytes of `buffer`, and gives its new length.
    pub(crate) fn seal_rtp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.0.seal_rtp(buffer, len)
    }

    /// The same of an RTCP compound.
    pub(crate) fn seal_rtcp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<usize, TransportError> {
        self.srtp.as_mut().ok_or(TransportError::NotConnected)?.0.seal_rtcp(buffer, len)
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant) {
        self.dtls.close(now);
    }

    /// Lets timers act that are due.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), String> {
        self.checks.extend(self.checker.poll(now));
        self.dtls.handle_timeout(now).map_err(|error| format!("DTLS: {error}"))
    }

    /// When [`Self::advance`] wants to be called.
    pub(crate) fn due(&self) -> Instant {
        let checker = self.checker.timeout();
        self.dtls.poll_timeout().map_or(checker, |due| due.min(checker))
    }

    /// The next datagram of a check or a handshake.
    pub(crate) fn transmit(&mut self) -> Option<BytesMut> {
        let check = self.checks.pop_front().map(|check| check.as_slice().into());
        check.or_else(|| self.dtls.poll_transmit())
    }
}
