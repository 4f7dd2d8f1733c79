//! Raw or model: in which form one subscriber receives one track.
//!
//! ```text
//!            Facts (once per change)                         what flows, and what is told
//!  policy ─► wanted ─┐
//!  support, consent ─┤              ┌──────────────────────────────────────────────┐
//!  model, epoch ─────┼─► Representation: Raw ─► Fetching ─► Entering ─► Model       │
//!  gate ─────────────┤              │  ▲                                │          │
//!  what flows ───────┘              │  └── Falling (at once) ◄──────────┤          │
//!                                   │  └── Leaving (raw first) ◄────────┘          │
//!  Backoff: how long the gate must have been green ─────────────────► back to model│
//!                                   └──────────────────────────────────────────────┘
//! ```
//!
//! Voluntary switches are make-before-break: both forms are sent until the client says that it plays
//! the new one. When the gate says that the model does not fit, nothing of it is shown any more, and
//! raw media is all that is waited for.
//!
//! The generic model of a voice (epoch 0) is one that everybody holds, for those alone of whom a line
//! is thin: [`ThinLine`].

mod backoff;
mod machine;
mod policy;
mod thin;

#[cfg(test)]
mod tests;

pub use backoff::{Backoff, BackoffTimes};
pub use machine::{Availability, Facts, Flow, Representation, Status, Support};
pub use policy::{Setting, wants_model};
pub use thin::{ThinLine, WIDE};
