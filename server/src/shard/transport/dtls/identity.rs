//! The node's certificate: one for the whole process.

use std::{fmt, sync::Arc};

use ring::digest;
use rtc_crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_dtls::{
    cipher_suite::CipherSuiteId,
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    extension::extension_use_srtp::SrtpProtectionProfile,
};

use crate::shard::transport::SrtpProfile;

/// A self-signed ECDSA P-256 certificate with its key, and what every handshake shares.
pub struct Identity {
    fingerprint: [u8; 32],
    gcm: Arc<HandshakeConfig>,
    cm: Arc<HandshakeConfig>,
}

/// The certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a DTLS certificate: {0}")]
pub struct IdentityError(String);

impl Identity {
    /// Makes a certificate. Once per process: its fingerprint is what clients pin for the length of
    /// their connection.
    ///
    /// # Errors
    /// [`IdentityError`], if the system has no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let failed = |error: rtc_shared::error::Error| IdentityError(error.to_string());
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(RingProvider::new());
        let certificate =
            Certificate::generate_self_signed(["sotto".to_owned()], provider.crypto())
                .map_err(failed)?;
        let der = certificate.certificate.first().ok_or_else(|| IdentityError("empty".into()))?;
        let fingerprint = sha256(der);
        let config = |profile| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_cipher_suites(vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256])
                .with_srtp_protection_profiles(vec![profile])
                // Any certificate: it is held against the fingerprint of the offer, not a root.
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(false, None)
                .map(Arc::new)
        };
        Ok(Self {
            fingerprint,
            gcm: config(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm).map_err(failed)?,
            cm: config(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80).map_err(failed)?,
        })
    }

    /// SHA-256 of the certificate, for the answer (RFC 8122).
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// What a handshake needs that may only end in this profile.
    pub(super) fn config(&self, profile: SrtpProfile) -> Arc<HandshakeConfig> {
        match profile {
            SrtpProfile::AeadAes128Gcm => self.gcm.clone(),
            SrtpProfile::Aes128CmHmacSha1_80 => self.cm.clone(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// SHA-256 of a certificate in DER.
pub(super) fn sha256(der: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, der);
    *digest.as_ref().first_chunk().expect("SHA-256 gives 32 bytes")
}
