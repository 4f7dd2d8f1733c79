//! A whole node and native participants over loopback sockets. Nothing sleeps: tests wait for what
//! a participant sees, with a limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod chat;
mod crowd;
mod junk;
mod learners;
mod leaving;
mod meeting;
mod models;
mod permissions;
mod recordings;
mod repair;
mod slots;
mod support;
mod switching;
mod view;
