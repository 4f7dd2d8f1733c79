//! What passes between a connection's sender and the rooms.

use std::time::Duration;

/// What the way to one peer carries. Told when it changed enough to act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Bits per second on the wire (IP and UDP headers included) that can be sent without a queue
    /// growing.
    pub bitrate: u64,
    /// Smoothed round trip, once measured.
    pub round_trip: Option<Duration>,
    /// Share of packets lost lately, 0 to 1,000 per mille.
    pub loss_per_mille: u16,
    /// Nothing has come back for seconds: the way is away, and what was known of it says little.
    pub away: bool,
}

/// What the rooms could send to one peer, so that its sender knows how far to probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Bits per second on the wire that are sent now, by what was allocated.
    pub allocated: u64,
    /// Bits per second at which everything wanted would be sent in its best layer.
    pub wanted: u64,
    /// Bits per second that the next improvement needs in all; `None`: there is none to be had.
    pub next_step: Option<u64>,
}

/// What a packet is to the pacer, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketClass {
    /// Sound: never held back.
    Audio,
    /// A repair of something that was sent before.
    Retransmission,
    /// A picture.
    Video,
    /// Nothing but load, to find out what the way carries.
    Padding,
}
