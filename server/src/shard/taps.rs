//! What learners of the node have of a publisher's packets: copies, as they came.
//!
//! ```text
//!  opened packet ─► core ─► queues of the subscribers
//!        └────────► Taps ─► MediaTap ─► a learner's queue     (nearly nobody has any)
//! ```

use sotto_core::{
    id::{PeerId, Ssrc},
    output::{LearnJob, LearnStream, Worth},
    signal::Source,
};

/// The media side of one learner's job. Dropping it ends the job, and everything that was made of it.
pub trait MediaTap: Send {
    /// Takes a copy of an RTP packet, retransmissions as such, header extensions included. Called on the media thread: neither
    /// locks nor waits. Full: this packet, the newest, is dropped and counted; a learner misses it, and
    /// nobody else does.
    fn packet(&mut self, rtp: &[u8]);

    /// The job is worth more or less than it was.
    fn set_worth(&mut self, worth: Worth);
}

/// Begins a job about a source of a peer. Called on the media thread: must not wait.
pub type BeginLearning = Box<dyn FnMut(PeerId, Source, LearnJob) -> Box<dyn MediaTap> + Send>;

/// The taps of one peer, one for a source at most.
#[derive(Default)]
pub(super) struct Taps(Vec<Tapped>);

struct Tapped {
    source: Source,
    /// Which packets it takes; `None`: none for now.
    stream: Option<LearnStream>,
    tap: Box<dyn MediaTap>,
}

impl Taps {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands on a packet to whoever learns from its source.
    pub(super) fn packet(&mut self, ssrc: Ssrc, rtp: &[u8]) {
        let has = |stream: LearnStream| stream.ssrc == ssrc || stream.repair == Some(ssrc);
        if let Some(tapped) = self.0.iter_mut().find(|tapped| tapped.stream.is_some_and(has)) {
            tapped.tap.packet(rtp);
        }
    }

    /// Adds a tap. One that was there of that source is dropped.
    pub(super) fn begin(&mut self, source: Source, stream: LearnStream, tap: Box<dyn MediaTap>) {
        self.end(source);
        self.0.push(Tapped { source, stream: Some(stream), tap });
    }

    /// Other packets go to it.
    pub(super) fn follow(&mut self, source: Source, stream: Option<LearnStream>) {
        if let Some(tapped) = self.of(source) {
            tapped.stream = stream;
        }
    }

    pub(super) fn set_worth(&mut self, source: Source, worth: Worth) {
        if let Some(tapped) = self.of(source) {
            tapped.tap.set_worth(worth);
        }
    }

    pub(super) fn end(&mut self, source: Source) {
        self.0.retain(|tapped| tapped.source != source);
    }

    fn of(&mut self, source: Source) -> Option<&mut Tapped> {
        self.0.iter_mut().find(|tapped| tapped.source == source)
    }
}
