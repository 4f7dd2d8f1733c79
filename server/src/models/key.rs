//! What a connection shows to fetch and upload models.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};

/// Bytes of a key: 256 bits.
const LEN: usize = 32;

/// The secret of one connection, good until that ends. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelKey([u8; LEN]);

/// Which connection a key is of. Keys are looked up by digest, so that the time it takes tells nothing
/// of how much of a guess is right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyDigest([u8; LEN]);

impl ModelKey {
    /// A fresh one from the system's random source.
    pub fn generate() -> Self {
        let mut bytes = [0; LEN];
        SystemRandom::new().fill(&mut bytes).expect("the system has a random source");
        Self(bytes)
    }

    /// As its holder is told it: 43 characters, base64url without padding (RFC 4648 section 5).
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what a client shows. `None`: no key at all.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(super) fn digest(&self) -> KeyDigest {
        let digest = digest(&SHA256, &self.0);
        KeyDigest(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelKey(<secret>)")
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(<secret>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_told_and_never_printed() {
        let key = ModelKey::generate();
        let text = key.to_text();
        assert_eq!(text.len(), 43);
        assert_eq!(ModelKey::from_text(&text), Some(key.clone()));
        assert_ne!(ModelKey::generate(), key);
        for bad in
            ["", &text[1..], &format!("{text}A"), "not base64url, but of forty-three bytes!!!!"]
        {
            assert_eq!(ModelKey::from_text(bad), None, "{bad}");
        }
        assert_eq!(format!("{key:?} {:?}", key.digest()), "ModelKey(<secret>) KeyDigest(<secret>)");
    }
}
