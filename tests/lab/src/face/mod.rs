//! What a face plug-in is worth: rate, quality, speed, and what its gate lets through.
//!
//! ```text
//!  clip ─► Clip ─┬─ training ─► learner ─► model
//!                └─ test ─┬─► encoder ─► payloads ─► decoder ─► pictures ─┐
//!                         │      └─ gate ◄── decoded ──┘                  ├─► Scores ─► Quality
//!                         └─► AV1, VP9, VP8, full and half size ──────────┘     │
//!          Original: face, mouth, eyes, how far they are open ──────────────────┘
//! ```
//!
//! The plug-in is seen through its traits alone ([`Subject`]), so that anything else that
//! implements them can be measured the same way. VMAF is computed by an ffmpeg that has it,
//! landmarks of faces are found by Python; what is made of them is made here.

mod arguments;
mod bench;
pub(crate) mod clip;
pub(crate) mod coded;
mod figures;
pub(crate) mod growth;
mod i420;
mod landmarks;
pub(crate) mod learning;
mod loss;
mod own;
mod peers;
mod quality;
mod ratio;
mod receiver;
mod regions;
mod report;
mod scores;
mod sheet;
mod states;
mod subject;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod tools;
mod trace;
mod video;
mod vmaf;
mod wire;

pub use arguments::{Arguments, Peers};
pub use bench::MeasureError;
pub use clip::ClipError;
pub use coded::CodeError;
pub use figures::{Figures, LossFigures, PeerFigures, PeerTable, Ratios, Shown, Validation};
pub use learning::NotLearned;
pub use loss::Recovery;
pub use quality::Quality;
pub use ratio::Bound;
pub use report::{ClipFigures, LeftOut, Report, report};
pub use scores::ScoreError;
pub use states::Agreement;
pub use subject::{FacePlugin, Subject};
pub use tools::ToolError;
pub use video::{Format, Video, VideoError};
pub use wire::WireFigures;
