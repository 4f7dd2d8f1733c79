//! SRTP and SRTCP of one connection, over `rtc-srtp`: not the node's own implementation.

use bytes::BytesMut;
use rtc_shared::error::Error;
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};

use super::dtls::provider;

/// Profiles that a client can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `AEAD_AES_128_GCM`.
    Gcm,
    /// `AES128_CM_HMAC_SHA1_80`.
    Cm,
}

impl Profile {
    /// Bytes that are exported from DTLS (RFC 5764 section 4.2).
    pub fn material_len(self) -> usize {
        2 * (self.inner().key_len() + self.inner().salt_len())
    }

    /// Bytes by which encryption makes an RTP packet longer.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Gcm => 16,
            Self::Cm => 10,
        }
    }

    const fn inner(self) -> ProtectionProfile {
        match self {
            Self::Gcm => ProtectionProfile::AeadAes128Gcm,
            Self::Cm => ProtectionProfile::Aes128CmHmacSha1_80,
        }
    }
}

/// What the handshake yielded.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The profile that the node chose.
    pub profile: Profile,
    /// Exported keying material.
    pub material: Vec<u8>,
}

/// Both directions.
pub struct Srtp {
    outgoing: Context,
    incoming: Context,
}

impl Srtp {
    /// Contexts from the client's point of view.
    ///
    /// # Errors
    /// The material has the wrong length.
    pub fn new(keys: &Keys) -> Result<Self, Error> {
        let profile = keys.profile.inner();
        let mut config = rtc_srtp::config::Config { profile, ..Default::default() };
        config.set_session_keys_from_keying_material(&keys.material, true)?;
        let keys = &config.keys;
        let provider = provider();
        let context = |key: &[u8], salt: &[u8], window: bool| {
            let rtp = window.then(|| rtc_srtp::option::srtp_replay_protection(512));
            let rtcp = window.then(|| rtc_srtp::option::srtcp_replay_protection(512));
            Context::new(key, salt, profile, rtp, rtcp, provider.crypto())
        };
        Ok(Self {
            outgoing: context(&keys.local_master_key, &keys.local_master_salt, false)?,
            incoming: context(&keys.remote_master_key, &keys.remote_master_salt, true)?,
        })
    }

    /// Encrypts an RTP packet.
    ///
    /// # Errors
    /// It is not RTP.
    pub fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.outgoing.encrypt_rtp(packet)
    }

    /// Encrypts an RTCP packet.
    ///
    /// # Errors
    /// It is not RTCP.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.outgoing.encrypt_rtcp(packet)
    }

    /// Decrypts an RTP packet.
    ///
    /// # Errors
    /// Not authentic, replayed or malformed.
    pub fn open_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.incoming.decrypt_rtp(packet)
    }

    /// Decrypts an RTCP packet.
    ///
    /// # Errors
    /// As [`Self::open_rtp`].
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Error> {
        self.incoming.decrypt_rtcp(packet)
    }
}
