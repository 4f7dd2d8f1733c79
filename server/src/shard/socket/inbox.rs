//! Where datagrams arrive.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::BorrowedFd,
};

use super::{linux::Messages, path};
use crate::shard::transport::Path;

/// The longest message that the kernel hands over: a run that it joined.
pub(super) const MESSAGE_BYTES: usize = 65_535;

/// Messages taken by one call. Enough for the packets of a video frame from each of a few
/// publishers; more would only make the first of them wait for the last.
pub(super) const MESSAGES: usize = 32;

/// Buffers for one batch of received messages. About 2 MiB of address space, of which only the
/// pages that datagrams were written to become memory.
pub struct Inbox {
    bytes: Box<[u8]>,
    received: Vec<Envelope>,
    messages: Messages,
}

/// A run of datagrams from one remote address to one local address, each `segment` bytes long, the
/// last one perhaps shorter.
pub struct Received<'a> {
    /// The way that they came.
    pub path: Path,
    /// All of them.
    pub bytes: &'a mut [u8],
    /// Length of each, never zero.
    pub segment: usize,
    /// The message was longer than the buffer: do not read it.
    pub truncated: bool,
}

/// What is known of a message beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    /// Which of the buffers it is in.
    pub(super) index: usize,
    pub(super) path: Path,
    pub(super) len: usize,
    pub(super) segment: usize,
    pub(super) truncated: bool,
}

impl Inbox {
    /// Empty.
    pub fn new() -> Self {
        Self {
            bytes: vec![0; MESSAGES * MESSAGE_BYTES].into_boxed_slice(),
            received: Vec::with_capacity(MESSAGES),
            messages: Messages::new(MESSAGES),
        }
    }

    /// Whether the last batch left no room: more may wait.
    pub fn is_full(&self) -> bool {
        self.received.len() == MESSAGES
    }

    /// The message at `index` of the last batch.
    pub fn get(&mut self, index: usize) -> Option<Received<'_>> {
        let envelope = self.received.get(index)?;
        let start = envelope.index * MESSAGE_BYTES;
        Some(Received {
            path: envelope.path,
            bytes: &mut self.bytes[start..start + envelope.len],
            segment: envelope.segment.max(1),
            truncated: envelope.truncated,
        })
    }

    pub(super) fn receive_batch(
        &mut self,
        fd: BorrowedFd<'_>,
        local: SocketAddr,
    ) -> io::Result<usize> {
        self.received.clear();
        self.messages.receive(fd, &mut self.bytes, local, &mut self.received)?;
        Ok(self.received.len())
    }

    pub(super) fn receive_single(
        &mut self,
        socket: &UdpSocket,
        local: SocketAddr,
    ) -> io::Result<usize> {
        self.received.clear();
        for index in 0..MESSAGES {
            let start = index * MESSAGE_BYTES;
            match socket.recv_from(&mut self.bytes[start..start + MESSAGE_BYTES]) {
                Ok((len, remote)) => self.received.push(Envelope {
                    index,
                    path: path(local, None, remote),
                    len,
                    segment: len,
                    truncated: false,
                }),
                Err(error) if self.received.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(self.received.len())
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}
