//! The media side of the node, as the websockets see it.

use sotto_core::id::PeerId;

use crate::{
    name::RoomName,
    shard::{Command, Undelivered},
};

/// Where joined clients are handed to. Implemented by the shards; tests put a channel here.
pub trait MediaPlane: Send + Sync + 'static {
    /// Chooses the place of a new connection and gives it the number that names it from now on.
    fn place(&self, room: &RoomName) -> PeerId;

    /// Queues a command for the shard of `peer`. Never waits.
    ///
    /// # Errors
    /// The command was not queued.
    fn try_send(&self, peer: PeerId, command: Command) -> Result<(), Undelivered>;
}
