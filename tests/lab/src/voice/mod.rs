//! What a voice plug-in is worth: rate, quality, speed, and what its gate lets through.
//!
//! ```text
//!  folder of speech ─► Set ─┬─ training ─► learner ─► own model, models of strangers
//!                           └─ test ─► encoder ─► payloads ─► decoder ─► sound
//!                                        └─ gate ◄── decoded ──┘           │
//!        Opus, the unquantised vocoder ──────────────────────────► metrics (Rust, Python)
//!                                                                          └─► Report
//! ```
//!
//! The plug-in is seen through its traits alone ([`Subject`]), so that anything else that
//! implements them can be measured the same way.

mod activity;
mod arguments;
mod baseline;
mod bench;
mod ceiling;
mod cepstrum;
pub(crate) mod coded;
mod comparison;
pub(crate) mod cpu;
mod equal_distortion;
mod feature_error;
mod figures;
mod gate;
mod labels;
pub(crate) mod learning;
pub(crate) mod loss;
pub(crate) mod mean;
mod measure;
mod metrics;
pub(crate) mod mix;
mod pitch;
mod report;
mod set;
mod subject;
mod switching;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use arguments::{Arguments, ModelKind};
pub use bench::MeasureError;
pub use coded::CodeError;
pub use figures::{Figures, ModelComparison, OpusFigures, Quality};
pub use gate::GateFigures;
pub use learning::NotLearned;
pub use metrics::{ScoreError, Scorer, Scores};
pub use report::{LeftOut, Report, SpeakerFigures, report};
pub use set::{Set, Speaker, Talk};
pub use subject::{Subject, VoicePlugin};
pub use switching::SwitchingFigures;
