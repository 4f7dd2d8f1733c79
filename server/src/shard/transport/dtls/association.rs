//! One peer's handshake and what follows it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc_dtls::{
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
    state::State,
};
use rtc_shared::TransportProtocol;

use super::{
    hello::{HelloError, offered_profiles},
    identity::{Identity, sha256},
    reassembly::{Reassembly, Taken},
    records::{
        ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, Records, write_clear,
    },
};
use crate::shard::transport::{
    CloseCause, SrtpProfile,
    guard::{self, Failed},
    srtp::{EXPORTER_LABEL, Keys},
};

/// A handshake that takes longer than this fails.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

/// Wait before a flight is sent again, doubled each time up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// A client that repeats itself is answered at once, but not more often than this.
const REPEAT_PAUSE: Duration = Duration::from_millis(20);

/// Records that the handshake may have to queue (ChangeCipherSpec, and those of epoch 1). A client
/// sends two, again for each repetition.
const MAX_EARLY: u8 = 32;

/// The endpoint knows its peers by address. Ours has one peer, whose address may change.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// The server side of one DTLS association.
#[derive(Debug)]
pub struct Association {
    phase: Phase,
    events: VecDeque<Event>,
    data: VecDeque<BytesMut>,
    transmits: VecDeque<Vec<u8>>,
}

/// What happened on an association.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is done, the certificate is the announced one.
    Connected {
        /// The profile that was negotiated.
        profile: SrtpProfile,
        /// Its master keys.
        keys: Keys,
    },
    /// The end.
    Closed(CloseCause),
}

#[derive(Debug)]
enum Phase {
    /// Nothing came yet; nothing is held.
    Idle,
    Handshaking(Box<Handshake>),
    Connected(Box<Connected>),
    Closed,
}

#[derive(Debug)]
struct Handshake {
    started: Instant,
    reassembly: Reassembly,
    /// Made once the ClientHello is whole.
    endpoint: Option<Machine>,
    /// Numbers the records in the clear: they are handed on whole and in order.
    sequence: u64,
    early: u8,
    flight: Flight,
}

#[derive(Debug)]
struct Connected {
    endpoint: Machine,
    flight: Flight,
}

/// What was sent last, to be sent again when it was lost. Byte for byte: nothing is encrypted twice
/// under one number, and records that did arrive are recognised as repeated. Our flights fit one
/// datagram, so that they arrive whole or not at all.
#[derive(Debug, Default)]
struct Flight {
    datagrams: Vec<Vec<u8>>,
    sent: Option<Instant>,
    wait: Duration,
}

struct Machine(Endpoint);

