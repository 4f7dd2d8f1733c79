//! ICE-lite (RFC 8445 section 2.5): the node only answers the client's connectivity checks, and
//! learns from them where the client is and which path it chose.
//!
//! ```text
//!  STUN ─► stun (parse) ─► credentials (whose, authentic?) ─► paths (validate, select) ─► reply
//! ```

mod agent;
mod credentials;
mod paths;
mod stun;

pub use agent::{Agent, CONSENT, Checked};
pub use credentials::Credentials;
pub use paths::MAX_PATHS;

/// The user name fragment of ours that a connectivity check is addressed to: how the first datagram
/// of an unknown path finds its peer. `None` for anything but a well-formed binding request with a
/// user name.
pub fn user_name_of(message: &[u8]) -> Option<&str> {
    let message = stun::Message::parse(message).ok()?;
    if message.class() != stun::Class::Request {
        return None;
    }
    message.attributes().ok()?.user_name.map(|(ours, _)| ours)
}
