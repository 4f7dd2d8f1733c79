//! Who speaks, from the levels that clients put on their audio packets (RFC 6464).
//!
//! ```text
//! packet levels ─► Loudness (one per track: smoothing, hysteresis) ─► Dominant (one per room)
//!                                                                 └─► audio slots
//! ```

mod dominant;
mod level;

pub(crate) use dominant::Dominant;
pub(crate) use level::Loudness;

use std::time::Duration;

/// Shortest time between two looks at who speaks, and so between two `Speakers` messages: 5 a
/// second.
pub(crate) const SPEAKER_INTERVAL: Duration = Duration::from_millis(200);
