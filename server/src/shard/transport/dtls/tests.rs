//! A DTLS client in the same process: the published one, driven in virtual time.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc_crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_dtls::{
    config::ConfigBuilder,
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::TransportProtocol;

use super::identity::sha256;
use crate::shard::transport::{
    SrtpProfile,
    srtp::{EXPORTER_LABEL, Keys},
};

pub(in crate::shard::transport) const GCM: SrtpProtectionProfile =
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
pub(in crate::shard::transport) const CM: SrtpProtectionProfile =
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

pub(in crate::shard::transport) struct Client {
    endpoint: Endpoint,
    fingerprint: [u8; 32],
    pub(in crate::shard::transport) connected: bool,
    pub(in crate::shard::transport) failed: bool,
    pub(in crate::shard::transport) data: Vec<BytesMut>,
}

impl Client {
    /// Offers these profiles, in datagrams of at most about `mtu` bytes.
    pub(in crate::shard::transport) fn start(
        now: Instant,
        profiles: &[SrtpProtectionProfile],
        mtu: usize,
    ) -> Self {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(RingProvider::new());
        let certificate =
            Certificate::generate_self_signed(["client".to_owned()], provider.crypto()).unwrap();
        let fingerprint = sha256(&certificate.certificate[0]);
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(profiles.to_vec())
            .with_insecure_skip_verify(true)
            .with_mtu(mtu)
            .with_flight_interval(Duration::from_millis(100))
            .build(true, None)
            .unwrap();
        let mut endpoint = Endpoint::new(SERVER, TransportProtocol::UDP, None);
        endpoint.connect(now, SERVER, Arc::new(config), None).unwrap();
        Self { endpoint, fingerprint, connected: false, failed: false, data: Vec::new() }
    }

    pub(in crate::shard::transport) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    pub(in crate::shard::transport) fn handle(&mut self, now: Instant, datagram: &[u8]) {
        match self.endpoint.read(now, SERVER, None, BytesMut::from(datagram)) {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => self.connected = true,
                        EndpointEvent::ApplicationData(data) => self.data.push(data),
                        _ => self.failed = true,
                    }
                }
            }
            Err(_) => self.failed = true,
        }
    }

    pub(in crate::shard::transport) fn send(&mut self, now: Instant, data: &[u8]) {
        self.endpoint.write(now, SERVER, data).unwrap();
    }

    pub(in crate::shard::transport) fn close(&mut self, now: Instant) {
        self.endpoint.close(now).unwrap();
    }

    pub(in crate::shard::transport) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message.into())
    }

    pub(in crate::shard::transport) fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&SERVER)
    }

    pub(in crate::shard::transport) fn handle_timeout(&mut self, now: Instant) {
        if self.endpoint.handle_timeout(SERVER, now).is_err() {
            self.failed = true;
        }
    }

    pub(in crate::shard::transport) fn keys(&self, profile: SrtpProfile) -> Keys {
        let state = self.endpoint.get_connection_state(SERVER).unwrap();
        let len = Keys::exported_len(profile);
        let material = state.export_keying_material(EXPORTER_LABEL, &[], len).unwrap();
        Keys::from_exported(profile, material.as_ref()).unwrap()
    }
}
