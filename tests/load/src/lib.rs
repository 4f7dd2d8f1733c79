//! The load-test harness.
//!
//! ```text
//!  bundle     people in model form and in raw form, in turn: wire, lateness, losses, cost
//!  models     recorded people, raw and learned while they meet: one downlink, its models, the cost
//!  attend     recorded people for a room of another node
//!  crowd      those who are seen and heard, and those who watch
//!  line       what lies between a watcher and the node
//!  processor  the time that the node's media thread has used
//! ```

pub mod attend;
pub mod bundle;
pub mod crowd;
pub mod line;
pub mod models;
pub mod processor;
