//! The way to a shard from other threads.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
    mpsc,
};

use super::{Command, os::Wake};

/// How many peers a shard has. Written by the shard when somebody comes or goes, read by placement.
#[derive(Debug, Default)]
pub(super) struct Load(AtomicU32);

impl Load {
    pub(super) fn set(&self, peers: usize) {
        self.0.store(u32::try_from(peers).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Commands a shard, from any thread.
#[derive(Clone, Debug)]
pub struct ShardHandle {
    commands: mpsc::SyncSender<Command>,
    wake: Arc<Wake>,
    load: Arc<Load>,
}

/// A command that was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The shard has too much to do. Refuse the client, or try again later.
    #[error("the shard is busy")]
    Full,
    /// The shard has ended. Nobody will ever answer.
    #[error("the shard has ended")]
    Stopped,
}

impl ShardHandle {
    pub(super) fn new(
        commands: mpsc::SyncSender<Command>,
        wake: Arc<Wake>,
        load: Arc<Load>,
    ) -> Self {
        Self { commands, wake, load }
    }

    /// Queues a command and wakes the shard. Never waits.
    ///
    /// # Errors
    /// The queue is full: this command, the newest, is refused; or the shard has ended.
    pub fn try_send(&self, command: Command) -> Result<(), Undelivered> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => Undelivered::Full,
            mpsc::TrySendError::Disconnected(_) => Undelivered::Stopped,
        })?;
        self.wake.wake();
        Ok(())
    }

    /// Peers on the shard a moment ago.
    pub fn peers(&self) -> u32 {
        self.load.get()
    }
}
