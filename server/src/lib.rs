//! The Sotto node: everything around [`sotto_core`] that touches the world.
//!
//! ```text
//!  http (axum, tokio)  ──Command──►  shard (pinned thread: UDP, ICE, DTLS, SRTP, SCTP + Sfu)
//!  websocket tasks     ◄─PeerEvent─         └─Tap─► learn (pool of processes: raw media to models)
//!    └ models (memory, shared by websockets and HTTP)
//! ```

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod http;
pub mod learn;
pub mod learned;
pub mod models;
pub mod name;
pub mod schema;
pub mod shard;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod turn;
pub mod wiping;
