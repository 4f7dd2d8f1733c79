//! What extending a voice to 48 kHz is worth: how near the bands above 8 kHz come to those of a
//! recording, behind coder and vocoder.
//!
//! ```text
//!  recording, 48 kHz ─► 16 kHz ─► encoder ─► decoder ─┬─► interpolated ("without") ─┐
//!         │                        (nobody's model)   └─► extended ("with") ────────┤
//!         └────────────────────────────► bands ─────────────────────────────────────┴─► figures
//! ```

mod bands;
mod coded;
mod report;
#[cfg(test)]
mod tests;

pub use bands::{BANDS_HZ, BandFigures};
pub use coded::CodeError;
pub use report::{FileFigures, Report, report};
