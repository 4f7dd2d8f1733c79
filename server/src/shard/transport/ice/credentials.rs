//! User name fragment and password of one side (RFC 8839 section 5.4).

use ring::rand::{SecureRandom as _, SystemRandom};

/// Characters of a fragment: 48 bits, so that two on one shard never meet.
const UFRAG: usize = 8;

/// Characters of a password: 144 bits, where RFC 8445 section 5.3 demands 128.
const PWD: usize = 24;

/// `ice-char` of RFC 8839 section 5.1: 64 of them, so that six random bits make one.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Our side's, made anew for every peer and every ICE restart.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name fragment.
    pub ufrag: String,
    /// Password.
    pub pwd: String,
}

impl Credentials {
    /// Fresh ones from the system's random source.
    pub fn generate() -> Self {
        let mut bytes = [0; UFRAG + PWD];
        SystemRandom::new().fill(&mut bytes).expect("the system has a random source");
        let mut chars = bytes.iter().map(|byte| char::from(ICE_CHARS[usize::from(byte % 64)]));
        Self { ufrag: chars.by_ref().take(UFRAG).collect(), pwd: chars.collect() }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}
