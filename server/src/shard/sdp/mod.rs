//! SDP at the door: the client's offer becomes types, the node's answer becomes text (RFC 9429,
//! RFC 8866).
//!
//! ```text
//!  text ─► lines (limits) ─► offer (session, BUNDLE, ICE, DTLS) ─► section (one m-line) ─► Parsed
//!  Layout of the offer + core's Answer + LocalParameters ─► answer ─► text
//! ```
//!
//! Read by hand: of RFC 8866 a WebRTC offer needs `v=`, `m=` and `a=` lines, each of them text up to
//! the end of the line, and the limits must hold before anything is allocated. `rtc-sdp` builds every
//! line into owned strings first; it is the second opinion on our answers in the tests.

mod answer;
mod format;
mod lines;
mod offer;
mod section;

#[cfg(test)]
mod tests;

pub use answer::{Answering, render};
pub use lines::{MAX_BYTES, MAX_LINES};
pub use offer::{Layout, MAX_SECTIONS, Parsed, parse};

/// Why an offer is refused. The client is told, and may offer again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SdpError {
    /// More than [`MAX_BYTES`].
    #[error("the offer is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_LINES`].
    #[error("the offer has more than {MAX_LINES} lines")]
    TooManyLines,
    /// More than [`MAX_SECTIONS`].
    #[error("the offer has more than {MAX_SECTIONS} m-lines")]
    TooManySections,
    /// Not `x=value`, or a known line with a value that does not fit, or not `v=0` first.
    #[error("line {0} of the offer is malformed")]
    Malformed(u32),
    /// An audio, video or data m-line without `a=mid`, or two with the same.
    #[error("an m-line has no mid of its own")]
    Mid,
    /// An m-line outside of the one BUNDLE group (RFC 8843).
    #[error("every m-line must be in one BUNDLE group")]
    NotBundled,
    /// An RTP m-line without `a=rtcp-mux` (RFC 5761).
    #[error("rtcp-mux is required")]
    NoRtcpMux,
    /// No user name fragment or password, or not as RFC 8839 section 5.4 has them.
    #[error("ICE user name fragment or password is missing or malformed")]
    Ice,
    /// No SHA-256 fingerprint (RFC 8122).
    #[error("a sha-256 fingerprint is required")]
    Fingerprint,
    /// `a=setup` is missing, or leaves us the active part (RFC 8842).
    #[error("setup must be actpass or active")]
    Setup,
    /// One number stands for two header extensions, which BUNDLE forbids (RFC 8843 section 9.1).
    #[error("one extension id has two meanings")]
    Extensions,
    /// More than eight simulcast layers.
    #[error("too many simulcast layers")]
    Layers,
}
