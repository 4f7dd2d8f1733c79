//! Models while their speakers are here: who uploaded which, and who may fetch it how fast.
//!
//! ```text
//!  PUT ─► Reservation (Space) ─► ModelStore: containers by hash, held by their speakers' connections
//!  learners of the node ────────────► │ (learned: for their speakers alone)
//!                                     │              │
//!  fetchModel, forgetModel ─► Connection: grants     └─► Deltas: what one lacks who holds another
//!                                     │
//!  GET ─► key ─► Member ─► Download ◄─┘ ─► Pace ─► body
//! ```
//!
//! A model of a voice or a face is biometric data: it is in memory alone, gone when the last
//! connection that uploaded it ends or withdraws it, and given only to connections that the core told
//! to fetch it. A speaker who wants that finds it again in another meeting: the [`Vault`] keeps it,
//! encrypted, for a time. HTTP threads lock the store for moments; a shard never sees it.

mod deltas;
mod grant;
mod kept;
mod key;
mod learned;
mod member;
mod pace;
mod space;
mod store;
#[cfg(test)]
mod tests;
mod vault;

pub use deltas::DeltaCell;
pub use grant::Grant;
pub use kept::{AUDIT, since_1970};
pub use key::ModelKey;
pub use learned::NotHeld;
pub use member::{Member, ModelTraffic, Withdrawals};
pub use pace::{Pace, chunk_len, wire_len};
pub use space::{Blob, NoSpace, Reservation, Space};
pub use store::{Connection, Denied, Download, ModelStats, ModelStore, PutError, Stored, Upload};
pub use vault::{Kept, Swept, Vault, VaultError};