impl Association {
    /// Waits for a client.
    pub const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            events: VecDeque::new(),
            data: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// Takes a datagram. The caller saw to it that its path is validated. What is not understood is
    /// discarded in silence (RFC 6347 section 4.1.2.7); what fails the handshake is an event.
    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        fingerprint: &[u8; 32],
    ) {
        if matches!(self.phase, Phase::Idle) && Records::new(datagram).next().is_some() {
            self.phase = Phase::Handshaking(Box::new(Handshake::new(now)));
        }
        match &mut self.phase {
            Phase::Handshaking(handshake) => {
                match handshake.handle(now, datagram, identity, &mut self.transmits) {
                    Ok(false) => {}
                    Ok(true) => self.complete(now, fingerprint),
                    Err(Failed) => self.fail(CloseCause::Handshake),
                }
            }
            Phase::Connected(connected) => {
                match connected.handle(now, datagram, &mut self.transmits, &mut self.data) {
                    Ok(()) => {}
                    Err(Failed) => self.fail(CloseCause::ByPeer),
                }
            }
            Phase::Idle | Phase::Closed => {}
        }
    }

    /// Encrypts application data. False if there is no connection.
    pub fn send(&mut self, now: Instant, data: &[u8]) -> bool {
        let Phase::Connected(connected) = &mut self.phase else { return false };
        let sent = connected.endpoint.send(now, data, &mut self.transmits);
        if sent.is_err() {
            self.fail(CloseCause::ByPeer);
        }
        sent.is_ok()
    }

    /// Says goodbye (close_notify) and forgets everything.
    pub fn close(&mut self, now: Instant) {
        if let Phase::Connected(connected) = &mut self.phase {
            // Nothing is lost if it fails: the phase below ends the association either way.
            if connected.endpoint.close(now, &mut self.transmits).is_err() {
                tracing::debug!("no close_notify could be sent");
            }
        }
        self.phase = Phase::Closed;
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next piece of application data: an SCTP packet.
    pub fn poll_data(&mut self) -> Option<BytesMut> {
        self.data.pop_front()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Phase::Handshaking(handshake) = &self.phase else { return None };
        let limit = handshake.started + HANDSHAKE_LIMIT;
        Some(handshake.flight.due().map_or(limit, |due| due.min(limit)))
    }

    /// Sends the last flight again, or gives up.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Phase::Handshaking(handshake) = &mut self.phase else { return };
        if now >= handshake.started + HANDSHAKE_LIMIT {
            self.fail(CloseCause::Handshake);
        } else if handshake.flight.due().is_some_and(|due| now >= due) {
            handshake.flight.send_again(now, &mut self.transmits);
        }
    }

    /// The handshake is done: checks who it was with, and takes the keys.
    fn complete(&mut self, now: Instant, fingerprint: &[u8; 32]) {
        let Phase::Handshaking(handshake) = std::mem::replace(&mut self.phase, Phase::Closed)
        else {
            return;
        };
        let Handshake { endpoint: Some(mut endpoint), flight, .. } = *handshake else {
            return self.fail(CloseCause::Handshake);
        };
        match endpoint.outcome(fingerprint) {
            Some((profile, keys)) => {
                self.events.push_back(Event::Connected { profile, keys });
                self.phase = Phase::Connected(Box::new(Connected { endpoint, flight }));
            }
            None => {
                // The client completed its side, so it is owed a goodbye.
                if endpoint.close(now, &mut self.transmits).is_err() {
                    tracing::debug!("no close_notify could be sent");
                }
                self.fail(CloseCause::Handshake);
            }
        }
    }

    fn fail(&mut self, cause: CloseCause) {
        self.phase = Phase::Closed;
        self.events.push_back(Event::Closed(cause));
    }
}

impl Default for Association {
    fn default() -> Self {
        Self::new()
    }
}

impl Handshake {
    fn new(now: Instant) -> Self {
        Self {
            started: now,
            reassembly: Reassembly::default(),
            endpoint: None,
            sequence: 0,
            early: 0,
            flight: Flight::default(),
        }
    }

    /// Gives true when the handshake is complete.
    fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        transmits: &mut VecDeque<Vec<u8>>,
    ) -> Result<bool, Failed> {
        let mut onward = BytesMut::new();
        let mut repeated = false;
        for record in Records::new(datagram) {
            match record {
                Record { epoch: 0, kind: HANDSHAKE, body, .. } => {
                    repeated |= self.reassembly.push(body) == Taken::Repeated;
                    while let Some(message) = self.reassembly.pop() {
                        if self.endpoint.is_none() {
                            self.endpoint =
                                Some(Machine::for_hello(&message, identity, transmits)?);
                        }
                        self.forward(&mut onward, HANDSHAKE, &message);
                    }
                }
                Record { epoch: 0, kind: CHANGE_CIPHER_SPEC, body: [1], .. }
                    if self.may_queue() =>
                {
                    self.forward(&mut onward, CHANGE_CIPHER_SPEC, &[1]);
                }
                Record { epoch: 0, kind: ALERT, body: body @ [_, _], .. } => {
                    self.forward(&mut onward, ALERT, body);
                }
                Record { epoch: 1, kind: HANDSHAKE, whole, .. } if self.may_queue() => {
                    onward.extend_from_slice(whole);
                }
                _ => {}
            }
        }
        let Some(endpoint) = &mut self.endpoint else { return Ok(false) };
        let mut complete = false;
        let before = transmits.len();
        if !onward.is_empty() {
            let events = endpoint.read(now, onward, transmits)?;
            complete = events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
            if events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed)) {
                return Err(Failed);
            }
        }
        if transmits.len() > before {
            let datagrams = transmits.range(before..).cloned().collect();
            self.flight = Flight { datagrams, sent: Some(now), wait: FIRST_WAIT };
        } else if repeated {
            self.flight.send_again_unless_just_sent(now, transmits);
        }
        Ok(complete)
    }

    fn forward(&mut self, onward: &mut BytesMut, kind: u8, body: &[u8]) {
        write_clear(onward, kind, self.sequence, body);
        self.sequence += 1;
    }

    fn may_queue(&mut self) -> bool {
        self.early = self.early.saturating_add(1);
        self.early <= MAX_EARLY
    }
}

