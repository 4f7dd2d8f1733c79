//! One pinned thread with its UDP socket, peers and rooms.
//!
//! ```text
//!  socket: receive ─► demux: whose? ─► transport: open in place ─► slab ─► core: to whom, how?
//!                                                                             │
//!  socket: send ◄─ transport: seal in place ◄─ rewrite ◄─ pacing ◄─ queues of the subscribers ◄┘
//!
//!  arrivals: feedback to publishers     sealed: sound and bundles that may be sent once more
//!  taps: what learners have of packets
//!  handle (commands) ─► worker: the loop ─► PeerEvent        wheel: timers        rtcp: reports
//! ```
//!
//! Everything here but [`transport`] and [`sdp`] knows the network as datagrams only. One thread owns
//! all of a shard; nothing on the way of a packet locks, waits or allocates.

mod arrivals;
pub mod bucket;
pub mod demux;
mod handle;
mod os;
mod pacing;
mod peers;
pub mod placement;
pub mod rtcp;
pub mod sdp;
mod sealed;
pub mod slab;
pub mod socket;
mod stats;
mod taps;
mod thread;
pub mod transport;
pub mod wheel;
mod worker;

pub use handle::{ShardHandle, Undelivered};
pub use stats::{Counters, DropReason, Form, ShardStats, Traffic, Wire};
pub use taps::{BeginLearning, MediaTap};
pub use thread::{Shard, ShardConfig, ShardEnd};
pub use worker::{MakeTransport, Worker, WorkerParts};

use std::net::SocketAddr;

use sotto_core::{
    id::PeerId,
    input::{Join, LearnerReport, ModelHeader},
    signal::{ClientMessage, DiskCopy, LeaveReason, ModelLines, ServerMessage, Source},
};
use sotto_frame::ModelHash;

/// What the rest of the node asks of a shard. Queued, bounded: a full queue refuses the newest,
/// and the websocket task that meets a full queue closes its peer with `TooMuch`.
#[derive(Debug)]
pub enum Command {
    /// A client whose token was checked enters. Events for it go to `events`.
    Join {
        /// The join.
        join: Join,
        /// Where its events go. When it is full the peer does not read: it is dropped.
        events: tokio::sync::mpsc::Sender<PeerEvent>,
    },
    /// A message of a joined client, neither `Join` nor `Offer`.
    Message {
        /// Who.
        peer: PeerId,
        /// What.
        message: ClientMessage,
    },
    /// An SDP offer. Answered by [`ServerMessage::Answer`] or [`ServerMessage::Error`].
    Offer {
        /// Who.
        peer: PeerId,
        /// The client's number for it.
        id: u32,
        /// The text.
        sdp: String,
        /// Which of its m-lines carry models' frames.
        models: ModelLines,
    },
    /// A client uploaded a model of its own, which was checked and is held.
    Model {
        /// Whose.
        peer: PeerId,
        /// What its container says.
        model: ModelHeader,
    },
    /// A speaker lets a model of its own be kept for another meeting, or none of that source any longer.
    ModelKept {
        /// Whose.
        peer: PeerId,
        /// Microphone or camera.
        source: Source,
        /// Which, and how others may keep copies of it.
        kept: Option<(ModelHash, DiskCopy)>,
    },
    /// A client was sent a model over HTTP.
    ModelServed {
        /// Who.
        peer: PeerId,
        /// Which.
        hash: ModelHash,
        /// Bytes, with what IP and TCP add.
        bytes: u64,
    },
    /// A learner of the node says something about its job. Models were checked, and their speaker may
    /// fetch them.
    Learner {
        /// Whose source it learns.
        peer: PeerId,
        /// Microphone or camera.
        source: Source,
        /// Which job.
        number: u32,
        /// What it says.
        report: LearnerReport,
    },
    /// The websocket is gone.
    Disconnect {
        /// Who.
        peer: PeerId,
        /// Why, as others are told.
        reason: LeaveReason,
    },
    /// Tell what was counted.
    Stats {
        /// Where to. Nobody waits: nothing happens.
        reply: tokio::sync::oneshot::Sender<ShardStats>,
    },
    /// Stop: close every peer and end the thread.
    Stop,
}

/// What a shard tells the websocket task of one peer.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerEvent {
    /// Say this.
    Message(ServerMessage),
    /// What is set aside for a model that it fetches is this from now on, in bits per second.
    ModelRate {
        /// Which model.
        hash: ModelHash,
        /// Bits per second.
        bitrate: u64,
    },
    /// Say what is queued, then close.
    Close(LeaveReason),
}

/// Where a shard can be reached, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardAddresses {
    /// The address that the socket binds to.
    pub bind: SocketAddr,
    /// What the ICE candidates say.
    pub advertised: Vec<SocketAddr>,
}
