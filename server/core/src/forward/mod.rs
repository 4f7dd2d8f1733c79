//! What happens to one packet on its way to one subscriber.

mod rewrite;

pub use rewrite::{DependencyRewrite, Rewrite, Vp8Rewrite};

use crate::id::{PacketId, PeerId};

/// Send `packet` to `peer`, with `rewrite` applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The packet in the shell's slab.
    pub packet: PacketId,
    /// The subscriber.
    pub peer: PeerId,
    /// What changes.
    pub rewrite: Rewrite,
}