impl Connected {
    fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        transmits: &mut VecDeque<Vec<u8>>,
        data: &mut VecDeque<BytesMut>,
    ) -> Result<(), Failed> {
        let mut onward = BytesMut::new();
        for record in Records::new(datagram) {
            match record.kind {
                ALERT | APPLICATION_DATA if record.epoch == 1 => {
                    onward.extend_from_slice(record.whole);
                }
                // The client repeats its last flight, so ours was lost (RFC 6347 section 4.2.4).
                HANDSHAKE => self.flight.send_again_unless_just_sent(now, transmits),
                _ => {}
            }
        }
        if onward.is_empty() {
            return Ok(());
        }
        for event in self.endpoint.read(now, onward, transmits)? {
            match event {
                EndpointEvent::ApplicationData(packet) => data.push_back(packet),
                EndpointEvent::PeerClosed => return Err(Failed),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Flight {
    fn due(&self) -> Option<Instant> {
        self.sent.map(|sent| sent + self.wait)
    }

    fn send_again(&mut self, now: Instant, transmits: &mut VecDeque<Vec<u8>>) {
        transmits.extend(self.datagrams.iter().cloned());
        self.sent = Some(now);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    fn send_again_unless_just_sent(&mut self, now: Instant, transmits: &mut VecDeque<Vec<u8>>) {
        if self.sent.is_some_and(|sent| now >= sent + REPEAT_PAUSE) {
            self.send_again(now, transmits);
        }
    }
}

impl Machine {
    /// The machine for a client's first message. On failure, the alert that says why is sent.
    fn for_hello(
        message: &[u8],
        identity: &Identity,
        transmits: &mut VecDeque<Vec<u8>>,
    ) -> Result<Self, Failed> {
        let refuse = |error: HelloError| {
            let description = match error {
                HelloError::Malformed => 50, // decode_error
                HelloError::NoProfile => 40, // handshake_failure
            };
            (error, [2, description])
        };
        let profile = offered_profiles(message)
            .map(|profiles| profiles[0])
            .map_err(refuse)
            .map_err(|(error, alert)| {
                tracing::debug!(%error, "DTLS refused");
                let mut record = Vec::new();
                write_clear(&mut record, ALERT, 0, &alert);
                transmits.push_back(record);
                Failed
            })?;
        let config = identity.config(profile);
        Ok(Self(Endpoint::new(PEER, TransportProtocol::UDP, Some(config))))
    }

    fn read(
        &mut self,
        now: Instant,
        records: BytesMut,
        transmits: &mut VecDeque<Vec<u8>>,
    ) -> Result<Vec<EndpointEvent>, Failed> {
        let events = guard::run(|| self.0.read(now, PEER, None, records));
        // Also after a failure: the alert that says why has to go out.
        self.drain(transmits)?;
        events
    }

    fn send(
        &mut self,
        now: Instant,
        data: &[u8],
        transmits: &mut VecDeque<Vec<u8>>,
    ) -> Result<(), Failed> {
        guard::run(|| self.0.write(now, PEER, data))?;
        self.drain(transmits)
    }

    fn close(&mut self, now: Instant, transmits: &mut VecDeque<Vec<u8>>) -> Result<(), Failed> {
        guard::run(|| self.0.close(now))?;
        self.drain(transmits)
    }

    fn drain(&mut self, transmits: &mut VecDeque<Vec<u8>>) -> Result<(), Failed> {
        guard::run(|| {
            while let Some(transmit) = self.0.poll_transmit() {
                transmits.push_back(transmit.message.into());
            }
            Ok::<_, Infallible>(())
        })
    }

    /// Profile and keys, if the peer's certificate is the announced one.
    fn outcome(&mut self, fingerprint: &[u8; 32]) -> Option<(SrtpProfile, Keys)> {
        let state: &State = self.0.get_connection_state(PEER)?;
        let certificate = state.peer_certificates.first()?;
        if sha256(certificate) != *fingerprint {
            return None;
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::Aes128CmHmacSha1_80,
            _ => return None,
        };
        let material = guard::run(|| {
            state.export_keying_material(EXPORTER_LABEL, &[], Keys::exported_len(profile))
        });
        Some((profile, Keys::from_exported(profile, material.ok()?.as_ref())?))
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine(..)")
    }
}
