//! The congestion controller over known links.
//!
//! ```text
//!  source (cameras in layers, audio) ─► queue of the shell ─► Sender paces ─► link ─► receiver
//!        ▲ Estimate                                             ▲               │ TransportFeedback
//!        └──────────────────────────────────────────────────────┴───────────────┘
//! ```
//!
//! Sender and receiver are the real ones of `sotto-core`. The source stands for the rooms: cameras
//! of three layers each, chosen by the estimate as the allocation does it.

mod flow;
mod link;
mod profile;
mod report;
mod run;
mod settle;
mod source;
mod tcp;

pub use profile::{PROFILES, Profile};
pub use report::{BesideTcp, Report, Row, STARVED, report, trace};
pub use run::{Run, Sample, run, share};
