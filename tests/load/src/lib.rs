//! The load-test harness.
//!
//! ```text
//!  scenario   meetings, webinars, rooms of voices, storms of arrivals, comings and goings
//!  entrance   the way into a room of a node, for clients of the fleet
//!  janus      another server with the same traffic
//!  fleet      lean clients, thousands on one thread
//!  fanout     the packet path alone, at full speed
//!  server     the process that is measured
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
pub mod entrance;
pub mod fanout;
pub mod fleet;
pub mod janus;
pub mod line;
pub mod models;
pub mod processor;
pub mod scenario;
pub mod server;
