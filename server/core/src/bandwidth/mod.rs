//! What the way to a subscriber carries, and what is sent on it.
//!
//! ```text
//!  sent, transport feedback ─► Sender: estimate (delay, loss), probe, pace   (one per connection,
//!                                  │ Estimate              ▲ Demand           owned by the shell)
//!                                  ▼                       │
//!                              allocate: which layer in which slot           (in the rooms)
//! ```

mod estimate;

pub use estimate::{Demand, Estimate, PacketClass};
