//! What the way to a subscriber carries, and what is sent on it.
//!
//! ```text
//!  sent, transport feedback ─► Sender: estimate (delay, loss), probe, pace   (one per connection,
//!                                  │ Estimate              ▲ Demand           owned by the shell)
//!                                  ▼                       │
//!               voices: whose raw voice; allocate: which layer in which slot   (in the rooms)
//!
//!  packets of a publisher ─► TransportFeedbackBuilder ─► RTCP ─► its own congestion control
//! ```

mod allocate;
mod estimate;
mod ladder;
mod sender;
mod spending;
mod transport_feedback;
mod voices;

pub use allocate::{Allocator, Budget, Candidate, Current, Importance, Share};
pub use estimate::{Demand, Estimate, PacketClass};
pub use ladder::{Ladder, LayerState, MAX_RUNGS, Preference, Rung};
pub use sender::{MAX_BITRATE, MIN_BITRATE, START_BITRATE, Sender};
pub use spending::Spending;
pub use transport_feedback::{
    FORMAT as TRANSPORT_FEEDBACK_FORMAT, MAX_PACKETS as MAX_FEEDBACK_PACKETS, MalformedFeedback,
    PACKET_TYPE as TRANSPORT_FEEDBACK_TYPE, PacketStatus, TransportFeedback,
    TransportFeedbackBuilder,
};
pub use voices::{RawVoice, VoiceRate, carried};
