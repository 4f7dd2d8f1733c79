//! Models while their speakers are here: who uploaded which, and who may fetch it how fast.
//!
//! ```text
//!  PUT ─► Reservation (Space) ─► ModelStore: containers by hash, held by their speakers' connections
//!                                     │              │
//!  fetchModel, forgetModel ─► Connection: grants     └─► Deltas: what one lacks who holds another
//!                                     │
//!  GET ─► key ─► Member ─► Download ◄─┘ ─► Pace ─► body
//! ```
//!
//! A model of a voice or a face is biometric data: it is in memory alone, gone when the last
//! connection that uploaded it ends or withdraws it, and given only to connections that the core told
//! to fetch it. HTTP threads lock the store for moments; a shard never sees it.

mod deltas;
mod grant;
mod key;
mod pace;
mod space;
mod store;
#[cfg(test)]
mod tests;

pub use deltas::DeltaCell;
pub use grant::Grant;
pub use key::ModelKey;
pub use pace::{Pace, chunk_len, wire_len};
pub use space::{Blob, NoSpace, Reservation, Space};
pub use store::{
    Connection, Denied, Download, Member, ModelStats, ModelStore, ModelTraffic, PutError, Stored,
    Upload, Withdrawals,
};
