//! Transport-wide feedback: which packets of a connection arrived, and when
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
//!
//! ```text
//!  receiver: TransportFeedbackBuilder (when to tell) ─► write ─► RTCP
//!  sender:   RTCP ─► TransportFeedback::parse (read) ─► Sender
//! ```

mod builder;
mod read;
mod write;

pub use builder::TransportFeedbackBuilder;
pub use read::{MalformedFeedback, PacketStatus, TransportFeedback};

/// RTCP packet type of transport-layer feedback (RFC 4585 section 6.2).
pub const PACKET_TYPE: u8 = 205;
/// Its format for transport-wide congestion control.
pub const FORMAT: u8 = 15;

/// Most packets that one message may speak of, read or written. The field allows 65,535, but a
/// message of a few bytes could then keep the reader busy; a quarter of a second at 20 Mbit/s is
/// some 600.
pub const MAX_PACKETS: u16 = 8_192;

/// RTCP header, both sources, base number, count, reference time, message number.
const HEADER_LEN: usize = 20;
/// Microseconds of one unit of a delta.
const TICK_US: i64 = 250;
/// Microseconds of one unit of the reference time.
pub(super) const REFERENCE_UNIT_US: i64 = 64_000;

/// What a message says of one packet (section 3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    /// It did not arrive yet.
    Missing = 0,
    /// One byte of delta, not negative.
    Small = 1,
    /// Two bytes of delta, signed.
    Large = 2,
}
