//! RTCP as a forwarding node speaks it (RFC 3550 section 6, RFC 4585, RFC 5104).
//!
//! ```text
//!  compound ─► read ─► Message ─► the core, Receptions (reports of publishers), SentReports (RTT),
//!                                 the congestion controller (transport-wide feedback)
//!  Compound (write) ◄─ sender reports of slots, receiver reports, keyframe requests,
//!                      requests for missing packets, transport-wide feedback
//! ```
//!
//! Read and written by hand: these are a few fixed layouts, and what is read comes from the network
//! on the packet path, where nothing may be allocated for it.

mod read;
mod reception;
mod round_trip;
mod write;

pub use read::{Malformed, Message, Messages};
pub use reception::{MAX_SOURCES, Receptions};
pub use round_trip::SentReports;
pub use write::Compound;

use sotto_core::id::Ssrc;

/// The source that our own reports and requests name as theirs. We send no media of our own, so
/// there is nothing to choose it from; libwebrtc uses 1 as well where it only receives.
pub const OUR_SSRC: Ssrc = Ssrc(1);

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of transport-layer feedback (RFC 4585 section 6.2,
/// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
const GENERIC_NACK: u8 = 1;
const TRANSPORT_WIDE: u8 = 15;

/// Formats of payload-specific feedback (RFC 4585 section 6.3, RFC 5104 section 4.3).
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;

/// One report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source that it is about.
    pub ssrc: Ssrc,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, in -2^23..2^23: duplicates count against it.
    pub lost: i32,
    /// Highest sequence number seen, with the number of its wraps above it.
    pub highest_seq: u32,
    /// Variation of the transit time, in units of the media clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; zero: none came yet.
    pub last_report: u32,
    /// Time since then in 1/65,536 seconds.
    pub delay: u32,
}
