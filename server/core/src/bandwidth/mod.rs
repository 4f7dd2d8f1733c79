//! What the way to a subscriber carries, and what is sent on it.
//!
//! ```text
//!  sent, transport feedback ─► Sender: estimate (delay, loss), probe, pace   (one per connection,
//!                                  │ Estimate              ▲ Demand           owned by the shell)
//!                                  ▼                       │
//!                              allocate: which layer in which slot           (in the rooms)
//!
//!  packets of a publisher ─► TransportFeedbackBuilder ─► RTCP ─► its own congestion control
//! ```

mod estimate;
mod sender;
mod transport_feedback;

pub use estimate::{Demand, Estimate, PacketClass};
pub use sender::{MAX_BITRATE, MIN_BITRATE, START_BITRATE, Sender};
pub use transport_feedback::{
    FORMAT as TRANSPORT_FEEDBACK_FORMAT, MAX_PACKETS as MAX_FEEDBACK_PACKETS, MalformedFeedback,
    PACKET_TYPE as TRANSPORT_FEEDBACK_TYPE, PacketStatus, TransportFeedback,
    TransportFeedbackBuilder,
};
