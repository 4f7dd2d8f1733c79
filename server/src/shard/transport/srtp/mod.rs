//! SRTP and SRTCP in place, without allocation.
//!
//! ```text
//!  DTLS exporter ─► Keys ─┬─► Sealer   RTP + RTCP ─► SRTP + SRTCP
//!                         └─► Opener   SRTP + SRTCP ─► RTP + RTCP
//!                                │
//!        header (where the payload starts) → window (index, replay) → gcm | cm
//! ```
//!
//! `AEAD_AES_128_GCM` (RFC 7714) is the profile of every browser of today and costs one pass of
//! AES-GCM; `AES128_CM_HMAC_SHA1_80` (RFC 3711) is there for clients without it.
//!
//! The published context of `rtc-srtp` is not used here: it copies every packet into a fresh
//! buffer, keeps the state of any number of sources that a peer makes up, and seals the same index
//! twice when asked to. It serves as the second opinion in the tests.

mod cm;
mod context;
mod derive;
mod gcm;
mod header;
mod keys;
mod window;

#[cfg(test)]
mod tests;

pub use context::{MAX_OPENED_SOURCES, MAX_SEALED_SOURCES, Opener, Sealer};
pub use keys::{EXPORTER_LABEL, Keys, MasterKey};
