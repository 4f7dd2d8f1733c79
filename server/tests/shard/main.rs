//! A shard through real sockets: what goes in, what comes out, what is counted.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod bandwidth;
mod bundles;
mod call;
mod forwarding;
mod learning;
mod limits;
mod media;
mod repair;
mod reports;
mod support;
mod taps;
