//! Models learned by the pool, in threads and in processes of the real program; and learners that crash,
//! hang and write garbage.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

mod broken;
mod face;
mod faces;
mod order;
mod pool;
mod speaker;
mod voices;
