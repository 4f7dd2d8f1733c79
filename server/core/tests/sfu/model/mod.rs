//! A reference model run against the core over random sequences of what people do.
//!
//! ```text
//! seed ─► ops ─► play ─┬─► World (the core, its clients) ─► what they were told and got
//!                      └─► Model (slow and obvious)      ─► what they should have
//! ```
//!
//! The world checks every packet and message as it goes by; after each operation the slots of every
//! client are held against the model, from time to time everything must flow, and when all have left
//! nothing may remain.

mod expect;
pub(crate) mod link;
mod ops;
mod play;
pub(crate) mod rng;

use std::{fs, path::Path};

/// Operations of one sequence.
const LENGTH: usize = 60;

/// Sequences beside the committed ones. `SOTTO_MODEL_SEQUENCES` asks for more.
const FRESH: u64 = 80;

#[test]
fn everybody_receives_what_the_model_says_in_the_committed_sequences() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds.txt");
    let text = fs::read_to_string(path).unwrap();
    let seeds = text.lines().filter_map(|line| line.split('#').next()?.trim().parse().ok());
    let seeds: Vec<u64> = seeds.collect();
    assert!(!seeds.is_empty(), "the file has seeds");
    seeds.into_iter().for_each(|seed| play::run(seed, LENGTH));
}

#[test]
fn everybody_receives_what_the_model_says_in_random_sequences() {
    let wanted = std::env::var("SOTTO_MODEL_SEQUENCES").ok();
    let count = wanted.and_then(|count| count.parse().ok()).unwrap_or(FRESH);
    (1..=count).for_each(|n| play::run(n.wrapping_mul(0x5851_f42d_4c95_7f2d), LENGTH));
}
