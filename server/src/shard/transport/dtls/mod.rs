//! The DTLS server of one peer (RFC 6347, RFC 5764), over the handshake of `rtc-dtls`.
//!
//! ```text
//!  datagram ─► records ─► reassembly ─► hello (first message: which SRTP profile?) ─► rtc-dtls
//!                │ epoch 0: whole messages only, in order, once          keys ◄─┘  ▲
//!                └ epoch 1: Finished, alerts, application data ────────────────────┘
//! ```
//!
//! What the handshake sees is bounded here, because its own buffers are not made for hostile peers:
//! it would keep 2 MB of fragments and put them together recursively, queue any number of encrypted
//! records, and forget its retransmission timer when a client repeats itself.

mod association;
mod hello;
mod identity;
mod reassembly;
mod records;

#[cfg(test)]
pub(super) mod tests;

pub use association::{Association, Event, HANDSHAKE_LIMIT};
pub use hello::{HelloError, offered_profiles};
pub use identity::{Identity, IdentityError};
pub use reassembly::{MAX_HELD, Reassembly, Taken};
pub use records::{Record, Records};
