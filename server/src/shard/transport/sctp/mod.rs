//! Data channels of one peer (RFC 8831, RFC 8832), over `rtc-sctp`.
//!
//! ```text
//!  SCTP packet ─► ledger (what may come in at all) ─► rtc-sctp ─► channels (DCEP, labels) ─► Message
//! ```
//!
//! Nothing exists until the first SCTP packet comes. The association is always the client's: it sends
//! the INIT, as browsers do on both sides.

mod channels;
mod ledger;

#[cfg(test)]
mod tests;

pub use channels::{Channels, MAX_CHANNELS, MAX_LABEL, MAX_QUEUED, MAX_QUEUED_MODELS, Message};
