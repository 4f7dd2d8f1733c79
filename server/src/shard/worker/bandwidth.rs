//! Between the congestion controllers of the peers and the core.
//!
//! ```text
//!  answer ─► agree: what is numbered, what is kept
//!  transport-wide feedback, round trips, timer ─► Pacing ─► Estimate ─► core
//!                                                    └► what is missing ─► SealedPackets ─► core
//!  core ─► Demand ─► Pacing
//! ```

use std::time::Instant;

use sotto_core::{
    Input,
    bandwidth::{Demand, TransportFeedback},
    id::ExtensionId,
    input::Feedback,
    media::{Answer, AnsweredMedia, Direction, Extension, Kind},
};

use super::engine::{Engine, PeerTimer};
use crate::shard::{
    arrivals::Arrivals, demux::PeerIndex, pacing::Pacing, stats::DropReason, transport::Transport,
};

impl<T: Transport> Engine<T> {
    /// Does what an answer says of feedback and repair.
    pub(super) fn agree(&mut self, now: Instant, index: PeerIndex, answer: &Answer) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        let numbered = |direction| {
            let lines = answer.media.iter().filter(move |media| media.direction == direction);
            lines.filter_map(transport_number).next()
        };
        peer.transport_id = numbered(Direction::Receive);
        if let Some(pacing) = &mut peer.pacing {
            match peer.transport_id {
                Some(id) => pacing.id = id,
                None => {
                    // Nothing would ever let go of what waits.
                    for forward in pacing.drain() {
                        self.slab.release_all(&forward);
                        self.counters.drop(DropReason::Stale);
                    }
                    peer.pacing = None;
                    self.wheel.cancel(PeerTimer::Pacing.key(index));
                }
            }
        }
        match (numbered(Direction::Send), &mut peer.arrivals) {
            (Some(id), Some(arrivals)) => arrivals.set_id(id),
            (Some(id), arrivals) => *arrivals = Some(Box::new(Arrivals::new(id))),
            (None, arrivals) => *arrivals = None,
        }
        let repaired = answer.media.iter().filter(|media| is_resent(media));
        peer.sealed.set_sources(repaired.filter_map(|media| media.ssrc));
        if peer.connected {
            self.start_pacing(now, index);
        }
    }

    /// Starts the congestion controller of a peer that carries media, if it was negotiated.
    pub(super) fn start_pacing(&mut self, now: Instant, index: PeerIndex) {
        let time = self.time(now);
        let Some(peer) = self.peers.get_mut(index) else { return };
        if let (Some(id), None) = (peer.transport_id, &peer.pacing) {
            peer.pacing = Some(Box::new(Pacing::new(time, id)));
            self.tell_estimate(now, index);
            self.soil(index);
        }
    }

    /// The time of a peer's congestion controller has come.
    pub(super) fn pacing_due(&mut self, now: Instant, index: PeerIndex) {
        let time = self.time(now);
        let Some(peer) = self.peers.get_mut(index) else { return };
        let Some(pacing) = &mut peer.pacing else { return };
        pacing.sender.handle_timeout(time);
        if pacing.is_stale(time, self.slab.is_crowded()) {
            self.stale.clear();
            for forward in pacing.drop_all(time) {
                self.slab.release_all(&forward);
                self.counters.drop(DropReason::Stale);
                if !self.stale.contains(&forward.rewrite.ssrc) {
                    self.stale.push(forward.rewrite.ssrc);
                }
            }
            let peer = peer.id;
            while let Some(ssrc) = self.stale.pop() {
                let feedback = Feedback::KeyframeRequest { ssrc };
                self.sfu.handle(time, Input::Feedback { peer, feedback });
            }
        }
        self.tell_estimate(now, index);
        self.soil(index);
    }

    /// What the rooms would send to a peer.
    pub(super) fn demand(&mut self, now: Instant, index: PeerIndex, demand: Demand) {
        let time = self.time(now);
        let Some(peer) = self.peers.get_mut(index) else { return };
        if let Some(pacing) = &mut peer.pacing {
            pacing.sender.demand(time, demand);
            self.soil(index);
        }
    }

    /// Takes a message of transport-wide feedback.
    pub(super) fn transport_wide(
        &mut self,
        now: Instant,
        index: PeerIndex,
        message: &[u8],
    ) -> Result<(), DropReason> {
        let time = self.time(now);
        let feedback = TransportFeedback::parse(message).map_err(|_| DropReason::Rtcp)?;
        self.counters.feedback_in += 1;
        let Some(peer) = self.peers.get_mut(index) else { return Ok(()) };
        if let Some(pacing) = &mut peer.pacing {
            pacing.sender.feedback(time, &feedback);
            while let Some(number) = pacing.sender.poll_lost() {
                // Pictures are repaired by what their receiver asks for: it alone knows the frame.
                let Some((ssrc, seq)) = peer.sealed.numbered(now, number) else { continue };
                self.counters.lost += 1;
                let feedback = Feedback::Lost { ssrc, seq };
                self.sfu.handle(time, Input::Feedback { peer: peer.id, feedback });
            }
            let untold = pacing.sender.take_untold_losses();
            self.counters.drop_many(DropReason::TooManyMissing, untold as usize);
            self.tell_estimate(now, index);
            self.soil(index);
        }
        Ok(())
    }

    /// An authentic check of a peer came. If its way was away, that is the first sign that it is back:
    /// nothing else may be on its way to a peer that was sent less and less.
    pub(super) fn reachable(&mut self, now: Instant, index: PeerIndex) {
        let time = self.time(now);
        let pacing = self.peers.get_mut(index).and_then(|peer| peer.pacing.as_mut());
        if let Some(pacing) = pacing.filter(|pacing| pacing.sender.is_away()) {
            pacing.sender.reachable(time);
            self.tell_estimate(now, index);
            self.soil(index);
        }
    }

    /// Hands a new estimate to the core.
    fn tell_estimate(&mut self, now: Instant, index: PeerIndex) {
        let time = self.time(now);
        let Some(peer) = self.peers.get_mut(index) else { return };
        let Some(pacing) = &mut peer.pacing else { return };
        if let Some(estimate) = pacing.sender.poll_estimate() {
            self.sfu.handle(time, Input::Bandwidth { peer: peer.id, estimate });
        }
    }
}

/// What the transport-wide number of the packets of an m-line is called, where it was negotiated.
fn transport_number(media: &AnsweredMedia) -> Option<ExtensionId> {
    let told = media.formats.iter().any(|format| format.transport_cc);
    let known = media.extensions.iter().find(|(known, _)| *known == Extension::TransportCc);
    known.filter(|_| told).map(|(_, id)| *id)
}

/// Whether packets of an m-line are sent once more as they were sealed: sound and bundles, which have
/// no retransmission format, where the client asks for what is missing.
fn is_resent(media: &AnsweredMedia) -> bool {
    media.direction == Direction::Receive
        && media
            .formats
            .iter()
            .any(|format| format.codec.kind() == Kind::Audio && format.nack && format.rtx.is_none())
}
