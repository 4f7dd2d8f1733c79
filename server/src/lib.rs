//! The Sotto node: everything around [`sotto_core`] that touches the world.
//!
//! ```text
//!  http (axum, tokio)  ──Command──►  shard (pinned thread: UDP, ICE, DTLS, SRTP, SCTP + Sfu)
//!  websocket tasks     ◄─PeerEvent─
//! ```

pub mod clock;
pub mod shard;
