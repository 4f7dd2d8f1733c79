//! Many lean clients on one thread: real ICE, DTLS and SRTP, media that an encoder made, and checks of
//! all that comes.
//!
//! ```text
//!  signalling (a task each) ── NewMember ──► Fleet ──► reactor: one thread, epoll, a timer wheel
//!                                                        └─ member: a socket of its own
//!                                                            ├─ connection   ICE, DTLS, SRTP
//!                                                            ├─ sender       a reel, stamped
//!                                                            └─ line         gaps, pictures, freezes
//!  scenario ◄───────────────────────────────────── Tally
//! ```
//!
//! A member costs a socket, its keys and some counters. Nothing is decoded, and nothing is asked for
//! again: what is lost is lost, and told.

pub(crate) mod connection;
mod line;
mod member;
mod reactor;
mod reel;
mod sender;
mod stamp;
mod tally;

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

pub use member::{Joined, NewMember};
pub use reel::Reel;
pub use sender::{SenderPlan, Turns};
pub use tally::Tally;

use reactor::{Command, Numbers, Reactor};

/// Commands that wait for the thread; who brings more waits for it too.
const COMMANDS: usize = 1_024;

/// Name of the thread.
const NAME: &str = "fleet";

/// A member of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberId(u32);

/// The handle of the thread.
#[derive(Debug)]
pub struct Fleet {
    commands: mpsc::SyncSender<Command>,
    wake: Arc<OwnedFd>,
    numbers: Mutex<Numbers>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Why a fleet does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The system does not give what it needs.
    #[error("no fleet of clients: {0}")]
    System(#[from] io::Error),
    /// Its thread has ended.
    #[error("the thread of the clients has ended")]
    Ended,
}

impl Fleet {
    /// A fleet without members.
    ///
    /// # Errors
    /// [`FleetError::System`].
    pub fn new() -> Result<Self, FleetError> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = Arc::new(eventfd(0, flags).map_err(io::Error::from)?);
        let (commands, inbox) = mpsc::sync_channel(COMMANDS);
        let woken = wake.clone();
        let body = move || Reactor::new(woken, inbox)?.run();
        let thread = thread::Builder::new().name(NAME.into()).spawn(body)?;
        Ok(Self { commands, wake, numbers: Mutex::default(), thread: Some(thread) })
    }

    /// Takes a client in. Whether it gets in is told by [`NewMember::joined`].
    ///
    /// # Errors
    /// [`FleetError::Ended`].
    pub fn add(&self, member: NewMember) -> Result<MemberId, FleetError> {
        let id = MemberId(self.numbers().take());
        self.command(Command::Add(id, Box::new(member)))?;
        Ok(id)
    }

    /// Lets a member say goodbye and go.
    ///
    /// # Errors
    /// [`FleetError::Ended`].
    pub fn remove(&self, id: MemberId) -> Result<(), FleetError> {
        self.command(Command::Remove(id))?;
        // Commands keep their order: whoever has the number next comes behind the goodbye.
        self.numbers().give_back(id.0);
        Ok(())
    }

    /// What was counted so far.
    ///
    /// # Errors
    /// [`FleetError::Ended`].
    pub async fn tally(&self) -> Result<Tally, FleetError> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Tally(reply))?;
        answer.await.map(|tally| *tally).map_err(|_| FleetError::Ended)
    }

    fn command(&self, command: Command) -> Result<(), FleetError> {
        self.commands.send(command).map_err(|_| FleetError::Ended)?;
        // Fails only where the counter is full, and then the thread wakes anyway.
        let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
        Ok(())
    }

    fn numbers(&self) -> std::sync::MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // A thread that has ended needs not to be told.
        let _ = self.command(Command::Stop);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => tracing::error!(%error, "the clients' thread has failed"),
            Some(Err(_)) => tracing::error!("the clients' thread has panicked"),
            Some(Ok(Ok(()))) | None => {}
        }
    }
}
