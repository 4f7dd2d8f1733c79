//! What the model stream looks like in bytes: parse, write, limits. No samples, no pixels, no I/O.
//!
//! ```text
//!  publisher ──ModelPacket──► node ──Bundle──► subscriber      every 20 to 80 ms
//!            ──Container────►      ──Container─►               once per model
//!            ──Delta────────►      ──Delta────►                once per refinement
//! ```
//!
//! Every parser takes what a stranger sent: it checks everything at once and gives a typed error,
//! never a panic, and borrows instead of copying. What has been parsed is then read without
//! further failure. All integers are big-endian; a varint is an unsigned LEB128 of at most 32
//! bits, in its shortest form only.

mod cursor;
mod entry;
mod epoch;
mod hash;
mod plugin;
mod time;
mod varint;

pub mod bundle;
pub mod container;
pub mod delta;
pub mod packet;

pub use bundle::{Bundle, BundleError, BundleWriter};
pub use container::{Container, ContainerError};
pub use delta::{Delta, DeltaError};
pub use entry::{
    Activity, Entries, Entry, EntryError, MAX_ENTRIES, MAX_LEVEL, MAX_PAYLOAD_LEN, WriteError,
};
pub use epoch::Epoch;
pub use hash::{InvalidHash, ModelHash};
pub use packet::{ModelPacket, PacketError, PacketWriter};
pub use plugin::{InvalidPlugin, PluginId, PluginKind};
pub use time::MediaTime;

/// Version of packets and bundles: the two highest bits of their first byte.
const VERSION: u8 = 1;
/// Where the version stands in the first byte of a packet or bundle.
const VERSION_SHIFT: u8 = 6;

/// Most bytes of a model packet or bundle. With RTP, SRTP and transport-cc around it (36 bytes),
/// UDP and IPv6 (48) it stays below the 1,280 bytes that every IPv6 path carries.
pub const MAX_DATAGRAM_LEN: usize = 1_150;
