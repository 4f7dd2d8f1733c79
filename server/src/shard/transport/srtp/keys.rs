//! Master keys, as DTLS hands them out.

use std::fmt;

use crate::shard::transport::SrtpProfile;

/// Label of the DTLS exporter for SRTP keys (RFC 5764 section 4.2).
pub const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Length of a master key of both profiles, in bytes.
const KEY: usize = 16;

/// Master key and salt of one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    /// The key.
    pub key: [u8; KEY],
    /// The salt. GCM's is 12 bytes long, the last two are zero (RFC 7714 section 11: the derivation
    /// pads it to 112 bits).
    pub salt: [u8; 14],
}

/// Master keys of both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What the DTLS client seals with.
    pub client: MasterKey,
    /// What the DTLS server seals with.
    pub server: MasterKey,
}

impl Keys {
    /// Bytes that the exporter must give for a profile.
    pub const fn exported_len(profile: SrtpProfile) -> usize {
        2 * (KEY + salt_len(profile))
    }

    /// Cuts exported keying material into client key, server key, client salt, server salt
    /// (RFC 5764 section 4.2). `None` if its length is not [`Self::exported_len`].
    pub fn from_exported(profile: SrtpProfile, material: &[u8]) -> Option<Self> {
        if material.len() != Self::exported_len(profile) {
            return None;
        }
        let (client_key, rest) = material.split_first_chunk::<KEY>()?;
        let (server_key, salts) = rest.split_first_chunk::<KEY>()?;
        let (client_salt, server_salt) = salts.split_at(salt_len(profile));
        let master = |key: &[u8; KEY], salt: &[u8]| {
            let mut padded = [0; 14];
            padded[..salt.len()].copy_from_slice(salt);
            MasterKey { key: *key, salt: padded }
        };
        Some(Self {
            client: master(client_key, client_salt),
            server: master(server_key, server_salt),
        })
    }
}

/// Length of a master salt in bytes.
const fn salt_len(profile: SrtpProfile) -> usize {
    match profile {
        SrtpProfile::AeadAes128Gcm => 12,
        SrtpProfile::Aes128CmHmacSha1_80 => 14,
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
