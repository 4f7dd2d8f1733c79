//! Whether a STUN or TURN server is there, and takes our credentials. Blocking: for `sotto doctor`.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    sync::Arc,
    time::Duration,
};

use md5::{Digest, Md5};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, crypto::ring as provider};

use super::{Credentials, IceUrl, Scheme, Transport};

/// Wait for one answer. Times the tries over UDP it is how long a silent server takes.
const PATIENCE: Duration = Duration::from_millis(800);

/// Times that a datagram is sent: one may be lost.
const TRIES: usize = 3;

const HEADER: usize = 20;
const MAGIC: u32 = 0x2112_A442;

/// Message types (RFC 8489 section 5, RFC 8656 section 17).
const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SUCCESS: u16 = 0x0100;
const ERROR: u16 = 0x0110;

/// Attribute types (RFC 8489 section 18.3, RFC 8656 section 18).
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const LIFETIME: u16 = 0x000d;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// What a server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It said where it sees us.
    Seen,
    /// It lent us an address, which was given back.
    Lent,
}

/// Why a server is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No such host, nobody there, or nobody who answers in time.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// What answered does not speak STUN.
    #[error("it does not answer in STUN")]
    Strange,
    /// It speaks STUN and does not pass media on.
    #[error("it answers, and is no TURN server")]
    NoTurn,
    /// It does not know these credentials.
    #[error("it refuses our user name and password (error {0})")]
    Refused(u16),
}

/// Asks a server for what clients will ask it for.
///
/// # Errors
/// [`ProbeError`].
pub fn probe(url: &IceUrl, credentials: Option<&Credentials>) -> Result<Reached, ProbeError> {
    let mut line = Line::open(url)?;
    if url.scheme == Scheme::Stun {
        let answer = line.ask(&Request::new(BINDING).finish())?;
        return if answer.is(BINDING | SUCCESS) {
            Ok(Reached::Seen)
        } else {
            Err(ProbeError::Strange)
        };
    }
    // The first request only learns by which realm and nonce the server wants to be spoken to.
    let greeting = line.ask(&Request::new(ALLOCATE).udp().finish())?;
    let (Some(401), Some(realm), Some(nonce)) =
        (greeting.error(), greeting.get(REALM), greeting.get(NONCE))
    else {
        return Err(ProbeError::NoTurn);
    };
    let Some(Credentials { username, password }) = credentials else {
        return Err(ProbeError::Refused(401));
    };
    let realm_text = String::from_utf8_lossy(realm);
    // MD5 is what the protocol says (RFC 8489 section 9.2.2).
    let key = Md5::digest(format!("{username}:{realm_text}:{password}"));
    let sign = |request: Request| {
        let named = request.attribute(USERNAME, username.as_bytes()).attribute(REALM, realm);
        named.attribute(NONCE, nonce).sign(&key)
    };
    let answer = line.ask(&sign(Request::new(ALLOCATE).udp()))?;
    if !answer.is(ALLOCATE | SUCCESS) {
        return Err(answer.error().map_or(ProbeError::NoTurn, ProbeError::Refused));
    }
    // Given back at once. Without an answer it ends by itself in ten minutes.
    let back = line.ask(&sign(Request::new(REFRESH).attribute(LIFETIME, &[0; 4])));
    if let Err(error) = back {
        tracing::debug!(%error, "the address was not given back");
    }
    Ok(Reached::Lent)
}

