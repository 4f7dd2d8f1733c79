//! The thread of a shard.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use sotto_core::config::SfuConfig;
use tokio::sync::oneshot;

use super::{
    BeginLearning, ShardAddresses,
    handle::ShardHandle,
    os,
    socket::Batching,
    transport::Transport,
    worker::{MakeTransport, Worker, WorkerParts},
};

/// Settings of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardConfig {
    /// Where to bind, and what the ICE candidates say. An advertised port 0 becomes the bound port.
    pub addresses: ShardAddresses,
    /// Kernel receive buffer in bytes. 4 MiB hold 100 ms of 300 Mbit/s.
    pub receive_buffer: usize,
    /// Kernel send buffer in bytes.
    pub send_buffer: usize,
    /// How datagrams cross into the kernel.
    pub batching: Batching,
    /// Packet buffers of 1,500 bytes: what is on its way plus what the histories hold, at most
    /// 256 KiB each. Memory is taken when they are first used.
    pub slab_packets: u32,
    /// Commands that may wait.
    pub command_queue: usize,
    /// Most peers.
    pub max_peers: usize,
    /// Core that the thread stays on; `None`: the system chooses.
    pub core: Option<usize>,
    /// Settings of the core.
    pub sfu: SfuConfig,
}

impl ShardConfig {
    /// The defaults, at these addresses.
    pub fn at(addresses: ShardAddresses) -> Self {
        Self {
            addresses,
            receive_buffer: 4 << 20,
            send_buffer: 4 << 20,
            batching: Batching::default(),
            slab_packets: 32_768,
            command_queue: 1_024,
            max_peers: 10_000,
            core: None,
            sfu: SfuConfig::default(),
        }
    }
}

/// How a shard ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardEnd {
    /// It was told to, or every handle is gone.
    Stopped,
    /// Its socket failed. Its peers were closed.
    Failed,
    /// A bug. It was logged, and its peers were closed.
    Panicked,
}

/// A running shard.
#[derive(Debug)]
pub struct Shard {
    /// The way to it.
    pub handle: ShardHandle,
    /// Its addresses, with the port that was chosen.
    pub addresses: ShardAddresses,
    /// Comes when it has ended, for whatever reason: a node without its shard is to stop.
    pub ended: oneshot::Receiver<ShardEnd>,
    /// To wait for its end.
    pub thread: thread::JoinHandle<()>,
}

impl Shard {
    /// Binds the socket and starts the thread. `begin_learning`: where learners of the node are; `None`:
    /// it has none.
    ///
    /// # Errors
    /// The address cannot be bound, or the system gives no thread.
    pub fn start<T: Transport + 'static>(
        config: ShardConfig,
        make_transport: MakeTransport<T>,
        begin_learning: Option<BeginLearning>,
    ) -> io::Result<Self> {
        let core = config.core;
        let (parts, handle) = WorkerParts::open(config, make_transport, begin_learning)?;
        let addresses = parts.addresses().clone();
        let (end, ended) = oneshot::channel();
        let body = move || {
            if let Some(core) = core
                && let Err(error) = os::pin(core)
            {
                tracing::warn!(%error, core, "the media thread is not pinned");
            }
            let how = run(Worker::new(parts));
            if end.send(how).is_err() {
                tracing::debug!("nobody waits for the shard to end");
            }
        };
        let thread = thread::Builder::new().name("shard".into()).spawn(body)?;
        Ok(Self { handle, addresses, ended, thread })
    }
}

/// Runs a worker to its end, whatever that is: a panic costs this shard's peers, who are told, and
/// never ends in silence.
fn run<T: Transport>(mut worker: Worker<T>) -> ShardEnd {
    match catch_unwind(AssertUnwindSafe(|| worker.run())) {
        Ok(Ok(())) => {
            worker.close();
            ShardEnd::Stopped
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the shard's socket failed");
            worker.close();
            ShardEnd::Failed
        }
        Err(_) => {
            tracing::error!("the shard panicked; its peers are closed");
            worker.abandon();
            ShardEnd::Panicked
        }
    }
}
