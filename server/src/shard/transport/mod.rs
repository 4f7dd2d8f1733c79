//! The secured connection of one peer: ICE-lite, DTLS, SRTP, SCTP. Sans-IO.
//!
//! The shard speaks to this trait only, so that another stack (or DTLS 1.3) can take its place.

pub mod dtls;
mod guard;
pub mod ice;
mod peer;
pub mod sctp;
pub mod srtp;

#[cfg(test)]
mod tests;

pub use peer::PeerTransport;

use std::{net::SocketAddr, time::Instant};

/// The two ends of a datagram's way, seen from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

impl Path {
    /// Bytes of IP and UDP headers around a datagram.
    pub const fn overhead(&self) -> usize {
        if self.remote.is_ipv4() { 28 } else { 48 }
    }
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Which way.
    pub path: Path,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// The client's side of the transport, from its offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteParameters {
    /// ICE user name fragment.
    pub ufrag: String,
    /// ICE password.
    pub pwd: String,
    /// SHA-256 of its certificate (RFC 8122).
    pub fingerprint: [u8; 32],
    /// SCTP port and largest message that it accepts in bytes, where it offered data channels.
    pub sctp: Option<(u16, u32)>,
}

/// Our side of the transport, for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalParameters {
    /// ICE user name fragment: unique on the shard, it is how the first STUN message finds its peer.
    pub ufrag: String,
    /// ICE password.
    pub pwd: String,
    /// SHA-256 of our certificate.
    pub fingerprint: [u8; 32],
}

/// What happened on a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportEvent {
    /// A STUN check with the right password came over this path: datagrams of it are this peer's.
    PathValidated(Path),
    /// The client nominated this path: send there.
    PathSelected(Path),
    /// The path is no longer valid: its datagrams are nobody's. One of too many paths, or one from
    /// before an ICE restart.
    PathLost(Path),
    /// DTLS is done and the certificate is the announced one: media may flow.
    Connected {
        /// The SRTP profile in use.
        profile: SrtpProfile,
    },
    /// A message on a data channel.
    Data {
        /// Label of the channel.
        label: String,
        /// Text or binary.
        text: bool,
        /// The bytes.
        payload: Vec<u8>,
    },
    /// The peer closed, the handshake failed, or consent expired (30 s without a check, RFC 7675).
    Closed(CloseCause),
}

/// Why a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCause {
    /// DTLS close_notify, or a fatal alert.
    ByPeer,
    /// DTLS failed: alert, wrong fingerprint, no common profile.
    Handshake,
    /// No STUN check for 30 s.
    ConsentExpired,
}

/// SRTP protection profiles (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `AEAD_AES_128_GCM`: used whenever the client offers it.
    AeadAes128Gcm,
    /// `AES128_CM_HMAC_SHA1_80`: for clients without GCM.
    Aes128CmHmacSha1_80,
}

/// A datagram or packet that was not accepted. Counted and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransportError {
    /// Not a well-formed message of its protocol.
    #[error("malformed")]
    Malformed,
    /// STUN with a wrong user name, password or fingerprint.
    #[error("not authentic")]
    Unauthenticated,
    /// DTLS or SRTP from a path that no STUN check validated.
    #[error("path not validated")]
    PathNotValidated,
    /// SRTP or data before the handshake is done.
    #[error("not connected yet")]
    NotConnected,
    /// An SRTP packet opened or sealed before, or too old to know.
    #[error("replayed")]
    Replayed,
    /// A packet of one source more than a peer may have.
    #[error("too many sources")]
    TooManySources,
    /// No channel of that label is open.
    #[error("no channel")]
    NoChannel,
    /// Too much waits on the channel already.
    #[error("channel full")]
    ChannelFull,
    /// A message longer than the peer takes.
    #[error("message too long")]
    TooLong,
    /// The buffer has no room for the authentication tag.
    #[error("buffer too small")]
    BufferTooSmall,
}

/// Room that a buffer must have behind an RTP or RTCP packet before it is sealed: the longest of
/// tag (16) and SRTCP index (4).
pub const SEAL_OVERHEAD: usize = 20;

/// Longest message on a data channel in bytes, in either direction: what a client without
/// `a=max-message-size` may be sent (RFC 8841 section 6).
pub const MAX_MESSAGE: u32 = 65_536;

/// The secured connection of one peer.
///
/// After every call that takes `now`, drain [`Self::poll_transmit`] and [`Self::poll_event`], then
/// arm a timer for [`Self::poll_timeout`]. The four packet methods are the hot path: in place, no
/// allocation, nothing to drain.
pub trait Transport {
    /// For the answer.
    fn local(&self) -> LocalParameters;

    /// Takes the client's parameters. A new `ufrag` is an ICE restart: paths are validated anew,
    /// keys stay. A new fingerprint is a new connection: everything starts over. In both cases our
    /// own user name fragment and password change.
    fn set_remote(&mut self, now: Instant, remote: RemoteParameters);

    /// Takes a STUN message. The caller found this peer by path or by user name.
    ///
    /// # Errors
    /// Malformed or not authentic.
    fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        message: &[u8],
    ) -> Result<(), TransportError>;

    /// Takes a DTLS datagram.
    ///
    /// # Errors
    /// Path not validated, or malformed.
    fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), TransportError>;

    /// Decrypts an SRTP packet in place and gives the length of the RTP packet.
    ///
    /// # Errors
    /// Not connected, malformed, not authentic, replayed.
    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError>;

    /// Decrypts an SRTCP packet in place and gives the length of the RTCP packet.
    ///
    /// # Errors
    /// As [`Self::open_rtp`].
    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, TransportError>;

    /// Encrypts the RTP packet in the first `len` bytes of `buffer` in place and gives the length of
    /// the SRTP packet. `buffer` has at least [`SEAL_OVERHEAD`] bytes behind the packet.
    ///
    /// # Errors
    /// Not connected, buffer too small, or a sequence number that was sealed before: no nonce is
    /// used twice, so what is to be sent again is kept sealed.
    fn seal_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError>;

    /// As [`Self::seal_rtp`], for RTCP.
    ///
    /// # Errors
    /// As [`Self::seal_rtp`].
    fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, TransportError>;

    /// Sends a message on the open data channel of that label.
    ///
    /// # Errors
    /// Not connected or no such channel; or the channel's queue is full: the message is dropped. Too
    /// long for the peer, or for [`MAX_MESSAGE`].
    fn send_data(
        &mut self,
        now: Instant,
        label: &str,
        text: bool,
        payload: &[u8],
    ) -> Result<(), TransportError>;

    /// Tells the peer that this is the end (DTLS close_notify).
    fn close(&mut self, now: Instant);

    /// The next datagram to send.
    fn poll_transmit(&mut self) -> Option<Datagram>;

    /// The next event.
    fn poll_event(&mut self) -> Option<TransportEvent>;

    /// When [`Self::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Lets timers act that are due.
    fn handle_timeout(&mut self, now: Instant);
}