/// The way to a server.
enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Line {
    fn open(url: &IceUrl) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for addr in (&*url.host, url.port).to_socket_addrs()? {
            match Self::to(url, addr) {
                Ok(line) => return Ok(line),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn to(url: &IceUrl, addr: SocketAddr) -> io::Result<Self> {
        if url.transport == Transport::Udp {
            let any: SocketAddr =
                if addr.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
            let socket = UdpSocket::bind(any)?;
            socket.connect(addr)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            return Ok(Self::Udp(socket));
        }
        let stream = TcpStream::connect_timeout(&addr, PATIENCE * 2)?;
        stream.set_read_timeout(Some(PATIENCE * 2))?;
        stream.set_write_timeout(Some(PATIENCE * 2))?;
        if url.transport == Transport::Tcp {
            return Ok(Self::Tcp(stream));
        }
        let name = url.host.clone().try_into().map_err(io::Error::other)?;
        let connection = ClientConnection::new(trusting(), name).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Sends a request and waits for its answer.
    fn ask(&mut self, request: &[u8]) -> Result<Answer, ProbeError> {
        let bytes = match self {
            Self::Udp(socket) => ask_udp(socket, request)?,
            Self::Tcp(stream) => ask_stream(stream, request)?,
            Self::Tls(stream) => ask_stream(stream, request)?,
        };
        Answer::of(bytes, request).ok_or(ProbeError::Strange)
    }
}

fn ask_udp(socket: &UdpSocket, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut room = vec![0; 2_048];
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..TRIES {
        let asked = socket.send(request).and_then(|_| socket.recv(&mut room));
        match asked {
            Ok(len) => {
                room.truncate(len);
                return Ok(room);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Over a stream a message says itself how long it is (RFC 8489 section 6.2.2).
fn ask_stream(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut bytes = vec![0; HEADER];
    stream.read_exact(&mut bytes)?;
    let len = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    bytes.resize(HEADER + len, 0);
    stream.read_exact(&mut bytes[HEADER..])?;
    Ok(bytes)
}

/// TLS that takes every certificate: whether browsers trust it is theirs to say, by roots that this
/// machine may not have. Nothing secret is said over it: what is signed is good for nobody else.
fn trusting() -> Arc<ClientConfig> {
    let provider = Arc::new(provider::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(any::Certificate(provider)))
        .with_no_client_auth();
    Arc::new(config)
}

mod any {
    use std::sync::Arc;

    use rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    };

    #[derive(Debug)]
    pub(super) struct Certificate(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for Certificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

/// A request that is written.
struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[..2].copy_from_slice(&kind.to_be_bytes());
        bytes[4..8].copy_from_slice(&MAGIC.to_be_bytes());
        SystemRandom::new().fill(&mut bytes[8..]).expect("the system has a random source");
        Self(bytes)
    }

    /// An allocation is for UDP (RFC 8656 section 18.7).
    fn udp(self) -> Self {
        self.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() - HEADER) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }

    /// The signature counts itself in the length (RFC 8489 section 14.5).
    fn sign(mut self, key: &[u8]) -> Vec<u8> {
        let length = (self.0.len() - HEADER + 24) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        let signature = hmac::sign(&key, &self.0);
        self.attribute(MESSAGE_INTEGRITY, signature.as_ref()).finish()
    }
}

/// An answer to one request.
struct Answer(Vec<u8>);

impl Answer {
    /// `None`: no STUN, or the answer to something else.
    fn of(bytes: Vec<u8>, request: &[u8]) -> Option<Self> {
        (bytes.len() >= HEADER && bytes.get(4..HEADER) == request.get(4..HEADER))
            .then_some(Self(bytes))
    }

    fn is(&self, kind: u16) -> bool {
        self.0[..2] == kind.to_be_bytes()
    }

    fn get(&self, wanted: u16) -> Option<&[u8]> {
        let mut rest = &self.0[HEADER..];
        while let Some((head, behind)) = rest.split_first_chunk::<4>() {
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = behind.get(..len)?;
            if kind == wanted {
                return Some(value);
            }
            rest = behind.get(len.next_multiple_of(4)..)?;
        }
        None
    }

    /// Its error code, if it is an error (RFC 8489 section 14.8).
    fn error(&self) -> Option<u16> {
        let kind = u16::from_be_bytes([self.0[0], self.0[1]]);
        if kind & 0x0110 != ERROR {
            return None;
        }
        let value = self.get(ERROR_CODE)?;
        Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server on loopback that answers each datagram by `answer`, until nobody asks any more.
    fn server(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> IceUrl {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let url = IceUrl::new(&format!("turn:{}", socket.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let mut room = [0; 2_048];
            while let Ok((len, from)) = socket.recv_from(&mut room) {
                socket.send_to(&answer(&room[..len]), from).unwrap();
            }
        });
        url
    }

    fn reply(request: &[u8], kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut reply = Request::new(kind);
        reply.0[8..].copy_from_slice(&request[8..HEADER]);
        let all =
            attributes.iter().fold(reply, |reply, (kind, value)| reply.attribute(*kind, value));
        all.finish()
    }

    #[test]
    fn who_answers_otherwise_than_a_turn_server_is_named_for_what_it_is() {
        let silent = IceUrl::new("turn:127.0.0.1:9").unwrap();
        assert!(matches!(probe(&silent, None), Err(ProbeError::Unreachable(_))));
        let web = server(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
        assert!(matches!(probe(&web, None), Err(ProbeError::Strange)));
        let stun =
            server(|request| reply(request, ALLOCATE | ERROR, &[(ERROR_CODE, &[0, 0, 4, 0])]));
        assert!(matches!(probe(&stun, None), Err(ProbeError::NoTurn)));
        let cut = server(|request| reply(request, ALLOCATE | ERROR, &[])[..20].to_vec());
        assert!(matches!(probe(&cut, None), Err(ProbeError::NoTurn)));
    }

    #[test]
    fn a_server_that_does_not_know_us_says_so() {
        let url = server(|request| {
            let first = !request.windows(2).any(|two| two == [0, USERNAME as u8]);
            let code: &[u8] = if first { &[0, 0, 4, 1] } else { &[0, 0, 4, 41] };
            let attributes = [(ERROR_CODE, code), (REALM, b"here"), (NONCE, b"once")];
            reply(request, ALLOCATE | ERROR, &attributes)
        });
        let credentials = Credentials { username: "u".into(), password: "p".into() };
        assert!(matches!(probe(&url, Some(&credentials)), Err(ProbeError::Refused(441))));
        assert!(matches!(probe(&url, None), Err(ProbeError::Refused(401))));
    }
}
