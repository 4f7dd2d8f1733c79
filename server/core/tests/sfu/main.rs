//! The core as its shell sees it: inputs in, outputs out, in virtual time.
//!
//! Every test goes through one [`world::World`], which plays the shell and its clients: it keeps
//! packets as the slab would, writes what is forwarded, reads it back, and checks on the way what
//! must always hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod allocation;
mod call;
mod closed_loop;
mod codecs;
mod data;
mod generic_voice;
mod hostile;
mod layers;
mod learners;
mod lossy;
mod media;
mod model;
mod model_copies;
mod models;
mod models_edges;
mod models_random;
mod negotiation;
mod publishing;
mod repair;
mod reports;
mod rooms;
mod shards;
mod slots;
mod speakers;
mod stream;
mod svc;
mod thin_lines;
mod thin_loop;
mod world;
