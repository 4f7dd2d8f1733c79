//! Every decision of a Sotto node, and none of its I/O.
//!
//! This crate knows rooms, participants, tracks and slots; it decides which packet goes to whom
//! and what is rewritten in it. It has no clock, socket, thread, lock or source of randomness:
//! time and ids are inputs, effects are values.
//!
//! ```text
//!             Input (typed, already parsed)              Output (typed, PartialEq)
//!  shell ───────────────────────────────────►  Sfu  ───────────────────────────────►  shell
//!             packets: header + PacketId                 Forward { packet, to, rewrite }
//! ```
//!
//! # The contract
//!
//! One [`Sfu`] lives on one shard. After **every** call that takes `&mut self` and a [`Time`], call
//! [`Sfu::poll_output`] until it returns `None`, then arm a timer for [`Sfu::poll_timeout`]; when it
//! fires, call [`Sfu::handle_timeout`]. Media is the exception that proves the rule: [`Sfu::packet`]
//! appends its forwards to a buffer that the caller owns, so that the hot path allocates nothing, but
//! it may also leave outputs to be polled.

mod arena;
pub mod bandwidth;
pub mod bundle;
mod census;
pub mod config;
pub mod data;
pub mod forward;
pub mod id;
pub mod input;
pub mod ledger;
pub mod media;
pub mod output;
pub mod peer;
pub mod representation;
pub mod room;
pub mod rtp;
mod sfu;
pub mod signal;
mod slot;
mod speaker;
pub mod time;

pub use census::Census;
pub use config::SfuConfig;
pub use input::Input;
pub use output::Output;
pub use sfu::{Kept, PacketError, Sfu};
pub use time::Time;
