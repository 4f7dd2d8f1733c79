//! The model codec for browsers: plain functions over numbers, without generated glue.
//!
//! ```text
//!  codec.ts ─► abi ─► Session: arguments in its buffers, results in its outputs
//!                        ├ formats   bundles, packets, containers, deltas
//!                        ├ media     learners, models, encoders, decoders, gates, extensions, by handle
//!                        └ scenes    what pictures are made of
//! ```
//!
//! The caller asks for a buffer of a length, writes to where it is told, and calls; nothing here
//! reads through a pointer. A negative result is an error, whose text is in the output. It is
//! mirrored in `web-client/src/sdk/models/codec/wasm.ts`.

mod abi;
mod failure;
mod formats;
mod media;
mod scenes;
mod session;
#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use session::Session;
