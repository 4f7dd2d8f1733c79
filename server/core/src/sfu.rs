//! The composition: rooms of one shard, and the two doors to them.

use crate::{
    forward::Forward,
    id::{PacketId, PeerId},
    input::Input,
    output::Output,
    time::Time,
};

/// Every room of one shard.
#[derive(Debug, Default)]
pub struct Sfu {}

/// Whether the core kept a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The shell may free it once its forwards are sent.
    No,
    /// The shell keeps it until [`Output::Release`].
    Yes,
}

/// A packet that is not forwarded, and why. Counted by the shell, never fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PacketError {
    /// Shorter than its own header says, or not RTP version 2.
    #[error("malformed RTP")]
    Malformed,
    /// From a peer that is not known.
    #[error("unknown peer")]
    UnknownPeer,
    /// Of a source that belongs to no negotiated m-line.
    #[error("unknown source")]
    UnknownSource,
    /// Of an m-line on which nothing is published.
    #[error("not published")]
    NotPublished,
    /// Of a payload type that was not negotiated for its m-line.
    #[error("unexpected payload type")]
    PayloadType,
}

impl Sfu {
    /// Applies one input. Drain [`Self::poll_output`] afterwards.
    pub fn handle(&mut self, _now: Time, _input: Input) {}

    /// Takes one decrypted RTP packet of `peer` and appends what is to be sent to `out`.
    ///
    /// `bytes` is the whole packet, header and payload, as it lies in the slab under `id`.
    ///
    /// # Errors
    /// [`PacketError`]: the packet goes nowhere; count it.
    pub fn packet(
        &mut self,
        _now: Time,
        _peer: PeerId,
        _id: PacketId,
        _bytes: &[u8],
        _out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        Err(PacketError::UnknownPeer)
    }

    /// Lets timers act that are due. Drain [`Self::poll_output`] afterwards.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// The next effect.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }
}
