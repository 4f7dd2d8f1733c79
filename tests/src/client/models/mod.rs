//! Models of a participant: its own, which it uploads and sends frames of, and those of others.
//!
//! ```text
//!  made ─► strand (a source) ─┐                        node              ┌─► sink ─► continuity
//!          strand             ├─► source ──model packets──► bundles──────┤   (whole? whose? when?)
//!            ├─ stamp, mark ──┘                                          └─► following (which form)
//!            ├─ replay (of a recording)
//!            └───── upload (HTTP) ──► containers ──► fetch (HTTP) ──► library
//! ```
//!
//! No sample and no pixel: payloads say whose they are, so that a receiver can check every one; or
//! they are such as a browser can play; or those of a recording, with what its gates said.

mod continuity;
mod following;
mod lateness;
mod library;
mod made;
mod mark;
mod options;
mod played;
mod replay;
mod report;
mod sink;
mod source;
mod stamp;
mod strand;

pub use continuity::{Came, Continuity};
pub use following::Following;
pub use lateness::Lateness;
pub use library::{Arrived, Library, fetch};
pub use made::{Made, meaningless_body};
pub use mark::Mark;
pub use options::{ModelContent, ModelOptions, ModelPublish, TURN_MS, Talking};
pub use report::{BundlesReport, EntriesReport, Fetched, Held, ModelsReport, Uploaded};
pub use sink::{Arrival, BundleSink};
pub use source::ModelSource;
pub use stamp::Stamp;
pub use strand::{BAR, Strand, TONE, VERSION, plugin_of};
