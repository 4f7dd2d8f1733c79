//! Model frames of many people in one stream to one subscriber (design section 7).
//!
//! ```text
//!  frames of everybody ─► Voices (5 at most) ─► Bundler: what waits ─┐
//!                                                    ▲               │ due: FlushInterval, by the line
//!                                  once more, later  │               ▼
//!                                  (by what is lost) └────── budget, rank ─► Bundle ─► shell
//!  NACK, transport-wide feedback ─► Resends ─► the sealed packet once more
//! ```

mod bundler;
mod interval;
mod resends;
#[cfg(test)]
mod tests;
mod voices;

pub use bundler::{Bundler, Frame, Rank, Spent};
pub use interval::{FlushInterval, INTERVALS};
pub use resends::Resends;
pub use voices::{MAX_VOICES, Voices};
