//! The client side of DTLS, with the node's certificate checked against its fingerprint.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::BytesMut;
use ring::digest;
use rtc_dtls::{
    config::ConfigBuilder,
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};

use super::srtp::{Keys, Profile};

/// Which SRTP protection profiles a client offers, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profiles {
    /// `AES128_CM_HMAC_SHA1_80`, then `AEAD_AES_128_GCM`: as Chromium does, which must not keep
    /// the node from taking GCM.
    GcmAndCm,
    /// `AES128_CM_HMAC_SHA1_80` alone: an old client.
    CmOnly,
}

/// What came of a datagram.
pub enum DtlsEvent {
    /// The handshake is done.
    Connected(Keys),
    /// Decrypted application data: SCTP.
    Data(BytesMut),
    /// The node closed.
    Closed,
}

/// One DTLS association.
pub struct Dtls {
    endpoint: Endpoint,
    remote: SocketAddr,
    config: Arc<rtc_dtls::config::HandshakeConfig>,
}

impl Dtls {
    /// Prepares a handshake with the node at `remote`, whose certificate has this SHA-256.
    ///
    /// # Errors
    /// The library refuses the configuration.
    pub fn new(
        local: SocketAddr,
        remote: SocketAddr,
        fingerprint: [u8; 32],
        profiles: Profiles,
    ) -> Result<Self, Error> {
        let offered = match profiles {
            Profiles::GcmAndCm => vec![
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
                SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            ],
            Profiles::CmOnly => vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80],
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider())
            .with_certificates(vec![certificate().clone()])
            .with_srtp_protection_profiles(offered)
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(move |chain, _| {
                let matches = chain.first().is_some_and(|leaf| sha256(leaf) == fingerprint);
                if matches { Ok(()) } else { Err(Error::Other("wrong fingerprint".into())) }
            })))
            .with_server_name("node".into())
            .build(true, Some(remote))?;
        let endpoint = Endpoint::new(local, TransportProtocol::UDP, None);
        Ok(Self { endpoint, remote, config: Arc::new(config) })
    }

    /// Sends the first flight.
    ///
    /// # Errors
    /// The library cannot make it.
    pub fn connect(&mut self, now: Instant) -> Result<(), Error> {
        self.endpoint.connect(now, self.remote, self.config.clone(), None)
    }

    /// Takes a datagram.
    ///
    /// # Errors
    /// The handshake failed, or the record is not authentic.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<Vec<DtlsEvent>, Error> {
        let events = self.endpoint.read(now, self.remote, None, datagram.into())?;
        events.into_iter().map(|event| self.event(event)).filter_map(Result::transpose).collect()
    }

    fn event(&self, event: EndpointEvent) -> Result<Option<DtlsEvent>, Error> {
        Ok(Some(match event {
            EndpointEvent::HandshakeComplete => DtlsEvent::Connected(self.keys()?),
            EndpointEvent::ApplicationData(data) => DtlsEvent::Data(data),
            EndpointEvent::PeerClosed => DtlsEvent::Closed,
            _ => return Ok(None),
        }))
    }

    fn keys(&self) -> Result<Keys, Error> {
        let state = self.endpoint.get_connection_state(self.remote).ok_or(Error::ErrConnClosed)?;
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Cm,
            _ => return Err(Error::Other("no SRTP profile in common".into())),
        };
        let label = rtc_srtp::config::LABEL_EXTRACTOR_DTLS_SRTP;
        let material = state.export_keying_material(label, &[], profile.material_len())?;
        Ok(Keys { profile, material: material.into_bytes() })
    }

    /// Sends application data.
    ///
    /// # Errors
    /// The handshake is not done.
    pub fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        self.endpoint.write(now, self.remote, data)
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.endpoint.stop(now, self.remote);
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message)
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&self.remote)
    }

    /// Sends a flight again that was not answered.
    ///
    /// # Errors
    /// The node never answered.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.poll_timeout() {
            Some(due) if due <= now => self.endpoint.handle_timeout(self.remote, now),
            _ => Ok(()),
        }
    }
}

/// SHA-256 of our certificate, for the offer. One certificate serves the whole process: making
/// one costs more than a handshake.
pub fn local_fingerprint() -> [u8; 32] {
    sha256(&certificate().certificate[0])
}

pub(super) fn provider() -> Arc<dyn rtc_crypto::RTCCryptoProvider> {
    static PROVIDER: OnceLock<Arc<dyn rtc_crypto::RTCCryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| rtc_crypto::default_provider().expect("a provider is compiled in"))
        .clone()
}

fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        Certificate::generate_self_signed(vec!["participant".to_owned()], provider().crypto())
            .expect("the provider can make an ECDSA key")
    })
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
