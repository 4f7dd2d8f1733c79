//! The voice plug-in's coder: its prior, and what it makes of speech.
//!
//! ```text
//!  folder of recordings ─► speech (active packets of features) ─► prior ─► prior.bin
//!                                       └────────────────────────► rate ─► figures
//! ```

mod dump;
mod prior;
mod rate;
mod speech;

pub use dump::dump_features;
pub use prior::train_prior;
pub use rate::{Rates, rates};
pub use speech::{Packet, Speech};
