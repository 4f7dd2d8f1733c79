//! The loop of a shard.
//!
//! ```text
//!  rest,
//!  wait ─► receive ─► ingress: open, core, forward table ─► queues of the subscribers ─┐
//!    ▲        commands ─► control: core, transports ──────────────────────────────────┤
//!    │        timers   ─► core, transports ───────────────────────────────────────────┤
//!    └──────────────────── egress: rewrite, seal, send, one subscriber after the other ◄┘
//! ```
//!
//! A turn does each of these once, with a bounded amount of each, so that no source of work can
//! starve another. What is sent waits for the end of the turn: the packets of one subscriber are
//! then neighbours, and runs of them cost the kernel one pass.

mod bandwidth;
mod control;
mod egress;
mod engine;
mod exit;
mod ingress;
mod moderation;
mod reports;

use std::{
    io,
    net::SocketAddr,
    ops::ControlFlow,
    os::fd::AsFd,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use sotto_core::{Sfu, config::SfuConfig};

use super::{
    BeginLearning, Command, ShardAddresses, ShardConfig, ShardHandle,
    handle::Load,
    os::{self, Wake},
    socket::{Inbox, Outbox, Socket, SocketConfig},
    transport::Transport,
};
use engine::Engine;

/// Commands that one turn takes: after so many, datagrams have their turn.
const COMMANDS_PER_TURN: usize = 64;

/// Failures to receive, one after the other, that end the shard: what does not pass in so many turns
/// will not pass.
const MAX_FAILURES: u32 = 1_000;

/// Makes the transport of a new peer.
pub type MakeTransport<T> = Box<dyn FnMut(Instant) -> T + Send>;

/// What a worker is made of. Goes to the thread that it is to run on.
pub struct WorkerParts<T> {
    socket: Socket,
    addresses: ShardAddresses,
    sfu: SfuConfig,
    slab_packets: u32,
    max_peers: usize,
    make_transport: MakeTransport<T>,
    begin_learning: Option<BeginLearning>,
    commands: mpsc::Receiver<Command>,
    wake: Arc<Wake>,
    load: Arc<Load>,
}

impl<T> WorkerParts<T> {
    /// Binds the socket and makes the command queue. `begin_learning`: where learners of the node are;
    /// `None`: it has none.
    ///
    /// # Errors
    /// The address cannot be bound, or the system has no descriptor left.
    pub fn open(
        config: ShardConfig,
        make_transport: MakeTransport<T>,
        begin_learning: Option<BeginLearning>,
    ) -> io::Result<(Self, ShardHandle)> {
        let socket = Socket::bind(&SocketConfig {
            bind: config.addresses.bind,
            receive_buffer: config.receive_buffer,
            send_buffer: config.send_buffer,
            batching: config.batching,
        })?;
        let (receive, send) = socket.buffers()?;
        // The system reports twice what it grants, its own bookkeeping included (socket(7)).
        if receive < config.receive_buffer {
            let (granted, wanted) = (receive, config.receive_buffer);
            tracing::info!(granted, wanted, "small receive buffer: raise net.core.rmem_max");
        }
        tracing::debug!(receive, send, segments = socket.segments(), "media socket");
        let (sender, commands) = mpsc::sync_channel(config.command_queue);
        let wake = Arc::new(Wake::new()?);
        let load = Arc::new(Load::default());
        let handle = ShardHandle::new(sender, wake.clone(), load.clone());
        let addresses = resolve(config.addresses, socket.local());
        let parts = Self {
            socket,
            addresses,
            sfu: config.sfu,
            slab_packets: config.slab_packets,
            max_peers: config.max_peers,
            make_transport,
            begin_learning,
            commands,
            wake,
            load,
        };
        Ok((parts, handle))
    }

    /// Where the socket is bound and what the answers say.
    pub fn addresses(&self) -> &ShardAddresses {
        &self.addresses
    }
}

/// Fills in the port that was chosen.
fn resolve(mut addresses: ShardAddresses, local: SocketAddr) -> ShardAddresses {
    addresses.bind = local;
    for advertised in &mut addresses.advertised {
        if advertised.port() == 0 {
            advertised.set_port(local.port());
        }
    }
    addresses
}

/// One shard: its socket, its peers and its rooms. Belongs to the thread that made it.
pub struct Worker<T> {
    ports: Ports,
    engine: Engine<T>,
    wake: Arc<Wake>,
    commands: mpsc::Receiver<Command>,
    /// The last turn left commands in the queue.
    more_commands: bool,
    /// The last turn took something from the socket.
    received: bool,
    /// Failures to receive, one after the other.
    failures: u32,
}

/// What there may be to do.
#[derive(Clone, Copy, Debug)]
struct Ready {
    /// Datagrams may have come.
    socket: bool,
    /// Somebody woke us.
    wake: bool,
}

/// The ways in and out.
struct Ports {
    socket: Socket,
    inbox: Inbox,
    outbox: Outbox,
}

impl<T: Transport> Worker<T> {
    /// A worker with no peers.
    pub fn new(parts: WorkerParts<T>) -> Self {
        let outbox = Outbox::new(parts.socket.segments());
        let engine = Engine::new(
            Sfu::new(parts.sfu),
            parts.addresses,
            parts.slab_packets,
            parts.max_peers,
            parts.make_transport,
            parts.begin_learning,
            parts.load,
        );
        Self {
            ports: Ports { socket: parts.socket, inbox: Inbox::new(), outbox },
            engine,
            wake: parts.wake,
            commands: parts.commands,
            more_commands: false,
            received: false,
            failures: 0,
        }
    }

    /// Runs until it is told to stop or every handle is gone.
    ///
    /// # Errors
    /// The socket or the wait failed for good.
    pub fn run(&mut self) -> io::Result<()> {
        while self.turn(None)?.is_continue() {}
        Ok(())
    }

    /// One turn of the loop: waits for something to do, at most for `patience` (`None`: as long as
    /// the timers allow), and does it.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn turn(&mut self, patience: Option<Duration>) -> io::Result<ControlFlow<()>> {
        let ready = self.wait(patience)?;
        let messages = if ready.socket { self.receive()? } else { 0 };
        self.received = messages > 0;
        let now = self.engine.begin_turn();
        for index in 0..messages {
            if let Some(received) = self.ports.inbox.get(index) {
                self.engine.receive(now, received);
            }
        }
        // Before looking at the queue: a command that comes after the look wakes us again.
        if ready.wake {
            self.wake.clear();
        }
        let flow = self.take_commands(now);
        self.engine.expire(now);
        self.engine.flush(now, &mut self.ports);
        if messages > 0 || flow.is_break() {
            self.engine.counters.turns += 1;
        }
        Ok(flow)
    }

    /// Tells everyone that this is the end, after a stop or a fault.
    pub fn close(&mut self) {
        let now = self.engine.begin_turn();
        self.engine.close_all(now);
        self.engine.flush(now, &mut self.ports);
    }

    /// Lets go of every peer without another call into anything that may have panicked.
    pub(super) fn abandon(&mut self) {
        self.engine.abandon();
    }

    /// Takes what has arrived. A failure of the system to hand it over passes, unless it goes on.
    fn receive(&mut self) -> io::Result<usize> {
        match self.ports.socket.receive(&mut self.ports.inbox) {
            Ok(messages) => {
                self.failures = 0;
                Ok(messages)
            }
            Err(error) if self.failures < MAX_FAILURES => {
                self.failures += 1;
                self.engine.counters.receive_failures += 1;
                tracing::debug!(%error, "receiving failed");
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// Rests, or waits for something to do, and says what there may be.
    fn wait(&mut self, patience: Option<Duration>) -> io::Result<Ready> {
        if self.ports.inbox.is_full() || self.more_commands {
            return Ok(Ready { socket: true, wake: true });
        }
        let at_most = self.at_most(patience);
        let rest = if self.received { self.engine.rest() } else { Duration::ZERO };
        if rest.is_zero() {
            let watched = [self.ports.socket.as_fd(), self.wake.as_fd()];
            let [socket, wake] = os::wait(watched, at_most)?;
            return Ok(Ready { socket, wake });
        }
        let rest = at_most.map_or(rest, |at_most| at_most.min(rest));
        let [wake] = os::wait([self.wake.as_fd()], Some(rest))?;
        Ok(Ready { socket: true, wake })
    }

    /// How long there is nothing to do if nothing comes. `None`: for ever.
    fn at_most(&self, patience: Option<Duration>) -> Option<Duration> {
        let timers =
            self.engine.next_deadline().map(|at| at.saturating_duration_since(Instant::now()));
        match (timers, patience) {
            (Some(timers), Some(patience)) => Some(timers.min(patience)),
            (either, None) | (None, either) => either,
        }
    }

    fn take_commands(&mut self, now: Instant) -> ControlFlow<()> {
        self.more_commands = false;
        for taken in 0.. {
            if taken == COMMANDS_PER_TURN {
                self.more_commands = true;
                break;
            }
            match self.commands.try_recv() {
                Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => {
                    return ControlFlow::Break(());
                }
                Ok(Command::Stats { reply }) => {
                    let stats = self.engine.stats(&self.ports.outbox);
                    if reply.send(stats).is_err() {
                        tracing::debug!("nobody waits for the statistics any more");
                    }
                }
                Ok(command) => self.engine.command(now, command),
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        ControlFlow::Continue(())
    }
}
